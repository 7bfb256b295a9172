//! How long a series is shown, and how many.

use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{Metric, SummaryDataPoint};
use pipeline::outside::Clock;

use super::otlp::*;
use super::*;
use crate::prometheus::page::Page;
use crate::prometheus::store::Store;
use crate::prometheus_series::Translator;

fn x(pod: &str, seconds: u64, value: f64) -> Payload {
    of_service(vec![gauge("x", "", vec![point(&[("pod", pod)], seconds, value)])])
}

fn pods(rig: &Rig) -> Vec<String> {
    rig.read(TEXT)
        .samples()
        .map(|sample| sample.labels["pod"].clone())
        .collect()
}

#[test]
fn the_latest_value_is_shown_whatever_the_order() {
    let rig = Rig::quiet("");
    rig.take(&x("a", 5, 5.0)).unwrap();

    rig.take(&x("a", 4, 4.0)).unwrap_err();
    rig.take(&of_service(vec![gauge(
        "x",
        "",
        vec![point(&[("pod", "a")], 9, 9.0), point(&[("pod", "a")], 8, 8.0)],
    )]))
    .unwrap();

    assert_eq!(rig.read(TEXT).family("x").samples[0].value, 9.0);
    assert_eq!(rig.counted("inferscope_prometheus_dropped_points", "out_of_order"), 1);
}

#[test]
fn a_series_expires_after_metric_expiration_without_being_seen() {
    let rig = Rig::quiet("metric_expiration: 1m");
    rig.take(&x("a", 1, 1.0)).unwrap();
    rig.take(&x("b", 1, 1.0)).unwrap();
    rig.advance(40);
    rig.take(&x("b", 1, 1.0)).unwrap();

    rig.advance(20);
    assert_eq!(pods(&rig), ["a", "b"]);

    rig.advance(1);
    assert_eq!(pods(&rig), ["b"], "an unchanged value counts as seen");

    rig.advance(40);
    assert_eq!(rig.page(TEXT), "", "an empty page is a valid one");
    rig.take(&x("c", 1, 1.0)).unwrap();
    assert_eq!(rig.shelf.series(), 1, "the memory is given back");
    assert_eq!(rig.counted("inferscope_prometheus_expired_series", ""), 2);
    assert_eq!(rig.counted("inferscope_prometheus_series", ""), 1);
}

#[test]
fn a_stale_marker_ends_a_series_at_once() {
    let rig = Rig::quiet("");
    rig.take(&x("a", 1, 1.0)).unwrap();
    rig.take(&x("b", 1, 1.0)).unwrap();

    rig.take(&of_service(vec![gauge("x", "", vec![stale(&[("pod", "a")], 2)])]))
        .unwrap();

    assert_eq!(pods(&rig), ["b"]);
    rig.take(&of_service(vec![gauge("x", "", vec![stale(&[("pod", "b")], 0)])]))
        .unwrap();
    assert_eq!(pods(&rig), ["b"], "an older marker ends nothing");
    assert_eq!(rig.shelf.series(), 1);
}

#[test]
fn a_stale_marker_ends_a_whole_histogram_or_summary() {
    let rig = Rig::quiet("");
    let mut end = buckets(&[], 2, &[], &[], None);
    end.flags = 1;
    let quantile = ValueAtQuantile {
        quantile: 0.5,
        value: 1.0,
    };
    let summary_of = |flags, seconds| SummaryDataPoint {
        time_unix_nano: at(seconds),
        flags,
        quantile_values: vec![quantile; usize::from(flags == 0)],
        ..SummaryDataPoint::default()
    };
    let first = buckets(&[], 1, &[1.0, 2.0], &[1, 1, 1], Some(1.0));
    rig.take(&of_service(vec![
        histogram("h", "", CUMULATIVE, vec![first.clone()]),
        summary("s", "", vec![summary_of(0, 1)]),
    ]))
    .unwrap();

    // The point and its end in one batch, too.
    rig.take(&of_service(vec![
        histogram("h", "", CUMULATIVE, vec![first, end]),
        summary("s", "", vec![summary_of(1, 2)]),
    ]))
    .unwrap();

    assert_eq!(rig.page(TEXT), "");
}

#[test]
fn a_histogram_whose_bounds_change_shows_the_new_ones_only() {
    let rig = Rig::quiet("");
    for (seconds, bounds) in [(1, [1.0, 2.0]), (2, [1.0, 4.0]), (3, [1.0, 4.0])] {
        let point = buckets(&[], seconds, &bounds, &[1, 1, 1], Some(1.0));
        rig.take(&of_service(vec![histogram("h", "", CUMULATIVE, vec![point])]))
            .unwrap();
    }

    let page = rig.read(TEXT);
    let bounds: Vec<&str> = page
        .samples()
        .filter_map(|it| Some(it.labels.get("le")?.as_str()))
        .collect();
    assert_eq!(bounds, ["1", "4", "+Inf"]);
    assert_eq!(rig.shelf.series(), 5);
}

#[test]
fn two_points_of_one_histogram_at_one_time_are_not_mixed() {
    let rig = Rig::quiet("");
    let one = buckets(&[], 1, &[1.0], &[5, 5], Some(1.0));
    let other = buckets(&[], 1, &[0.5], &[100, 1], Some(2.0));

    let refused = rig.take(&of_service(vec![histogram("h", "", CUMULATIVE, vec![one, other])]));

    assert!(
        matches!(refused, Err(ExportError::Partial { rejected: 1, .. })),
        "{refused:?}"
    );
    let values: Vec<f64> = rig.read(TEXT).samples().map(|it| it.value).collect();
    assert_eq!(values, [5.0, 10.0, 1.0, 10.0]);
}

