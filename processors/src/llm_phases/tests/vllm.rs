//! vLLM: one span per sequence, as real engines sent it.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::payload::Traces;
use prost::Message;
use serde_json::Value;

use super::harness::{
    Harness, alone, attribute, captured, hex, json_lines, length, made_under, number, request_span, spans, structs,
    text,
};
use crate::llm_phases::config::Config;

const CAPTURES: [&str; 2] = ["vllm-0.32.0", "vllm-0.32.0-engine-crash"];

fn decomposed(engine: &str) -> (Harness, Vec<Traces>) {
    let mut harness = Harness::new(&Config::default());
    let mut out = Vec::new();
    for request in captured(engine) {
        out.extend(harness.send(&request));
    }
    (harness, out)
}

fn request_named(all: &[Traces], id: &str) -> Vec<Span> {
    let requests = spans(all).into_iter().map(|(_, span)| span);
    requests
        .filter(|span| text(span, "gen_ai.request.id") == Some(id))
        .collect()
}

fn ns(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// H3 and P-11.
#[test]
fn h03_captured_requests_decompose_to_the_nanosecond() {
    for (engine, requests) in CAPTURES.into_iter().zip([45, 18]) {
        let (harness, out) = decomposed(engine);
        let all = spans(&out);
        let expected = json_lines(engine, "expected_decomposition.jsonl");
        assert_eq!(expected.len(), requests);
        for line in &expected {
            let id = line["span_id"].as_str().unwrap();
            let (_, request) = all.iter().find(|(_, span)| hex(&span.span_id) == id).unwrap();
            let mut wanted = Vec::new();
            for (key, phase) in ["frontend", "queue", "prefill", "decode", "detokenize_egress"]
                .into_iter()
                .zip(["frontend", "queue", "prefill", "decode", "detokenize"])
            {
                let (start, end) = (ns(&line[key][0]), ns(&line[key][1]));
                if start < end {
                    wanted.push((phase.to_owned(), start, end));
                }
            }

            let made = made_under(&out, &request.span_id);
            let got: Vec<(String, u64, u64)> = made
                .iter()
                .map(|span| (span.name.clone(), span.start_time_unix_nano, span.end_time_unix_nano))
                .collect();

            assert_eq!(got, wanted, "{engine} {id}");
            assert_eq!(text(request, "inferscope.decompose.status"), Some("ok"));
            assert_eq!(attribute(request, "inferscope.decompose.residual"), None);
            assert_eq!(attribute(request, "inferscope.decompose.overrun_ns"), None);
            for span in &made {
                let source = match span.name.as_str() {
                    "frontend" | "detokenize" => "upper_bound",
                    _ => "measured",
                };
                assert_eq!(text(span, "inferscope.phase"), Some(span.name.as_str()));
                assert_eq!(text(span, "inferscope.phase.source"), Some(source));
                assert_eq!(hex(&span.trace_id), line["trace_id"].as_str().unwrap());
            }
        }
        let ok = "inferscope_processor_llm_phases_requests{engine=\"vllm\",status=\"ok\"}";
        assert_eq!(harness.metric(ok), expected.len() as f64);
    }
}

#[test]
fn h03_the_example_of_the_reference_is_among_them() {
    let (_, out) = decomposed("vllm-0.32.0");
    let request = request_named(&out, "cmpl-d01-prefix-cold-0").remove(0);

    let lengths: Vec<(String, u64)> = made_under(&out, &request.span_id)
        .into_iter()
        .map(|span| (span.name, span.end_time_unix_nano - span.start_time_unix_nano))
        .collect();

    let expected = [
        ("frontend", 28_595_663),
        ("queue", 48_054),
        ("prefill", 124_510_418),
        ("decode", 250_996_255),
        ("detokenize", 296_230_862),
    ];
    assert_eq!(lengths, expected.map(|(name, length)| (name.to_owned(), length)));
}

#[test]
fn received_spans_leave_as_they_came_but_for_added_attributes() {
    for (engine, request) in CAPTURES
        .iter()
        .flat_map(|engine| captured(engine).into_iter().map(move |file| (engine, file)))
    {
        let mut harness = Harness::new(&Config::default());
        let before = ExportTraceServiceRequest::decode(request.as_slice()).unwrap();

        let mut after = structs(&harness.send(&request)[0]);

        for resource in &mut after.resource_spans {
            resource
                .scope_spans
                .retain(|scope| scope.scope.as_ref().unwrap().name != "inferscope/llm_phases");
            for span in resource.scope_spans.iter_mut().flat_map(|scope| &mut scope.spans) {
                span.attributes.retain(|attribute| {
                    !attribute.key.starts_with("inferscope.")
                        && attribute.key != "gen_ai.usage.input_tokens"
                        && attribute.key != "gen_ai.usage.output_tokens"
                });
            }
        }
        assert_eq!(before, after, "{engine}");
    }
}

#[test]
fn h04_a_single_token_has_no_decode_unless_zero_length_is_asked_for() {
    let (_, out) = decomposed("vllm-0.32.0");
    let request = request_named(&out, "cmpl-a07-single-token-0").remove(0);
    let made = made_under(&out, &request.span_id);
    assert!(made.iter().all(|span| span.name != "decode"));
    let detokenize = made.iter().find(|span| span.name == "detokenize").unwrap();
    assert_eq!(
        detokenize.end_time_unix_nano - detokenize.start_time_unix_nano,
        1_072_116
    );

    let mut asked = Harness::with_yaml("zero_length_phases: true");
    let out: Vec<Traces> = captured("vllm-0.32.0")
        .iter()
        .flat_map(|request| asked.send(request))
        .collect();
    let made = made_under(&out, &request.span_id);
    let decode = made.iter().find(|span| span.name == "decode").unwrap();
    assert_eq!(decode.start_time_unix_nano, decode.end_time_unix_nano);
}

#[test]
fn h05_three_sequences_of_one_request_are_three_decompositions() {
    let (_, out) = decomposed("vllm-0.32.0");
    let sequences: Vec<Span> = spans(&out)
        .into_iter()
        .map(|(_, span)| span)
        .filter(|span| text(span, "gen_ai.request.id").is_some_and(|id| id.starts_with("cmpl-b02-n3-stream")))
        .collect();

    assert_eq!(sequences.len(), 3);
    let parents: BTreeSet<_> = sequences
        .iter()
        .map(|span| (&span.trace_id, &span.parent_span_id))
        .collect();
    assert_eq!(parents.len(), 1);
    let mut ids = BTreeSet::new();
    for sequence in &sequences {
        let made = made_under(&out, &sequence.span_id);
        assert!(made.len() >= 4, "its own children under its own id");
        assert_eq!(made.iter().map(length).sum::<u64>(), length(sequence));
        ids.extend(made.into_iter().map(|span| span.span_id));
        // Each repeats the prompt: who adds up must know that the three are one request.
        assert_eq!(number(sequence, "gen_ai.usage.input_tokens"), Some(32.0));
        assert_eq!(number(sequence, "gen_ai.usage.output_tokens"), Some(12.0));
    }
    assert!(ids.len() >= 12, "no two children share an id");
}

#[test]
fn h06_two_prompts_of_one_body_stay_two_requests() {
    let (_, out) = decomposed("vllm-0.32.0");

    let ids = ["cmpl-b03-two-prompts-0", "cmpl-b03-two-prompts-1"];
    let requests: Vec<Span> = ids.iter().flat_map(|id| request_named(&out, id)).collect();

    let sum = |key: &str| requests.iter().filter_map(|span| number(span, key)).sum::<f64>();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        (sum("gen_ai.usage.input_tokens"), sum("gen_ai.usage.output_tokens")),
        (25.0, 20.0)
    );
    assert!(
        requests
            .iter()
            .all(|request| !made_under(&out, &request.span_id).is_empty())
    );
}

