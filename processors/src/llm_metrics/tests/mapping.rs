//! S-1: every row of the table of names that is used, and what happens when two names disagree.

use opentelemetry_proto::tonic::trace::v1::Span;

use super::harness::{Desks, Metrics, Value, answer, bare, text};
use crate::llm_metrics::dictionary::{Fact, Number, ROWS};

const INT: fn(i64) -> Value = Value::IntValue;
const DOUBLE: fn(f64) -> Value = Value::DoubleValue;

fn counted(span: Span) -> (Metrics, Desks) {
    let mut desks = Desks::new("");
    desks.count_spans(vec![span]);
    (desks.flush(), desks)
}

/// What a request shows when it says `value` under `key`, with what else is needed to see it.
fn shown(key: &str, fact: Fact, value: Value) -> String {
    let mut attributes = vec![(key, value)];
    match fact {
        // A time per token needs tokens, a derived first token both ends.
        Fact::Length(Number::Decode) => attributes.push(("gen_ai.usage.output_tokens", INT(3))),
        Fact::Length(Number::Queue | Number::Prefill | Number::Inference | Number::EndToEnd) => {
            let others = [
                ("gen_ai.latency.time_in_queue", 0.01),
                ("gen_ai.latency.time_in_model_prefill", 0.1),
                ("gen_ai.latency.time_in_model_inference", 0.4),
                ("gen_ai.latency.e2e", 0.6),
            ];
            let others = others.into_iter().filter(|(other, _)| *other != key);
            attributes.extend(others.map(|(key, seconds)| (key, DOUBLE(seconds))));
            attributes.push(("gen_ai.usage.output_tokens", INT(3)));
        }
        Fact::Streamed => attributes.push(("gen_ai.latency.time_to_first_token", DOUBLE(0.5))),
        _ => {}
    }
    format!("{:?}", counted(answer(&attributes)).0)
}

/// Two different values for a fact.
fn values(fact: Fact, key: &str) -> [Value; 2] {
    match fact {
        Fact::Count(_) => [INT(7), INT(9)],
        Fact::Length(_) if key.ends_with("_ms") => [DOUBLE(120.0), DOUBLE(300.0)],
        Fact::Length(_) => [DOUBLE(0.12), DOUBLE(0.3)],
        Fact::Streamed => [Value::BoolValue(true), Value::BoolValue(false)],
        Fact::Reasons => [text("stop"), text("abort")],
        Fact::Text(_) | Fact::Present(_) => [text("one"), text("other")],
    }
}

#[test]
fn s1_every_name_of_a_row_says_the_same() {
    for (fact, keys) in ROWS {
        let first = shown(keys[0], fact, values(fact, keys[0])[1].clone());
        let nothing = format!("{:?}", counted(answer(&[])).0);
        assert_ne!(first, nothing, "{} shows", keys[0]);

        for key in &keys[1..] {
            assert_eq!(shown(key, fact, values(fact, key)[1].clone()), first, "{key}");
        }
    }
}

#[test]
fn s1_of_two_names_that_disagree_the_first_of_the_row_counts_and_the_conflict_is_counted() {
    for (fact, keys) in ROWS {
        for (at, left) in keys.iter().enumerate() {
            for right in &keys[at + 1..] {
                let (believed, other) = (values(fact, left)[0].clone(), values(fact, right)[1].clone());
                let alone = shown(left, fact, believed.clone());
                for pair in [
                    [(*left, &believed), (*right, &other)],
                    [(*right, &other), (*left, &believed)],
                ] {
                    let more = if matches!(fact, Fact::Streamed) {
                        vec![("gen_ai.latency.time_to_first_token", DOUBLE(0.5))]
                    } else {
                        Vec::new()
                    };
                    let said = pair.into_iter().map(|(key, value)| (key, value.clone()));
                    let attributes: Vec<(&str, Value)> = said.chain(more).collect();
                    let (metrics, desks) = counted(answer(&attributes));

                    assert_eq!(format!("{metrics:?}"), alone, "{left} before {right}");
                    let conflicts = format!("inferscope_normalize_conflicts{{attribute=\"{}\"}}", keys[0]);
                    assert_eq!(desks.own(&conflicts), 1, "{left} and {right}");
                }
            }
        }
    }
}

