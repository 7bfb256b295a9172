//! vLLM: one span per sequence, as real engines sent it.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::payload::Traces;
use prost::Message;
use serde_json::Value;

use super::harness::{Harness, captured, hex, json_lines, made_under, spans, structs, text};
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
    requests.filter(|span| text(span, "gen_ai.request.id") == Some(id)).collect()
}

fn ns(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// H3 and P-11.
#[test]
fn h03_captured_requests_decompose_to_the_nanosecond() {
    for engine in CAPTURES {
        let (harness, out) = decomposed(engine);
        let all = spans(&out);
        let expected = json_lines(engine, "expected_decomposition.jsonl");
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
            assert_eq!(super::harness::attribute(request, "inferscope.decompose.residual"), None);
            assert_eq!(super::harness::attribute(request, "inferscope.decompose.overrun_ns"), None);
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
        let ok = "inferscope_llm_phases_requests{engine=\"vllm\",status=\"ok\"}";
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
    for (engine, request) in CAPTURES.iter().flat_map(|engine| captured(engine).into_iter().map(move |file| (engine, file))) {
        let mut harness = Harness::new(&Config::default());
        let before = ExportTraceServiceRequest::decode(request.as_slice()).unwrap();

        let mut after = structs(&harness.send(&request)[0]);

        for resource in &mut after.resource_spans {
            resource.scope_spans.retain(|scope| scope.scope.as_ref().unwrap().name != "inferscope/llm_phases");
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