#[test]
fn h07_requests_without_a_span_get_none_from_us() {
    let (_, out) = decomposed("vllm-0.32.0");
    let all = spans(&out);
    let silent = ["a05", "c01", "c02", "c03", "e01", "e02", "g10"];

    let mut looked_for = Vec::new();
    for line in json_lines("vllm-0.32.0", "ground_truth.jsonl") {
        let name = line["name"].as_str().unwrap();
        if silent.iter().any(|silent| name.starts_with(silent)) {
            let trace = line["trace_id"].as_str().unwrap();
            assert!(all.iter().all(|(_, span)| hex(&span.trace_id) != trace), "{name}");
            looked_for.push(name[..3].to_owned());
        }
    }

    assert_eq!(looked_for, silent);
}

#[test]
fn h08_a_preempted_request_has_one_decode() {
    let (_, out) = decomposed("vllm-0.32.0");
    let request = request_named(&out, "cmpl-h03-preempt-0").remove(0);

    let decodes: Vec<u64> = made_under(&out, &request.span_id)
        .iter()
        .filter(|span| span.name == "decode")
        .map(length)
        .collect();

    assert_eq!(decodes, [5_484_305_735]);
    assert_eq!(
        attribute(&request, "inferscope.preemption.possible"),
        None,
        "one request never knows"
    );
}

