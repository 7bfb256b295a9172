//! Names that two metrics want (compatibility document, "Metric Metadata").

use super::otlp::*;
use super::*;

const TYPE: &str = "reason=\"type_conflict\"";

#[test]
fn of_two_types_under_one_name_the_later_metric_is_dropped_whole_and_counted() {
    let rig = Rig::quiet("");
    rig.take(&of_service(vec![gauge("x_total", "", vec![point(&[], 1, 1.0)])]))
        .unwrap();

    let refused = rig.take(&of_service(vec![
        counter(
            "x",
            "",
            vec![point(&[("a", "1")], 2, 2.0), point(&[("a", "2")], 2, 3.0)],
        ),
        gauge("y", "", vec![point(&[], 2, 4.0)]),
    ]));

    assert_eq!(
        refused,
        Err(ExportError::Partial {
            rejected: 2,
            message: "2 type_conflict".to_owned()
        })
    );
    let page = rig.read(TEXT);
    assert_eq!(page.names(), ["x_total", "y"]);
    assert_eq!(page.family("x_total").kind, "gauge");
    assert_eq!(page.family("x_total").samples.len(), 1);
    assert_eq!(rig.counted("inferscope_prometheus_dropped_points", TYPE), 2);
}

#[test]
fn a_newcomer_that_stands_first_in_a_batch_does_not_drive_out_what_is_there() {
    let rig = Rig::quiet("");
    rig.take(&of_service(vec![counter("x", "", vec![point(&[], 1, 1.0)])]))
        .unwrap();

    // Both have the same labels, so that only the type tells them apart.
    rig.take(&of_service(vec![
        gauge("x_total", "", vec![point(&[], 2, 100.0)]),
        counter("x", "", vec![point(&[], 3, 2.0)]),
    ]))
    .unwrap_err();

    let page = rig.read(TEXT);
    assert_eq!(page.family("x_total").kind, "counter");
    assert_eq!(page.family("x_total").samples[0].value, 2.0);
}

#[test]
fn in_one_batch_the_first_type_wins() {
    let rig = Rig::quiet("");

    rig.take(&of_service(vec![
        gauge("x_total", "", vec![point(&[], 2, 1.0)]),
        counter("x", "", vec![point(&[], 3, 2.0)]),
    ]))
    .unwrap_err();

    assert_eq!(rig.read(TEXT).family("x_total").samples[0].value, 1.0);
}

#[test]
fn a_name_is_free_for_another_type_once_nothing_of_it_is_shown() {
    let rig = Rig::quiet("");
    let as_gauge = |seconds| of_service(vec![gauge("x_total", "", vec![point(&[], seconds, 1.0)])]);
    let as_counter = |seconds| of_service(vec![counter("x", "", vec![point(&[], seconds, 2.0)])]);
    rig.take(&as_gauge(1)).unwrap();
    rig.advance(301);

    rig.take(&as_counter(302)).unwrap();

    assert_eq!(rig.read(TEXT).family("x_total").kind, "counter");
    rig.take(&of_service(vec![counter("x", "", vec![stale(&[], 303)])]))
        .unwrap();
    rig.take(&as_gauge(304)).unwrap();
    assert_eq!(
        rig.read(TEXT).family("x_total").kind,
        "gauge",
        "after a stale marker at once"
    );
}

#[test]
fn of_two_descriptions_the_first_is_shown_and_all_points_are_kept() {
    let rig = Rig::quiet("");
    let described = |help: &str, pod: &str| {
        let mut metric = gauge("x", "", vec![point(&[("pod", pod)], 1, 1.0)]);
        metric.description = help.to_owned();
        metric
    };
    rig.take(&of_service(vec![described("One.", "a")])).unwrap();

    rig.take(&of_service(vec![described("Another.", "b"), described("", "c")]))
        .unwrap();

    let page = rig.read(TEXT);
    assert_eq!(page.family("x").help.as_deref(), Some("One."));
    assert_eq!(page.family("x").samples.len(), 3);
    assert_eq!(
        rig.counted("inferscope_prometheus_dropped_comments", "comment=\"help\""),
        1
    );
    assert_eq!(rig.counted("inferscope_prometheus_dropped_points", TYPE), 0);
}

#[test]
fn of_two_units_the_first_is_shown() {
    let rig = Rig::quiet("enable_open_metrics: true\nadd_metric_suffixes: false");
    let with = |unit: &str, pod: &str| gauge("wait_seconds", unit, vec![point(&[("pod", pod)], 1, 1.0)]);

    rig.take(&of_service(vec![with("s", "a"), with("ms", "b")])).unwrap();

    assert_eq!(rig.read(OPEN).family("wait_seconds").unit.as_deref(), Some("seconds"));
    assert_eq!(
        rig.counted("inferscope_prometheus_dropped_comments", "comment=\"unit\""),
        1
    );
}

#[test]
fn a_metric_whose_name_is_a_series_of_a_histogram_is_dropped() {
    let point_of = || buckets(&[], 1, &[1.0], &[1, 1], Some(1.0));
    let histogram_of = || histogram("h", "", CUMULATIVE, vec![point_of()]);
    let count = || gauge("h_count", "", vec![point(&[], 1, 9.0)]);
    for (first, second) in [(histogram_of(), count()), (count(), histogram_of())] {
        let rig = Rig::quiet("");
        let shown = first.name.clone();

        rig.take(&of_service(vec![first, second])).unwrap_err();

        assert_eq!(rig.read(TEXT).names(), [shown]);
        assert_eq!(rig.counted("inferscope_prometheus_dropped_points", TYPE), 1);
    }
}

#[test]
fn a_counter_beside_a_gauge_of_its_stem_is_of_unknown_type_in_openmetrics_only() {
    let rig = Rig::quiet("enable_open_metrics: true");

    rig.take(&of_service(vec![
        gauge("requests", "", vec![point(&[], 1, 1.0)]),
        counter("requests", "", vec![point(&[], 1, 2.0)]),
    ]))
    .unwrap();

    let open = rig.read(OPEN);
    assert_eq!(open.family("requests").kind, "gauge");
    assert_eq!(open.family("requests_total").kind, "unknown");
    assert_eq!(rig.read(TEXT).family("requests_total").kind, "counter");
}

#[test]
fn names_that_are_one_without_utf8_are_sorted_out_for_those_who_do_not_know_it() {
    let rig = Rig::quiet("translation_strategy: NoTranslation");
    rig.take(&of_service(vec![
        gauge("a.b", "", vec![point(&[("k.x", "1"), ("k_x", "2")], 1, 1.0)]),
        counter("a_b", "", vec![point(&[], 1, 2.0)]),
    ]))
    .unwrap();

    assert_eq!(rig.read(UTF8).names(), ["a.b", "a_b"]);
    let old = rig.read(TEXT);
    assert_eq!(old.names(), ["a_b"]);
    assert_eq!(old.family("a_b").kind, "gauge");
    assert_eq!(old.family("a_b").samples[0].labels["k_x"], "1;2");
    assert_eq!(
        rig.counted("inferscope_prometheus_dropped_points", "escaped_name_conflict"),
        1
    );
}
