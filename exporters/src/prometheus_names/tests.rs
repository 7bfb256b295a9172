#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

/// Name, unit, kind; then the default, the form without suffixes, the form with all of UTF-8. Observed by running the
/// reference library (otlptranslator v1.0.0), which the Collector's exporters use.
const METRICS: &[(&str, &str, Kind, [&str; 3])] = &[
    (
        "vllm:num_requests_waiting",
        "",
        Kind::Gauge,
        [
            "vllm:num_requests_waiting",
            "vllm:num_requests_waiting",
            "vllm:num_requests_waiting",
        ],
    ),
    (
        "vllm:prompt_tokens_total",
        "",
        Kind::Counter,
        [
            "vllm:prompt_tokens_total",
            "vllm:prompt_tokens_total",
            "vllm:prompt_tokens_total",
        ],
    ),
    (
        "vllm:prompt_tokens",
        "",
        Kind::Counter,
        [
            "vllm:prompt_tokens_total",
            "vllm:prompt_tokens",
            "vllm:prompt_tokens_total",
        ],
    ),
    (
        "vllm:time_to_first_token_seconds",
        "s",
        Kind::Other,
        [
            "vllm:time_to_first_token_seconds",
            "vllm:time_to_first_token_seconds",
            "vllm:time_to_first_token_seconds",
        ],
    ),
    (
        "gen_ai.server.time_to_first_token",
        "s",
        Kind::Other,
        [
            "gen_ai_server_time_to_first_token_seconds",
            "gen_ai_server_time_to_first_token",
            "gen_ai.server.time_to_first_token_seconds",
        ],
    ),
    (
        "gen_ai.client.token.usage",
        "{token}",
        Kind::Other,
        [
            "gen_ai_client_token_usage",
            "gen_ai_client_token_usage",
            "gen_ai.client.token.usage",
        ],
    ),
    (
        "traces.span.metrics.calls",
        "",
        Kind::Counter,
        [
            "traces_span_metrics_calls_total",
            "traces_span_metrics_calls",
            "traces.span.metrics.calls_total",
        ],
    ),
    (
        "traces.span.metrics.duration",
        "ms",
        Kind::Other,
        [
            "traces_span_metrics_duration_milliseconds",
            "traces_span_metrics_duration",
            "traces.span.metrics.duration_milliseconds",
        ],
    ),
    (
        "hw.gpu.utilization",
        "1",
        Kind::Gauge,
        [
            "hw_gpu_utilization_ratio",
            "hw_gpu_utilization",
            "hw.gpu.utilization_ratio",
        ],
    ),
    (
        "hw.gpu.energy.consumed",
        "J",
        Kind::Counter,
        [
            "hw_gpu_energy_consumed_joules_total",
            "hw_gpu_energy_consumed",
            "hw.gpu.energy.consumed_joules_total",
        ],
    ),
    (
        "hw.gpu.memory.usage",
        "By",
        Kind::Other,
        [
            "hw_gpu_memory_usage_bytes",
            "hw_gpu_memory_usage",
            "hw.gpu.memory.usage_bytes",
        ],
    ),
    (
        "hw.gpu.temperature",
        "Cel",
        Kind::Gauge,
        [
            "hw_gpu_temperature_celsius",
            "hw_gpu_temperature",
            "hw.gpu.temperature_celsius",
        ],
    ),
    (
        "hw.gpu.clock.graphics",
        "MHz",
        Kind::Gauge,
        [
            "hw_gpu_clock_graphics_MHz",
            "hw_gpu_clock_graphics",
            "hw.gpu.clock.graphics_MHz",
        ],
    ),
    (
        "llm.cost",
        "USD",
        Kind::Counter,
        ["llm_cost_USD_total", "llm_cost", "llm.cost_USD_total"],
    ),
    (
        "llm.cost",
        "{USD}",
        Kind::Counter,
        ["llm_cost_total", "llm_cost", "llm.cost_total"],
    ),
    (
        "llm.tokens.rate",
        "{token}/s",
        Kind::Gauge,
        [
            "llm_tokens_rate_per_second",
            "llm_tokens_rate",
            "llm.tokens.rate_per_second",
        ],
    ),
    (
        "size.total",
        "By",
        Kind::Counter,
        ["size_bytes_total", "size_total", "size_bytes_total"],
    ),
    (
        "a__b..c",
        "%",
        Kind::Gauge,
        ["a_b_c_percent", "a__b_c", "a__b..c_percent"],
    ),
    (
        "2nd.metric",
        "",
        Kind::Gauge,
        ["_2nd_metric", "_2nd_metric", "2nd.metric"],
    ),
    ("_lead", "", Kind::Gauge, ["lead", "_lead", "_lead"]),
    ("日本.x", "", Kind::Gauge, ["x", "x", "日本.x"]),
];

