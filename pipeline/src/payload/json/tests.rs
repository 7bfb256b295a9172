//! What is read, what is refused, what is written, and that the two are each other's inverse.

mod captures;
mod hostile;
mod lenient;
pub(in crate::payload) mod random;
mod refused;
mod strict;
mod tables;

use super::{JsonError, logs_from_json, metrics_from_json, to_json, traces_from_json};
use crate::payload::{Limits, Logs, Metrics, Parsed, Payload, Rejected, Traces};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

const TRACE_ID: &str = "5b8efff798038103d269b633813fc60c";
const SPAN_ID: &str = "eee19b7ec3c1b174";

/// A request of one good span with some more keys.
fn request_with(keys: &str) -> String {
    let comma = if keys.is_empty() { "" } else { "," };
    request(&format!(
        r#"{{"traceId":"{TRACE_ID}","spanId":"{SPAN_ID}"{comma}{keys}}}"#
    ))
}

fn request(spans: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#)
}

fn read(json: &str) -> Result<Parsed<Traces>, JsonError> {
    traces_from_json(json.as_bytes(), &Limits::default())
}

fn spans(json: &str) -> (Vec<Span>, Rejected) {
    let Parsed { payload, rejected } = read(json).unwrap();
    let request = ExportTraceServiceRequest::decode(payload.bytes().clone()).unwrap();
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans);
    (scopes.flat_map(|scope| scope.spans).collect(), rejected)
}

fn only_span(keys: &str) -> Span {
    let (mut spans, rejected) = spans(&request_with(keys));
    assert!(rejected.is_nothing(), "{rejected}");
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

fn written(payload: impl Into<Payload>) -> String {
    let mut out = Vec::new();
    to_json(&payload.into(), &mut out);
    String::from_utf8(out).unwrap()
}

impl From<Traces> for Payload {
    fn from(traces: Traces) -> Self {
        Self::Traces(traces)
    }
}

impl From<Metrics> for Payload {
    fn from(metrics: Metrics) -> Self {
        Self::Metrics(metrics)
    }
}

impl From<Logs> for Payload {
    fn from(logs: Logs) -> Self {
        Self::Logs(logs)
    }
}

fn traces_of(request: &impl prost::Message) -> Traces {
    Traces::parse(request.encode_to_vec().into(), &Limits::default())
        .unwrap()
        .payload
}

fn metrics_of(request: &impl prost::Message) -> Metrics {
    Metrics::parse(request.encode_to_vec().into(), &Limits::default())
        .unwrap()
        .payload
}

fn logs_of(request: &impl prost::Message) -> Logs {
    Logs::parse(request.encode_to_vec().into(), &Limits::default())
        .unwrap()
        .payload
}
