//! TGI and Triton, built span by span from what their sources write.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use pipeline::payload::Traces;
use proptest::prelude::*;
use prost::Message;

use super::harness::{Harness, attribute, key_value, length, made_under, number, request, spans, text};
use crate::llm_phases::reading::debug_duration;

const START: u64 = 1_700_000_000_000_000_000;
const MS: u64 = 1_000_000;

fn span(id: u8, parent: u8, name: &str, from_ms: u64, to_ms: u64) -> Span {
    let id_bytes = |id: u8| if id == 0 { Vec::new() } else { vec![id; 8] };
    Span {
        trace_id: vec![7; 16],
        span_id: id_bytes(id),
        parent_span_id: id_bytes(parent),
        name: name.to_owned(),
        start_time_unix_nano: START + from_ms * MS,
        end_time_unix_nano: START + to_ms * MS,
        ..Span::default()
    }
}

fn say(mut span: Span, key: &str, value: &str) -> Span {
    span.attributes
        .push(key_value(key, AnyValue::StringValue(value.to_owned())));
    span
}

/// Queued 10 ms, validated 2 ms, 100 ms of inference in five steps, 25 ms of them in the way of another prefill.
fn generate() -> Vec<Span> {
    let mut root = span(1, 9, "generate", 0, 115);
    for (key, value) in [
        ("total_time", "112ms"),
        ("validation_time", "2ms"),
        ("queue_time", "10ms"),
        ("inference_time", "100ms"),
        ("seed", "Some(42)"),
    ] {
        root = say(root, key, value);
    }
    let mut all = vec![root, span(2, 1, "schedule", 2, 112), span(3, 2, "infer", 12, 42)];
    for (id, from) in [(4, 67), (5, 77), (6, 87), (7, 97)] {
        all.push(span(id, 2, "infer", from, from + 10));
    }
    all.push(span(8, 2, "waiting", 42, 67));
    all
}

fn through_tgi(yaml: &str, batches: Vec<Vec<Span>>) -> (Harness, Vec<Traces>) {
    let mut harness = Harness::with_yaml(yaml);
    let mut out = Vec::new();
    for batch in batches {
        let mut request = request("opentelemetry-otlp", batch);
        let service = key_value(
            "service.name",
            AnyValue::StringValue("text-generation-inference.router".to_owned()),
        );
        request.resource_spans[0].resource = Some(Resource {
            attributes: vec![service],
            ..Resource::default()
        });
        out.extend(harness.send(&request.encode_to_vec()));
    }
    assert!(out.is_empty(), "nothing says how many steps there are, so all wait");
    out.extend(harness.wait(Duration::from_secs(11)));
    assert_eq!(harness.balance, 0);
    (harness, out)
}

fn told(made: &[Span]) -> Vec<(&str, u64, &str)> {
    let tell = |span| {
        (
            Span::name(span),
            length(span),
            text(span, "inferscope.phase.source").unwrap(),
        )
    };
    made.iter().map(tell).collect()
}

trait Named {
    fn name(&self) -> &str;
}

impl Named for Span {
    fn name(&self) -> &str {
        &self.name
    }
}

