//! The messages of `google.rpc` that carry errors, as far as OTLP uses them.

use std::time::Duration;

use prost::Message;

/// `google.rpc.Status`: the body of an OTLP/HTTP error and the details of a gRPC one.
#[derive(Clone, PartialEq, Message)]
pub struct RpcStatus {
    /// A gRPC status code.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// What went wrong, for people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// What went wrong, for programs.
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    /// The type behind `type.googleapis.com/`.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// `google.rpc.RetryInfo`: when to come back.
#[derive(Clone, PartialEq, Message)]
pub struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// `google.rpc.BadRequest`: what is wrong with the request.
#[derive(Clone, PartialEq, Message)]
pub struct BadRequest {
    /// One entry for each problem.
    #[prost(message, repeated, tag = "1")]
    pub field_violations: Vec<FieldViolation>,
}

/// One problem of a request.
#[derive(Clone, PartialEq, Message)]
pub struct FieldViolation {
    /// Where it is.
    #[prost(string, tag = "1")]
    pub field: String,
    /// What it is.
    #[prost(string, tag = "2")]
    pub description: String,
}

impl RetryInfo {
    /// Type URL of its `Any`.
    pub const TYPE_URL: &'static str = "type.googleapis.com/google.rpc.RetryInfo";

    /// Come back after `delay`.
    pub fn after(delay: Duration) -> Self {
        let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
        // Below 1,000,000,000 by its definition, so the cast cannot wrap.
        let nanos = delay.subsec_nanos() as i32;
        Self {
            retry_delay: Some(ProtoDuration { seconds, nanos }),
        }
    }

    /// The delay; None where it is absent or negative.
    pub fn delay(&self) -> Option<Duration> {
        let delay = self.retry_delay.as_ref()?;
        let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
        Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanos.into()))
    }
}

impl BadRequest {
    /// Type URL of its `Any`.
    pub const TYPE_URL: &'static str = "type.googleapis.com/google.rpc.BadRequest";
}

impl Any {
    /// Packs a message.
    pub fn pack(type_url: &str, message: &impl Message) -> Self {
        Self {
            type_url: type_url.to_owned(),
            value: message.encode_to_vec(),
        }
    }
}

impl RpcStatus {
    /// The delay of the first RetryInfo among the details.
    pub fn retry_after(&self) -> Option<Duration> {
        let any = self.details.iter().find(|any| any.type_url == RetryInfo::TYPE_URL)?;
        RetryInfo::decode(any.value.as_slice()).ok()?.delay()
    }

    /// The same in protobuf's JSON mapping.
    pub fn to_json(&self) -> Vec<u8> {
        let details: Vec<_> = self.details.iter().filter_map(detail_to_json).collect();
        let mut status = serde_json::json!({ "code": self.code, "message": self.message });
        if !details.is_empty() {
            status["details"] = details.into();
        }
        status.to_string().into_bytes()
    }
}

fn detail_to_json(any: &Any) -> Option<serde_json::Value> {
    if any.type_url == RetryInfo::TYPE_URL {
        let delay = RetryInfo::decode(any.value.as_slice()).ok()?.delay()?;
        let delay = format!("{}s", delay.as_secs_f64());
        return Some(serde_json::json!({ "@type": any.type_url, "retryDelay": delay }));
    }
    let request = BadRequest::decode(any.value.as_slice()).ok()?;
    let violation = |one: &FieldViolation| serde_json::json!({ "field": one.field, "description": one.description });
    let violations: Vec<_> = request.field_violations.iter().map(violation).collect();
    Some(serde_json::json!({ "@type": any.type_url, "fieldViolations": violations }))
}
