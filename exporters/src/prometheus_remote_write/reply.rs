//! What follows from an answer.

use std::time::{Duration, SystemTime};

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use net::client::http::HttpAnswer;

use super::proto::{Holds, Protocol};
use crate::answer::MESSAGE_BYTES_MAX;
use crate::printable::excerpt;
use crate::retry_after::retry_after;

/// What follows from an answer to a request. The variant is the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The receiver took it, or as much of it as it says.
    Taken {
        /// None in 1.0, which does not say.
        written: Option<Holds>,
    },
    /// The receiver will never take the rest.
    Rejected {
        /// What it took all the same.
        written: Option<Holds>,
        status: StatusCode,
        cause: String,
    },
    /// A smaller request may fit.
    TooLarge { cause: String },
    /// A later attempt may succeed.
    Retry { after: Option<Duration>, cause: String },
    /// The receiver does not know 2.0. `is_sure` is false where the answer may have meant something else.
    FallBack { is_sure: bool, cause: String },
}

/// Reads an answer. `is_confirmed`: the receiver has shown before that it knows the protocol.
pub(super) fn judge(answer: &HttpAnswer, protocol: Protocol, is_confirmed: bool, now: SystemTime) -> Verdict {
    let status = answer.status;
    let written = (protocol == Protocol::V2).then(|| written(&answer.headers)).flatten();
    if status.is_success() {
        // A receiver of 1.0 that does not look at the content type decodes nothing and is content: "if the response is
        // 2xx and no header is there, the sender should assume 415" (remote write 2.0, "Required Written Response
        // Headers").
        return match (protocol, written) {
            (Protocol::V2, None) => Verdict::FallBack {
                is_sure: true,
                cause: format!("it answered {status} to remote write 2.0 without saying what it wrote"),
            },
            _ => Verdict::Taken { written },
        };
    }
    let cause = cause(answer);
    match status {
        StatusCode::TOO_MANY_REQUESTS => retry(answer, cause, now),
        _ if status.is_server_error() => retry(answer, cause, now),
        StatusCode::PAYLOAD_TOO_LARGE => Verdict::TooLarge { cause },
        StatusCode::UNSUPPORTED_MEDIA_TYPE if protocol == Protocol::V2 => Verdict::FallBack { is_sure: true, cause },
        // Receivers of 1.0 that cannot decode the message say 400.
        StatusCode::BAD_REQUEST if protocol == Protocol::V2 && written.is_none() && !is_confirmed => {
            Verdict::FallBack { is_sure: false, cause }
        }
        _ => Verdict::Rejected { written, status, cause },
    }
}

fn retry(answer: &HttpAnswer, cause: String, now: SystemTime) -> Verdict {
    let after = retry_after(&answer.headers, now);
    Verdict::Retry { after, cause }
}

/// What the receiver says that it wrote; None if it says nothing, and what it does not mention is nothing.
fn written(headers: &HeaderMap) -> Option<Holds> {
    let count = |kind: &str| {
        let value = headers.get(format!("x-prometheus-remote-write-{kind}-written"))?;
        Some(value.to_str().ok()?.trim().parse::<u64>().unwrap_or(0))
    };
    let (samples, histograms, exemplars) = (count("samples"), count("histograms"), count("exemplars"));
    if samples.is_none() && histograms.is_none() && exemplars.is_none() {
        return None;
    }
    Some(Holds {
        samples: samples.unwrap_or(0),
        histograms: histograms.unwrap_or(0),
        exemplars: exemplars.unwrap_or(0),
    })
}

/// The receiver's words: shown, never understood (remote write, "Retries & Backoff").
fn cause(answer: &HttpAnswer) -> String {
    let status = answer.status;
    if status.is_redirection() {
        let place = answer.headers.get(LOCATION).and_then(|place| place.to_str().ok());
        let place = excerpt(place.unwrap_or("another place"), MESSAGE_BYTES_MAX);
        return format!(
            "the receiver answered {status}: it points to {place}; redirects are not followed, change `endpoint`"
        );
    }
    let text = String::from_utf8_lossy(&answer.body);
    let text = excerpt(text.trim(), MESSAGE_BYTES_MAX);
    if text.is_empty() {
        format!("the receiver answered {status}")
    } else {
        format!("the receiver answered {status}: {text}")
    }
}
