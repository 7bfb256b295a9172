//! What a sender can make the processor do is proportional to what he sends. Counted in looks at spans, not in seconds.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::harness::{Harness, key_value, request};
use crate::llm_phases::effort;

/// Looks at each span that are no reason to worry: a trace is read to see whether it is whole and again to judge it, and
/// a request asks several questions about the stages below it.
const LOOKS_PER_SPAN: usize = 128;

const SPANS: u32 = 4_000;

fn span(id: u32, parent: u32, name: &str) -> Span {
    let bytes = |id: u32| u64::from(id).to_be_bytes().to_vec();
    Span {
        trace_id: vec![1; 16],
        span_id: bytes(id),
        parent_span_id: if parent == 0 { Vec::new() } else { bytes(parent) },
        name: name.to_owned(),
        start_time_unix_nano: u64::from(id),
        end_time_unix_nano: u64::from(id) + 10,
        ..Span::default()
    }
}

fn say(mut span: Span, key: &str, value: &str) -> Span {
    span.attributes
        .push(key_value(key, Value::StringValue(value.to_owned())));
    span
}

/// Looks that it takes to send these batches and to let everything go.
fn looks(yaml: &str, scope: &str, batches: Vec<Vec<Span>>) -> usize {
    let batches: Vec<Vec<u8>> = batches
        .into_iter()
        .map(|spans| request(scope, spans).encode_to_vec())
        .collect();
    let mut harness = Harness::with_yaml(yaml);
    let looks = effort::of(|| {
        for batch in &batches {
            harness.send(batch);
        }
        harness.wait(Duration::from_secs(31));
        harness.drain();
    });
    assert_eq!(harness.balance, 0);
    looks
}

fn assert_no_square(looks: usize, spans: u32) {
    assert!(
        looks <= LOOKS_PER_SPAN * spans as usize,
        "{looks} looks at {spans} spans"
    );
    assert!(looks >= spans as usize, "each was read: {looks}");
}

#[test]
fn a_trace_that_is_nothing_but_requests_costs_no_square() {
    let roots = (1..=SPANS).map(|id| span(id, 0, &format!(" Req {id:08x}"))).collect();

    assert_no_square(looks("emit: both", "sglang server", vec![roots]), SPANS);
}

#[test]
fn many_decode_engines_that_name_one_prefill_engine_cost_no_square() {
    let room = |span: Span| say(say(span, "bootstrap_room", "0x1"), "module", "sglang::request");
    let mut spans = vec![room(span(1, 0, "prefill Req a")), span(2, 1, "Scheduler")];
    spans.extend((10..10 + SPANS).map(|id| span(id, 1, "prefill_waiting")));
    for id in (100_000..100_000 + SPANS).step_by(2) {
        spans.push(room(span(id, 0, "decode Req a")));
        spans.push(span(id + 1, id, "decode_forward"));
    }
    let count = spans.len() as u32;

    for yaml in ["emit: both", "emit: spans"] {
        assert_no_square(looks(yaml, "sglang server", vec![spans.clone()]), count);
    }
}

#[test]
fn models_and_computations_that_all_miss_each_other_cost_no_square() {
    let models = (1..=SPANS).map(|id| say(span(id, 0, "m"), "triton.model_name", "m"));
    let computed = |id: u32| {
        let mut compute = span(SPANS + id, id, "compute");
        compute.events.push(opentelemetry_proto::tonic::trace::v1::span::Event {
            name: "COMPUTE_START".to_owned(),
            time_unix_nano: u64::from(id) + 1,
            ..Default::default()
        });
        compute
    };
    // The models stand behind, so that a search from the front finds them late.
    let mut spans: Vec<Span> = (1..=SPANS).map(computed).collect();
    spans.extend(models);

    assert_no_square(looks("{}", "triton-server", vec![spans]), 2 * SPANS);
}

#[test]
fn a_trace_that_comes_span_by_span_costs_no_square() {
    let mut spans = vec![span(1, 0, " Req a"), say(span(2, 1, ""), "thread_label", "Scheduler")];
    spans.extend((3..=SPANS).map(|id| span(id, 2, "prefill_forward")));
    let batches = spans.into_iter().map(|span| vec![span]).collect();

    assert_no_square(looks("{}", "sglang server", batches), SPANS);
}