#[test]
fn two_names_that_agree_are_no_conflict() {
    let (_, desks) = counted(answer(&[
        ("gen_ai.usage.prompt_tokens", INT(5)),
        ("gen_ai.usage.input_tokens", INT(5)),
    ]));

    let conflicts = "inferscope_normalize_conflicts{attribute=\"gen_ai.usage.input_tokens\"}";
    assert_eq!(desks.own(conflicts), 0);
}

#[test]
fn two_words_for_one_operation_are_no_conflict() {
    let conflicts = "inferscope_normalize_conflicts{attribute=\"gen_ai.operation.name\"}";
    let said = |word: &str| {
        counted(answer(&[
            ("gen_ai.operation.name", text("chat")),
            ("openinference.span.kind", text(word)),
        ]))
    };

    assert_eq!(said("LLM").1.own(conflicts), 0);
    assert_eq!(said("TOOL").1.own(conflicts), 1);
}

#[test]
fn what_a_client_measured_is_not_what_the_engine_did() {
    let (metrics, _) = counted(answer(&[("gen_ai.response.time_to_first_chunk", DOUBLE(0.5))]));

    assert_eq!(metrics.of("gen_ai.server.time_to_first_token"), [""; 0]);
}

#[test]
fn operations_are_called_as_the_semantic_conventions_call_them() {
    for (key, word, operation) in [
        ("gen_ai.operation.name", "chat", "chat"),
        ("openinference.span.kind", "LLM", "chat"),
        ("openinference.span.kind", "EMBEDDING", "embeddings"),
        ("llm.request.type", "completion", "text_completion"),
        ("traceloop.span.kind", "tool", "execute_tool"),
        ("gen_ai.operation.name", "my_own", "my_own"),
    ] {
        let (metrics, _) = counted(answer(&[(key, text(word))]));

        let keys = metrics.of("inferscope.requests");
        assert!(
            keys[0].contains(&format!("gen_ai.operation.name={operation}")),
            "{key}={word}: {keys:?}"
        );
    }
}

#[test]
fn h30_speculative_decoding_does_not_change_the_time_per_token() {
    let (metrics, _) = counted(bare(&[
        ("gen_ai.latency.time_in_model_decode", DOUBLE(0.3)),
        ("gen_ai.usage.completion_tokens", INT(61)),
    ]));

    let point = metrics.histogram("gen_ai.server.time_per_output_token{service.name=llm}");
    assert_eq!(point.count, 1);
    assert!((point.sum.unwrap() - 0.005).abs() < 1e-12);
}

#[test]
fn a_decode_that_is_not_said_is_what_inference_leaves_beside_prefill() {
    let (metrics, _) = counted(bare(&[
        ("gen_ai.latency.time_in_model_inference", DOUBLE(0.5)),
        ("gen_ai.latency.time_in_model_prefill", DOUBLE(0.1)),
        ("gen_ai.usage.completion_tokens", INT(5)),
    ]));

    let point = metrics.histogram("gen_ai.server.time_per_output_token{service.name=llm}");
    assert!((point.sum.unwrap() - 0.1).abs() < 1e-12);
}

#[test]
fn h20_a_first_token_that_cannot_be_is_derived_from_the_phases_and_says_so() {
    for first_token in [-0.3, 5.0, f64::NAN] {
        let (metrics, desks) = counted(bare(&[
            ("gen_ai.latency.time_to_first_token", DOUBLE(first_token)),
            ("gen_ai.latency.time_in_queue", DOUBLE(0.01)),
            ("gen_ai.latency.time_in_model_prefill", DOUBLE(0.1)),
            ("gen_ai.latency.time_in_model_decode", DOUBLE(0.4)),
            ("gen_ai.latency.e2e", DOUBLE(0.56)),
        ]));

        // Frontend 0.05 s, queue 0.01 s, prefill 0.1 s.
        let inferred = "gen_ai.server.time_to_first_token{inferscope.phase.source=inferred,service.name=llm}";
        assert_eq!(metrics.of("gen_ai.server.time_to_first_token"), [inferred]);
        assert!((metrics.histogram(inferred).sum.unwrap() - 0.16).abs() < 1e-12);
        let reasons = ["negative", "too_long", "not_a_number"];
        let own = |reason: &str| {
            desks.own(&format!(
                "inferscope_connector_llm_metrics_unusable_values{{reason=\"{reason}\"}}"
            ))
        };
        assert_eq!(reasons.map(own).iter().sum::<u64>(), 1);
    }
}
