//! Whether the parts of a point make one.

use pipeline::payload::scrape::Part;

use super::Untold;

/// What is known of a histogram or summary while its page is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fitness {
    /// The turn that the rest belongs to.
    turn: u64,
    count: Option<f64>,
    last_bound: f64,
    last_value: f64,
    /// Bounds do not rise from line to line, so the buckets have to be looked at once more.
    is_unordered: bool,
    is_odd: bool,
    /// Some part is from before 1970.
    is_before_time: bool,
}

/// Why a point is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    WithoutCount,
    OddBuckets,
    Time,
}

impl Fitness {
    /// Begins a turn; false if it was begun before.
    pub(super) fn begin(&mut self, turn: u64) -> bool {
        if self.turn == turn {
            return false;
        }
        *self = Self {
            turn,
            last_bound: f64::NEG_INFINITY,
            ..Self::default()
        };
        true
    }

    pub(super) fn take(&mut self, part: Part, value: f64) {
        match part {
            Part::Count => self.count = Some(value),
            Part::Bucket(bound) if bound != f64::INFINITY => {
                self.is_unordered |= bound <= self.last_bound;
                self.is_odd |= !is_count(value) || (!self.is_unordered && value < self.last_value);
                (self.last_bound, self.last_value) = (bound, value);
            }
            _ => {}
        }
    }

    pub(super) fn is_unordered(&self) -> bool {
        self.is_unordered
    }

    pub(super) fn is_before_time(&mut self) {
        self.is_before_time = true;
    }

    /// Why the point cannot be told. `buckets` gives bounds with counts, and is asked only where their order is odd.
    pub(super) fn judge(&self, buckets: impl FnOnce() -> Vec<(f64, f64)>) -> Option<Unfit> {
        if self.is_before_time {
            return Some(Unfit::Time);
        }
        let Some(count) = self.count else {
            return Some(Unfit::WithoutCount);
        };
        let is_odd = if self.is_unordered {
            let mut buckets = buckets();
            buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            let values = || buckets.iter().map(|(_, value)| *value).chain([count]);
            !values().is_sorted() || !values().all(is_count)
        } else {
            self.is_odd || !is_count(count) || count < self.last_value
        };
        is_odd.then_some(Unfit::OddBuckets)
    }
}

impl Untold {
    pub(super) fn add(&mut self, unfit: Unfit) {
        match unfit {
            Unfit::WithoutCount => self.without_count += 1,
            Unfit::OddBuckets => self.odd_buckets += 1,
            Unfit::Time => self.time += 1,
        }
    }
}

fn is_count(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}
