//! Spans made up by the test, each with an id of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// A request with the ids of its spans.
pub(crate) struct Load {
    pub(crate) ids: Vec<Vec<u8>>,
    pub(crate) bytes: Vec<u8>,
}

/// A request of `spans` spans with a text of `padding` bytes each.
pub(crate) fn load(spans: usize, padding: usize) -> Load {
    let spans: Vec<Span> = (0..spans).map(|_| span(padding)).collect();
    let ids = spans.iter().map(|span| span.span_id.clone()).collect();
    Load {
        ids,
        bytes: request(spans),
    }
}

/// An ordinary span with an id that no other span of this test run has.
pub(crate) fn span(padding: usize) -> Span {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Span {
        trace_id: u128::from(number).to_be_bytes().to_vec(),
        span_id: number.to_be_bytes().to_vec(),
        name: "made up".to_owned(),
        kind: 1,
        start_time_unix_nano: 1_795_316_005_000_000_000,
        end_time_unix_nano: 1_795_316_005_250_000_000,
        attributes: vec![text("padding", &"x".repeat(padding))],
        ..Span::default()
    }
}

pub(crate) fn text(key: &str, text: &str) -> KeyValue {
    let value = AnyValue {
        value: Some(Value::StringValue(text.to_owned())),
    };
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

/// Spans as one request.
pub(crate) fn request(spans: Vec<Span>) -> Vec<u8> {
    request_of(Vec::new(), spans)
}

/// Spans of one resource as one request.
pub(crate) fn request_of(resource: Vec<KeyValue>, spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        resource: Some(Resource {
            attributes: resource,
            ..Resource::default()
        }),
        scope_spans,
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}
