//! OTLP/JSON in and out: to the protobuf bytes that a payload is, and back.
//!
//! Reading is lenient, because people write this format by hand: keys in lowerCamelCase or snake_case, hexadecimal ids
//! in any case, 64-bit numbers with or without quotes, enums as numbers or names, base64 in either alphabet; unknown
//! keys are skipped and `null` means absent. Writing is strict (OTLP specification, "JSON Protobuf Encoding"):
//! lowerCamelCase, lower-case hexadecimal ids, integer enums, quoted 64-bit numbers, no default values.
//!
//! Neither direction makes objects: one table of messages (`otlp.rs`) leads both walks, from text to bytes and from bytes
//! to text. What is judged about an item (its ids, its limits, its text) is judged by the parse of the payload, so that
//! JSON and protobuf answer alike: a span with a bad id is rejected alone.
//!
//! A key that comes twice in an object means what a field that comes twice means in protobuf: of plain values the last
//! counts, objects merge and lists of objects add up. That is what the Collector does, and it loses no item silently.
//!
//! Fields that OTLP does not define (yet) have no name, so JSON cannot carry them: they end here in both directions.

mod error;
mod hex;
mod lexer;
mod otlp;
mod read;
mod schema;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
pub(super) mod tests;
mod write;

pub use error::JsonError;

use super::{Limits, Logs, Metrics, Parsed, Payload, Traces};

/// Reads an `ExportTraceServiceRequest`. An empty object is an empty request; an empty body is an error.
///
/// # Errors
/// The body is no JSON, or a value in it is not what OTLP says. Bad items (ids, limits) are in [`Parsed::rejected`].
pub fn traces_from_json(body: &[u8], limits: &Limits) -> Result<Parsed<Traces>, JsonError> {
    let bytes = read::to_protobuf(body, &otlp::TRACES, limits)?;
    Traces::parse(bytes, limits).map_err(JsonError::from)
}

/// Reads an `ExportMetricsServiceRequest`; otherwise like [`traces_from_json`].
///
/// # Errors
/// As for traces.
pub fn metrics_from_json(body: &[u8], limits: &Limits) -> Result<Parsed<Metrics>, JsonError> {
    let bytes = read::to_protobuf(body, &otlp::METRICS, limits)?;
    Metrics::parse(bytes, limits).map_err(JsonError::from)
}

/// Reads an `ExportLogsServiceRequest`; otherwise like [`traces_from_json`].
///
/// # Errors
/// As for traces.
pub fn logs_from_json(body: &[u8], limits: &Limits) -> Result<Parsed<Logs>, JsonError> {
    let bytes = read::to_protobuf(body, &otlp::LOGS, limits)?;
    Logs::parse(bytes, limits).map_err(JsonError::from)
}

/// Appends the payload as one line of OTLP/JSON, without a line feed.
pub fn to_json(payload: &Payload, out: &mut Vec<u8>) {
    let request = match payload {
        Payload::Traces(_) => &otlp::TRACES,
        Payload::Metrics(_) => &otlp::METRICS,
        Payload::Logs(_) => &otlp::LOGS,
    };
    write::message(request, payload.bytes(), out);
}
