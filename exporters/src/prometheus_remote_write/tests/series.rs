//! What several points of one series become.

use super::histograms::exponential_point;
use super::oracle::Count;
use super::otlp::*;
use super::*;

const STALE: u64 = 0x7ff0_0000_0000_0002;

#[test]
fn a_point_without_a_recorded_value_makes_all_its_series_stale() {
    let mut gone = buckets(&[], 2, &[1.0], &[], None);
    gone.flags = 1;
    let mut native_gone = exponential_point(0, 0, &[]);
    (native_gone.flags, native_gone.count) = (1, 0);
    let payload = of_service(vec![
        gauge("g", "", vec![stale(&[], 2)]),
        counter("c", "", vec![stale(&[], 2)]),
        histogram("h", "", CUMULATIVE, vec![gone]),
        exponential("e", "", CUMULATIVE, vec![native_gone]),
    ]);

    let (written, table) = translated("target_info: {enabled: false}", &payload);

    let values: Vec<u64> = written
        .series
        .iter()
        .map(|series| {
            series
                .samples
                .first()
                .map_or_else(|| series.histograms[0].sum, |it| it.value)
        })
        .map(f64::to_bits)
        .collect();
    assert_eq!(values, vec![STALE; 1 + 1 + 4 + 1], "{:?}", written.texts());
    let native = &written.one("e").histograms[0];
    assert_eq!((native.count, native.positive_spans.len()), (Some(Count::Int(0)), 0));
    assert_eq!(table.losses.lost(), 0);
}

#[test]
fn the_type_of_a_scraped_metric_comes_back() {
    let mut unknown = gauge("u", "", vec![point(&[], 1, 1.0)]);
    unknown.metadata = attributes(&[("prometheus.type", "unknown")]);
    let mut info = sum("build_info", "", CUMULATIVE, false, vec![point(&[], 1, 1.0)]);
    info.metadata = attributes(&[("prometheus.type", "info")]);
    let payload = of_service(vec![unknown, info]);

    let (written, _) = translated("", &payload);

    assert_eq!(written.one("u").metadata.as_ref().unwrap().0, 0);
    assert_eq!(written.one("build_info").metadata.as_ref().unwrap().0, 6);
}

#[test]
fn of_two_values_at_one_time_the_first_stays_and_the_other_is_counted() {
    let points = vec![
        point(&[], 2, 1.0),
        point(&[], 1, 7.0),
        point(&[], 2, 9.0),
        point(&[], 2, 1.0),
    ];
    let payload = of_service(vec![gauge("x", "", points)]);

    let (written, table) = translated("", &payload);

    let samples: Vec<(i64, f64)> = written
        .one("x")
        .samples
        .iter()
        .map(|it| (it.timestamp, it.value))
        .collect();
    assert_eq!(samples, [(ms(1), 7.0), (ms(2), 1.0)]);
    assert_eq!(
        (reasons(&table.losses), table.losses.repeated),
        (vec![("duplicate", 1)], 1)
    );
    assert_eq!(table.losses.lost(), 1);
}

#[test]
fn a_number_and_a_native_histogram_cannot_be_one_series() {
    let payload = of_service(vec![
        gauge("x", "", vec![point(&[], 1, 1.0)]),
        exponential("x", "", CUMULATIVE, vec![exponential_point(0, 0, &[1])]),
    ]);

    let (written, table) = translated("", &payload);

    assert_eq!(written.one("x").samples.len(), 1);
    assert_eq!(reasons(&table.losses), [("type_conflict", 1)]);
}
