//! A call's end, as it stands in the trailers.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;

use super::rpc::{Any, BadRequest, FieldViolation, RetryInfo, RpcStatus};
use super::{Code, MESSAGE, STATUS, STATUS_DETAILS, binary, percent};

/// Details longer than this are not looked at; ours are a few dozen bytes.
const DETAILS_BYTES_MAX: usize = 8 * 1024;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// What went wrong, for people.
    pub message: Cow<'static, str>,
    /// When to come back; travels as RetryInfo.
    pub retry_after: Option<Duration>,
}

impl Status {
    /// A status without a retry delay.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// A status that asks the client to come back after `delay`.
    pub fn retry(code: Code, message: impl Into<Cow<'static, str>>, delay: Duration) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: Some(delay),
        }
    }

    /// Writes it into trailers, or into the headers of a response without a body.
    pub fn write(&self, trailers: &mut HeaderMap) {
        trailers.insert(
            HeaderName::from_static(STATUS),
            HeaderValue::from_static(self.code.as_str()),
        );
        if !self.message.is_empty() {
            insert(trailers, MESSAGE, &percent::encode(&self.message));
        }
        if self.retry_after.is_some() {
            insert(
                trailers,
                STATUS_DETAILS,
                &binary::encode(&self.to_rpc().encode_to_vec()),
            );
        }
    }

    /// Reads it from trailers; None without a `grpc-status`.
    pub fn read(trailers: &HeaderMap) -> Option<Self> {
        let number = trailers
            .get(STATUS)?
            .to_str()
            .ok()
            .and_then(|number| number.parse().ok());
        let code = number.map_or(Code::Unknown, Code::from_number);
        let message = trailers
            .get(MESSAGE)
            .map(|value| percent::decode(value.as_bytes()))
            .unwrap_or_default();
        let details = trailers
            .get(STATUS_DETAILS)
            .filter(|value| value.len() <= DETAILS_BYTES_MAX);
        let details = details.and_then(|value| binary::decode(value.as_bytes()));
        let rpc = details.and_then(|bytes| RpcStatus::decode(bytes.as_slice()).ok());
        Some(Self {
            code,
            message: message.into(),
            retry_after: rpc.and_then(|rpc| rpc.retry_after()),
        })
    }

    /// The same as `google.rpc.Status`. An invalid request says so in a BadRequest, as OTLP asks (OTLP/HTTP, "Bad Data").
    pub fn to_rpc(&self) -> RpcStatus {
        let mut details = Vec::new();
        if let Some(delay) = self.retry_after {
            details.push(Any::pack(RetryInfo::TYPE_URL, &RetryInfo::after(delay)));
        }
        if self.code == Code::InvalidArgument {
            let violation = FieldViolation {
                field: "body".to_owned(),
                description: self.message.clone().into_owned(),
            };
            details.push(Any::pack(
                BadRequest::TYPE_URL,
                &BadRequest {
                    field_violations: vec![violation],
                },
            ));
        }
        RpcStatus {
            code: self.code.number().into(),
            message: self.message.clone().into_owned(),
            details,
        }
    }
}

fn insert(trailers: &mut HeaderMap, name: &'static str, value: &str) {
    // Both encodings give printable ASCII, which every header value may hold.
    if let Ok(value) = HeaderValue::from_str(value) {
        trailers.insert(HeaderName::from_static(name), value);
    }
}
