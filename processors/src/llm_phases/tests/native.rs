//! vLLM that sends phase spans itself.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::payload::Traces;
use prost::Message;

use super::harness::{Harness, attribute, made_under, number, request, request_span, spans, text};

const SKIPPED: &str = "inferscope_processor_llm_phases_requests{engine=\"vllm\",status=\"skipped\"}";

fn llm_request() -> Span {
    request_span(&[
        ("gen_ai.latency.time_in_queue", AnyValue::DoubleValue(0.01)),
        ("gen_ai.latency.time_in_model_prefill", AnyValue::DoubleValue(0.1)),
        ("gen_ai.latency.time_in_model_decode", AnyValue::DoubleValue(0.4)),
        ("gen_ai.latency.e2e", AnyValue::DoubleValue(0.56)),
    ])
}

/// A span of the engine under the request.
fn below(name: &str, id: u8) -> Span {
    let request = llm_request();
    Span {
        span_id: vec![id; 8],
        parent_span_id: request.span_id,
        name: name.to_owned(),
        attributes: Vec::new(),
        ..request
    }
}

fn send(harness: &mut Harness, spans: Vec<Span>) -> Vec<Traces> {
    harness.send(&request("vllm.tracing.otel", spans).encode_to_vec())
}

fn status(out: &[Traces]) -> Option<String> {
    let all = spans(out);
    let (_, request) = all.iter().find(|(_, span)| span.name == "llm_request")?;
    text(request, "inferscope.decompose.status").map(str::to_owned)
}

#[test]
fn phases_that_vllm_made_are_annotated_and_not_doubled() {
    let phases = [
        ("vllm_queue", "queue"),
        ("vllm_prefill", "prefill"),
        ("vllm_decode", "decode"),
        ("vllm_async_kv_transfer", "kv_transfer"),
        ("queue", "queue"),
    ];
    let mut batch: Vec<Span> = (10..).zip(phases).map(|(id, (name, _))| below(name, id)).collect();
    batch.push(below("vllm_step_execution", 30));
    batch.push(llm_request());
    let mut harness = Harness::with_yaml("{}");

    let out = send(&mut harness, batch.clone());

    assert_eq!(spans(&out).len(), batch.len(), "nothing is made");
    assert_eq!(status(&out).as_deref(), Some("skipped"));
    assert_eq!(harness.metric(SKIPPED), 1.0);
    for ((_, got), (name, phase)) in spans(&out).iter().zip(phases) {
        assert_eq!((got.name.as_str(), text(got, "inferscope.phase")), (name, Some(phase)));
        assert_eq!(text(got, "inferscope.phase.source"), Some("measured"));
    }
    assert_eq!(
        attribute(&spans(&out)[5].1, "inferscope.phase"),
        None,
        "a step is no phase"
    );
}

#[test]
fn phases_may_come_in_earlier_batches_than_their_request() {
    let mut harness = Harness::with_yaml("{}");
    send(&mut harness, vec![below("vllm_prefill", 10)]);
    harness.wait(Duration::from_secs(29));

    assert_eq!(
        status(&send(&mut harness, vec![llm_request()])).as_deref(),
        Some("skipped")
    );
    harness.wait(Duration::from_secs(2));
    let much_later = send(&mut harness, vec![llm_request()]);
    assert_eq!(status(&much_later).as_deref(), Some("ok"), "memories fade");
}

#[test]
fn a_phase_behind_its_request_stays_without_a_phase() {
    let mut harness = Harness::with_yaml("{}");

    let out = send(
        &mut harness,
        vec![llm_request(), below("vllm_prefill", 10), below("vllm_decode", 11)],
    );

    assert_eq!(status(&out).as_deref(), Some("ok"));
    assert_eq!(made_under(&out, &[2; 8]).len(), 5);
    for (_, span) in spans(&out).iter().filter(|(_, span)| span.name.starts_with("vllm_")) {
        assert_eq!(attribute(span, "inferscope.phase"), None, "no sum counts it twice");
    }
}

#[test]
fn other_requests_of_the_batch_are_decomposed_as_ever() {
    let other = Span {
        span_id: vec![77; 8],
        ..llm_request()
    };
    let mut harness = Harness::with_yaml("{}");

    let out = send(&mut harness, vec![below("vllm_prefill", 10), llm_request(), other]);

    assert_eq!(made_under(&out, &[2; 8]).len(), 0);
    assert_eq!(made_under(&out, &[77; 8]).len(), 5);
}

#[test]
fn spans_of_such_a_name_from_somebody_else_are_no_phases() {
    let mut harness = Harness::with_yaml("{}");
    let proxy = request("llm-d.proxy", vec![below("prefill", 10), below("decode", 11)]);

    let out = harness.send(&proxy.encode_to_vec());

    assert_eq!(out[0].bytes().as_ref(), proxy.encode_to_vec());
    assert_eq!(status(&send(&mut harness, vec![llm_request()])).as_deref(), Some("ok"));
}

#[test]
fn attributes_are_written_for_a_request_with_phases_of_its_own() {
    let mut harness = Harness::with_yaml("emit: both");

    let out = send(&mut harness, vec![below("vllm_prefill", 10), llm_request()]);

    let request = &spans(&out)[1].1;
    assert_eq!(number(request, "inferscope.phase.prefill.duration"), Some(0.1));
    assert_eq!(made_under(&out, &[2; 8]).len(), 0);
}

#[test]
fn what_was_annotated_passes_the_next_hop_as_the_same_bytes() {
    let mut agent = Harness::with_yaml("{}");
    let out = send(&mut agent, vec![below("vllm_prefill", 10), llm_request()]);

    let again = Harness::with_yaml("{}").send(out[0].bytes());

    assert_eq!(again, out);
}

#[test]
fn only_so_many_requests_are_remembered() {
    let of_request = |request: u32| {
        let mut parent = vec![5; 8];
        parent[4..].copy_from_slice(&request.to_be_bytes());
        Span {
            parent_span_id: parent,
            ..below("vllm_prefill", 10)
        }
    };
    let mut harness = Harness::with_yaml("{}");
    send(&mut harness, vec![below("vllm_prefill", 10)]);

    send(&mut harness, (0..10_000).map(of_request).collect());

    assert_eq!(status(&send(&mut harness, vec![llm_request()])).as_deref(), Some("ok"));
}
