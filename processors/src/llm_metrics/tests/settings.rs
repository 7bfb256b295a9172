//! What a configuration may say, and what it is told when it may not.

use super::harness::{Desks, Point, Value, answer, complaint, config, phase};
use crate::llm_metrics::Config;

#[test]
fn an_empty_configuration_is_the_default() {
    assert_eq!(config::<Config>("{}"), Config::default());
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_remedy() {
    for (yaml, problem) in [
        ("metrics_flush_interval: 0s", "must be longer than zero"),
        (
            "{metrics_flush_interval: 1m, metrics_expiration: 30s}",
            "must not be shorter than metrics_flush_interval",
        ),
        ("resource_metrics_cache_size: 0", "must be at least 1"),
        ("recent_requests: {requests_max: 0}", "must be at least 1"),
        ("recent_requests: {window: 0s}", "must be longer than zero"),
        ("exemplars: {max_per_data_point: 0}", "exemplars::enabled: false"),
        ("tenant_class_attribute: ''", "must name an attribute"),
        (
            "tenant_class_attribute: llm.system",
            "says something else about a request",
        ),
        ("dimensions: [{name: ''}]", "must name an attribute"),
        ("dimensions: [{name: a}, {name: a}]", "is listed twice"),
        (
            "dimensions: [{name: gen_ai.request.id}]",
            "another for every request or user",
        ),
        ("dimensions: [{name: service.name}]", "is on the series already"),
        ("dimensions: [{name: a, glob: b}]", "glob"),
        ("objectives: [{model: ''}]", "must not be empty"),
        ("objectives: [{ttft: -1s}]", "negative"),
        ("histograms: {phase_duration: {max_size: 3}}", "from 4 to 1000"),
        (
            "histograms: {phase_duration: {buckets: [1]}}",
            "finds its buckets by itself",
        ),
        (
            "histograms: {phase_duration: {kind: explicit, max_size: 10}}",
            "as many as there are",
        ),
        (
            "histograms: {phase_duration: {kind: explicit, buckets: [2, 1]}}",
            "each greater than the one before",
        ),
        (
            "histograms: {phase_duration: {kind: explicit, buckets: [.nan]}}",
            "above zero",
        ),
        ("histograms: {phases: {}}", "phases"),
    ] {
        let told = complaint(yaml);
        assert!(told.contains(problem), "{yaml}: {told:?}");
    }
}

#[test]
fn explicit_buckets_are_the_defaults_of_the_metric_or_the_users() {
    let yaml = "histograms:\n  \
                time_to_first_token: {kind: explicit}\n  \
                phase_duration: {kind: explicit, buckets: [0.001, 0.01]}\n";
    let mut desks = Desks::new(yaml);
    let span = answer(&[("gen_ai.latency.time_to_first_token", Value::DoubleValue(0.5))]);
    desks.count_spans(vec![
        span,
        phase("queue", "measured", 1),
        phase("queue", "measured", 50),
    ]);

    let metrics = desks.flush();

    let explicit = |name: &str| match &metrics.points[metrics.of(name)[0]] {
        Point::Explicit(point) => point.clone(),
        other => panic!("{other:?}"),
    };
    let first_token = explicit("gen_ai.server.time_to_first_token");
    assert_eq!(first_token.explicit_bounds.len(), 22);
    assert_eq!(
        first_token.explicit_bounds.last(),
        Some(&2560.0),
        "beyond the 10 s of the conventions"
    );
    let phases = explicit("inferscope.request.phase.duration");
    assert_eq!(
        (phases.explicit_bounds, phases.bucket_counts),
        (vec![0.001, 0.01], vec![1, 0, 1])
    );
    assert_eq!(
        metrics
            .histogram("gen_ai.server.request.duration{service.name=llm}")
            .count,
        1,
        "the others follow"
    );
}

#[test]
fn without_exemplars_there_are_none() {
    let mut desks = Desks::new("exemplars: {enabled: false}");
    desks.count_spans(vec![answer(&[])]);

    let metrics = desks.flush();

    assert!(
        metrics
            .histogram("gen_ai.server.request.duration{service.name=llm}")
            .exemplars
            .is_empty()
    );
}

#[test]
fn a_class_may_be_named_by_another_attribute() {
    let yaml = "{tenant_class_attribute: plan, objectives: [{tenant_class: gold, e2e: 100ms}]}";
    let mut desks = Desks::new(yaml);

    desks.count_spans(vec![answer(&[("plan", super::harness::text("gold"))])]);

    let keys = desks.flush();
    assert_eq!(
        keys.total("inferscope.request.goodput{good=false,objective=e2e,service.name=llm}"),
        1
    );
}
