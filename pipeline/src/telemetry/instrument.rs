//! Counters, gauges and histograms: atomics that anybody may add to.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A number that only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

/// A number that goes up and down.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicI64>);

/// Observations in buckets.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Buckets>);

/// Is called with every observation of a histogram.
pub type Tap = Box<dyn Fn(f64) + Send + Sync>;

struct Buckets {
    bounds: Vec<f64>,
    /// One more than bounds: the last holds what is above all of them.
    counts: Vec<AtomicU64>,
    /// The bits of a double.
    sum: AtomicU64,
    /// Who else wants every observation, because buckets alone cannot be taken over into an SDK.
    tap: OnceLock<Tap>,
}

impl Counter {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds to it, or takes away.
    pub fn add(&self, more: i64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Histogram {
    pub(super) fn new(bounds: &[f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Buckets {
            bounds: bounds.to_vec(),
            counts,
            sum: AtomicU64::new(0),
            tap: OnceLock::new(),
        }))
    }

    pub(super) fn bounds(&self) -> &[f64] {
        &self.0.bounds
    }

    /// Only the first tap counts.
    pub(super) fn tap(&self, tap: Tap) {
        let _ = self.0.tap.set(tap);
    }

    /// Counts one observation.
    pub fn observe(&self, value: f64) {
        let bucket = self.0.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.0.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let add = |bits: u64| Some((f64::from_bits(bits) + value).to_bits());
        // The closure always gives a value, so the update always succeeds.
        let _ = self.0.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        if let Some(tap) = self.0.tap.get() {
            tap(value);
        }
    }

    /// Upper bounds with the number of observations at or below each, then the sum and the number of all.
    pub(super) fn read(&self) -> (Vec<(f64, u64)>, f64, u64) {
        let mut below = 0;
        let mut cumulative = Vec::with_capacity(self.0.bounds.len());
        for (bound, count) in self.0.bounds.iter().zip(&self.0.counts) {
            below += count.load(Ordering::Relaxed);
            cumulative.push((*bound, below));
        }
        let above = self.0.counts.last().map_or(0, |count| count.load(Ordering::Relaxed));
        (
            cumulative,
            f64::from_bits(self.0.sum.load(Ordering::Relaxed)),
            below + above,
        )
    }
}

impl std::fmt::Debug for Buckets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} buckets", self.counts.len())
    }
}
