//! Native histograms as classic ones: text has no others.
//!
//! Their buckets end at powers of 2 to the power of 2^-scale, and those of a coarser scale are among those of a finer
//! one. So counts below a bound are exact; between the bounds of a ladder nothing is known any more.

use crate::prometheus_series::{Buckets, Shape, ZERO_THRESHOLD};

/// The finest scale on a page: eight buckets for each doubling, each 9 % wide. A finer one would be more lines than a
/// text is good for.
const SCALE_MAX: i32 = 3;

/// Bounds on each side of zero. Coarser scales are taken until so many suffice: at the coarsest there are 133.
const BOUNDS_MAX: i64 = 160;

/// The coarsest scale that Prometheus knows.
const SCALE_MIN: i32 = -4;

/// Exponents of the smallest and the largest number that a double can be.
const EXPONENTS: (f64, f64) = (-1074.0, 1023.0);

/// One ladder of bounds for all histograms of a metric: only so can their buckets be added up.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ladder {
    /// Rising, all finite.
    pub(super) bounds: Vec<f64>,
}

/// First and last bucket that are not empty.
type Reach = Option<(i64, i64)>;

impl Ladder {
    /// The ladder for these histograms, from the first bucket that is not empty to the last.
    pub(super) fn over<'a>(shapes: impl Iterator<Item = &'a Shape> + Clone) -> Self {
        let scale = shapes.clone().map(|shape| shape.schema).min();
        let mut scale = scale.unwrap_or(SCALE_MAX).clamp(SCALE_MIN, SCALE_MAX);
        let reaches = |scale: i32| {
            let of = |side: fn(&Shape) -> &Buckets| {
                let reaches = shapes.clone().map(|shape| reach(side(shape), shape.schema, scale));
                reaches.reduce(joined).flatten()
            };
            (of(|shape| &shape.negative), of(|shape| &shape.positive))
        };
        let (mut negative, mut positive) = reaches(scale);
        while scale > SCALE_MIN && [negative, positive].into_iter().any(is_too_long) {
            scale -= 1;
            (negative, positive) = reaches(scale);
        }
        // A bucket needs the bound below it, too: quantiles lie between both.
        let edges = |reach: Reach| reach.into_iter().flat_map(|(first, last)| first - 1..=last);
        let below = edges(negative).map(|number| -bound(number, scale));
        let zeros = shapes
            .filter(|shape| shape.zero_count > 0 || !shape.negative.deltas.is_empty())
            .map(zero_bound);
        let mut bounds: Vec<f64> = below
            .chain(zeros)
            .chain(edges(positive).map(|number| bound(number, scale)))
            .filter(|bound| bound.is_finite())
            .map(|bound| bound + 0.0) // There is one zero only.
            .collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        Self { bounds }
    }

    /// How many measurements of a histogram lie at or below each bound.
    pub(super) fn counts(&self, shape: &Shape) -> Vec<u64> {
        let negative = numbered(&shape.negative).map(|(number, count)| (-bound(number - 1, shape.schema), count));
        let positive = numbered(&shape.positive).map(|(number, count)| (bound(number, shape.schema), count));
        let mut buckets: Vec<(f64, u64)> = negative
            .chain([(zero_bound(shape), shape.zero_count)])
            .chain(positive)
            .collect();
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut buckets = buckets.into_iter().peekable();
        let mut total = 0_u64;
        let below = |upper: &f64| {
            while let Some((_, count)) = buckets.next_if(|(end, _)| end <= upper) {
                total = total.saturating_add(count);
            }
            total
        };
        self.bounds.iter().map(below).collect()
    }
}

/// Where a bucket ends.
fn bound(number: i64, scale: i32) -> f64 {
    (number as f64 * 2_f64.powi(-scale)).exp2()
}

/// Where the zero bucket ends.
fn zero_bound(shape: &Shape) -> f64 {
    if shape.zero_threshold <= ZERO_THRESHOLD {
        0.0 // What stands for a threshold that the sender did not say.
    } else {
        shape.zero_threshold
    }
}

/// The numbers of buckets with their counts; bucket 1 ends at the base of the scale.
fn numbered(buckets: &Buckets) -> impl Iterator<Item = (i64, u64)> + '_ {
    let mut next = 0_i64;
    let numbers = buckets.spans.iter().flat_map(move |(gap, length)| {
        let first = next + i64::from(*gap);
        next = first + i64::from(*length);
        first..next
    });
    let mut count = 0_i64;
    let counts = buckets.deltas.iter().map(move |delta| {
        count = count.saturating_add(*delta);
        u64::try_from(count).unwrap_or_default()
    });
    numbers.zip(counts)
}

fn reach(buckets: &Buckets, from: i32, to: i32) -> Reach {
    let coarser = (from - to).clamp(0, 63) as u32;
    let mut filled = numbered(buckets)
        .filter(|(_, count)| *count > 0)
        .map(|(number, _)| number);
    let first = filled.next()?;
    let last = filled.last().unwrap_or(first);
    let step = 2_f64.powi(to);
    let (least, most) = (EXPONENTS.0 * step, EXPONENTS.1 * step);
    let at = |number: i64| {
        let coarse = ((number - 1) >> coarser) + 1;
        coarse.clamp(least as i64, most as i64 + 1)
    };
    Some((at(first), at(last)))
}

fn joined(one: Reach, other: Reach) -> Reach {
    match (one, other) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}

fn is_too_long(reach: Reach) -> bool {
    reach.is_some_and(|(first, last)| last - first + 2 > BOUNDS_MAX)
}
