//! What the assembler holds is bounded, and everything that it holds leaves.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::harness::{Harness, key_value, request, spans};

/// A stage of a request whose other spans never come.
fn stray(trace: u32, span: u32) -> Span {
    let mut trace_id = vec![1; 16];
    trace_id[12..].copy_from_slice(&trace.to_be_bytes());
    let mut span_id = vec![1; 8];
    span_id[4..].copy_from_slice(&span.to_be_bytes());
    Span {
        trace_id,
        span_id,
        parent_span_id: vec![9; 8],
        name: "prefill_waiting".to_owned(),
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        ..Span::default()
    }
}

fn send(harness: &mut Harness, spans: Vec<Span>) -> usize {
    let out = harness.send(&request("sglang server", spans).encode_to_vec());
    out.iter().map(|traces| traces.spans() as usize).sum()
}

fn released(harness: &Harness, reason: &str) -> f64 {
    harness.metric(&format!(
        "inferscope_processor_llm_phases_released_traces{{reason=\"{reason}\"}}"
    ))
}

#[test]
fn an_idle_trace_leaves_after_the_idle_window() {
    let mut harness = Harness::with_yaml("{}");
    assert_eq!(send(&mut harness, vec![stray(1, 1)]), 0);
    assert_eq!(harness.wake_at(), Some(harness.now + Duration::from_secs(10)));

    assert!(harness.wait(Duration::from_secs(9)).is_none());
    assert_eq!(
        send(&mut harness, vec![stray(1, 2)]),
        0,
        "something new keeps it waiting"
    );
    assert!(harness.wait(Duration::from_secs(9)).is_none());
    let out = harness.wait(Duration::from_secs(1)).unwrap();

    assert_eq!(out.spans(), 2);
    assert_eq!(released(&harness, "idle"), 1.0);
    assert_eq!(harness.balance, 0);
}

#[test]
fn no_trace_waits_longer_than_wait_max() {
    let mut harness = Harness::with_yaml("{}");
    let mut left = 0;
    for second in 0..30 {
        left += send(&mut harness, vec![stray(1, second)]);
        harness.now += Duration::from_secs(1);
    }

    assert_eq!(
        left, 0,
        "nothing left while something came every second, until the limit"
    );
    let out = harness.wait(Duration::ZERO);

    assert_eq!(out.map(|out| out.spans()), Some(30));
    assert_eq!(released(&harness, "overdue"), 1.0);
}

#[test]
fn when_there_are_too_many_traces_the_oldest_leaves_with_its_annotations() {
    let mut harness = Harness::with_yaml("assembler: {traces_max: 3}");
    let out = harness.send(&request("sglang server", (1..=5).map(|trace| stray(trace, 1)).collect()).encode_to_vec());

    let left = spans(&out);
    assert_eq!(
        left.iter().map(|(_, span)| span.trace_id[15]).collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(
        left.iter()
            .all(|(_, span)| super::harness::text(span, "inferscope.phase") == Some("queue"))
    );
    assert_eq!(released(&harness, "full"), 2.0);
    assert_eq!(harness.metric("inferscope_processor_llm_phases_held_traces"), 3.0);
    assert_eq!(harness.metric("inferscope_processor_llm_phases_held_spans"), 3.0);
}

#[test]
fn when_there_are_too_many_bytes_the_oldest_leaves() {
    let mut harness = Harness::with_yaml("assembler: {bytes_max: 100000}");
    let mut left = 0;
    for trace in 0..1_000 {
        left += send(&mut harness, vec![stray(trace, 1)]);
        let held = harness.metric("inferscope_processor_llm_phases_held_bytes");
        assert!(held <= 125_000.0, "what waits and what is remembered: {held}");
    }

    assert!(left > 800, "{left}");
    assert_eq!(
        left + harness.drain().map_or(0, |traces| traces.spans() as usize),
        1_000
    );
    assert_eq!(harness.balance, 0);
}

#[test]
fn a_trace_with_too_many_spans_leaves_and_its_rest_starts_anew() {
    let mut harness = Harness::with_yaml("assembler: {spans_per_trace_max: 10}");

    let left = send(&mut harness, (1..=25).map(|span| stray(1, span)).collect());

    assert_eq!(left, 20);
    assert_eq!(released(&harness, "long"), 2.0);
    assert_eq!(harness.drain().map(|traces| traces.spans()), Some(5));
    assert_eq!(harness.balance, 0);
}

#[test]
fn a_repeated_span_is_ignored_while_the_first_waits_and_repeats_itself_afterwards() {
    let mut harness = Harness::with_yaml("{}");
    send(&mut harness, vec![stray(1, 1)]);
    send(&mut harness, vec![stray(1, 1)]);
    assert_eq!(harness.dropped.get("duplicate"), Some(&1));
    let first = harness.wait(Duration::from_secs(10)).unwrap();
    assert_eq!(first.spans(), 1);

    let again = harness.send(&request("sglang server", vec![stray(1, 1)]).encode_to_vec());

    assert_eq!(spans(&again), spans(&[first]));
    assert_eq!(harness.balance, 0);
}

#[test]
fn memories_fade() {
    let mut harness = Harness::with_yaml("{}");
    send(&mut harness, vec![stray(1, 1)]);
    harness.wait(Duration::from_secs(10)).unwrap();
    assert!(harness.metric("inferscope_processor_llm_phases_held_bytes") > 0.0);

    harness.wait(Duration::from_secs(31));

    assert_eq!(harness.metric("inferscope_processor_llm_phases_held_bytes"), 0.0);
    assert_eq!(harness.wake_at(), None);
}

#[test]
#[allow(clippy::disallowed_methods)] // Looks at the real clock: it is about work, not about waiting.
fn a_trace_that_is_nothing_but_requests_costs_no_square() {
    let root = |span: u32| Span {
        name: format!(" Req {span:08x}"),
        parent_span_id: Vec::new(),
        ..stray(1, span)
    };
    let mut harness = Harness::with_yaml("{}");

    let started = std::time::Instant::now();
    let left = send(&mut harness, (1..=16_384).map(root).collect());

    assert_eq!(left, 16_384);
    // Half a minute is many times what it takes, also on a busy machine; the square takes minutes.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn a_span_that_two_senders_relay_keeps_a_resource_that_no_order_decides() {
    let from = |service: &str| {
        let mut request = request("sglang server", vec![stray(1, 1)]);
        let attribute = key_value("service.name", Value::StringValue(service.to_owned()));
        request.resource_spans[0].resource = Some(Resource {
            attributes: vec![attribute],
            ..Resource::default()
        });
        request.encode_to_vec()
    };
    let through = |first: &str, second: &str| {
        let mut harness = Harness::with_yaml("{}");
        let mut out = harness.send(&from(first));
        out.extend(harness.send(&from(second)));
        out.extend(harness.drain());
        out
    };

    assert_eq!(through("a", "b"), through("b", "a"));
}
