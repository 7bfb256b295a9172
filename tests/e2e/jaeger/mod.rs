//! The captures of real engines, through the program, into a real Jaeger and back by its query API.

mod exemplars;
pub(crate) mod gpus;
mod monitor;
pub(crate) mod server;
pub(crate) mod trace;

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::capture::{Capture, Captured, Expected, hex};
use crate::program::{self, Program};
use crate::wire;
use server::Jaeger;
use trace::JaegerSpan;

/// Over which protocol the capture is sent in.
#[derive(Clone, Copy)]
enum Way {
    Grpc,
    Http,
}

/// The scope of the spans that the program makes.
const MADE: &str = "inferscope/llm_phases";

async fn send(program: &Program, way: Way, capture: &Capture) {
    for request in &capture.requests {
        match way {
            Way::Grpc => {
                let answer = program.send_grpc(request).await;
                assert_eq!(answer.grpc_status(), Some(wire::OK));
                assert!(answer.message().is_empty(), "a partial success: {answer:?}");
            }
            Way::Http => {
                let answer = program.send_http(request).await;
                assert_eq!(answer.status, 200);
                assert!(answer.body.is_empty(), "a partial success: {answer:?}");
            }
        }
    }
}

/// Sends a capture through the program and reads all its traces back.
async fn through(config: &str, way: Way, capture: &Capture, expected_spans: usize) -> Vec<JaegerSpan> {
    let jaeger = Jaeger::start().await;
    let door = if config.contains("http") {
        jaeger.otlp_http
    } else {
        jaeger.otlp_grpc
    };
    let mut program = program::with(config).env("JAEGER", door).start().await;

    send(&program, way, capture).await;
    // Ends only when everything was delivered, so what Jaeger has then is all that there will be.
    program.stop().await;

    let ids: BTreeSet<String> = capture
        .spans()
        .iter()
        .map(|captured| hex(&captured.span.trace_id))
        .collect();
    jaeger.traces(&ids, expected_spans).await
}

/// The spans that came and the spans that the program makes of them, by the expectations beside the capture.
async fn vllm_arrives(engine: &str, config: &str, way: Way) {
    let capture = Capture::of(engine);
    let phases = capture.expected_phases();
    let came = capture.spans();
    let made: usize = phases.values().map(Vec::len).sum();

    let spans = through(config, way, &capture, came.len() + made).await;

    assert_eq!(spans.len(), came.len() + made);
    let by_id: BTreeMap<&str, &JaegerSpan> = spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "ids are unique");
    for captured in &came {
        let id = hex(&captured.span.span_id);
        let span = by_id
            .get(id.as_str())
            .unwrap_or_else(|| panic!("span {id} did not arrive"));
        let expected = phases.get(&id).map(Vec::as_slice);
        assert_eq!(**span, expectation(captured, expected.map(|_| "ok")));
        let children = spans
            .iter()
            .filter(|it| it.parent_span_id == id && it.scope() == MADE)
            .collect();
        check_children(span, children, expected.unwrap_or_default());
    }
}

/// How a span that came must look in Jaeger: as it came, and what the program adds to a request of this status.
fn expectation(captured: &Captured, status: Option<&str>) -> JaegerSpan {
    let mut expected = JaegerSpan::of(captured);
    let Some(status) = status else { return expected };
    expected.tag("inferscope.decompose.status", status);
    for (from, to) in [
        ("prompt_tokens", "input_tokens"),
        ("completion_tokens", "output_tokens"),
    ] {
        if let Some(tokens) = expected.tags.get(&format!("gen_ai.usage.{from}")).cloned() {
            expected.tag(&format!("gen_ai.usage.{to}"), tokens);
        }
    }
    expected
}

