//! What the assembler holds is bounded, and everything that it holds leaves.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use pipeline::payload::{SpanView, Traces};
use prost::Message;

use super::harness::{Harness, key_value, request, spans};
use crate::llm_phases::assembler::{Assembler, Offered};
use crate::llm_phases::engine::Engine;
use crate::llm_phases::meters::Meters;
use crate::llm_phases::provenance::Provenance;

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

/// A request whose resource has a text of this length.
fn from_service(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let mut request = request("sglang server", spans);
    let attribute = key_value("service.name", Value::StringValue(service.to_owned()));
    let mut of_service = request.resource_spans.remove(0);
    of_service.resource = Some(Resource {
        attributes: vec![attribute],
        ..Resource::default()
    });
    of_service
}

fn send_from(harness: &mut Harness, resources: Vec<ResourceSpans>) -> Vec<Traces> {
    let request = ExportTraceServiceRequest {
        resource_spans: resources,
    };
    harness.send(&request.encode_to_vec())
}

/// Bytes of every resource in a batch, each time that it stands there.
fn resource_bytes(traces: &Traces) -> usize {
    traces
        .resources()
        .map(|resource| resource.resource().bytes().len())
        .sum()
}

#[test]
fn a_repetition_under_a_larger_resource_is_charged_for_it() {
    const LARGE: usize = 100_000;
    const HELD: &str = "inferscope_processor_llm_phases_held_bytes";
    let mut harness = Harness::with_yaml("{}");
    for span in 1..=40 {
        send_from(&mut harness, vec![from_service("z", vec![stray(1, span)])]);
    }
    // Whose resource stays is decided by the resources: among forty large ones some win.
    for span in 1..=40 {
        let large = format!("{span:02}{}", "a".repeat(LARGE));
        send_from(&mut harness, vec![from_service(&large, vec![stray(1, span)])]);
    }

    let held = harness.metric(HELD);
    let out = harness.drain().unwrap();

    assert_eq!(harness.dropped.get("duplicate"), Some(&40));
    assert!(resource_bytes(&out) > LARGE, "at least one of the large ones stayed");
    assert!(
        held >= resource_bytes(&out) as f64,
        "{held} for {}",
        resource_bytes(&out)
    );
}

#[test]
fn repetitions_under_larger_resources_stay_within_bytes_max() {
    let mut harness = Harness::with_yaml("assembler: {bytes_max: 1000000}");
    let mut out = Vec::new();
    for service in ["z", "y", "x"] {
        for span in 1..=40 {
            let service = format!("{span:02}{}", service.repeat(if service == "z" { 1 } else { 100_000 }));
            out.extend(send_from(
                &mut harness,
                vec![from_service(&service, vec![stray(1, span)])],
            ));
            let held = harness.metric("inferscope_processor_llm_phases_held_bytes");
            assert!(held <= 1_250_000.0, "what waits and what is remembered: {held}");
        }
    }

    assert!(released(&harness, "full") >= 1.0, "the trace made room");
    out.extend(harness.drain());
    let largest = out.iter().map(resource_bytes).max();
    assert!(largest <= Some(1_200_000), "one resource more than fits: {largest:?}");
    assert_eq!(harness.balance, 0);
}

#[test]
fn the_same_resource_in_every_batch_is_kept_once() {
    let service = "s".repeat(10_000);
    let mut harness = Harness::with_yaml("{}");
    for span in 1..=100 {
        send_from(
            &mut harness,
            vec![
                from_service(&service, vec![stray(1, 2 * span)]),
                from_service("other", vec![stray(1, 2 * span + 1)]),
            ],
        );
    }

    let held = harness.metric("inferscope_processor_llm_phases_held_bytes");
    assert!((10_000.0..100_000.0).contains(&held), "{held}");
    let out = harness.drain().unwrap();
    assert_eq!(out.spans(), 200);
    assert!(resource_bytes(&out) < 20_000, "and leaves once");
}

#[test]
fn traces_that_leave_together_share_one_copy_of_their_resources() {
    const LARGE: usize = 100_000;
    let mut harness = Harness::with_yaml("{}");
    let of = |service: &str, span: u32| {
        let spans = (1..=500).map(|trace| stray(trace, span)).collect();
        from_service(&service.repeat(LARGE), spans)
    };

    let mut out = send_from(&mut harness, vec![of("a", 1), of("b", 2)]);
    out.extend(harness.drain());

    let spans: u32 = out.iter().map(Traces::spans).sum();
    assert_eq!(spans, 1_000);
    let bytes: usize = out.iter().map(resource_bytes).sum();
    assert!(bytes < 20 * LARGE, "{bytes} bytes of two resources of {LARGE}");
    assert_eq!(harness.balance, 0);
}

#[test]
fn lanes_of_one_id_add_up_in_the_gauges() {
    const TRACES: &str = "inferscope_processor_llm_phases_held_traces";
    const SPANS: &str = "inferscope_processor_llm_phases_held_spans";
    const BYTES: &str = "inferscope_processor_llm_phases_held_bytes";
    let mut one = Harness::with_yaml("{}");
    let mut other = one.beside("{}");
    send(&mut one, vec![stray(1, 1), stray(2, 2), stray(2, 3)]);
    let of_one = one.metric(BYTES);
    send(&mut other, vec![stray(3, 1)]);
    assert_eq!((one.metric(TRACES), one.metric(SPANS)), (3.0, 4.0));
    assert!(one.metric(BYTES) > of_one);

    other.drain();

    assert_eq!((one.metric(TRACES), one.metric(SPANS)), (2.0, 3.0));
    drop(other); // With what it remembered.
    assert_eq!(one.metric(BYTES), of_one);
}

#[test]
fn traces_that_left_leave_no_alarm_behind() {
    let mut assembler = assembler();
    let now = Harness::with_yaml("{}").now;
    assembler.begin(now);
    for trace in 1..=20_000 {
        assert_eq!(offer(&mut assembler, &stray(trace, 1)), Offered::Held);
    }

    assert!(assembler.alarms() <= 400, "{}", assembler.alarms());
}

#[test]
fn a_span_before_the_first_batch_is_not_kept_and_not_said_to_be() {
    let mut assembler = assembler();

    assert_eq!(offer(&mut assembler, &stray(1, 1)), Offered::Refused);
    assert_eq!(assembler.wake_at(), None);
}

fn assembler() -> Assembler {
    let config = super::harness::config("assembler: {traces_max: 100}");
    let telemetry = pipeline::telemetry::Telemetry::default();
    let credit = pipeline::Credit::none(&pipeline::Budget::default());
    Assembler::new(config.assembler, Meters::new(&telemetry), credit)
}

fn offer(assembler: &mut Assembler, span: &Span) -> Offered {
    let trace = pipeline::payload::TraceId(span.trace_id.clone().try_into().unwrap());
    let bytes = span.encode_to_vec();
    assembler.offer(Engine::Sglang, &Provenance::default(), trace, SpanView::of(&bytes))
}
