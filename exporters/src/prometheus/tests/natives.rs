//! Exponential histograms as classic ones.

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use super::oracle::Read;
use super::otlp::*;
use super::*;

/// Which bucket of a scale a measurement lies in, by the definition of OTLP.
fn index(value: f64, scale: i32) -> i32 {
    (value.log2() * 2_f64.powi(scale)).ceil() as i32 - 1
}

fn side(values: impl Iterator<Item = f64>, scale: i32) -> Buckets {
    let mut indices: Vec<i32> = values.map(|value| index(value, scale)).collect();
    indices.sort_unstable();
    let Some(offset) = indices.first().copied() else {
        return Buckets::default();
    };
    let mut bucket_counts = vec![0; (indices.last().unwrap() - offset + 1) as usize];
    for index in indices {
        bucket_counts[(index - offset) as usize] += 1;
    }
    Buckets { offset, bucket_counts }
}

/// A point that these measurements make.
fn measured(pod: &str, values: &[f64], scale: i32) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: attributes(&[("pod", pod)]),
        start_time_unix_nano: at(0),
        time_unix_nano: at(1),
        count: values.len() as u64,
        sum: Some(values.iter().sum()),
        scale,
        zero_count: values.iter().filter(|value| **value == 0.0).count() as u64,
        positive: Some(side(values.iter().copied().filter(|value| *value > 0.0), scale)),
        negative: Some(side(
            values.iter().filter(|value| **value < 0.0).map(|value| -value),
            scale,
        )),
        ..ExponentialHistogramDataPoint::default()
    }
}

fn rig_of(points: Vec<ExponentialHistogramDataPoint>) -> Rig {
    let rig = Rig::quiet("enable_open_metrics: true");
    rig.take(&of_service(vec![exponential("h", "s", CUMULATIVE, points)]))
        .unwrap();
    rig
}

/// Bounds and counts of one pod.
fn steps(page: &Read, pod: &str) -> Vec<(f64, f64)> {
    let buckets = page
        .samples()
        .filter(|it| it.name == "h_seconds_bucket" && it.labels["pod"] == pod);
    let bound = |text: &str| match text {
        "+Inf" => f64::INFINITY,
        digits => digits.parse().unwrap(),
    };
    buckets.map(|it| (bound(&it.labels["le"]), it.value)).collect()
}

/// Every count is what the measurements say, but for those that lie on the bound itself.
fn check_counts(steps: &[(f64, f64)], values: &[f64]) {
    for (upper, count) in steps {
        let tolerance = 1e-12 * upper.abs();
        let surely = values.iter().filter(|value| **value < upper - tolerance).count();
        let perhaps = values.iter().filter(|value| **value <= upper + tolerance).count();
        assert!(
            (surely as f64..=perhaps as f64).contains(count),
            "le={upper}: {count}, not {surely}..{perhaps}"
        );
    }
}

#[test]
fn every_bucket_counts_what_lies_below_it() {
    let values = [0.013, 0.02, 0.02, 0.31, 0.5, 0.9, 7.0];
    for scale in [-2, 0, 3, 8, 15] {
        let page = rig_of(vec![measured("a", &values, scale)]);

        let steps = steps(&page.read(TEXT), "a");
        check_counts(&steps, &values);
        assert_eq!(steps.last(), Some(&(f64::INFINITY, 7.0)));
        assert!(
            steps.first().unwrap().1 == 0.0,
            "the bound below the first measurement is there"
        );
        let finite: Vec<f64> = steps
            .iter()
            .map(|step| step.0)
            .filter(|bound| bound.is_finite())
            .collect();
        let widest = finite.windows(2).map(|pair| pair[1] / pair[0]).fold(0.0, f64::max);
        let expected = 2_f64.powf(2_f64.powi(-scale.min(3)));
        assert!(
            (widest / expected - 1.0).abs() < 1e-9,
            "scale {scale}: {widest}, not {expected}"
        );
    }
}

#[test]
fn measurements_at_and_below_zero_are_counted_where_they_lie() {
    let values = [-4.0, -1.5, -0.2, 0.0, 0.0, 0.3, 8.5];
    let rig = rig_of(vec![measured("a", &values, 4)]);

    let steps = steps(&rig.read(TEXT), "a");

    check_counts(&steps, &values);
    assert!(steps.contains(&(0.0, 5.0)), "{steps:?}");
    assert!(rig.page(TEXT).contains("h_seconds_sum"));
    assert!(!rig.page(OPEN).contains("h_seconds_sum"), "a sum that may fall is none");
    rig.read(OPEN);
}