#[test]
fn h09_half_a_minute_of_prefill_survives() {
    let (_, out) = decomposed("vllm-0.32.0");
    let request = request_named(&out, "cmpl-i01-logprobs-0").remove(0);

    let made = made_under(&out, &request.span_id);

    let prefill = made.iter().find(|span| span.name == "prefill").unwrap();
    assert_eq!(length(prefill) / 1_000_000, 33_087);
}

#[test]
fn h10_a_request_that_only_knows_its_end_passes_as_insufficient() {
    let span = request_span(&[("gen_ai.latency.e2e", AnyValue::DoubleValue(0.56))]);

    let (harness, out) = alone("{}", "vllm.tracing.otel", span);

    assert_eq!(spans(&out).len(), 1);
    assert_eq!(
        text(&spans(&out)[0].1, "inferscope.decompose.status"),
        Some("insufficient")
    );
    assert_eq!(
        harness.metric("inferscope_processor_llm_phases_requests{engine=\"vllm\",status=\"insufficient\"}"),
        1.0
    );
}

#[test]
fn h11_values_of_the_wrong_type_are_missing_and_counted() {
    let (text_value, not_a_number) = (
        AnyValue::StringValue("0.125".to_owned()),
        AnyValue::DoubleValue(f64::NAN),
    );
    let span = request_span(&[
        ("gen_ai.latency.time_in_queue", AnyValue::IntValue(0)),
        ("gen_ai.latency.time_in_model_prefill", AnyValue::DoubleValue(0.1)),
        ("gen_ai.latency.time_in_model_decode", AnyValue::DoubleValue(0.4)),
        ("gen_ai.latency.time_to_first_token", text_value),
        ("gen_ai.latency.time_in_model_inference", not_a_number),
        ("gen_ai.latency.e2e", AnyValue::DoubleValue(-1.0)),
    ]);

    let (harness, out) = alone("{}", "vllm.tracing.otel", span);

    // No residual is left, so what is in front is unknown.
    let names: Vec<String> = spans(&out).into_iter().skip(1).map(|(_, span)| span.name).collect();
    assert_eq!(names, ["other", "prefill", "decode"]);
    let request = &spans(&out)[0].1;
    assert_eq!(text(request, "inferscope.decompose.status"), Some("partial"));
    assert_eq!(number(request, "inferscope.decompose.residual"), Some(0.063));
    assert_eq!(
        text(request, "gen_ai.latency.time_to_first_token"),
        Some("0.125"),
        "it keeps what it came with"
    );
    for reason in ["wrong_type", "not_a_number", "negative"] {
        let line = format!("inferscope_processor_llm_phases_unusable_durations{{reason=\"{reason}\"}}");
        assert_eq!(harness.metric(&line), 1.0, "{reason}");
    }
}

