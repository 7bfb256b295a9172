//! Random requests: small, odd in shape, with keys that repeat.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Few keys, so that they meet: in one message twice, and in the stages' edits.
pub(super) const KEYS: [&str; 5] = ["a", "b", "gen_ai.latency.e2e", "", "schlüssel"];

/// Empty, short, not ASCII, with control characters, around the length at which a length takes two bytes.
const TEXTS: [&str; 8] = [
    "",
    "a",
    "llm_request",
    "größer 日本 🦀",
    "zero \0 and \n",
    "exactly eight and more",
    "one length byte: ..............................................................................................",
    "two length bytes: ..............................................................................................................................",
];

pub(super) fn key() -> impl Strategy<Value = String> {
    prop::sample::select(&KEYS[..]).prop_map(str::to_owned)
}

pub(super) fn text() -> impl Strategy<Value = String> {
    prop::sample::select(&TEXTS[..]).prop_map(str::to_owned)
}

pub(super) fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        text().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        vec(any::<u8>(), 0..5).prop_map(Value::BytesValue),
    ];
    let nested = leaf.prop_recursive(3, 12, 3, |inner| {
        let values = vec(option::of(inner), 0..3);
        prop_oneof![
            values.clone().prop_map(|values| {
                let values = values.into_iter().map(|value| AnyValue { value }).collect();
                Value::ArrayValue(ArrayValue { values })
            }),
            values.prop_map(|values| {
                let pair = |value| KeyValue {
                    key: "n".to_owned(),
                    value: Some(AnyValue { value }),
                    key_strindex: 0,
                };
                Value::KvlistValue(KeyValueList {
                    values: values.into_iter().map(pair).collect(),
                })
            }),
        ]
    });
    option::weighted(0.9, nested).prop_map(|value| AnyValue { value })
}

pub(super) fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (key(), option::weighted(0.9, any_value()));
    vec(
        pair.prop_map(|(key, value)| KeyValue {
            key,
            value,
            key_strindex: 0,
        }),
        0..5,
    )
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), length), 1u8..).prop_map(|(mut id, last)| {
        *id.last_mut().unwrap() = last;
        id
    })
}

/// Mostly valid; now and then all zero, short or missing.
fn doubtful_id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![20 => id(length), 1 => Just(vec![0; length]), 1 => Just(vec![7; length - 1]), 1 => Just(Vec::new())]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (any::<u64>(), text(), attributes());
    vec(
        event.prop_map(|(time_unix_nano, name, attributes)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count: 0,
        }),
        0..3,
    )
}

fn links(ids: bool) -> impl Strategy<Value = Vec<Link>> {
    let trace_id = if ids { id(16).boxed() } else { doubtful_id(16).boxed() };
    let link = (trace_id, id(8), text(), attributes(), any::<u32>());
    vec(
        link.prop_map(|(trace_id, span_id, trace_state, attributes, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count: 1,
            flags,
        }),
        0..2,
    )
}

/// `good`: every span is valid.
pub(super) fn span(good: bool) -> impl Strategy<Value = Span> {
    let ids = if good {
        (
            id(16).boxed(),
            id(8).boxed(),
            prop_oneof![Just(Vec::new()), id(8)].boxed(),
        )
    } else {
        (doubtful_id(16).boxed(), doubtful_id(8).boxed(), doubtful_id(8).boxed())
    };
    let head = (text(), text(), -1i32..7, any::<u64>(), any::<u64>(), any::<u32>());
    let status = option::of((text(), 0i32..4).prop_map(|(message, code)| Status { message, code }));
    (ids, head, attributes(), events(), links(good), status).prop_map(
        |((trace_id, span_id, parent_span_id), head, attributes, events, links, status)| {
            let (trace_state, name, kind, start_time_unix_nano, end_time_unix_nano, flags) = head;
            Span {
                trace_id,
                span_id,
                trace_state,
                parent_span_id,
                flags,
                name,
                kind,
                start_time_unix_nano,
                end_time_unix_nano,
                attributes,
                dropped_attributes_count: flags % 2,
                events,
                dropped_events_count: 0,
                links,
                dropped_links_count: 0,
                status,
            }
        },
    )
}

fn scope_spans(good: bool) -> impl Strategy<Value = ScopeSpans> {
    let scope = (text(), text(), attributes()).prop_map(|(name, version, attributes)| InstrumentationScope {
        name,
        version,
        attributes,
        dropped_attributes_count: 0,
    });
    (option::of(scope), vec(span(good), 0..5), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
        scope,
        spans,
        schema_url,
    })
}

fn resource_spans(good: bool) -> impl Strategy<Value = ResourceSpans> {
    let resource = attributes().prop_map(|attributes| Resource {
        attributes,
        dropped_attributes_count: 0,
        entity_refs: Vec::new(),
    });
    (option::of(resource), vec(scope_spans(good), 0..4), text()).prop_map(|(resource, scope_spans, schema_url)| {
        ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        }
    })
}

pub(super) fn request(good: bool) -> impl Strategy<Value = ExportTraceServiceRequest> {
    vec(resource_spans(good), 0..4).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}
