//! The laws of exponential histograms.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::aggregation::{BUCKETS_MAX, ExponentialHistogram, SCALE_MAX};

fn of(values: &[f64]) -> ExponentialHistogram {
    with(BUCKETS_MAX, SCALE_MAX, values)
}

fn with(buckets_max: u16, scale_max: i8, values: &[f64]) -> ExponentialHistogram {
    let mut histogram = ExponentialHistogram::new(buckets_max, scale_max);
    for value in values {
        assert!(histogram.observe(*value), "{value} is refused");
    }
    histogram
}

/// Counts by index, where there are any.
fn filled(histogram: &ExponentialHistogram) -> BTreeMap<i32, u64> {
    let indices = histogram.offset()..;
    indices
        .zip(histogram.buckets())
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Everything but the sum, which depends on the order in which it was rounded.
fn shape(histogram: &ExponentialHistogram) -> (i32, u64, u64, BTreeMap<i32, u64>, Option<f64>, Option<f64>) {
    let (min, max) = (histogram.min(), histogram.max());
    (
        histogram.scale(),
        histogram.zero_count(),
        histogram.count(),
        filled(histogram),
        min,
        max,
    )
}

/// The upper bound of the bucket in which the measurement of this rank lies.
fn quantile(histogram: &ExponentialHistogram, rank: u64) -> f64 {
    let mut seen = histogram.zero_count();
    if rank < seen {
        return 0.0;
    }
    let base_log2 = 2f64.powi(-histogram.scale());
    for (index, count) in filled(histogram) {
        seen += count;
        if rank < seen {
            return (f64::from(index + 1) * base_log2).exp2();
        }
    }
    panic!("there is no measurement of rank {rank}");
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(f64::MIN_POSITIVE)
}

/// From a nanosecond to a month in seconds, most of them usual, some zero.
fn duration() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-30.0..22.0f64).prop_map(f64::exp2),
        4 => 0.001..2.0f64,
        1 => Just(0.0),
        1 => (-30..22i32).prop_map(|exponent| 2f64.powi(exponent)),
    ]
}

#[test]
fn the_bounds_of_the_data_model_hold_at_every_scale() {
    // (base^index, base^(index + 1)] by hand: at scale 0 the base is 2, at scale 1 √2, at -1 it is 4.
    for (scale, value, index) in [
        (0, 1.0, -1),
        (0, 1.5, 0),
        (0, 2.0, 0),
        (0, 2.000_001, 1),
        (0, 4.0, 1),
        (0, 0.5, -2),
        (1, 1.4, 0),
        (1, 1.5, 1),
        (1, 2.0, 1),
        (3, 1.05, 0),
        (3, 1.1, 1),
        (-1, 4.0, 0),
        (-1, 4.1, 1),
        (-1, 1.0, -1),
        (-4, 65_536.0, 0),
        (-10, 1.0, -1),
        (-10, 1e300, 0),
    ] {
        let histogram = with(BUCKETS_MAX, scale, &[value]);

        assert_eq!(histogram.offset(), index, "{value} at scale {scale}");
        assert_eq!(histogram.scale(), i32::from(scale));
    }
}

#[test]
fn powers_of_two_lie_exactly_at_the_upper_bound_of_a_bucket() {
    for scale in -10..=SCALE_MAX {
        for exponent in -1074..=1023i32 {
            let power = if exponent < -1022 {
                f64::from_bits(1 << (exponent + 1074))
            } else {
                f64::from_bits(((exponent + 1023) as u64) << 52)
            };
            let histogram = with(BUCKETS_MAX, scale, &[power]);

            let bucket_above = if scale >= 0 {
                i64::from(exponent) << scale
            } else {
                // The first multiple at or above.
                -(i64::from(-exponent) >> -scale)
            };
            assert_eq!(
                i64::from(histogram.offset()) + 1,
                bucket_above,
                "2^{exponent} at scale {scale}"
            );
        }
    }
}

#[test]
fn what_is_just_beside_a_power_of_two_is_in_the_bucket_beside_it() {
    for exponent in [-1000, -3, 0, 1, 10, 1000] {
        let power = 2f64.powi(exponent);

        let below = with(BUCKETS_MAX, SCALE_MAX, &[power.next_down()]).offset();
        let at = with(BUCKETS_MAX, SCALE_MAX, &[power]).offset();
        let above = with(BUCKETS_MAX, SCALE_MAX, &[power.next_up()]).offset();

        assert_eq!((below, above), (at, at + 1));
    }
}

#[test]
fn zeros_have_a_bucket_of_their_own() {
    let histogram = of(&[0.0, -0.0, 1.0]);

    assert_eq!((histogram.zero_count(), histogram.count()), (2, 3));
    assert_eq!(filled(&histogram), BTreeMap::from([(-1, 1)]));
    assert_eq!(histogram.min(), Some(0.0));
}

#[test]
fn what_is_no_duration_is_refused_and_counted() {
    let mut histogram = of(&[1.0]);

    for value in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -f64::MIN_POSITIVE] {
        assert!(!histogram.observe(value), "{value}");
    }

    assert_eq!(histogram.refused(), 5);
    assert_eq!(shape(&histogram), shape(&of(&[1.0])));
    assert_eq!(histogram.sum().to_bits(), 1.0f64.to_bits());
}

#[test]
fn every_number_there_is_fits_into_the_buckets() {
    let all = [f64::from_bits(1), f64::MIN_POSITIVE, 1.0, f64::MAX];

    let histogram = of(&all);
    let smallest = with(4, SCALE_MAX, &all);

    assert_eq!(histogram.scale(), -4, "2,098 octaves in 160 buckets of 16");
    assert_eq!(histogram.buckets().sum::<u64>(), 4);
    assert!(smallest.buckets().len() <= 4);
    assert_eq!(smallest.buckets().sum::<u64>(), 4);
}