#[test]
fn all_series_of_a_metric_share_one_ladder_so_that_they_can_be_added_up() {
    let (low, high) = ([0.01, 0.02], [30.0, 50.0]);
    let rig = rig_of(vec![measured("low", &low, 8), measured("high", &high, 1)]);

    let page = rig.read(TEXT);

    let bounds = |pod: &str| steps(&page, pod).iter().map(|step| step.0).collect::<Vec<_>>();
    assert_eq!(bounds("low"), bounds("high"));
    check_counts(&steps(&page, "low"), &low);
    check_counts(&steps(&page, "high"), &high);
}

#[test]
fn bounds_stay_the_same_numbers_when_the_scale_changes() {
    let fine = rig_of(vec![measured("a", &[0.5, 3.0], 3)]).read(TEXT);
    let coarse = rig_of(vec![measured("a", &[0.5, 3.0], 1)]).read(TEXT);

    // The coarser ladder is longer by what its first and last steps are wider.
    let fine = steps(&fine, "a");
    let coarse = steps(&coarse, "a");
    let within = |step: &&(f64, f64)| step.0 >= fine[0].0 && step.0 <= fine[fine.len() - 2].0;
    let shared: Vec<_> = coarse.iter().filter(within).collect();

    assert_eq!(shared.len(), 6, "{coarse:?}");
    assert!(shared.into_iter().all(|step| fine.contains(step)), "{fine:?}");
}

#[test]
fn an_attribute_that_has_the_label_of_the_bounds_gives_way_and_is_counted() {
    let mut point = measured("a", &[0.3], 0);
    point.attributes = attributes(&[("pod", "a"), ("le", "mine")]);
    let rig = rig_of(vec![point]);

    assert_eq!(steps(&rig.read(TEXT), "a").len(), 3);
    assert_eq!(
        rig.counted("inferscope_prometheus_renamed_labels", "reason=\"reserved\""),
        1
    );
}

#[test]
fn the_widest_histogram_has_a_bounded_number_of_lines() {
    let values = [f64::MIN_POSITIVE, 1e-300, 1.0, 1e300, f64::MAX / 2.0];
    let mut point = measured("a", &[1.0], 2);
    // Buckets that no double can end: they are above or below everything.
    point.positive = Some(Buckets {
        offset: i32::MAX - 3,
        bucket_counts: vec![1],
    });
    for point in [measured("a", &values, -1), point] {
        let rig = rig_of(vec![point]);

        let steps = steps(&rig.read(TEXT), "a");

        assert!(steps.len() <= 161, "{}", steps.len());
        assert!(steps.iter().rev().skip(1).all(|step| step.0.is_finite()));
    }
}

#[test]
fn an_exemplar_stands_at_the_bucket_that_it_fell_into() {
    let mut point = measured("a", &[0.3, 6.0], 0);
    point.exemplars = vec![traced(6.0, 1, &[]), traced(0.3, 1, &[]), traced(100.0, 1, &[])];
    let rig = rig_of(vec![point]);

    let page = rig.read(OPEN);

    let at = |value: f64| {
        let mut with = page
            .samples()
            .filter(|it| it.exemplar.as_ref().is_some_and(|it| it.value == value));
        with.next().unwrap().labels["le"].clone()
    };
    assert_eq!([at(0.3), at(6.0), at(100.0)], ["0.5", "8.0", "+Inf"]);
}

#[test]
fn a_stale_marker_ends_it_and_a_classic_histogram_of_the_same_name_takes_its_place() {
    let rig = rig_of(vec![measured("a", &[0.3], 0)]);
    let classic = buckets(&[("pod", "a")], 2, &[1.0], &[1, 1], Some(1.0));
    rig.take(&of_service(vec![histogram("h", "s", CUMULATIVE, vec![classic])]))
        .unwrap();
    assert_eq!(steps(&rig.read(TEXT), "a"), [(1.0, 1.0), (f64::INFINITY, 2.0)]);

    let mut end = measured("a", &[], 0);
    (end.flags, end.time_unix_nano) = (1, at(3));
    rig.take(&of_service(vec![exponential("h", "s", CUMULATIVE, vec![end])]))
        .unwrap();

    assert_eq!(rig.page(TEXT), "");
    assert_eq!(rig.shelf.series(), 0);
}
