//! What an answer's body says, in protobuf or JSON.

use http::header::{CONTENT_TYPE, LOCATION};
use net::client::http::HttpAnswer;
use net::grpc::RpcStatus;
use pipeline::component::ExportError;
use prost::Message;
use serde_json::Value;

use crate::answer::{self, MESSAGE_BYTES_MAX, PartialSuccess};
use crate::printable::excerpt;

pub(super) const PROTOBUF: &str = "application/x-protobuf";
pub(super) const JSON: &str = "application/json";

/// As much of an error page that is not OTLP as is worth showing.
const PAGE_BYTES_MAX: usize = 256;

/// Reads the response of a request that was answered with a success.
pub(super) fn judge(answer: &HttpAnswer) -> Result<(), ExportError> {
    match content_type(answer) {
        PROTOBUF => answer::judge(&answer.body),
        JSON => match serde_json::from_slice::<Value>(&answer.body) {
            Ok(response) => partial_success(&response).judge(),
            // The status said that the request was taken; nothing undoes that.
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn partial_success(response: &Value) -> PartialSuccess {
    let partial = &response["partialSuccess"];
    let rejected = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"]
        .iter()
        .find_map(|key| {
            let value = &partial[*key];
            // 64-bit numbers are text in OTLP/JSON; servers that send numbers are understood as well.
            value
                .as_str()
                .and_then(|text| text.parse().ok())
                .or_else(|| value.as_i64())
        });
    let message = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
    PartialSuccess {
        rejected: rejected.unwrap_or(0),
        message,
    }
}

/// What an error says, with a separator in front; empty where it says nothing.
///
/// OTLP errors are a `google.rpc.Status` in the request's encoding; proxies send pages.
pub(super) fn error_message(answer: &HttpAnswer) -> String {
    if answer.status.is_redirection() {
        let place = answer
            .headers
            .get(LOCATION)
            .and_then(|place| place.to_str().ok())
            .unwrap_or("another place");
        let place = excerpt(place, PAGE_BYTES_MAX);
        return format!(": it points to {place}; redirects are not followed, change `endpoint`");
    }
    let message = match content_type(answer) {
        PROTOBUF => RpcStatus::decode(answer.body.clone())
            .map(|status| status.message)
            .unwrap_or_default(),
        JSON => {
            let status = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
            status["message"].as_str().unwrap_or_default().to_owned()
        }
        _ => excerpt(String::from_utf8_lossy(&answer.body).trim(), PAGE_BYTES_MAX),
    };
    if message.is_empty() {
        message
    } else {
        format!(": {}", excerpt(&message, MESSAGE_BYTES_MAX))
    }
}

/// The media type without parameters.
fn content_type(answer: &HttpAnswer) -> &str {
    let value = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}