#[test]
fn few_buckets_hold_little_memory_and_warm_ones_ask_for_no_more() {
    let mut histogram = of(&[0.25]);
    assert!(histogram.heap_bytes() <= 4, "{}", histogram.heap_bytes());

    let values: Vec<f64> = (1..2_000).map(|step| f64::from(step) / 1e3).collect();
    values.iter().for_each(|value| assert!(histogram.observe(*value)));
    let warm = histogram.heap_bytes();
    values.iter().for_each(|value| assert!(histogram.observe(*value)));

    assert_eq!(histogram.heap_bytes(), warm);
    assert!(warm <= 2 * usize::from(BUCKETS_MAX), "{warm}");
}

#[test]
fn counts_go_beyond_what_the_narrow_ones_hold() {
    let mut histogram = of(&[1.0, 3.0]);
    assert!(histogram.observe_n(3.0, 70_000));
    for _ in 0..70_000 {
        assert!(histogram.observe(1.0));
    }

    assert_eq!(
        histogram.buckets().filter(|count| *count > 0).collect::<Vec<_>>(),
        [70_001, 70_001]
    );
    assert_eq!(histogram.count(), 140_002);

    histogram.clear();
    assert_eq!(shape(&histogram), shape(&of(&[])));
}

#[test]
fn buckets_that_are_joined_may_become_wide() {
    let mut histogram = ExponentialHistogram::new(BUCKETS_MAX, SCALE_MAX);
    assert!(histogram.observe_n(1.000_001, 65_535));
    assert!(histogram.observe_n(1.000_002, 65_535));

    assert!(histogram.observe(1e9));

    assert_eq!(histogram.buckets().next(), Some(131_070));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// S-3, first half: merging equals counting the union, whatever scale each of them came to.
    #[test]
    fn s3_a_merge_is_the_histogram_of_the_union(
        one in proptest::collection::vec(duration(), 0..60),
        other in proptest::collection::vec(duration(), 0..60),
        buckets_max in 4..200u16,
        scale_max in -10..=SCALE_MAX,
    ) {
        let mut merged = with(buckets_max, SCALE_MAX, &one);
        merged.merge(&with(buckets_max, scale_max, &other));

        let mut union = with(buckets_max, SCALE_MAX, &one);
        union.merge(&with(buckets_max, scale_max, &[]));
        other.iter().for_each(|value| assert!(union.observe(*value)));
        if union.scale() > merged.scale() {
            // The other one was not allowed to be as fine; what is coarse stays coarse.
            let coarse = union;
            union = with(buckets_max, merged.scale() as i8, &[]);
            union.merge(&coarse);
        }

        prop_assert_eq!(shape(&merged), shape(&union));
        prop_assert!(is_near(merged.sum(), union.sum()), "P-8: {} and {}", merged.sum(), union.sum());
    }

    /// S-3, second half: a quantile is off by no more than one bucket, whose relative width is 2^(2^-scale) - 1.
    #[test]
    fn s3_a_quantile_is_off_by_no_more_than_a_bucket(mut values in proptest::collection::vec(duration(), 1..300)) {
        let histogram = of(&values);
        values.sort_by(f64::total_cmp);
        let width = 2f64.powi(-histogram.scale()).exp2() - 1.0;

        for rank in [0, values.len() / 2, values.len() * 95 / 100, values.len() - 1] {
            let (exact, estimated) = (values[rank], quantile(&histogram, rank as u64));
            prop_assert!(estimated >= exact * (1.0 - 1e-9), "{estimated} for {exact}");
            prop_assert!(estimated <= exact * (1.0 + width) * (1.0 + 1e-9), "{estimated} for {exact}");
        }
    }

    /// The order of measurements changes nothing, and no measurement is lost between buckets.
    #[test]
    fn the_order_of_measurements_does_not_matter(mut values in proptest::collection::vec(duration(), 0..200)) {
        let as_they_came = of(&values);
        values.sort_by(f64::total_cmp);

        prop_assert_eq!(shape(&as_they_came), shape(&of(&values)));
        let counted = as_they_came.buckets().sum::<u64>() + as_they_came.zero_count();
        prop_assert_eq!(counted, values.len() as u64);
        prop_assert!(as_they_came.buckets().len() <= usize::from(BUCKETS_MAX));
        prop_assert!(is_near(as_they_came.sum(), values.iter().sum()));
    }

    /// Every double has one bucket, and it is the right one: within a few roundings of its bounds.
    #[test]
    fn every_positive_number_lies_between_the_bounds_of_its_bucket(bits in 1..f64::INFINITY.to_bits(), scale in -10..=SCALE_MAX) {
        let value = f64::from_bits(bits);
        let histogram = with(BUCKETS_MAX, scale, &[value]);

        // Logarithms, because the bounds of the coarse scales are beyond what a double holds.
        let (low, high) = (f64::from(histogram.offset()), f64::from(histogram.offset()) + 1.0);
        let place = if value < f64::MIN_POSITIVE { (value * 2f64.powi(200)).log2() - 200.0 } else { value.log2() };
        let place = place * 2f64.powi(i32::from(scale));
        let slack = 1e-15 * place.abs().max(1.0) + 4e-10;
        prop_assert!(low - slack < place && place <= high + slack, "{value}: {place} in {low}..{high}");
    }
}
