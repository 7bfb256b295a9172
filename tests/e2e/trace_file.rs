//! What the `file` exporter wrote, one JSON object a line, as the Collector writes it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// A span as far as the tests of SDKs compare it. Texts of JSON stand for values, so that types count as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) name: String,
    pub(crate) kind: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) status: u64,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Name and time.
    pub(crate) events: Vec<(String, u64)>,
    pub(crate) service: String,
    pub(crate) scope: String,
}

/// All spans in a file, in order of their ids.
pub(crate) fn spans(path: &Path) -> Vec<Written> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut spans = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("every line is whole");
        for resource_spans in array(&line["resourceSpans"]) {
            let resource = attributes(&resource_spans["resource"]["attributes"]);
            for scope_spans in array(&resource_spans["scopeSpans"]) {
                let scope = text_of(&scope_spans["scope"]["name"]);
                spans.extend(
                    array(&scope_spans["spans"])
                        .iter()
                        .map(|span| written(span, &resource, &scope)),
                );
            }
        }
    }
    spans.sort();
    spans
}

fn written(span: &Value, resource: &BTreeMap<String, String>, scope: &str) -> Written {
    let events = array(&span["events"]).iter();
    Written {
        trace_id: text_of(&span["traceId"]),
        span_id: text_of(&span["spanId"]),
        parent_span_id: text_of(&span["parentSpanId"]),
        name: text_of(&span["name"]),
        kind: span["kind"].as_u64().unwrap_or_default(),
        start: nanos(&span["startTimeUnixNano"]),
        end: nanos(&span["endTimeUnixNano"]),
        status: span["status"]["code"].as_u64().unwrap_or_default(),
        attributes: attributes(&span["attributes"]),
        events: events
            .map(|event| (text_of(&event["name"]), nanos(&event["timeUnixNano"])))
            .collect(),
        service: resource.get("service.name").cloned().unwrap_or_default(),
        scope: scope.to_owned(),
    }
}

/// Key and the JSON text of an `AnyValue`.
fn attributes(list: &Value) -> BTreeMap<String, String> {
    array(list)
        .iter()
        .map(|pair| (text_of(&pair["key"]), pair["value"].to_string()))
        .collect()
}

/// An absent list is an empty one (OTLP/JSON leaves defaults out).
fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// 64-bit integers are texts in OTLP/JSON.
fn nanos(value: &Value) -> u64 {
    value.as_str().expect("a number in quotes").parse().unwrap()
}

/// Compares span by span, so that a difference is readable.
pub(crate) fn assert_same(sent: &[Written], arrived: &[Written]) {
    for (sent, arrived) in sent.iter().zip(arrived) {
        assert_eq!(sent, arrived);
    }
    assert_eq!(sent.len(), arrived.len());
}
