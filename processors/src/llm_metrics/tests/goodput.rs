//! Objectives: which limits a request is held to, and what meets them.

use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::harness::{Desks, Metrics, Value, answer, pair, text};
use crate::llm_metrics::glob::matches;

const DOUBLE: fn(f64) -> Value = Value::DoubleValue;

/// An answer of 11 tokens that took a second, with these times to the first token and per token.
fn timed(first_token: f64, per_token: f64) -> Span {
    answer(&[
        ("gen_ai.latency.time_to_first_token", DOUBLE(first_token)),
        ("gen_ai.latency.time_in_model_decode", DOUBLE(per_token * 10.0)),
        ("gen_ai.usage.output_tokens", Value::IntValue(11)),
    ])
}

fn with(mut span: Span, key: &str, value: Value) -> Span {
    span.attributes.push(pair(key, value));
    span
}

fn failed(mut span: Span) -> Span {
    span.status = Some(Status {
        code: 2,
        ..Status::default()
    });
    span
}

fn counted(yaml: &str, spans: Vec<Span>) -> Metrics {
    let mut desks = Desks::new(yaml);
    desks.count_spans(spans);
    desks.flush()
}

/// Good and bad answers by objective, summed over all other labels.
fn goodput(metrics: &Metrics, objective: &str) -> (i64, i64) {
    let of = |good: bool| {
        let keys = metrics.of("inferscope.request.goodput").into_iter();
        let label = format!("good={good},objective={objective}");
        keys.filter(|key| key.contains(&label))
            .map(|key| metrics.total(key))
            .sum()
    };
    (of(true), of(false))
}

#[test]
fn an_answer_is_good_when_it_meets_every_limit() {
    let spans = vec![
        timed(0.2, 0.05),
        timed(0.201, 0.05),
        timed(0.2, 0.051),
        failed(timed(0.1, 0.01)),
    ];

    let metrics = counted("", spans);

    assert_eq!(goodput(&metrics, "ttft"), (3, 1), "the limit itself is good");
    assert_eq!(goodput(&metrics, "tpot"), (3, 1));
    assert_eq!(goodput(&metrics, "availability"), (3, 1));
    assert_eq!(goodput(&metrics, "e2e"), (0, 0), "no limit, no objective");
    assert_eq!(goodput(&metrics, "all"), (1, 3));
}

#[test]
fn an_objective_shows_both_its_series_from_its_first_answer_on() {
    let metrics = counted("", vec![timed(0.1, 0.01)]);

    let keys = metrics.of("inferscope.request.goodput");
    assert_eq!(keys.len(), 8, "four objectives, good and bad: {keys:?}");
    assert_eq!(goodput(&metrics, "all"), (1, 0));
}

#[test]
fn the_first_objective_that_fits_model_and_class_counts() {
    let yaml = "objectives:\n\
                - {model: '*-70B*', tenant_class: batch, ttft: 3s, tpot: 0s}\n\
                - {model: '*-70B*', ttft: 1s, tpot: 0s, e2e: 500ms}\n\
                - {model: tiny, ttft: 0s, tpot: 0s}\n";
    for (model, class, ttft, e2e) in [
        ("Llama-3.1-70B-Instruct", "batch", (1, 0), (0, 0)),
        ("Llama-3.1-70B-Instruct", "chat", (0, 1), (0, 1)),
        ("tiny", "batch", (0, 0), (0, 0)),
        ("unheard-of", "", (0, 0), (0, 0)),
    ] {
        let span = with(timed(2.0, 0.01), "gen_ai.request.model", text(model));
        let mut span = with(span, "inferscope.tenant.class", text(class));
        span.end_time_unix_nano += 2_000_000_000;

        let metrics = counted(yaml, vec![span]);

        assert_eq!(goodput(&metrics, "ttft"), ttft, "{model} {class}");
        assert_eq!(goodput(&metrics, "e2e"), e2e, "{model} {class}");
        assert_eq!(goodput(&metrics, "availability"), (1, 0));
        assert!(
            !metrics.keys().iter().any(|key| key.contains("tenant.class")),
            "a class is no label"
        );
    }
}

#[test]
fn the_model_of_an_objective_is_the_one_that_answered_where_nobody_says_which_was_asked_for() {
    let yaml = "objectives: [{model: big, ttft: 1s}, {ttft: 100ms}]";
    let answered = with(timed(0.5, 0.01), "gen_ai.response.model", text("big"));
    let asked = with(answered.clone(), "gen_ai.request.model", text("alias"));

    assert_eq!(goodput(&counted(yaml, vec![answered]), "ttft"), (1, 0));
    assert_eq!(goodput(&counted(yaml, vec![asked]), "ttft"), (0, 1));
}

#[test]
fn what_is_not_known_is_not_held_against_an_answer() {
    let metrics = counted("objectives: [{e2e: 2s}]", vec![answer(&[])]);

    assert_eq!(goodput(&metrics, "ttft"), (0, 0));
    assert_eq!(goodput(&metrics, "tpot"), (0, 0));
    assert_eq!(goodput(&metrics, "e2e"), (1, 0));
    assert_eq!(goodput(&metrics, "all"), (1, 0));
}

#[test]
fn nobody_waits_for_the_first_token_of_what_is_not_streamed() {
    let metrics = counted(
        "",
        vec![with(timed(9.0, 9.0), "gen_ai.request.stream", Value::BoolValue(false))],
    );

    assert_eq!(goodput(&metrics, "ttft"), (0, 0));
    assert_eq!(goodput(&metrics, "tpot"), (0, 0));
    assert_eq!(goodput(&metrics, "all"), (1, 0));
}

#[test]
fn what_was_given_up_is_not_judged_unless_somebody_wants_that() {
    let aborted = || {
        vec![with(
            timed(0.1, 0.01),
            "gen_ai.response.finish_reasons",
            text("[\"abort\"]"),
        )]
    };

    assert_eq!(counted("", aborted()).of("inferscope.request.goodput"), [""; 0]);
    assert_eq!(
        goodput(&counted("count_aborts: true", aborted()), "availability"),
        (0, 1)
    );
    assert_eq!(goodput(&counted("count_aborts: true", aborted()), "all"), (0, 1));
}

#[test]
fn stars_stand_for_any_characters() {
    for (pattern, name, fits) in [
        ("*", "", true),
        ("*", "anything", true),
        ("", "", true),
        ("a*c", "abbbc", true),
        ("a*c", "ac", true),
        ("a*c", "acb", false),
        ("*70B*", "Llama-70B-Instruct", true),
        ("*a*b", "aabab", true),
        ("a", "ab", false),
        ("ab", "a", false),
        ("a**", "a", true),
    ] {
        assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
    }
    // What takes others forever: many stars and a name that fits nearly.
    assert!(!matches(
        &b"a*".repeat(5_000),
        &[b"a".repeat(20_000), b"b".to_vec()].concat().repeat(1)[..1]
    ));
    let pattern = [b"*a".repeat(200), b"c".to_vec()].concat();
    assert!(!matches(&pattern, &b"a".repeat(20_000)));
}
