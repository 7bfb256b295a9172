//! Spans into requests, whatever the order in which they come.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::payload::{Limits, Traces};
use prost::Message;
use tokio::time::Instant;

use super::*;
use crate::demo::collect::{Collector, Seen};

const REQUEST: u8 = 1;
const OTHER_REQUEST: u8 = 2;

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue {
        value: Some(Value::StringValue(value.to_owned())),
    });
    KeyValue {
        key: key.to_owned(),
        value,
        ..KeyValue::default()
    }
}

fn span(id: u8, parent: Option<u8>, (start, end): (u64, u64), attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: vec![id; 8],
        parent_span_id: parent.map(|parent| vec![parent; 8]).unwrap_or_default(),
        name: "a span".to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        ..Span::default()
    }
}

fn request_span(id: u8, status: &str, times: (u64, u64)) -> Span {
    let attributes = vec![
        text("inferscope.decompose.status", status),
        text("gen_ai.request.id", "cmpl-7"),
    ];
    span(id, None, times, attributes)
}

fn phase(id: u8, parent: u8, word: &str, times: (u64, u64)) -> Span {
    let attributes = vec![
        text("inferscope.phase", word),
        text("inferscope.phase.source", "measured"),
    ];
    span(id, Some(parent), times, attributes)
}

fn batch(spans: Vec<Span>) -> Traces {
    let scope = ScopeSpans {
        spans,
        ..ScopeSpans::default()
    };
    let resource = ResourceSpans {
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![resource],
    };
    Traces::parse(Bytes::from(request.encode_to_vec()), &Limits::default())
        .unwrap()
        .payload
}

fn words(request: &Request) -> Vec<&str> {
    request.phases.iter().map(|phase| phase.word.as_str()).collect()
}

#[test]
fn a_request_is_complete_with_its_last_phase() {
    let mut collector = Collector::default();
    let now = Instant::now();

    let early = collector.take(&batch(vec![phase(11, REQUEST, "decode", (40, 100))]), now);
    let parent = collector.take(&batch(vec![request_span(REQUEST, "ok", (0, 100))]), now);
    let last = collector.take(&batch(vec![phase(10, REQUEST, "queue", (0, 40))]), now);

    assert!(early.is_empty() && parent.is_empty());
    assert_eq!(words(&last[0]), ["queue", "decode"]);
    assert_eq!(last[0].id, "cmpl-7");
    assert!(!collector.is_waiting());
}

#[test]
fn two_requests_of_one_trace_keep_their_own_phases() {
    let spans = vec![
        request_span(REQUEST, "ok", (0, 100)),
        request_span(OTHER_REQUEST, "ok", (5, 105)),
        phase(10, REQUEST, "prefill", (0, 100)),
        phase(11, OTHER_REQUEST, "decode", (5, 105)),
    ];

    let requests = Collector::default().take(&batch(spans), Instant::now());

    assert_eq!(
        requests.iter().map(words).collect::<Vec<_>>(),
        [["prefill"], ["decode"]]
    );
}

#[test]
fn a_request_without_phases_does_not_wait_for_any() {
    let mut collector = Collector::default();

    let requests = collector.take(
        &batch(vec![request_span(REQUEST, "insufficient", (0, 100))]),
        Instant::now(),
    );

    assert_eq!(requests.len(), 1);
}

#[test]
fn an_engines_own_phases_may_lie_deeper_but_not_inside_each_other() {
    let thread = span(20, Some(REQUEST), (0, 90), Vec::new());
    let spans = vec![
        phase(10, 20, "prefill", (10, 50)),
        phase(11, 10, "prefill", (10, 30)),
        phase(12, OTHER_REQUEST, "decode", (50, 80)),
        thread,
        request_span(REQUEST, "skipped", (0, 100)),
        request_span(OTHER_REQUEST, "skipped", (40, 90)),
    ];
    let mut collector = Collector::default();

    collector.take(&batch(spans), Instant::now());
    let requests = collector.release(Instant::now(), true);

    assert_eq!(
        requests.iter().map(words).collect::<Vec<_>>(),
        [["prefill"], ["decode"]]
    );
}

#[test]
fn what_stays_incomplete_is_shown_after_a_while() {
    let mut collector = Collector::default();
    let now = Instant::now();
    let spans = vec![
        request_span(REQUEST, "ok", (0, 100)),
        phase(10, REQUEST, "queue", (0, 40)),
    ];

    assert!(collector.take(&batch(spans), now).is_empty());
    assert!(collector.release(now, false).is_empty());
    let released = collector.release(now + std::time::Duration::from_secs(1), false);

    assert_eq!(words(&released[0]), ["queue"]);
    assert!(!collector.is_waiting());
}

#[test]
fn spans_that_are_no_requests_are_counted_and_do_not_wait() {
    let mut collector = Collector::default();
    let start_up = span(3, None, (0, 216), Vec::new());

    let requests = collector.take(&batch(vec![start_up]), Instant::now());

    assert!(requests.is_empty());
    assert!(!collector.is_waiting());
    assert_eq!(
        collector.seen(),
        Seen {
            requests: 0,
            phases: 0,
            others: 1
        }
    );
}

#[test]
fn an_id_cannot_move_the_cursor() {
    let mut sneaky = request_span(REQUEST, "insufficient", (0, 100));
    sneaky.attributes[1] = text("gen_ai.request.id", "\x1b[2Jgöne\n");

    let requests = Collector::default().take(&batch(vec![sneaky]), Instant::now());

    assert_eq!(requests[0].id, "\\u{1b}[2Jg\\u{f6}ne\\n");
}