#[test]
fn tokens_under_a_current_name_are_never_added_again_whatever_their_type() {
    for value in [
        AnyValue::DoubleValue(5.0),
        AnyValue::StringValue("5".to_owned()),
        AnyValue::IntValue(5),
    ] {
        let mut span = request_span(&[
            ("gen_ai.usage.prompt_tokens", AnyValue::IntValue(7)),
            ("gen_ai.usage.completion_tokens", AnyValue::IntValue(8)),
            ("gen_ai.usage.output_tokens", value.clone()),
        ]);
        // Without any value, as OTLP allows.
        span.attributes.push(opentelemetry_proto::tonic::common::v1::KeyValue {
            key: "gen_ai.usage.input_tokens".to_owned(),
            ..Default::default()
        });

        let (_, out) = alone("{}", "vllm.tracing.otel", span);

        let request = &spans(&out)[0].1;
        let keys: Vec<&str> = request.attributes.iter().map(|attribute| &*attribute.key).collect();
        let distinct: BTreeSet<&str> = keys.iter().copied().collect();
        assert_eq!(keys.len(), distinct.len(), "OTLP: keys are unique: {keys:?}");
        assert_eq!(attribute(request, "gen_ai.usage.output_tokens"), Some(&value));
    }
}

#[test]
fn h11_phases_that_do_not_fit_are_clipped_and_say_so() {
    let seconds = |value| AnyValue::DoubleValue(value);
    let span = request_span(&[
        ("gen_ai.latency.time_in_queue", seconds(0.1)),
        ("gen_ai.latency.time_in_model_prefill", seconds(0.2)),
        ("gen_ai.latency.time_in_model_decode", seconds(0.5)),
        ("gen_ai.latency.time_to_first_token", seconds(0.3)),
    ]);

    let (harness, out) = alone("{}", "vllm.llm_engine", span);

    let request = &spans(&out)[0].1;
    assert_eq!(text(request, "inferscope.decompose.status"), Some("inconsistent"));
    assert_eq!(
        attribute(request, "inferscope.decompose.overrun_ns"),
        Some(&AnyValue::IntValue(237_000_000))
    );
    let (_, decode) = spans(&out).pop().unwrap();
    assert_eq!((decode.name.as_str(), length(&decode)), ("decode", 263_000_000));
    assert_eq!(text(&decode, "inferscope.phase.source"), Some("inferred"));
    assert_eq!(harness.metric("inferscope_processor_llm_phases_clipped_requests"), 1.0);
}

#[test]
fn h20_a_clock_step_back_is_counted_and_the_rest_stands() {
    let seconds = |value| AnyValue::DoubleValue(value);
    let span = request_span(&[
        ("gen_ai.latency.time_in_queue", seconds(0.01)),
        ("gen_ai.latency.time_in_model_prefill", seconds(0.1)),
        ("gen_ai.latency.time_in_model_decode", seconds(0.4)),
        ("gen_ai.latency.time_in_model_inference", seconds(0.5)),
        ("gen_ai.latency.e2e", seconds(0.56)),
        ("gen_ai.latency.time_to_first_token", seconds(-0.3)),
    ]);

    let (harness, out) = alone("{}", "vllm.tracing.otel", span);

    let lengths: Vec<u64> = spans(&out).iter().skip(1).map(|(_, span)| length(span)).collect();
    assert_eq!(lengths, [50_000_000, 10_000_000, 100_000_000, 400_000_000, 3_000_000]);
    assert_eq!(
        harness.metric("inferscope_processor_llm_phases_unusable_durations{reason=\"negative\"}"),
        1.0
    );
}

#[test]
fn h21_start_up_spans_are_no_requests_and_pass_as_the_same_bytes() {
    for request in captured("vllm-0.32.0-startup-failure")
        .iter()
        .chain(&captured("vllm-0.32.0")[..5])
    {
        let mut harness = Harness::new(&Config::default());

        let out = harness.send(request);

        assert_eq!(out.len(), 1);
        assert_eq!(out[0].bytes().as_ref(), request.as_slice());
        for status in ["ok", "partial", "insufficient", "inconsistent", "skipped"] {
            let line = format!("inferscope_processor_llm_phases_requests{{engine=\"vllm\",status=\"{status}\"}}");
            assert_eq!(harness.metric(&line), 0.0);
        }
    }
}

#[test]
fn h22_nothing_of_vllm_stays_behind_when_the_engine_dies() {
    let (harness, out) = decomposed("vllm-0.32.0-engine-crash");

    assert_eq!(harness.balance, 0);
    assert_eq!(harness.wake_at(), None, "no request is open");
    let statuses = spans(&out)
        .into_iter()
        .filter(|(_, span)| text(span, "inferscope.decompose.status").is_some());
    assert_eq!(statuses.count(), 18);
}

