//! The bodies of answers: `ExportTraceServiceResponse` and its sisters, and `google.rpc.Status`.

use bytes::Bytes;
use config::Signal;
use net::grpc::Status;
use pipeline::payload::Rejected;
use prost::Message;

use super::door::Format;

/// The three `Export…ServiceResponse` messages have the same shape.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// `Export…PartialSuccess`.
#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// The answer to a request that was taken, as a whole or in part.
pub(super) fn success(signal: Signal, format: Format, rejected: &Rejected) -> Bytes {
    match (format, rejected.is_nothing()) {
        // OTLP specification, "Full Success": partial_success must not be set.
        (Format::Protobuf, true) => Bytes::new(),
        (Format::Json, true) => Bytes::from_static(b"{}"),
        (Format::Protobuf, false) => {
            let partial = PartialSuccess {
                rejected: rejected.items.into(),
                error_message: rejected.to_string(),
            };
            ExportResponse {
                partial_success: Some(partial),
            }
            .encode_to_vec()
            .into()
        }
        (Format::Json, false) => partial_json(signal, rejected).into(),
    }
}

fn partial_json(signal: Signal, rejected: &Rejected) -> Vec<u8> {
    let key = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Metrics => "rejectedDataPoints",
        Signal::Logs => "rejectedLogRecords",
    };
    let mut partial = serde_json::Map::new();
    if rejected.items > 0 {
        // 64-bit integers are strings in protobuf's JSON.
        partial.insert(key.to_owned(), rejected.items.to_string().into());
    }
    partial.insert("errorMessage".to_owned(), rejected.to_string().into());
    serde_json::json!({ "partialSuccess": partial })
        .to_string()
        .into_bytes()
}

/// The body of an error.
pub(super) fn failure(format: Format, status: &Status) -> Bytes {
    match format {
        Format::Protobuf => status.to_rpc().encode_to_vec().into(),
        Format::Json => status.to_rpc().to_json().into(),
    }
}
