//! Histograms of every kind, and summaries.

use super::oracle::{Count, absolute};
use super::otlp::*;
use super::*;

#[test]
fn a_histogram_has_cumulative_buckets_a_count_and_a_sum_if_it_was_sent() {
    let points = vec![buckets(&[], 1, &[0.5, 10.0], &[2, 3, 1], Some(20.5))];
    let payload = of_service(vec![histogram("ttft", "s", CUMULATIVE, points)]);
    let own = "instance=\"pod-1\",job=\"vllm\"";
    let at = ms(1);

    assert_eq!(
        lines("", &payload),
        [
            format!("ttft_seconds_bucket{{{own},le=\"+Inf\"}} 6 @{at}"),
            format!("ttft_seconds_bucket{{{own},le=\"0.5\"}} 2 @{at}"),
            format!("ttft_seconds_bucket{{{own},le=\"10\"}} 5 @{at}"),
            format!("ttft_seconds_count{{{own}}} 6 @{at}"),
            format!("ttft_seconds_sum{{{own}}} 20.5 @{at}"),
        ]
    );
    let points = vec![buckets(&[], 1, &[], &[], None)];
    let payload = of_service(vec![histogram("empty", "", CUMULATIVE, points)]);
    assert_eq!(
        lines("", &payload),
        [
            format!("empty_bucket{{{own},le=\"+Inf\"}} 0 @{at}"),
            format!("empty_count{{{own}}} 0 @{at}"),
        ]
    );
}

#[test]
fn buckets_that_contradict_each_other_are_dropped_and_counted() {
    let mut short = buckets(&[("n", "1")], 1, &[1.0, 2.0], &[1, 1], None);
    short.count = 2;
    let falling = buckets(&[("n", "2")], 1, &[2.0, 1.0], &[1, 1, 1], None);
    let twice = buckets(&[("n", "3")], 1, &[1.0, 1.0], &[1, 1, 1], None);
    let nan = buckets(&[("n", "4")], 1, &[f64::NAN], &[1, 1], None);
    let payload = of_service(vec![histogram("x", "", CUMULATIVE, vec![short, falling, twice, nan])]);

    let (written, table) = translated("", &payload);

    assert_eq!(written.series, []);
    assert_eq!(
        (reasons(&table.losses), table.losses.lost()),
        (vec![("invalid_histogram", 4)], 4)
    );
}

#[test]
fn a_histogram_may_become_a_native_one_with_custom_buckets() {
    let points = vec![buckets(
        &[],
        1,
        &[1.0, 2.0, 3.0, 4.0, 5.0, f64::INFINITY],
        &[2, 0, 0, 0, 7, 1, 0],
        Some(9.0),
    )];
    let payload = of_service(vec![histogram("x", "", CUMULATIVE, points)]);

    let (written, _) = translated("convert_explicit_histograms_to_nhcb: true", &payload);

    let native = &written.one("x").histograms[0];
    assert_eq!((native.schema, native.sum, native.timestamp), (-53, 9.0, ms(1)));
    assert_eq!(native.start_timestamp, ms(0));
    assert_eq!(native.count, Some(Count::Int(10)));
    assert_eq!(native.custom_values, [1.0, 2.0, 3.0, 4.0, 5.0]);
    let counts = absolute(&native.positive_spans, &native.positive_deltas);
    assert_eq!(counts, [(0, 2), (4, 7), (5, 1)].into());
    assert_eq!(written.series.len(), 1);
    let both = "convert_explicit_histograms_to_nhcb: true\nkeep_classic_histograms: true";
    let (written, _) = translated(both, &payload);
    assert_eq!(written.series.len(), 1 + 6 + 2, "{:?}", written.texts());
}

/// With two values of zero and one below it beside these counts.
pub(super) fn exponential_point(
    scale: i32,
    offset: i32,
    counts: &[u64],
) -> opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint {
    use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
    use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
    let side = |counts: &[u64]| Buckets {
        offset,
        bucket_counts: counts.to_vec(),
    };
    ExponentialHistogramDataPoint {
        start_time_unix_nano: at(0),
        time_unix_nano: at(1),
        count: counts.iter().sum::<u64>() + 3,
        sum: Some(10.0),
        scale,
        zero_count: 2,
        zero_threshold: 0.25,
        positive: Some(side(counts)),
        negative: Some(side(&[1])),
        ..ExponentialHistogramDataPoint::default()
    }
}