#[test]
fn beyond_max_series_new_series_are_dropped_and_counted_and_known_ones_go_on() {
    let rig = Rig::quiet("max_series: 2");
    rig.take(&x("a", 1, 1.0)).unwrap();
    rig.take(&x("b", 1, 1.0)).unwrap();

    let refused = rig.take(&x("c", 1, 1.0));
    rig.take(&x("a", 2, 2.0)).unwrap();
    rig.take(&of_service(vec![gauge("y", "", vec![point(&[], 1, 1.0)])]))
        .unwrap_err();

    assert_eq!(
        refused,
        Err(ExportError::Permanent {
            cause: "1 too_many_series".to_owned()
        })
    );
    assert_eq!(pods(&rig), ["a", "b"]);
    assert_eq!(rig.read(TEXT).family("x").samples[0].value, 2.0);
    assert_eq!(
        rig.counted("inferscope_prometheus_dropped_points", "too_many_series"),
        2
    );
    rig.advance(301);
    rig.take(&x("c", 1, 1.0)).unwrap();
    assert_eq!(pods(&rig), ["c"], "what expired makes room");
}

#[test]
fn half_a_histogram_is_never_shown() {
    let rig = Rig::quiet("max_series: 5");
    let of = |pod: &str, seconds| {
        let point = buckets(&[("pod", pod)], seconds, &[1.0], &[1, 1], Some(1.0));
        of_service(vec![histogram("h", "", CUMULATIVE, vec![point])])
    };
    rig.take(&of("a", 1)).unwrap();

    rig.take(&of("b", 1)).unwrap_err();

    let page = rig.read(TEXT);
    assert!(page.samples().all(|sample| sample.labels["pod"] == "a"));
    assert_eq!(rig.shelf.series(), 4);
    assert_eq!(
        rig.counted("inferscope_prometheus_dropped_points", "too_many_series"),
        1
    );
}

#[test]
fn metric_names_without_end_are_bounded_as_well() {
    let rig = Rig::quiet("max_series: 3");
    let mut nothing = point(&[], 1, 1.0);
    nothing.value = None;

    for number in 0..10 {
        let name = format!("x{number}");
        rig.take(&of_service(vec![gauge(&name, "", vec![nothing.clone()])]))
            .unwrap_err();
    }

    assert_eq!(rig.shelf.families(), 3);
}

#[test]
fn a_long_page_is_written_in_turns_and_is_whole() {
    let rig = Rig::quiet("enable_open_metrics: true");
    let points = (0..2_000).map(|number| {
        let pod = format!("{number:05}");
        let pairs = [("pod", pod.as_str())];
        buckets(&pairs, 1, &[1.0, 2.0], &[1, 1, number], Some(1.0))
    });
    let gauges = (0..1_500).map(|number| point(&[("pod", &number.to_string())], 1, f64::from(number)));
    rig.take(&of_service(vec![
        histogram("h", "s", CUMULATIVE, points.collect()),
        gauge("x", "", gauges.collect()),
    ]))
    .unwrap();

    for accept in [TEXT, OPEN] {
        let page = rig.read(accept);
        let counts: Vec<f64> = page
            .samples()
            .filter(|it| it.name == "h_seconds_count")
            .map(|it| it.value)
            .collect();
        assert_eq!(
            counts,
            (0..2_000).map(|number| f64::from(number) + 2.0).collect::<Vec<_>>()
        );
        assert_eq!(page.family("x").samples.len(), 1_500);
    }
}

#[test]
fn a_page_stays_valid_when_its_metrics_change_between_two_turns() {
    let config = config::<Prometheus>("{endpoint: 'localhost:0', without_scope_info: true}").unwrap();
    let now = Rig::quiet("").clock.now();
    let mut store = Store::new(config.rules());
    let mut translator = Translator::new(config.settings());
    let mut take = |store: &mut Store, metrics: Vec<Metric>| {
        store.begin(now);
        let table = translator.translate(&metrics_of(&of_service(metrics)), now);
        store.take(&table, now)
    };
    let gauges = |name: &str, seconds| {
        let points = (0..3_000).map(|number| point(&[("pod", &format!("{number:04}"))], seconds, 1.0));
        gauge(name, "", points.collect())
    };
    let all_end = || {
        let points = (0..3_000).map(|number| stale(&[("pod", &format!("{number:04}"))], 2));
        gauge("m_total", "", points.collect())
    };
    take(&mut store, vec![gauges("a", 1), gauges("m_total", 1), gauges("z", 1)]);
    let mut page = Page::new(Format::accepted(TEXT, false), false, now);
    let mut turns = 0;

    while store.write(&mut page) {
        turns += 1;
        // In the middle of `m_total` it becomes a counter, and a metric comes that belongs before it.
        if turns == 2 {
            take(&mut store, vec![all_end()]);
            let counters = (0..3_000).map(|number| point(&[("pod", &format!("{number:04}"))], 3, 2.0));
            take(&mut store, vec![counter("m", "", counters.collect()), gauges("b", 3)]);
        }
    }

    let text = String::from_utf8(page.finish()).unwrap();
    let read = oracle::read(
        &text,
        oracle::Rules {
            is_open: false,
            has_utf8: false,
        },
    );
    assert_eq!(read.names(), ["a", "m_total", "z"]);
    assert_eq!(read.family("m_total").kind, "gauge");
    assert_eq!(
        read.family("m_total").samples.len(),
        1_000,
        "what was there at the time"
    );
    assert_eq!(read.family("z").samples.len(), 3_000);
}