#[test]
fn h23_durations_as_rust_debugs_them() {
    let cases = [
        ("1.234567s", Some(1_234_567_000)),
        ("45.2ms", Some(45_200_000)),
        ("12.3\u{b5}s", Some(12_300)),
        ("12.3\u{3bc}s", Some(12_300)),
        ("870ns", Some(870)),
        ("0ns", Some(0)),
        ("1.000000001s", Some(1_000_000_001)),
        ("1.2.3s", None),
        ("Some(42)", None),
        ("", None),
        ("s", None),
        ("12", None),
        ("99999999999999999999999s", None),
        ("-1s", None),
    ];
    for (written, ns) in cases {
        assert_eq!(debug_duration(written), ns, "{written:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// The standard library is the reference: what it writes is read back to the nanosecond.
    #[test]
    fn h23_every_duration_that_rust_writes_is_read_back(ns in prop_oneof![any::<u32>().prop_map(u64::from), 0..u64::MAX / 2]) {
        let written = format!("{:?}", Duration::from_nanos(ns));
        prop_assert_eq!(debug_duration(&written), i64::try_from(ns).ok());
    }
}

#[test]
fn h23_an_unreadable_duration_is_missing_and_counted() {
    let mut all = generate();
    all[0].attributes.retain(|attribute| attribute.key != "queue_time");
    all[0] = say(all[0].clone(), "queue_time", "1.2.3s");

    let (harness, out) = through_tgi("{}", vec![all]);

    assert_eq!(
        harness.metric("inferscope_processor_llm_phases_unusable_durations{reason=\"wrong_type\"}"),
        1.0
    );
    let made = made_under(&out, &[1; 8]);
    // The router's total is the sum of its parts, so the queue follows from the others.
    assert_eq!(told(&made)[1], ("queue", 10 * MS, "inferred"));
    let root = spans(&out)
        .into_iter()
        .find(|(_, span)| span.name == "generate")
        .unwrap()
        .1;
    assert_eq!(text(&root, "seed"), Some("Some(42)"));
}

#[test]
fn h24_steps_tell_prefill_from_decode_and_stalls_stay_in_decode() {
    let (_, out) = through_tgi("{}", vec![generate()]);

    let made = made_under(&out, &[1; 8]);
    let expected = [
        ("frontend", 2 * MS, "measured"),
        ("queue", 10 * MS, "measured"),
        ("prefill", 30 * MS, "measured"),
        ("decode", 70 * MS, "inferred"),
        ("postprocess", 3 * MS, "upper_bound"),
    ];
    assert_eq!(told(&made), expected);
    assert_eq!(number(&made[3], "inferscope.phase.stall"), Some(0.025));
    let per_token = crate::llm_phases::time_per_output_token(length(&made[3]), 5);
    assert_eq!(per_token, Some(17_500_000.0), "and not a fifth of inference");
}

/// The prompt comes in three chunks of 30, 10 and 20 ms; the first token is sent within the third.
fn chunked() -> Vec<Span> {
    let mut all = generate();
    all.truncate(2);
    for (id, from, to) in [(3, 12, 42), (4, 42, 52), (5, 57, 77), (6, 77, 87), (7, 92, 112)] {
        all.push(span(id, 2, "infer", from, to));
    }
    all.push(span(8, 2, "waiting", 52, 57));
    all.push(span(20, 5, "send_generation", 76, 77));
    all.push(span(21, 6, "send_generation", 86, 87));
    all.push(span(22, 7, "send_generation", 111, 112));
    all
}

#[test]
fn h24_the_chunks_of_a_prompt_are_prefill_up_to_the_first_token_sent() {
    for reversed in [false, true] {
        let mut all = chunked();
        if reversed {
            all.reverse();
        }

        let (_, out) = through_tgi("{}", vec![all]);

        let made = made_under(&out, &[1; 8]);
        assert_eq!(told(&made)[2], ("prefill", 60 * MS, "measured"));
        assert_eq!(told(&made)[3], ("decode", 40 * MS, "inferred"));
    }
}

#[test]
fn h24_a_token_that_is_sent_before_any_step_says_nothing_about_chunks() {
    let mut all = chunked();
    all.push(span(23, 2, "send_generation", 1, 2));

    let (_, out) = through_tgi("{}", vec![all]);

    assert_eq!(told(&made_under(&out, &[1; 8]))[2], ("prefill", 30 * MS, "measured"));
}

#[test]
fn without_steps_tgi_has_one_inference() {
    let (_, out) = through_tgi("{}", vec![generate().drain(..1).collect()]);

    let made = made_under(&out, &[1; 8]);
    assert_eq!(told(&made)[2], ("inference", 100 * MS, "measured"));
}

#[test]
fn spans_of_tgi_in_any_order_and_split_give_the_same() {
    let (_, expected) = through_tgi("emit: both", vec![generate()]);
    let mut backwards = generate();
    backwards.reverse();

    let (_, out) = through_tgi("emit: both", backwards.into_iter().map(|span| vec![span]).collect());

    assert_eq!(out, expected);
}

fn at(mut span: Span, name: &str, ms: u64) -> Span {
    span.events.push(Event {
        name: name.to_owned(),
        time_unix_nano: START + ms * MS,
        ..Event::default()
    });
    span
}

/// The times of the hard case, in whatever order the events stand.
fn inference(reversed: bool) -> Vec<Span> {
    let model = say(span(1, 9, "llama", 0, 100), "triton.model_name", "llama");
    let mut model = at(at(at(model, "REQUEST_START", 0), "QUEUE_START", 1), "REQUEST_END", 100);
    let compute = at(
        at(span(2, 1, "compute", 5, 99), "COMPUTE_START", 5),
        "COMPUTE_INPUT_END",
        6,
    );
    let mut compute = at(at(compute, "COMPUTE_OUTPUT_START", 96), "COMPUTE_END", 99);
    if reversed {
        model.events.reverse();
        compute.events.reverse();
        return vec![compute, model];
    }
    vec![model, compute]
}

fn through_triton(spans: Vec<Span>) -> (Harness, Vec<Traces>) {
    let mut harness = Harness::with_yaml("{}");
    let mut out = harness.send(&request("triton-server", spans).encode_to_vec());
    out.extend(harness.wait(Duration::from_secs(11)));
    assert_eq!(harness.balance, 0);
    (harness, out)
}

#[test]
fn h25_moments_become_phases_in_any_order() {
    let expected = [
        ("frontend", MS, "upper_bound"),
        ("queue", 4 * MS, "measured"),
        ("input", MS, "measured"),
        ("inference", 90 * MS, "measured"),
        ("output", 3 * MS, "measured"),
        ("postprocess", MS, "upper_bound"),
    ];
    for reversed in [false, true] {
        let (_, out) = through_triton(inference(reversed));

        let made = made_under(&out, &[1; 8]);
        assert_eq!(told(&made), expected);
        let model = spans(&out)
            .into_iter()
            .find(|(_, span)| span.name == "llama")
            .unwrap()
            .1;
        assert_eq!(text(&model, "inferscope.decompose.status"), Some("ok"));
    }
}

#[test]
fn h25_a_moment_that_came_twice_is_the_earlier_one() {
    for late_first in [false, true] {
        let mut spans = inference(false);
        let again = Event {
            time_unix_nano: START + 50 * MS,
            ..spans[1].events[0].clone()
        };
        spans[1].events.insert(usize::from(!late_first), again);

        let (_, out) = through_triton(spans);

        assert_eq!(told(&made_under(&out, &[1; 8]))[1], ("queue", 4 * MS, "measured"));
    }
}

#[test]
fn h25_without_a_queue_start_there_is_no_queue() {
    let mut spans = inference(false);
    spans[0].events.retain(|event| event.name != "QUEUE_START");

    let (_, out) = through_triton(spans);

    let made = made_under(&out, &[1; 8]);
    assert_eq!(
        told(&made)[..2],
        [("other", 5 * MS, "inferred"), ("input", MS, "measured")]
    );
    let model = super::harness::spans(&out)
        .into_iter()
        .find(|(_, span)| span.name == "llama")
        .unwrap()
        .1;
    assert_eq!(text(&model, "inferscope.decompose.status"), Some("partial"));
    assert_eq!(number(&model, "inferscope.decompose.residual"), Some(0.005));
}

#[test]
fn h25_a_whole_inference_of_triton_does_not_wait() {
    let mut harness = Harness::with_yaml("{}");

    let out = harness.send(&request("triton-server", inference(false)).encode_to_vec());

    assert_eq!(spans(&out).len(), 8);
}

#[test]
fn spans_around_an_inference_of_triton_pass_at_once_as_the_same_bytes() {
    let request = request(
        "triton-server",
        vec![at(span(5, 0, "InferRequest", 0, 120), "HTTP_RECV_START", 0)],
    );
    let mut harness = Harness::with_yaml("{}");

    let out = harness.send(&request.encode_to_vec());

    assert_eq!(out.len(), 1);
    assert_eq!(out[0].bytes().as_ref(), request.encode_to_vec());
}

#[test]
fn h25_moments_outside_the_span_or_out_of_order_are_unknown() {
    let mut spans = inference(false);
    spans[1].events[1].time_unix_nano = START + 900 * MS; // COMPUTE_INPUT_END after the end.

    let (_, out) = through_triton(spans);

    let made = made_under(&out, &[1; 8]);
    assert_eq!(told(&made)[2], ("other", 91 * MS, "inferred"));
    assert_eq!(made.iter().map(length).sum::<u64>(), 100 * MS);
    assert_eq!(attribute(&made[0], "inferscope.phase.stall"), None);
}