#[test]
fn an_exponential_histogram_becomes_a_native_one() {
    let payload = of_service(vec![exponential(
        "x",
        "s",
        CUMULATIVE,
        vec![exponential_point(3, -2, &[4, 0, 0, 0, 5])],
    )]);

    let (written, _) = translated("", &payload);

    let native = &written.one("x_seconds").histograms[0];
    assert_eq!((native.schema, native.zero_threshold, native.sum), (3, 0.25, 10.0));
    assert_eq!(native.count, Some(Count::Int(12)));
    // OTLP's bucket -2 is Prometheus' bucket -1: it is numbered by its end.
    let positive = absolute(&native.positive_spans, &native.positive_deltas);
    assert_eq!(positive, [(-1, 4), (3, 5)].into());
    assert_eq!(native.positive_spans.len(), 2, "a wide gap begins another span");
    assert_eq!(
        absolute(&native.negative_spans, &native.negative_deltas),
        [(-1, 1)].into()
    );
}

#[test]
fn an_exponential_histogram_that_is_too_fine_becomes_coarser_and_one_too_coarse_is_dropped() {
    let fine = of_service(vec![exponential(
        "x",
        "",
        CUMULATIVE,
        vec![exponential_point(10, -3, &[1, 2, 3, 4, 5])],
    )]);
    let (written, _) = translated("", &fine);
    let native = &written.one("x").histograms[0];
    assert_eq!(native.schema, 8);
    // Indices -3 to 1 divided by four are -1, -1, -1, 0, 0; plus one.
    assert_eq!(
        absolute(&native.positive_spans, &native.positive_deltas),
        [(0, 6), (1, 9)].into()
    );

    let coarse = of_service(vec![exponential(
        "x",
        "",
        CUMULATIVE,
        vec![exponential_point(-5, 0, &[1])],
    )]);
    let (written, table) = translated("", &coarse);
    assert_eq!(
        (written.series.len(), reasons(&table.losses)),
        (0, vec![("unsupported_scale", 1)])
    );

    let mut wrong = exponential_point(0, 0, &[1]);
    wrong.count = 99;
    let (written, table) = translated("", &of_service(vec![exponential("x", "", CUMULATIVE, vec![wrong])]));
    assert_eq!(
        (written.series.len(), reasons(&table.losses)),
        (0, vec![("invalid_histogram", 1)])
    );
}

#[test]
fn a_summary_has_quantiles_a_sum_and_a_count() {
    use opentelemetry_proto::tonic::metrics::v1::SummaryDataPoint;
    use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
    let quantile_values = vec![
        ValueAtQuantile {
            quantile: 0.5,
            value: 3.0,
        },
        ValueAtQuantile {
            quantile: 1.0,
            value: f64::NAN,
        },
    ];
    let points = vec![SummaryDataPoint {
        start_time_unix_nano: at(0),
        time_unix_nano: at(1),
        count: 4,
        sum: 12.0,
        quantile_values,
        ..SummaryDataPoint::default()
    }];
    let payload = of_service(vec![summary("gc", "s", points)]);
    let own = "instance=\"pod-1\",job=\"vllm\"";

    assert_eq!(
        lines("", &payload),
        [
            format!("gc_seconds_count{{{own}}} 4 @{}", ms(1)),
            format!("gc_seconds_sum{{{own}}} 12 @{}", ms(1)),
            format!("gc_seconds{{{own},quantile=\"0.5\"}} 3 @{}", ms(1)),
            format!("gc_seconds{{{own},quantile=\"1\"}} NaN @{}", ms(1)),
        ]
    );
    let (written, _) = translated("", &payload);
    let starts = written.series.iter().map(|series| series.samples[0].start_timestamp);
    assert!(starts.into_iter().all(|start| start == ms(0)));
}
