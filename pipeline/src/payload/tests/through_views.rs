//! What views show, put into structs again, equals what prost decodes.

use super::captures::captures;
use super::generate::request;
use super::splice::{assert_same, decoded, traces};
use crate::payload::*;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use proptest::prelude::*;

/// Leaves out what views do not show: dropped counts and entities.
pub(super) fn seen(traces: &Traces) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: traces.resources().map(resource).collect(),
    }
}

/// The same of a decoded request: absent messages become empty ones.
pub(super) fn without_the_unseen(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    for resource in &mut request.resource_spans {
        let about = resource.resource.get_or_insert_with(Resource::default);
        about.dropped_attributes_count = 0;
        about.entity_refs.clear();
        about.attributes.iter_mut().for_each(plain);
        for scope in &mut resource.scope_spans {
            let about = scope.scope.get_or_insert_with(common::InstrumentationScope::default);
            about.dropped_attributes_count = 0;
            about.attributes.iter_mut().for_each(plain);
            scope.spans.iter_mut().for_each(plain_span);
        }
    }
    request
}

fn plain_span(span: &mut trace::Span) {
    (
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    ) = (0, 0, 0);
    span.attributes.iter_mut().for_each(plain);
    span.status.get_or_insert_with(trace::Status::default);
    if span.parent_span_id.iter().all(|&byte| byte == 0) {
        span.parent_span_id.clear();
    }
    for event in &mut span.events {
        event.dropped_attributes_count = 0;
        event.attributes.iter_mut().for_each(plain);
    }
    for link in &mut span.links {
        link.dropped_attributes_count = 0;
        link.attributes.iter_mut().for_each(plain);
        // A view has one word for no id.
        link.trace_id.resize(16, 0);
        link.span_id.resize(8, 0);
    }
}

fn plain(pair: &mut common::KeyValue) {
    pair.key_strindex = 0;
    plain_value(pair.value.get_or_insert_with(common::AnyValue::default));
}

fn plain_value(value: &mut common::AnyValue) {
    use common::any_value::Value;
    match &mut value.value {
        Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(plain_value),
        Some(Value::KvlistValue(list)) => list.values.iter_mut().for_each(plain),
        Some(Value::StringValueStrindex(_)) => value.value = None,
        _ => {}
    }
}

fn resource(view: ResourceSpansView<'_>) -> trace::ResourceSpans {
    let attributes = pairs(view.resource().attrs());
    trace::ResourceSpans {
        resource: Some(Resource {
            attributes,
            ..Resource::default()
        }),
        scope_spans: view.scopes().map(scope).collect(),
        schema_url: view.schema_url().to_string(),
    }
}

fn scope(view: ScopeSpansView<'_>) -> trace::ScopeSpans {
    let about = view.scope();
    let scope = common::InstrumentationScope {
        name: about.name().to_owned(),
        version: about.version().to_owned(),
        attributes: pairs(about.attrs()),
        dropped_attributes_count: 0,
    };
    trace::ScopeSpans {
        scope: Some(scope),
        spans: view.spans().map(span).collect(),
        schema_url: view.schema_url().to_string(),
    }
}

fn span(view: SpanView<'_>) -> trace::Span {
    let by_accessor = trace::Span {
        trace_id: view.trace_id().0.to_vec(),
        span_id: view.span_id().0.to_vec(),
        trace_state: view.trace_state().to_string(),
        parent_span_id: view.parent_span_id().map(|id| id.0.to_vec()).unwrap_or_default(),
        flags: view.flags(),
        name: view.name().to_owned(),
        kind: view.kind().number(),
        start_time_unix_nano: view.start(),
        end_time_unix_nano: view.end(),
        attributes: pairs(view.attrs()),
        events: view.events().map(event).collect(),
        links: view.links().map(link).collect(),
        status: Some(status(view.status())),
        ..trace::Span::default()
    };
    let in_one_pass = span_in_one_pass(view);
    assert_eq!(format!("{by_accessor:?}"), format!("{in_one_pass:?}"));
    by_accessor
}

