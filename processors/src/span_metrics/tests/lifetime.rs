//! When streams and resources end.

use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};

use super::harness::{Counter, Points, span, text, traces, traces_of};

const CALLS: &str = "traces.span.metrics.calls";
const DURATION: &str = "traces.span.metrics.duration";

fn name(said: &str) -> &str {
    said.split("span.name=").nth(1).unwrap().split(' ').next().unwrap()
}

#[test]
fn a_stream_that_is_idle_too_long_ends_with_a_point_that_says_so() {
    let mut counter = Counter::new("series_expiration: 90s");
    counter.add(vec![traces("a", vec![span("x", 0, 5), span("y", 0, 5)])]);
    counter.flush();
    counter.pass(60);
    counter.add(vec![traces("a", vec![span("y", 0, 5)])]);
    assert_eq!(counter.flush().counts(CALLS).len(), 2, "60 s are not too long");
    counter.pass(60);

    let last = counter.flush();
    counter.pass(10);
    let after = counter.flush();

    assert_eq!(last.counts(CALLS).len(), 1);
    for metric in [CALLS, DURATION] {
        let ended = last.ended(metric);
        assert_eq!(ended.iter().map(|it| name(it)).collect::<Vec<_>>(), ["x"], "{metric}");
        assert!(after.ended(metric).is_empty());
    }
    assert_eq!(counter.own("ended_streams"), 1.0);
    assert_eq!(counter.own("streams"), 1.0);
}

#[test]
fn what_was_counted_is_told_before_its_stream_ends_however_late_the_flush_is() {
    let mut counter = Counter::new("{series_expiration: 1s, metrics_expiration: 1s}");
    counter.add(vec![traces("a", vec![span("x", 0, 5)])]);
    counter.pass(60);

    assert_eq!(counter.flush().counts(CALLS).len(), 1);
    counter.pass(60);
    let last = counter.flush();

    assert!(last.counts(CALLS).is_empty());
    assert_eq!(last.ended(CALLS).len(), 1);
    assert!(counter.flush().is_empty());
}

#[test]
fn a_resource_without_spans_ends_with_all_its_streams() {
    let mut counter = Counter::new("metrics_expiration: 100s");
    counter.add(vec![
        traces("a", vec![span("x", 0, 5), span("y", 0, 5)]),
        traces("b", vec![span("z", 0, 5)]),
    ]);
    counter.flush();
    counter.pass(90);
    counter.add(vec![traces("b", vec![span("z", 0, 5)])]);
    counter.flush();
    counter.pass(30);

    let points = counter.flush();

    assert_eq!(points.counts(CALLS).len(), 1);
    assert_eq!(
        points.ended(CALLS).iter().map(|it| name(it)).collect::<Vec<_>>(),
        ["x", "y"]
    );
    assert_eq!(counter.own("resources"), 1.0);
}

#[test]
fn a_stream_that_comes_back_begins_anew() {
    let mut counter = Counter::new("series_expiration: 60s");
    counter.add(vec![traces("a", vec![span("x", 0, 5), span("x", 0, 5)])]);
    counter.flush();
    counter.pass(60);
    assert_eq!(counter.flush().ended(CALLS).len(), 1);
    counter.pass(60);

    counter.add(vec![traces("a", vec![span("x", 0, 5)])]);

    assert_eq!(counter.flush().counts(CALLS).values().sum::<u64>(), 1);
}

#[test]
fn of_too_many_resources_the_one_idle_longest_ends() {
    let mut counter = Counter::new("resource_metrics_cache_size: 2");
    for service in ["a", "b"] {
        counter.add(vec![traces(service, vec![span(service, 0, 5)])]);
        counter.pass(1);
    }
    counter.flush();
    counter.add(vec![traces("a", vec![span("a", 0, 5)])]);
    counter.pass(1);

    counter.add(vec![traces("c", vec![span("c", 0, 5)])]);

    let points = counter.flush();
    assert_eq!(points.ended(CALLS).iter().map(|it| name(it)).collect::<Vec<_>>(), ["b"]);
    let mut left: Vec<_> = points
        .counts(CALLS)
        .into_iter()
        .map(|(said, count)| (name(&said).to_owned(), count))
        .collect();
    left.sort();
    assert_eq!(left, [("a".to_owned(), 2), ("c".to_owned(), 1)]);
}

