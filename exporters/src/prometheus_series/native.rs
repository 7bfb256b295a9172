//! Native histograms: OTLP's buckets as Prometheus' spans and deltas.

use super::losses::Loss;
use super::streams::{Explicit, Exponential};
use super::table::{STALE, Stamp, measured};

/// The finest and the coarsest resolution that Prometheus knows.
const SCHEMA_MAX: i32 = 8;
pub(super) const SCHEMA_MIN: i32 = -4;
/// Custom bounds instead of a resolution.
pub(crate) const SCHEMA_CUSTOM: i32 = -53;

/// The zero bucket's width where the sender did not say one; the Collector's choice.
pub(crate) const ZERO_THRESHOLD: f64 = 1e-128;

/// Empty buckets that are cheaper written as zeros than as the gap in front of another span.
const GAP_MAX: i64 = 2;

/// A native histogram at a time.
#[derive(Debug, Clone)]
pub(crate) struct NativeHistogram {
    pub(crate) series: u32,
    pub(crate) point: u32,
    pub(crate) stamp: Stamp,
    pub(crate) shape: Shape,
}

/// The values of a native histogram.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    pub(crate) positive: Buckets,
    pub(crate) negative: Buckets,
    /// Upper bounds, without the infinite one; empty except for custom buckets.
    pub(crate) custom: Vec<f64>,
}

/// Buckets in spans: each has an offset from the end of the one before, and a length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Buckets {
    pub(crate) spans: Vec<(i32, u32)>,
    /// The first count, then differences.
    pub(crate) deltas: Vec<i64>,
}

impl NativeHistogram {
    pub(super) fn has_the_values_of(&self, other: &Self) -> bool {
        let bits = |shape: &Shape| (shape.count, shape.sum.to_bits(), shape.schema, shape.zero_count);
        bits(&self.shape) == bits(&other.shape)
            && self.shape.positive == other.shape.positive
            && self.shape.negative == other.shape.negative
    }
}

impl Shape {
    /// The marker of a series that ended.
    pub(super) fn stale(schema: i32) -> Self {
        Self {
            sum: f64::from_bits(STALE),
            schema,
            ..Self::default()
        }
    }

    /// An exponential histogram. Finer ones than Prometheus knows become coarser, coarser ones do not fit.
    pub(super) fn exponential(from: &Exponential) -> Result<Self, Loss> {
        if from.scale < SCHEMA_MIN {
            return Err(Loss::Scale);
        }
        let schema = from.scale.min(SCHEMA_MAX);
        let coarser = (from.scale - schema).min(63) as u32;
        let sum = from.sum.unwrap_or_default();
        check_count(from.count, sum, from.all_counts())?;
        // OTLP's bucket i ends where Prometheus' bucket i + 1 ends.
        let side = |(offset, counts): &(i32, Vec<u64>)| {
            let numbered = counts.iter().enumerate();
            Buckets::of(numbered.map(|(at, count)| (((i64::from(*offset) + at as i64) >> coarser) + 1, *count)))
        };
        Ok(Self {
            count: from.count,
            sum: measured(sum),
            schema,
            zero_threshold: if from.zero_threshold > 0.0 {
                from.zero_threshold
            } else {
                ZERO_THRESHOLD
            },
            zero_count: from.zero_count,
            positive: side(&from.positive)?,
            negative: side(&from.negative)?,
            custom: Vec::new(),
        })
    }

    /// A histogram with explicit bounds as one with custom buckets.
    pub(super) fn custom(from: &Explicit) -> Result<Self, Loss> {
        from.check_bounds()?;
        let sum = from.sum.unwrap_or_default();
        // Without buckets everything lies in the infinite one.
        let alone = [from.count];
        let counts = if from.counts.is_empty() {
            &alone[..]
        } else {
            &from.counts
        };
        check_count(from.count, sum, counts.iter().copied())?;
        let numbered = counts.iter().enumerate().map(|(at, count)| (at as i64, *count));
        Ok(Self {
            count: from.count,
            sum: measured(sum),
            schema: SCHEMA_CUSTOM,
            positive: Buckets::of(numbered)?,
            custom: from.finite_bounds().to_vec(),
            ..Self::default()
        })
    }
}

/// Prometheus refuses a whole request for one histogram that does not add up. A NaN among the measurements is counted but
/// lies in no bucket.
fn check_count(count: u64, sum: f64, mut buckets: impl Iterator<Item = u64>) -> Result<(), Loss> {
    let total = buckets
        .try_fold(0_u64, u64::checked_add)
        .ok_or(Loss::InvalidHistogram)?;
    if total == count || (sum.is_nan() && total < count) {
        Ok(())
    } else {
        Err(Loss::InvalidHistogram)
    }
}

impl Buckets {
    /// Numbered counts in order; those with the same number are added up.
    fn of(counts: impl Iterator<Item = (i64, u64)>) -> Result<Self, Loss> {
        let mut merged = Merging {
            buckets: Self::default(),
            next: 0,
            count: 0,
        };
        let mut open: Option<(i64, u64)> = None;
        for (number, count) in counts.filter(|(_, count)| *count > 0) {
            open = match open {
                Some((last, total)) if last == number => {
                    let total = total.checked_add(count).ok_or(Loss::InvalidHistogram)?;
                    Some((number, total))
                }
                Some((last, total)) => {
                    merged.push(last, total)?;
                    Some((number, count))
                }
                None => Some((number, count)),
            };
        }
        if let Some((last, total)) = open {
            merged.push(last, total)?;
        }
        Ok(merged.buckets)
    }
}

struct Merging {
    buckets: Buckets,
    /// The number behind the last bucket.
    next: i64,
    /// Of the last bucket.
    count: i64,
}

impl Merging {
    fn push(&mut self, number: i64, count: u64) -> Result<(), Loss> {
        let gap = number - self.next;
        match self.buckets.spans.last_mut() {
            Some((_, length)) if gap <= GAP_MAX => {
                for _ in 0..gap {
                    self.buckets.deltas.push(-self.count);
                    self.count = 0;
                    *length += 1;
                }
                *length += 1;
            }
            _ => {
                let gap = i32::try_from(gap).map_err(|_| Loss::InvalidHistogram)?;
                self.buckets.spans.push((gap, 1));
            }
        }
        let count = i64::try_from(count).map_err(|_| Loss::InvalidHistogram)?;
        self.buckets.deltas.push(count - self.count);
        self.count = count;
        self.next = number + 1;
        Ok(())
    }
}
