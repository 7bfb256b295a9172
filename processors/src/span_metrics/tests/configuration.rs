//! What a configuration may say.

use ::config::{Diagnostics, Section};

use super::harness::config;
use crate::span_metrics::Config;

fn problems(yaml: &str) -> String {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let _: Option<Config> = ::config::decode(&section, &mut diagnostics);
    diagnostics.render(false)
}

#[test]
fn the_collector_s_own_examples_are_read() {
    for yaml in [
        "{}",
        "{histogram: {explicit: }}",
        "{histogram: {exponential: }}",
        "{histogram: {unit: s, explicit: {buckets: [10ms, 100ms, 250ms]}}, exemplars: {enabled: true}, \
          resource_metrics_cache_size: 1600, dimensions: [{name: http.method, default: GET}, {name: http.status_code}], \
          aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA, metrics_flush_interval: 30s}",
        "{histogram: {exponential: {max_size: 10}}}",
        "{series_expiration: 5m}",
        "{exemplars: {enabled: true, max_per_data_point: 10}}",
        "{resource_metrics_key_attributes: [service.name, telemetry.sdk.language, telemetry.sdk.name]}",
        "{histogram: {dimensions: [{name: http.status_code}]}, dimensions: [{name: http.method, default: GET}], \
          calls_dimensions: [{name: http.url}]}",
        "{dimensions: [{name: http.method, default: GET}, {glob: 'db.*'}]}",
        "{events: {enabled: true, dimensions: [{name: exception.type}, {name: exception.message}]}}",
        "{include_instrumentation_scope: [express], add_resource_attributes: true}",
    ] {
        config(yaml);
    }
}

#[test]
fn keys_without_effect_say_so() {
    let said =
        problems("{dimensions_cache_size: 1000, metric_timestamp_cache_size: 123, exclude_dimensions: [status_code]}");

    assert!(said.contains("dimensions_cache_size: has no effect"), "{said}");
    assert!(said.contains("metric_timestamp_cache_size: has no effect"), "{said}");
    assert!(said.contains("\"status_code\" is no default dimension"), "{said}");
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn ids_and_users_as_dimensions_are_warned_of() {
    for yaml in [
        "{dimensions: [{name: enduser.id}]}",
        "{calls_dimensions: [{name: gen_ai.response.id}]}",
        "{events: {dimensions: [{name: llm.user}]}}",
        "{dimensions: [{glob: 'gen_ai.*'}]}",
    ] {
        let said = problems(yaml);

        assert!(said.contains("another for every request or user"), "{yaml}: {said}");
        assert!(!said.contains("error"), "{said}");
    }
    assert_eq!(
        problems("{dimensions: [{name: gen_ai.request.model}, {glob: 'http.*'}]}"),
        ""
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (yaml, problem) in [
        (
            "{histogram: {explicit: , exponential: }}",
            "either explicit or exponential",
        ),
        ("{histogram: {unit: h}}", "unit"),
        (
            "{histogram: {explicit: {buckets: [2ms, 2ms]}}}",
            "more than the bound before",
        ),
        ("{histogram: {exponential: {max_size: 2}}}", "between 4 and 4096"),
        ("{metrics_expiration: -20s}", "metrics_expiration"),
        ("{metrics_flush_interval: 0s}", "more than 0"),
        ("{resource_metrics_cache_size: 0}", "at least 1"),
        ("{aggregation_temporality: delta}", "aggregation_temporality"),
        (
            "{dimensions: [{name: span.name}]}",
            "there is an attribute \"span.name\" already",
        ),
        (
            "{dimensions: [{name: a}, {name: a}]}",
            "there is an attribute \"a\" already",
        ),
        (
            "{dimensions: [{name: a}], calls_dimensions: [{name: a}]}",
            "there is an attribute \"a\" already",
        ),
        ("{dimensions: [{name: a, glob: b}]}", "write one of them"),
        ("{dimensions: [{default: b}]}", "needs a `name` or a `glob`"),
        ("{dimensions: [{glob: 'a.*', default: b}]}", "has no `default`"),
        ("{dimensions: [{glob: '[a'}]}", "is no pattern"),
        ("{dimensions: [{glob: 'span.*'}]}", "matches \"span.kind\""),
        (
            "{dimensions: [{glob: 'a*'}], histogram: {dimensions: [{name: abc}]}}",
            "matches \"abc\"",
        ),
        ("{events: {enabled: true}}", "no attribute of theirs"),
        (
            "{enable_metrics_sampling_method: true, dimensions: [{name: sampling.method}]}",
            "already",
        ),
    ] {
        let said = problems(yaml);

        assert!(said.contains("error") && said.contains(problem), "{yaml}: {said}");
    }
}
