//! S-1: a test for each row of the table, and the conflicts of each.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::rig::{Rig, said, text, texts};
use crate::llm_attributes::rows::ROWS;
use crate::llm_names::Row;

const INT: fn(i64) -> Value = Value::IntValue;
const DOUBLE: fn(f64) -> Value = Value::DoubleValue;

/// Two facts as one name says them.
type Facts = [Value; 2];

/// Says what makes the span one that rows are about, and stands in no row but its own.
const MARK: (&str, &str) = ("inferscope.decompose.status", "ok");

/// Plays a row: each name alone, and each two of them, in both orders, that agree and that do not.
fn row(names: Row, spelled: impl Fn(&str) -> Facts) {
    let standard = names[0];
    assert!(ROWS.iter().any(|(_, row)| *row == names), "{standard} is told");
    let mark = (MARK.0, text(MARK.1));

    for name in &names[1..] {
        let [fact, _] = spelled(name);
        let told = spelled(standard)[0].clone();

        let out = Rig::new("").run(&[mark.clone(), (*name, fact.clone())]);
        assert_eq!(
            out,
            said(&[mark.clone(), (*name, fact), (standard, told)]),
            "{name} alone"
        );
    }
    for (at, left) in names.iter().enumerate() {
        for right in &names[at + 1..] {
            for is_swapped in [false, true] {
                let believed = (*left, spelled(left)[0].clone());
                for (other, conflicts) in [(spelled(right)[0].clone(), 0), (spelled(right)[1].clone(), 1)] {
                    let mut came = vec![mark.clone(), believed.clone(), (*right, other)];
                    if is_swapped {
                        came.swap(1, 2);
                    }
                    let mut rig = Rig::new("");
                    let out = rig.run(&came);

                    if at > 0 {
                        came.push((standard, spelled(standard)[0].clone()));
                    }
                    assert_eq!(out, said(&came), "{left} before {right}");
                    assert_eq!(rig.conflicts(standard), conflicts, "{left} and {right}: {came:?}");
                }
            }
        }
    }
}

#[test]
fn s1_input_tokens() {
    row(
        &[
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
            "llm.usage.prompt_tokens",
        ],
        |_| [INT(7), INT(3_000_000)],
    );
}

#[test]
fn s1_output_tokens() {
    row(
        &[
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "llm.usage.completion_tokens",
        ],
        |_| [INT(7), INT(9)],
    );
}

#[test]
fn s1_cached_input_tokens() {
    row(
        &[
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cached_tokens",
            "llm.token_count.prompt_details.cache_read",
        ],
        |_| [INT(0), INT(9)],
    );
}

#[test]
fn s1_reasoning_tokens() {
    row(
        &[
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
        ],
        |_| [INT(7), INT(9)],
    );
}

#[test]
fn s1_request_model() {
    row(
        &[
            "gen_ai.request.model",
            "llm.request.model_name",
            "llm.model_name",
            "llm.request.model",
        ],
        |_| [text("qwen"), text("llama")],
    );
}

#[test]
fn s1_response_model() {
    row(
        &["gen_ai.response.model", "llm.response.model_name", "llm.response.model"],
        |_| [text("qwen"), text("llama")],
    );
}

#[test]
fn s1_provider() {
    row(
        &["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"],
        |_| [text("openai"), text("anthropic")],
    );
}

#[test]
fn s1_operation() {
    row(
        &[
            "gen_ai.operation.name",
            "openinference.span.kind",
            "traceloop.span.kind",
            "llm.request.type",
        ],
        |name| match name {
            "gen_ai.operation.name" => [text("execute_tool"), text("invoke_agent")],
            "openinference.span.kind" => [text("TOOL"), text("AGENT")],
            _ => [text("tool"), text("agent")],
        },
    );
}

#[test]
fn s1_response_id() {
    row(&["gen_ai.response.id", "gen_ai.request.id"], |_| {
        [text("chatcmpl-1"), text("chatcmpl-2")]
    });
}

#[test]
fn s1_finish_reasons() {
    row(
        &[
            "gen_ai.response.finish_reasons",
            "gen_ai.response.finish_reason",
            "llm.finish_reason",
            "llm.response.finish_reason",
            "llm.response.stop_reason",
        ],
        |name| match name {
            "gen_ai.response.finish_reasons" => [texts(&["stop"]), texts(&["tool_calls"])],
            _ => [text("stop"), text("tool_calls")],
        },
    );
}

#[test]
fn s1_streaming() {
    row(
        &["gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming"],
        |_| [Value::BoolValue(true), Value::BoolValue(false)],
    );
}

#[test]
fn s1_time_to_first_token() {
    row(
        &[
            "gen_ai.latency.time_to_first_token",
            "gen_ai.server.ttft",
            "gen_ai.server.time_to_first_token",
            "llm_d.pd_proxy.true_ttft_ms",
        ],
        |name| match name {
            "llm_d.pd_proxy.true_ttft_ms" => [DOUBLE(250.0), DOUBLE(900.0)],
            _ => [DOUBLE(0.25), DOUBLE(0.5)],
        },
    );
}

#[test]
fn s1_conversation() {
    row(&["gen_ai.conversation.id", "session.id"], |_| {
        [text("c-1"), text("c-2")]
    });
}

#[test]
fn s1_end_user() {
    row(&["enduser.id", "user.id", "gen_ai.user", "llm.user"], |_| {
        [text("ann"), text("bob")]
    });
}

#[test]
fn s1_given_cost() {
    row(
        &["inferscope.cost.given", "gen_ai.usage.cost", "llm.cost.total"],
        |_| [DOUBLE(0.0125), DOUBLE(0.5)],
    );
}

#[test]
fn the_engines_other_durations_have_one_name_and_are_nobody_elses() {
    for name in [
        "gen_ai.latency.time_in_queue",
        "gen_ai.latency.time_in_model_prefill",
        "gen_ai.latency.time_in_model_decode",
        "gen_ai.latency.time_in_model_inference",
        "gen_ai.latency.e2e",
        "gen_ai.response.time_to_first_chunk",
    ] {
        let came = [(name, DOUBLE(0.5))];

        assert_eq!(Rig::new("").run(&came), said(&came));
        assert_eq!(Rig::new("normalize: replace").run(&came), said(&came));
    }
}

#[test]
fn every_row_is_played_here() {
    assert_eq!(ROWS.len(), 15, "add the test of the new row");
}

#[test]
fn replaced_names_go_and_those_that_say_something_of_their_own_stay() {
    let mut rig = Rig::new("normalize: replace");

    let out = rig.run(&[
        ("llm.model_name", text("qwen")),
        ("gen_ai.request.id", text("cmpl-1")),
        ("session.id", text("s")),
        ("gen_ai.usage.input_tokens", INT(7)),
        ("llm.token_count.prompt", INT(7)),
        ("gen_ai.usage.prompt_tokens", INT(8)),
        ("llm.input_messages.0.message.role", text("user")),
    ]);

    let expected = [
        ("gen_ai.request.id", text("cmpl-1")),
        ("session.id", text("s")),
        ("gen_ai.usage.input_tokens", INT(7)),
        ("llm.input_messages.0.message.role", text("user")),
        ("gen_ai.request.model", text("qwen")),
        ("gen_ai.response.id", text("cmpl-1")),
        ("gen_ai.conversation.id", text("s")),
    ];
    assert_eq!(out, said(&expected));
    assert_eq!(rig.conflicts("gen_ai.usage.input_tokens"), 1);
}
