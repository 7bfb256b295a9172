//! What is counted, and what points say.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::metric;

use super::harness::{Counter, Points, Say, attributes, span, text, traces, traces_of};
use crate::aggregation::{Aggregate, Moment};

const CALLS: &str = "traces.span.metrics.calls";
const DURATION: &str = "traces.span.metrics.duration";

fn said(service: &str, name: &str) -> String {
    format!("service.name={service} span.kind=SPAN_KIND_INTERNAL span.name={name} status.code=STATUS_CODE_UNSET")
}

#[test]
fn the_same_totals_are_told_at_every_flush() {
    let mut counter = Counter::new("{}");
    counter.add(vec![traces("a", vec![span("x", 0, 5), span("x", 0, 9)])]);

    let first = counter.flush();
    counter.pass(60);
    let second = counter.flush();

    assert_eq!(first.counts(CALLS), BTreeMap::from([(said("a", "x"), 2)]));
    assert_eq!(second.counts(CALLS), first.counts(CALLS));
    assert_eq!(second.durations(DURATION), 2);
    let times = |points: &Points| {
        let Some(metric::Data::Sum(sum)) = &points.metrics(CALLS).next().unwrap().data else {
            panic!("a sum");
        };
        let point = &sum.data_points[0];
        (point.start_time_unix_nano, point.time_unix_nano)
    };
    assert_eq!(times(&first), (1_000_000_000_000, 1_000_000_000_000));
    assert_eq!(times(&second), (1_000_000_000_000, 1_060_000_000_000));
}

