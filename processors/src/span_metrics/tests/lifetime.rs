//! When streams and resources end.

use super::harness::{Counter, span, text, traces, traces_of};

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