fn names(strategy: Strategy) -> Names {
    Names {
        strategy,
        ..Names::default()
    }
}

#[test]
fn metric_names_are_those_of_the_reference_library() {
    let strategies = [
        Strategy::UnderscoreEscapingWithSuffixes,
        Strategy::UnderscoreEscapingWithoutSuffixes,
        Strategy::NoUTF8EscapingWithSuffixes,
    ];
    for (name, unit, kind, expected) in METRICS {
        for (strategy, expected) in strategies.into_iter().zip(expected) {
            let translated = names(strategy).metric(name, unit, *kind);

            assert_eq!(translated.name, *expected, "{name} in {strategy:?}");
            assert!(!translated.is_fallback);
        }
        assert_eq!(names(Strategy::NoTranslation).metric(name, unit, *kind).name, *name);
    }
}

#[test]
fn label_names_are_those_of_the_reference_library() {
    for (key, collector, specification) in [
        ("a..b", "a__b", "a_b"),
        ("__y", "__y", "_y"),
        ("_x", "_x", "_x"),
        ("2 cents", "key_2_cents", "key_2_cents"),
        ("name (of the host)", "name__of_the_host_", "name_of_the_host_"),
        ("model", "model", "model"),
        ("gen_ai.request.model", "gen_ai_request_model", "gen_ai_request_model"),
    ] {
        assert_eq!(legacy_label_name(key, Underscores::Kept), (collector.into(), false));
        assert_eq!(
            legacy_label_name(key, Underscores::Collapsed),
            (specification.into(), false)
        );
        assert_eq!(label_name(&names(Strategy::NoTranslation), key), (key.into(), false));
    }
}

#[test]
fn a_name_without_a_legal_character_is_kept_in_hexadecimal() {
    let default = Names::default();
    assert_eq!(label_name(&default, "日"), ("key_e697a5".into(), true));
    assert_eq!(label_name(&default, "___"), ("key_5f5f5f".into(), true));
    let translated = default.metric("日", "s", Kind::Counter);
    assert_eq!(
        (translated.name.as_str(), translated.is_fallback),
        ("metric_e697a5", true)
    );
    // Where UTF-8 is allowed there is nothing to replace.
    let utf8 = names(Strategy::NoTranslation);
    assert_eq!(label_name(&utf8, "日"), ("日".into(), false));
    assert_eq!(utf8.metric("日", "s", Kind::Counter).name, "日");
}

#[test]
fn a_namespace_stands_in_front_in_every_strategy() {
    let in_namespace = |strategy| Names {
        strategy,
        underscores: Underscores::Kept,
        namespace: "llm".to_owned(),
    };
    for (strategy, expected) in [
        (Strategy::UnderscoreEscapingWithSuffixes, "llm_a_b_seconds_total"),
        (Strategy::UnderscoreEscapingWithoutSuffixes, "llm_a_b"),
        (Strategy::NoUTF8EscapingWithSuffixes, "llm_a.b_seconds_total"),
        (Strategy::NoTranslation, "llm_a.b"),
    ] {
        assert_eq!(in_namespace(strategy).metric("a.b", "s", Kind::Counter).name, expected);
    }
    // What begins with a digit does not begin the name.
    let name = in_namespace(Strategy::UnderscoreEscapingWithoutSuffixes).metric("2nd", "", Kind::Gauge);
    assert_eq!(name.name, "llm_2nd");
}

#[test]
fn rates_have_both_words_and_odd_units_are_made_legal() {
    let default = Names::default();
    for (unit, expected) in [
        ("By/s", "x_bytes_per_second"),
        ("1/s", "x_per_second"),
        ("m/s/x", "x_meters_per_s_x"),
        ("/", "x"),
        ("°", "x"),
        ("a//", "x_a"),
    ] {
        assert_eq!(default.metric("x", unit, Kind::Gauge).name, expected, "{unit}");
    }
}
