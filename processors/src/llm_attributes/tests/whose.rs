//! Which spans facts are told of.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::rig::{Rig, request, said, text};
use crate::actions::tests::trial;

#[test]
fn a_session_of_a_browser_is_no_conversation_with_a_model() {
    let came = [
        ("session.id", text("s")),
        ("user.id", text("ann")),
        ("http.route", text("/cart")),
    ];
    let traces = trial::traces(&request(&came));

    let out = Rig::new("normalize: replace").bytes(&traces);

    assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr(), "the same bytes");
}

#[test]
fn a_session_on_a_span_of_a_model_is_one() {
    let came = [("session.id", text("s")), ("openinference.span.kind", text("CHAIN"))];

    let out = Rig::new("").run(&came);

    let [session, kind] = came;
    assert_eq!(out, said(&[session, kind, ("gen_ai.conversation.id", text("s"))]));
}

#[test]
fn a_clients_span_gets_no_latency_that_only_engines_say() {
    let came = [
        ("gen_ai.server.ttft", Value::DoubleValue(0.2)),
        ("gen_ai.provider.name", text("openai")),
    ];
    let traces = trial::traces(&request(&came));

    let out = Rig::new("normalize: replace").bytes(&traces);

    assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr());
}

#[test]
fn a_span_that_says_everything_under_the_standards_names_keeps_its_bytes() {
    let came = [
        ("gen_ai.provider.name", text("openai")),
        ("gen_ai.usage.input_tokens", Value::IntValue(7)),
        ("gen_ai.operation.name", text("somebodys_own")),
    ];
    let traces = trial::traces(&request(&came));

    let out = Rig::new("").bytes(&traces);

    assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr());
}

#[test]
fn a_second_time_nothing_is_left_to_do() {
    for mode in ["normalize: add", "normalize: replace"] {
        let came = [
            ("llm.model_name", text("qwen")),
            ("llm.token_count.prompt", Value::IntValue(7)),
            ("llm.cost.total", Value::IntValue(2)),
            ("openinference.span.kind", text("LLM")),
        ];
        let mut rig = Rig::new(mode);
        let once = rig.bytes(&trial::traces(&request(&came)));

        let twice = rig.bytes(&once);

        assert_eq!(twice.bytes(), once.bytes(), "{mode}");
        assert_eq!(rig.conflicts("gen_ai.operation.name"), 0, "{mode}");
    }
}

#[test]
fn kinds_of_spans_without_a_word_in_the_standard_are_no_operation() {
    for (key, word) in [
        ("openinference.span.kind", "CHAIN"),
        ("traceloop.span.kind", "task"),
        ("llm.request.type", "rerank"),
    ] {
        let came = [(key, text(word))];

        assert_eq!(Rig::new("normalize: replace").run(&came), said(&came));
    }
}

#[test]
fn what_this_program_made_is_not_looked_at() {
    let mut request = request(&[("llm.model_name", text("qwen"))]);
    let scope = &mut request.resource_spans[0].scope_spans[0].scope;
    scope.get_or_insert_default().name = "inferscope/llm_phases".to_owned();
    let traces = trial::traces(&request);

    let out = Rig::new("").bytes(&traces);

    assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr());
}