/// The children are the phases, in order, without gaps, at Jaeger's resolution of a microsecond.
fn check_children(parent: &JaegerSpan, mut children: Vec<&JaegerSpan>, expected: &[Expected]) {
    // Phases shorter than a microsecond share their start with the next one; the shorter is the earlier.
    children.sort_by_key(|child| (child.start_us, child.duration_us));
    let names: Vec<&str> = children.iter().map(|child| child.name.as_str()).collect();
    let expected_names: Vec<&str> = expected.iter().map(|phase| phase.name).collect();
    assert_eq!(names, expected_names, "the phases of {}", parent.span_id);
    for (child, phase) in children.iter().zip(expected) {
        assert_eq!(
            child.start_us,
            phase.start / 1000,
            "{} of {}",
            phase.name,
            parent.span_id
        );
        assert_eq!(
            child.duration_us,
            (phase.end - phase.start) / 1000,
            "{} of {}",
            phase.name,
            parent.span_id
        );
        assert_eq!(child.trace_id, parent.trace_id);
        assert_eq!(
            child.process, parent.process,
            "children travel under the resource of their request"
        );
        assert_eq!(child.text("inferscope.phase"), phase.name);
        assert!(["measured", "inferred", "upper_bound"].contains(&child.text("inferscope.phase.source")));
        assert_eq!(child.text("span.kind"), "internal");
    }
    let (Some(first), Some(last)) = (children.first(), children.last()) else {
        return;
    };
    assert_eq!(
        first.start_us, parent.start_us,
        "the first phase begins with the request"
    );
    for pair in children.windows(2) {
        assert!(
            pair[1].start_us.abs_diff(pair[0].end_us()) <= 1,
            "a gap between {pair:#?}"
        );
    }
    assert!(
        parent.end_us().abs_diff(last.end_us()) <= 1,
        "the last phase ends with the request"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn vllm_requests_arrive_with_their_phases_over_grpc() {
    vllm_arrives("vllm-0.32.0", "jaeger_grpc.yaml", Way::Grpc).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vllm_requests_arrive_with_their_phases_over_http() {
    vllm_arrives("vllm-0.32.0", "jaeger_grpc.yaml", Way::Http).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vllm_requests_arrive_with_their_phases_by_way_of_jaegers_http_port() {
    vllm_arrives("vllm-0.32.0", "jaeger_http.yaml", Way::Grpc).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_before_the_death_of_an_engine_arrive() {
    vllm_arrives("vllm-0.32.0-engine-crash", "jaeger_grpc.yaml", Way::Grpc).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h21_a_failed_start_arrives_with_its_errors_and_without_phases() {
    let errors = |captured: &Captured| {
        let status = captured.span.status.as_ref().map(|status| status.code());
        status == Some(StatusCode::Error) && captured.span.events.iter().any(|event| event.name == "exception")
    };
    assert!(
        Capture::of("vllm-0.32.0-startup-failure").spans().iter().any(errors),
        "the capture shows what is tested"
    );

    vllm_arrives("vllm-0.32.0-startup-failure", "jaeger_grpc.yaml", Way::Grpc).await;
}

/// Spans that the program makes of the SGLang capture: what SGLang has no span for.
const SGLANG_MADE: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn sglang_spans_arrive_annotated_and_not_doubled() {
    let capture = Capture::of("sglang-0.5.23-driven");
    let came = capture.spans();

    let spans = through("jaeger_grpc.yaml", Way::Grpc, &capture, came.len() + SGLANG_MADE).await;

    let by_id: BTreeMap<&str, &JaegerSpan> = spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
    for captured in &came {
        let span = by_id[hex(&captured.span.span_id).as_str()];
        let status = span
            .tags
            .get("inferscope.decompose.status")
            .map(|status| status.as_str().unwrap());
        assert_eq!(
            without_annotations(span),
            without_annotations(&expectation(captured, status))
        );
        let retracted = span.tags.contains_key("inferscope.phase.retracted");
        if let Some(phase) = stage_phase(&captured.span.name).filter(|_| !retracted) {
            assert_eq!(span.text("inferscope.phase"), phase, "{}", captured.span.name);
        }
    }
    let made: Vec<&JaegerSpan> = spans.iter().filter(|span| span.scope() == MADE).collect();
    assert_eq!(came.len() + made.len(), spans.len());
    // 11 unified requests and 3 pairs, each with at most one child that SGLang has no span for.
    // The requests that ended after their last stage, and the one that was aborted in the queue (H15).
    let count = |name: &str| made.iter().filter(|span| span.name == name).count();
    assert_eq!((count("detokenize"), count("queue"), made.len()), (11, 1, SGLANG_MADE));
    let statuses = spans
        .iter()
        .filter(|span| span.tags.contains_key("inferscope.decompose.status"))
        .count();
    assert!(statuses >= 14, "only {statuses} requests were found");
}

/// A span but for what the program says about it; the tests of the processor check that word by word.
fn without_annotations(span: &JaegerSpan) -> JaegerSpan {
    let mut span = span.clone();
    span.tags.retain(|key, _| !key.starts_with("inferscope."));
    span
}

/// The phases of SGLang's own stages, where the name alone tells.
fn stage_phase(name: &str) -> Option<&'static str> {
    match name {
        "tokenize" => Some("tokenize"),
        "prefill_forward" => Some("prefill"),
        "decode_forward" => Some("decode"),
        _ => None,
    }
}