#[test]
fn a_request_that_was_decomposed_before_passes_as_the_same_bytes() {
    let (_, out) = decomposed("vllm-0.32.0");
    let mut gateway = Harness::new(&Config::default());

    for traces in out {
        let again = gateway.send(traces.bytes());

        assert_eq!(again, [traces]);
    }
}

#[test]
fn the_same_request_yields_the_same_bytes() {
    let (_, once) = decomposed("vllm-0.32.0");
    let (_, again) = decomposed("vllm-0.32.0");

    assert_eq!(once, again);
}

#[test]
fn children_inherit_sampling_and_trace_state() {
    let mut span = request_span(&[("gen_ai.latency.time_in_queue", AnyValue::DoubleValue(0.01))]);
    span.flags = 0x301;
    span.trace_state = "vendor=42".to_owned();

    let (_, out) = alone("{}", "vllm.tracing.otel", span);

    for (_, child) in &spans(&out)[1..] {
        assert_eq!(
            (child.flags, child.trace_state.as_str()),
            (0x101, "vendor=42"),
            "sampled, and its parent is local"
        );
    }
}

#[test]
fn attributes_stand_in_for_spans_where_asked() {
    let span = || {
        request_span(&[
            ("gen_ai.latency.time_in_queue", AnyValue::DoubleValue(0.01)),
            ("gen_ai.latency.time_in_model_prefill", AnyValue::DoubleValue(0.1)),
        ])
    };

    let (_, attributes) = alone("emit: attributes", "vllm.tracing.otel", span());
    let (_, both) = alone("emit: both", "vllm.tracing.otel", span());

    assert_eq!((spans(&attributes).len(), spans(&both).len()), (1, 4));
    for out in [attributes, both] {
        let request = &spans(&out)[0].1;
        assert_eq!(number(request, "inferscope.phase.queue.duration"), Some(0.01));
        assert_eq!(text(request, "inferscope.phase.queue.source"), Some("measured"));
        assert_eq!(text(request, "inferscope.phase.other.source"), Some("inferred"));
        assert_eq!(attribute(request, "inferscope.phase.decode.duration"), None);
    }
}

#[test]
fn phases_that_are_not_asked_for_leave_gaps_and_a_true_status() {
    let mut harness = Harness::with_yaml("phases: [queue, decode]");
    let out: Vec<Traces> = captured("vllm-0.32.0")
        .iter()
        .flat_map(|request| harness.send(request))
        .collect();
    let (_, everything) = decomposed("vllm-0.32.0");

    let wanted: Vec<Span> = spans(&everything)
        .into_iter()
        .filter(|(scope, span)| scope == "inferscope/llm_phases" && ["queue", "decode"].contains(&span.name.as_str()))
        .map(|(_, span)| span)
        .collect();
    let made: Vec<Span> = spans(&out)
        .into_iter()
        .filter(|(scope, _)| scope == "inferscope/llm_phases")
        .map(|(_, span)| span)
        .collect();

    assert_eq!(made, wanted);
}

#[test]
fn engines_can_be_named_and_switched_off() {
    let span = || request_span(&[("gen_ai.latency.time_in_queue", AnyValue::DoubleValue(0.01))]);

    let (named, _) = alone("engines: {vllm: {scopes: [my.fork]}}", "my.fork", span());
    let (off, passed) = alone("engines: {vllm: {enabled: false}}", "vllm.tracing.otel", span());
    let (plain, _) = alone(
        "{}",
        "somebody.else",
        Span {
            name: "completion".to_owned(),
            ..span()
        },
    );
    let (by_name, _) = alone("{}", "somebody.else", span());

    let partial = |harness: &Harness, engine: &str| {
        harness.metric(&format!(
            "inferscope_processor_llm_phases_requests{{engine=\"{engine}\",status=\"partial\"}}"
        ))
    };
    assert_eq!(partial(&named, "vllm"), 1.0);
    assert_eq!((partial(&off, "vllm"), partial(&off, "plain")), (0.0, 0.0));
    assert_eq!(spans(&passed).len(), 1);
    assert_eq!((partial(&plain, "plain"), partial(&by_name, "vllm")), (1.0, 1.0));
}