fn span_in_one_pass(view: SpanView<'_>) -> trace::Span {
    let mut span = trace::Span {
        status: Some(trace::Status::default()),
        ..trace::Span::default()
    };
    for field in view.fields() {
        match field {
            SpanField::TraceId(id) => span.trace_id = id.0.to_vec(),
            SpanField::SpanId(id) => span.span_id = id.0.to_vec(),
            SpanField::Parent(id) => span.parent_span_id = id.0.to_vec(),
            SpanField::Name(name) => span.name = name.to_string(),
            SpanField::Kind(kind) => span.kind = kind.number(),
            SpanField::Start(time) => span.start_time_unix_nano = time,
            SpanField::End(time) => span.end_time_unix_nano = time,
            SpanField::Attr(key, raw) => span.attributes.push(pair(key, raw.read())),
            SpanField::Event(view) => span.events.push(event(view)),
            SpanField::Link(view) => span.links.push(link(view)),
            SpanField::Status(view) => span.status = Some(status(view)),
            SpanField::TraceState(state) => span.trace_state = state.to_string(),
            SpanField::Flags(flags) => span.flags = flags,
        }
    }
    span
}

fn event(view: EventView<'_>) -> trace::span::Event {
    trace::span::Event {
        time_unix_nano: view.time(),
        name: view.name().to_string(),
        attributes: pairs(view.attrs()),
        dropped_attributes_count: 0,
    }
}

fn link(view: LinkView<'_>) -> trace::span::Link {
    trace::span::Link {
        trace_id: view.trace_id().0.to_vec(),
        span_id: view.span_id().0.to_vec(),
        trace_state: view.trace_state().to_string(),
        attributes: pairs(view.attrs()),
        dropped_attributes_count: 0,
        flags: view.flags(),
    }
}

fn status(view: StatusView<'_>) -> trace::Status {
    let code = match view.code() {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
        StatusCode::Other(code) => code,
    };
    trace::Status {
        message: view.message().to_string(),
        code,
    }
}

fn pairs(attrs: Attrs<'_>) -> Vec<common::KeyValue> {
    attrs.map(|(key, value)| pair(key, value)).collect()
}

fn pair(key: Key<'_>, of: Value<'_>) -> common::KeyValue {
    common::KeyValue {
        key: key.to_string(),
        value: Some(value(of)),
        key_strindex: 0,
    }
}

fn value(of: Value<'_>) -> common::AnyValue {
    use common::any_value::Value as Decoded;
    let value = match of {
        Value::Empty => None,
        Value::Str(text) => Some(Decoded::StringValue(text.to_string())),
        Value::Bool(truth) => Some(Decoded::BoolValue(truth)),
        Value::Int(number) => Some(Decoded::IntValue(number)),
        Value::Double(number) => Some(Decoded::DoubleValue(number)),
        Value::Bytes(bytes) => Some(Decoded::BytesValue(bytes.to_vec())),
        Value::Array(array) => Some(Decoded::ArrayValue(common::ArrayValue {
            values: array.values().map(value).collect(),
        })),
        Value::KvList(list) => Some(Decoded::KvlistValue(common::KeyValueList {
            values: pairs(list.entries()),
        })),
    };
    common::AnyValue { value }
}

#[test]
fn views_of_captured_requests_show_what_prost_decodes() {
    for capture in captures() {
        let expected = without_the_unseen(decoded(&capture.bytes));
        let traces = Traces::parse(capture.bytes.into(), &Limits::default()).unwrap().payload;

        assert_same(&seen(&traces), &expected);
    }
}

proptest! {
    #[test]
    fn views_show_what_prost_decodes(request in request(true)) {
        assert_same(&seen(&traces(&request)), &without_the_unseen(request));
    }
}
