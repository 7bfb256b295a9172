//! What hostile or broken spans do: nothing bad, and it is counted.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use proptest::prelude::*;

use super::harness::{Counter, Say, pair, span, text, traces, traces_of};

const CALLS: &str = "traces.span.metrics.calls";
const DURATION: &str = "traces.span.metrics.duration";

#[test]
fn a_million_names_are_counted_exactly_in_bounded_memory() {
    let mut counter = Counter::new("{}");
    for round in 0..1_000 {
        let spans = (0..1_000).map(|index| span(&format!("GET /product/{}", round * 1_000 + index), 0, 5));
        counter.add(vec![traces("shop", spans.collect())]);
    }

    let points = counter.flush();

    let counts = points.counts(CALLS);
    assert_eq!(counts.len(), 2_001, "the limit and the overflow");
    assert_eq!(counts["otel.metric.overflow=true service.name=shop"], 998_000);
    assert_eq!(counts.values().sum::<u64>(), 1_000_000);
    assert_eq!(points.durations(DURATION), 1_000_000);
    assert_eq!(counter.own("overflowed"), 998_000.0);
    assert_eq!(counter.own("spans"), 1_000_000.0);
    assert_eq!(counter.own("streams"), 2_000.0);
}

#[test]
fn series_max_bounds_all_resources_together() {
    let mut counter = Counter::new("{series_max: 5, aggregation_cardinality_limit: 0}");
    for service in ["a", "b"] {
        let spans = (0..4).map(|index| span(&format!("op {index}"), 0, 5)).collect();
        counter.add(vec![traces(service, spans)]);
    }

    let counts = counter.flush().counts(CALLS);

    assert_eq!(counts.len(), 6);
    assert_eq!(counts["otel.metric.overflow=true service.name=b"], 3);
}

#[test]
fn overflows_of_two_services_or_two_processes_are_not_one_series() {
    let mut counter = Counter::saying_who_counts("aggregation_cardinality_limit: 1");
    let spans = || vec![span("x", 0, 5), span("y", 0, 5), span("z", 0, 5)];
    counter.add(vec![traces("a", spans()), traces("b", spans())]);

    let counts = counter.flush().counts(CALLS);

    let id = crate::aggregation::instance_id();
    for service in ["a", "b"] {
        let said = format!("collector.instance.id={id} otel.metric.overflow=true service.name={service}");
        assert_eq!(counts[&said], 2);
    }
}

#[test]
fn a_span_that_ends_before_it_begins_took_no_time_and_is_counted() {
    let mut counter = Counter::new("{}");
    counter.add(vec![traces("a", vec![span("x", 9, 5), span("x", 5, 5)])]);

    let points = counter.flush();

    let said = "service.name=a span.kind=SPAN_KIND_INTERNAL span.name=x status.code=STATUS_CODE_UNSET";
    assert_eq!(points.histogram(DURATION, said).1[0], 2);
    assert_eq!(points.counts(CALLS)[said], 2);
    assert_eq!(counter.own("negative_durations"), 1.0);
}

#[test]
fn a_huge_set_of_attributes_has_no_stream_of_its_own() {
    let mut counter = Counter::new("{}");
    counter.add(vec![traces(
        "a",
        vec![span(&"x".repeat(100_000), 0, 5), span("y", 0, 5)],
    )]);

    let counts = counter.flush().counts(CALLS);

    assert_eq!(counts["otel.metric.overflow=true service.name=a"], 1);
    assert_eq!(counts.values().sum::<u64>(), 2);
}

#[test]
fn values_that_are_no_texts_are_told_as_they_came() {
    let mut counter = Counter::new(
        "{exclude_dimensions: [service.name, span.name, span.kind, status.code], dimensions: [{name: v}]}",
    );
    let array = Value::ArrayValue(ArrayValue {
        values: vec![AnyValue {
            value: Some(Value::IntValue(1)),
        }],
    });
    let values = [
        Value::DoubleValue(f64::NAN),
        Value::DoubleValue(f64::NAN),
        Value::IntValue(-1),
        Value::BoolValue(true),
        array,
    ];
    let spans = values
        .into_iter()
        .map(|value| span("x", 0, 5).with(vec![pair("v", value)]));
    counter.add(vec![traces("a", spans.collect())]);

    let counts = counter.flush().counts(CALLS);

    assert_eq!(counts["v=NaN"], 2);
    assert_eq!(counts["v=-1"], 1);
    assert_eq!(counts["v=true"], 1);
    assert_eq!(counts.len(), 4);
}

#[test]
fn spans_without_a_service_are_counted_without_one() {
    let mut counter = Counter::new("{}");
    counter.add(vec![traces_of(vec![text("host.name", "h")], vec![span("x", 0, 5)])]);

    let counts = counter.flush().counts(CALLS);

    let said = "span.kind=SPAN_KIND_INTERNAL span.name=x status.code=STATUS_CODE_UNSET";
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(said.to_owned(), 1)]);
}

#[test]
fn a_sampler_s_threshold_cannot_make_counts_overflow() {
    let mut counter = Counter::new("{}");
    let spans = (0..1_000).map(|index| {
        let mut span = span("x", 0, index);
        span.trace_state = "ot=th:ffffffffffffff".to_owned();
        span
    });
    counter.add(vec![traces("a", spans.collect())]);

    let calls: u64 = counter.flush().counts(CALLS).values().sum();

    assert_eq!(calls, i64::MAX as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever the times, kinds, statuses and trace states are, every span is counted.
    #[test]
    fn odd_spans_are_counted_like_others(
        spans in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<i32>(), any::<i32>(), ".{0,12}", "[a-z=:;,0-9]{0,20}"), 0..20),
        exponential in any::<bool>(),
    ) {
        let mut counter = Counter::new(if exponential { "histogram: {exponential: {}}" } else { "{}" });
        let count = spans.len() as u64;
        let spans = spans.into_iter().map(|(start, end, kind, status, name, state)| {
            let mut span = span(&name, start, end).failed();
            span.kind = kind;
            span.status.as_mut().unwrap().code = status;
            span.trace_state = state;
            span
        });
        counter.add(vec![traces("a", spans.collect())]);

        let points = counter.flush();

        let counted: u64 = points.counts(CALLS).values().sum();
        prop_assert!(counted >= count);
        prop_assert_eq!(points.durations(DURATION), counted);
        prop_assert_eq!(counter.own("spans"), count as f64);
    }
}