#[test]
fn a_flood_of_resources_is_counted_exactly_in_one_overflow() {
    let mut counter = Counter::new("{add_resource_attributes: true, resource_metrics_cache_size: 3}");
    for pod in 0..50 {
        let attributes = vec![text("service.name", "a"), text("pod", &pod.to_string())];
        counter.add(vec![traces_of(attributes, vec![span("x", 0, 5), span("y", 0, 5)])]);
    }

    let points = counter.flush();

    assert_eq!(points.resources().len(), 4);
    let counts = points.counts(CALLS);
    assert_eq!(counts["otel.metric.overflow=true"], 47 * 2);
    assert_eq!(counts.values().sum::<u64>(), 100);
    assert_eq!(counter.own("overflowed"), 94.0);
    // Its points do not pretend to come from one of them.
    assert!(points.resources().last().unwrap().is_empty());
}

#[test]
fn when_the_process_stops_every_stream_ends_once() {
    let mut counter = Counter::new("exemplars: {enabled: true}");
    counter.add(vec![
        traces("a", vec![span("x", 0, 5)]),
        traces("b", vec![span("y", 0, 5)]),
    ]);
    counter.flush();

    let over = counter.end();
    let again = counter.end();

    for metric in [CALLS, DURATION] {
        let mut ended: Vec<_> = over.ended(metric).iter().map(|it| name(it).to_owned()).collect();
        ended.sort();
        assert_eq!(ended, ["x", "y"], "{metric}");
    }
    assert!(over.counts(CALLS).is_empty());
    assert!(again.is_empty());
}

#[test]
fn deltas_need_no_end_when_the_process_stops() {
    let mut counter = Counter::new("aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA");
    counter.add(vec![traces("a", vec![span("x", 0, 5)])]);
    counter.flush();

    assert!(counter.end().is_empty());
}

/// When and how much, point by point, of `calls` and of the counts of `duration`.
fn told(points: &Points) -> [Vec<(u64, u64)>; 2] {
    let (mut calls, mut durations) = (Vec::new(), Vec::new());
    for metric in points.metrics(CALLS) {
        let Some(metric::Data::Sum(sum)) = &metric.data else {
            panic!("{metric:?}");
        };
        calls.extend(sum.data_points.iter().filter_map(|point| match point.value {
            Some(number_data_point::Value::AsInt(value)) => Some((point.time_unix_nano, value as u64)),
            _ => None,
        }));
    }
    for metric in points.metrics(DURATION) {
        let Some(metric::Data::Histogram(histogram)) = &metric.data else {
            panic!("{metric:?}");
        };
        let counted = histogram.data_points.iter().filter(|point| point.flags == 0);
        durations.extend(counted.map(|point| (point.time_unix_nano, point.count)));
    }
    [calls, durations]
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_new_series_begins_with_nothing_at_the_time_when_it_began() {
    let mut counter = Counter::new("series_expiration: 100s");
    counter.add(vec![traces("a", vec![span("x", 0, 5), span("x", 0, 6)])]);
    counter.pass(30);
    let first = told(&counter.flush());
    counter.pass(60);
    let second = told(&counter.flush());
    counter.pass(60);
    let ended = told(&counter.flush());
    // It comes back in the very moment in which it ended.
    counter.add(vec![traces("a", vec![span("x", 0, 5)])]);
    counter.pass(60);
    let again = told(&counter.flush());

    for metric in 0..2 {
        assert_eq!(first[metric], [(1_000 * SECOND, 0), (1_030 * SECOND, 2)]);
        assert_eq!(second[metric], [(1_090 * SECOND, 2)]);
        assert_eq!(ended[metric], []);
        assert_eq!(
            again[metric],
            [(1_150 * SECOND + 1_000_000, 0), (1_210 * SECOND, 1)],
            "behind its end"
        );
    }
}

#[test]
fn differences_begin_without_a_point_that_says_nothing() {
    let mut counter = Counter::new("aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA");
    counter.add(vec![traces("a", vec![span("x", 0, 5)])]);
    counter.pass(30);

    assert_eq!(
        told(&counter.flush()),
        [vec![(1_030 * SECOND, 1)], vec![(1_030 * SECOND, 1)]]
    );
}
