//! Histograms with bounds that somebody chose.

use std::sync::Arc;

/// Counts measurements by upper bounds, inclusive.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplicitHistogram {
    /// In rising order; shared by all histograms of one configuration.
    bounds: Arc<[f64]>,
    /// One more than bounds: the last is for what is above all of them.
    counts: Box<[u64]>,
    count: u64,
    sum: f64,
    refused: u64,
    /// Where the last measurement fell: the next one is often there, too.
    last: Last,
}

/// A guess, and so no part of what was counted.
#[derive(Debug, Clone, Copy, Default)]
struct Last(usize);

impl PartialEq for Last {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl ExplicitHistogram {
    /// Nothing counted yet. Bounds are in rising order; that is the caller's duty.
    pub fn new(bounds: Arc<[f64]>) -> Self {
        let counts = vec![0; bounds.len() + 1].into_boxed_slice();
        Self {
            bounds,
            counts,
            count: 0,
            sum: 0.0,
            refused: 0,
            last: Last::default(),
        }
    }

    /// Counts one measurement; says in which bucket. What is infinite or no number is refused, and only the refusal is
    /// counted: it would make the sum useless for ever.
    #[inline]
    pub fn observe(&mut self, value: f64) -> Option<usize> {
        self.observe_n(value, 1)
    }

    /// Counts a measurement that stands for `n`.
    #[inline]
    pub fn observe_n(&mut self, value: f64, n: u64) -> Option<usize> {
        if !value.is_finite() {
            self.refused = self.refused.saturating_add(n);
            return None;
        }
        let bucket = self.bucket(value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(n);
        }
        self.count = self.count.saturating_add(n);
        self.sum += value * n as f64;
        Some(bucket)
    }

    #[inline(always)]
    fn bucket(&mut self, value: f64) -> usize {
        let Last(last) = self.last;
        if let Some(below) = last.checked_sub(1)
            && let Some([below, bound]) = self.bounds.get(below..=last)
            && *below < value
            && value <= *bound
        {
            return last;
        }
        self.search(value)
    }

    #[inline(never)]
    fn search(&mut self, value: f64) -> usize {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.last = Last(bucket);
        bucket
    }

    /// Adds what another one with the same bounds counted.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.bounds, other.bounds, "both are of one configuration");
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.refused = self.refused.saturating_add(other.refused);
    }

    /// Forgets what was counted.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.count = 0;
        self.sum = 0.0;
        self.refused = 0;
    }

    /// Measurements that were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Measurements that were refused: infinite, not a number.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Upper bounds, inclusive.
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// Measurements in each bucket, not summed up; one more than there are bounds.
    pub fn buckets(&self) -> &[u64] {
        &self.counts
    }
}