#[test]
fn kinds_and_statuses_have_the_names_of_the_protocol() {
    let mut counter = Counter::new("exclude_dimensions: [service.name, span.name]");
    let mut spans: Vec<_> = (0..6)
        .map(|kind| span("x", 0, 1).with(vec![text("kind", &kind.to_string())]))
        .collect();
    for (kind, span) in spans.iter_mut().enumerate() {
        span.kind = kind as i32;
    }
    spans.push(span("x", 0, 1).failed());
    let mut fine = span("x", 0, 1).failed();
    fine.status.as_mut().unwrap().code = 1;
    spans.push(fine);

    counter.add(vec![traces("a", spans)]);

    let counts = counter.flush().counts(CALLS);
    let expected = [
        ("UNSPECIFIED", "UNSET"),
        ("INTERNAL", "UNSET"),
        ("SERVER", "UNSET"),
        ("CLIENT", "UNSET"),
        ("PRODUCER", "UNSET"),
        ("CONSUMER", "UNSET"),
        ("INTERNAL", "ERROR"),
        ("INTERNAL", "OK"),
    ];
    let expected = expected.map(|(kind, status)| {
        (
            format!("span.kind=SPAN_KIND_{kind} status.code=STATUS_CODE_{status}"),
            1,
        )
    });
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn seconds_have_bounds_in_seconds() {
    let mut counter = Counter::new("histogram: {unit: s, explicit: {buckets: [100us, 1ms, 1s]}}");
    counter.add(vec![traces(
        "a",
        vec![span("x", 0, 1_000_000), span("x", 0, 2_000_000_000)],
    )]);

    let points = counter.flush();

    assert_eq!(points.shape(DURATION), ("histogram", "s", 2));
    let (bounds, buckets) = points.histogram(DURATION, &said("a", "x"));
    assert_eq!(bounds, [0.0001, 0.001, 1.0]);
    assert_eq!(buckets, [0, 1, 0, 1]);
}

#[test]
fn an_exponential_histogram_knows_a_quantile_to_a_bucket() {
    let mut counter = Counter::new("histogram: {unit: s, exponential: {max_size: 160}}");
    let spans = (1..=1000).map(|millis| span("x", 0, millis * 1_000_000)).collect();
    counter.add(vec![traces("a", spans)]);

    let points = counter.flush();

    assert_eq!(points.shape(DURATION), ("exponential histogram", "s", 2));
    let Some(metric::Data::ExponentialHistogram(data)) = &points.metrics(DURATION).next().unwrap().data else {
        panic!("an exponential histogram");
    };
    let point = &data.data_points[0];
    let positive = point.positive.as_ref().unwrap();
    // Three orders of magnitude are ten octaves: sixteen buckets each.
    assert_eq!((point.count, point.scale), (1000, 4));
    assert!((point.sum.unwrap() - 500.5).abs() < 1e-9);
    let mut below = 0;
    let at = positive.bucket_counts.iter().position(|count| {
        below += count;
        below >= 500
    });
    let upper = (f64::from(positive.offset + at.unwrap() as i32 + 1) / 16.0).exp2();
    assert!((0.5..0.5 * 2f64.powf(1.0 / 16.0)).contains(&upper), "{upper}");
}

#[test]
fn without_histograms_only_calls_are_counted() {
    let mut counter = Counter::new("{histogram: {disable: true}, namespace: ''}");
    counter.add(vec![traces("a", vec![span("x", 0, 5)])]);

    let points = counter.flush();

    assert_eq!(points.counts("calls"), BTreeMap::from([(said("a", "x"), 1)]));
    assert_eq!(points.metrics("duration").count(), 0);
}

#[test]
fn a_delta_tells_each_span_once_and_begins_where_the_last_ended() {
    let mut counter = Counter::new("aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA");
    let times = |points: &Points| {
        let Some(metric::Data::Histogram(data)) = &points.metrics(DURATION).next().unwrap().data else {
            panic!("a histogram");
        };
        let point = &data.data_points[0];
        (
            point.start_time_unix_nano / 1_000_000_000,
            point.time_unix_nano / 1_000_000_000,
            point.count,
        )
    };
    counter.add(vec![traces("a", vec![span("x", 0, 5), span("x", 0, 9)])]);
    counter.pass(60);
    let first = counter.flush();
    counter.add(vec![traces("a", vec![span("x", 0, 5)])]);
    counter.pass(60);
    let second = counter.flush();
    counter.pass(60);
    let third = counter.flush();
    counter.pass(60);
    counter.add(vec![traces("a", vec![span("x", 0, 5)])]);
    let fourth = counter.flush();

    assert_eq!(first.shape(CALLS), ("monotonic sum", "", 1));
    assert_eq!(times(&first), (1000, 1060, 2));
    assert_eq!(times(&second), (1060, 1120, 1));
    assert!(third.is_empty(), "{third:?}");
    assert_eq!(times(&fourth), (1240, 1240, 1));
    assert_eq!(fourth.counts(CALLS).values().sum::<u64>(), 1);
}

#[test]
fn exemplars_lead_to_the_latest_span_of_each_bucket_and_live_for_one_flush() {
    let mut counter = Counter::new("exemplars: {enabled: true, max_per_data_point: 2}");
    let spans = vec![
        span("x", 0, 1_000_000),
        span("x", 0, 1_500_000),
        span("x", 0, 90_000_000),
    ];
    let ids: Vec<_> = spans.iter().map(|span| span.trace_id.clone()).collect();
    counter.add(vec![traces("a", spans)]);

    let first = counter.flush();
    let second = counter.flush();

    let exemplars = |points: &Points| {
        let Some(metric::Data::Histogram(data)) = &points.metrics(DURATION).next().unwrap().data else {
            panic!("a histogram");
        };
        data.data_points[0].exemplars.clone()
    };
    let found = exemplars(&first);
    assert_eq!(found.iter().map(|it| it.trace_id.clone()).collect::<Vec<_>>(), ids[1..]);
    let times: Vec<u64> = found.iter().map(|it| it.time_unix_nano).collect();
    assert_eq!(times, [1_500_000, 90_000_000], "when the spans ended");
    assert_eq!(exemplars(&second), []);
    let Some(metric::Data::Sum(sum)) = &first.metrics(CALLS).next().unwrap().data else {
        panic!("a sum");
    };
    assert_eq!(sum.data_points[0].exemplars.len(), 2);
}

#[test]
fn events_are_counted_by_what_they_say() {
    let mut counter =
        Counter::new("{dimensions: [{name: region}], events: {enabled: true, dimensions: [{name: exception.type}]}}");
    let error = |kind: &str| vec![text("exception.type", kind), text("region", "event")];
    let spans = vec![
        span("x", 0, 5)
            .event(error("Timeout"))
            .event(error("Timeout"))
            .event(error("Io")),
        span("x", 0, 5),
    ];
    counter.add(vec![traces_of(
        vec![text("service.name", "a"), text("region", "resource")],
        spans,
    )]);

    let points = counter.flush();

    let event = |kind: &str| format!("exception.type={kind} region=event {}", said("a", "x"));
    let events = points.counts("traces.span.metrics.events");
    assert_eq!(events, BTreeMap::from([(event("Timeout"), 2), (event("Io"), 1)]));
    let calls = format!("region=resource {}", said("a", "x"));
    assert_eq!(points.counts(CALLS), BTreeMap::from([(calls, 2)]));
}

#[test]
fn a_sampled_span_counts_for_those_that_were_dropped() {
    let mut counter = Counter::new("enable_metrics_sampling_method: true");
    let sampled = |state: &str, name: &str| {
        let mut span = span(name, 0, 5_000_000);
        span.trace_state = state.to_owned();
        span
    };
    let spans = vec![
        sampled("rojo=1, ot=rv:6e6d1a75832a2f;th:c", "x"),
        sampled("ot=th:8", "x"),
        sampled("ot=th:0", "x"),
        sampled("ot=th:xyz", "x"),
        sampled("other=th:8", "x"),
    ];
    counter.add(vec![traces("a", spans)]);

    let points = counter.flush();

    let by = |method: &str| format!("sampling.method={method} {}", said("a", "x"));
    let expected = BTreeMap::from([(by("extrapolated"), 4 + 2 + 1), (by("counted"), 2)]);
    assert_eq!(points.counts(CALLS), expected);
    assert_eq!(points.durations(DURATION), 9);
}

#[test]
fn a_rate_that_is_no_whole_number_is_right_over_many_spans() {
    let mut counter = Counter::new("{}");
    let spans: Vec<_> = (0..9_000)
        .map(|index| {
            // Two of three are kept: each counts for one and a half.
            let mut span = span("x", 0, index);
            span.trace_state = "ot=th:55555555555555".to_owned();
            span
        })
        .collect();
    counter.add(vec![traces("a", spans)]);

    let calls: u64 = counter.flush().counts(CALLS).values().sum();

    assert!((13_300..13_700).contains(&calls), "{calls}");
}

#[test]
fn what_was_counted_at_another_desk_is_told_once_and_with_its_resource() {
    let mut counter = Counter::new("{exemplars: {enabled: true}, add_resource_attributes: true}");
    let mut other = counter.other_desk();
    let moment = Moment::of(&counter.clock);
    let payload = |service, name| super::batch(vec![traces(service, vec![span(name, 0, 5)])]);
    counter
        .counts
        .add(&payload("a", "x"), &pipeline::Origin::default(), &moment);
    other.add(&payload("a", "x"), &pipeline::Origin::default(), &moment);
    other.add(&payload("b", "y"), &pipeline::Origin::default(), &moment);

    counter.counts.absorb(&mut other, &moment);
    counter.counts.absorb(&mut other, &moment);

    let points = counter.flush();
    assert_eq!(
        points.counts(CALLS),
        BTreeMap::from([(said("a", "x"), 2), (said("b", "y"), 1)])
    );
    let services: Vec<_> = points
        .resources()
        .into_iter()
        .map(|it| it["service.name"].clone())
        .collect();
    assert_eq!(services, ["a", "b"]);
    assert_eq!(
        points.scopes(),
        vec![("spanmetricsconnector".to_owned(), String::new()); 2]
    );
    other.add(&payload("b", "y"), &pipeline::Origin::default(), &moment);
    counter.counts.absorb(&mut other, &moment);
    assert_eq!(counter.flush().counts(CALLS)[&said("b", "y")], 2);
}

#[test]
fn the_order_of_a_resource_s_attributes_does_not_matter() {
    let mut counter = Counter::new("add_resource_attributes: true");
    let forward = vec![text("service.name", "a"), text("host.name", "h")];
    let backward = forward.iter().rev().cloned().collect();
    counter.add(vec![
        traces_of(forward, vec![span("x", 0, 5)]),
        traces_of(backward, vec![span("x", 0, 5)]),
    ]);

    let points = counter.flush();

    assert_eq!(points.resources().len(), 1);
    assert_eq!(points.counts(CALLS), BTreeMap::from([(said("a", "x"), 2)]));
}

#[test]
fn resources_may_be_told_apart_by_some_of_their_attributes() {
    let mut counter =
        Counter::new("{add_resource_attributes: true, resource_metrics_key_attributes: [service.name, cloud]}");
    let pod = |name: &str| {
        let attributes = vec![text("service.name", "a"), text("pod", name), text("cloud", "c")];
        traces_of(attributes, vec![span("x", 0, 5)])
    };
    counter.add(vec![pod("one"), pod("two")]);

    let points = counter.flush();

    // No pod is named, because both are meant.
    let expected =
        BTreeMap::from([("cloud", "c"), ("service.name", "a")].map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(points.resources(), [expected]);
    assert_eq!(points.counts(CALLS).values().sum::<u64>(), 2);
}

#[test]
fn pods_of_a_service_are_added_up_and_every_metric_is_written_once() {
    let mut counter = Counter::new("{}");
    let pod = |service: &str, name: &str| {
        let attributes = vec![text("service.name", service), text("pod", name)];
        traces_of(attributes, vec![span("x", 0, 5)])
    };
    counter.add(vec![pod("a", "one"), pod("b", "one"), pod("a", "two")]);

    let points = counter.flush();

    assert_eq!(points.resources(), [BTreeMap::new()]);
    assert_eq!(
        (points.metrics(CALLS).count(), points.metrics(DURATION).count()),
        (1, 1)
    );
    let Some(metric::Data::Sum(sum)) = &points.metrics(CALLS).next().unwrap().data else {
        panic!("a sum");
    };
    assert_eq!(sum.data_points.len(), 2);
    assert_eq!(
        points.counts(CALLS),
        BTreeMap::from([(said("a", "x"), 2), (said("b", "x"), 1)])
    );
}

#[test]
fn without_a_service_on_the_points_all_services_are_added_up() {
    let mut counter = Counter::new("exclude_dimensions: [service.name]");
    counter.add(vec![
        traces("a", vec![span("x", 0, 5)]),
        traces("b", vec![span("x", 0, 5)]),
    ]);

    let points = counter.flush();

    let Some(metric::Data::Sum(sum)) = &points.metrics(CALLS).next().unwrap().data else {
        panic!("a sum");
    };
    assert_eq!(
        sum.data_points.len(),
        1,
        "{}",
        attributes(&sum.data_points[0].attributes)
    );
    assert_eq!(points.counts(CALLS).values().sum::<u64>(), 2);
}
