//! A span as Jaeger's query API shows it, and as it must show one that came by OTLP.
//!
//! Facts from Jaeger's documentation of its API and from OpenTelemetry's "OpenTelemetry to Jaeger Transformation".

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, span};
use serde_json::{Value, json};

use crate::capture::{Captured, hex};

/// Keys and values of a span, an event or a resource.
pub(crate) type Tags = BTreeMap<String, Value>;

/// Everything that the API says about a span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JaegerSpan {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) name: String,
    pub(crate) start_us: u64,
    pub(crate) duration_us: u64,
    pub(crate) tags: Tags,
    /// Events: when, and what.
    pub(crate) logs: Vec<(u64, Tags)>,
    /// Links: trace and span.
    pub(crate) links: Vec<(String, String)>,
    /// The name of the service, and the rest of the resource.
    pub(crate) process: (String, Tags),
}

impl JaegerSpan {
    /// All spans of a trace in an answer of the API.
    pub(crate) fn all(trace: &Value) -> Vec<Self> {
        let spans = trace["spans"].as_array().unwrap();
        spans.iter().map(|span| Self::read(span, &trace["processes"])).collect()
    }

    fn read(span: &Value, processes: &Value) -> Self {
        let process = &processes[span["processID"].as_str().unwrap()];
        let (mut parent, mut links) = (String::new(), Vec::new());
        for reference in span["references"].as_array().unwrap() {
            match reference["refType"].as_str().unwrap() {
                "CHILD_OF" => parent = text(&reference["spanID"]),
                _ => links.push((padded(&reference["traceID"]), text(&reference["spanID"]))),
            }
        }
        let logs = span["logs"].as_array().unwrap().iter();
        Self {
            trace_id: padded(&span["traceID"]),
            span_id: text(&span["spanID"]),
            parent_span_id: parent,
            name: text(&span["operationName"]),
            start_us: span["startTime"].as_u64().unwrap(),
            duration_us: span["duration"].as_u64().unwrap(),
            tags: tags(&span["tags"]),
            logs: logs
                .map(|log| (log["timestamp"].as_u64().unwrap(), tags(&log["fields"])))
                .collect(),
            links,
            process: (text(&process["serviceName"]), tags(&process["tags"])),
        }
    }

    /// How a span that came by OTLP must look.
    pub(crate) fn of(captured: &Captured) -> Self {
        let span = &captured.span;
        let events = span.events.iter();
        let logs = events.map(|event| {
            let mut fields = values(&event.attributes);
            fields.insert("event".to_owned(), event.name.clone().into());
            (event.time_unix_nano / 1000, fields)
        });
        let mut resource = values(&captured.resource);
        let service = resource
            .remove("service.name")
            .expect("the captures name their service");
        Self {
            trace_id: hex(&span.trace_id),
            span_id: hex(&span.span_id),
            parent_span_id: hex(&span.parent_span_id),
            name: span.name.clone(),
            start_us: span.start_time_unix_nano / 1000,
            duration_us: (span.end_time_unix_nano - span.start_time_unix_nano) / 1000,
            tags: span_tags(captured),
            logs: logs.collect(),
            links: span
                .links
                .iter()
                .map(|link| (hex(&link.trace_id), hex(&link.span_id)))
                .collect(),
            process: (text(&service), resource),
        }
    }

    pub(crate) fn tag(&mut self, key: &str, value: impl Into<Value>) {
        self.tags.insert(key.to_owned(), value.into());
    }

    /// A tag as text; empty when it is missing.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.tags.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn scope(&self) -> &str {
        self.text("otel.scope.name")
    }

    pub(crate) fn end_us(&self) -> u64 {
        self.start_us + self.duration_us
    }
}

/// Attributes, and what OTLP keeps in fields of their own.
fn span_tags(captured: &Captured) -> Tags {
    let span = &captured.span;
    let mut tags = values(&span.attributes);
    tags.extend(kind(span).map(|kind| ("span.kind".to_owned(), kind.into())));
    let mut texts = vec![
        ("otel.scope.name", captured.scope.name.as_str()),
        ("otel.scope.version", captured.scope.version.as_str()),
        ("w3c.tracestate", span.trace_state.as_str()),
    ];
    let status = span.status.clone().unwrap_or_default();
    match status.code() {
        StatusCode::Unset => {}
        StatusCode::Ok => texts.push(("otel.status_code", "OK")),
        StatusCode::Error => {
            texts.push(("otel.status_code", "ERROR"));
            texts.push(("otel.status_description", &status.message));
            tags.insert("error".to_owned(), true.into());
        }
    }
    let present = texts.into_iter().filter(|(_, text)| !text.is_empty());
    tags.extend(present.map(|(key, text)| (key.to_owned(), text.into())));
    tags
}

fn kind(span: &Span) -> Option<&'static str> {
    match span.kind() {
        span::SpanKind::Unspecified => None,
        span::SpanKind::Internal => Some("internal"),
        span::SpanKind::Server => Some("server"),
        span::SpanKind::Client => Some("client"),
        span::SpanKind::Producer => Some("producer"),
        span::SpanKind::Consumer => Some("consumer"),
    }
}

fn values(attributes: &[KeyValue]) -> Tags {
    attributes
        .iter()
        .map(|pair| (pair.key.clone(), value(pair.value.as_ref())))
        .collect()
}

/// Jaeger has texts, integers, floats and truth values; everything else becomes JSON in a text.
fn value(any: Option<&AnyValue>) -> Value {
    match any.and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => text.as_str().into(),
        Some(Any::IntValue(number)) => (*number).into(),
        Some(Any::DoubleValue(number)) => float(*number),
        Some(Any::BoolValue(truth)) => (*truth).into(),
        Some(Any::ArrayValue(array)) => {
            let items: Vec<Value> = array.values.iter().map(|item| value(Some(item))).collect();
            Value::from(items).to_string().into()
        }
        other => panic!("the captures hold no {other:?}"),
    }
}

fn tags(list: &Value) -> Tags {
    let read = |tag: &Value| match text(&tag["type"]).as_str() {
        "float64" => float(tag["value"].as_f64().unwrap()),
        _ => tag["value"].clone(),
    };
    list.as_array()
        .unwrap()
        .iter()
        .map(|tag| (text(&tag["key"]), read(tag)))
        .collect()
}

/// A float with its type, because `1` is one as well. Readers of JSON differ in the last bit; twelve digits of seconds are
/// less than a nanosecond.
fn float(number: f64) -> Value {
    json!({ "float64": format!("{number:.12e}") })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The API leaves the upper half of a trace id out when it is zero; the id still has 16 bytes.
fn padded(id: &Value) -> String {
    format!("{:0>32}", id.as_str().unwrap())
}
