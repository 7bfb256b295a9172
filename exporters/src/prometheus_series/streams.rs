//! Deltas added up: Prometheus knows totals only.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::losses::Loss;
use super::native::SCHEMA_MIN;

/// Buckets kept on each side of an accumulated exponential histogram: what the OpenTelemetry SDKs keep. One that would
/// need more becomes coarser.
const BUCKETS_MAX: i64 = 160;

/// Buckets of an accumulated histogram with explicit bounds. Ten to fifty are usual; the limit bounds what one stream
/// can cost.
const EXPLICIT_BUCKETS_MAX: usize = 1_000;

/// The totals of all streams of deltas.
#[derive(Debug)]
pub(crate) struct Streams {
    totals: HashMap<Box<[u8]>, Stream>,
    /// More are refused.
    streams_max: usize,
    /// A stream without points for this long is forgotten when room is needed.
    stale_after: Duration,
}

#[derive(Debug)]
struct Stream {
    start: u64,
    time: u64,
    seen: Instant,
    total: Total,
}

/// What a stream has come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Total {
    Number(f64),
    Explicit(Explicit),
    Exponential(Exponential),
}

/// A histogram with explicit bounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Explicit {
    pub(crate) count: u64,
    pub(crate) sum: Option<f64>,
    pub(crate) counts: Vec<u64>,
    pub(crate) bounds: Vec<f64>,
}

/// An exponential histogram; the sides are the index of the first bucket and the counts from there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Exponential {
    pub(crate) count: u64,
    pub(crate) sum: Option<f64>,
    pub(crate) scale: i32,
    pub(crate) zero_count: u64,
    pub(crate) zero_threshold: f64,
    pub(crate) positive: (i32, Vec<u64>),
    pub(crate) negative: (i32, Vec<u64>),
}

impl Streams {
    pub(crate) fn new(streams_max: usize, stale_after: Duration) -> Self {
        Self {
            totals: HashMap::new(),
            streams_max,
            stale_after,
        }
    }

    /// Adds a delta from `start` to `time`; gives since when the stream counts and what it has come to.
    pub(crate) fn add(
        &mut self,
        key: &[u8],
        (start, time): (u64, u64),
        now: Instant,
        delta: Total,
    ) -> Result<(u64, &Total), Loss> {
        delta.check()?;
        if !self.totals.contains_key(key) {
            self.make_room(now)?;
        }
        let fresh = || Stream {
            start,
            time: 0,
            seen: now,
            total: Total::Number(0.0),
        };
        let is_new = !self.totals.contains_key(key);
        let stream = self.totals.entry(key.into()).or_insert_with(fresh);
        if !is_new && time <= stream.time {
            return Err(Loss::OutOfOrder);
        }
        // What cannot be added, such as other bounds, begins again; Prometheus sees a reset, as it should.
        if is_new || !stream.total.add(&delta) {
            stream.total = delta.compact();
            stream.start = start;
        }
        stream.time = time;
        stream.seen = now;
        Ok((stream.start, &stream.total))
    }

    /// The stream ended.
    pub(crate) fn forget(&mut self, key: &[u8]) {
        self.totals.remove(key);
    }

    fn make_room(&mut self, now: Instant) -> Result<(), Loss> {
        if self.totals.len() < self.streams_max {
            return Ok(());
        }
        let stale_after = self.stale_after;
        self.totals
            .retain(|_, stream| now.saturating_duration_since(stream.seen) <= stale_after);
        if self.totals.len() < self.streams_max {
            Ok(())
        } else {
            Err(Loss::TooManyStreams)
        }
    }
}

impl Total {
    /// Refuses what a stream cannot hold.
    fn check(&self) -> Result<(), Loss> {
        match self {
            Self::Number(_) => Ok(()),
            Self::Explicit(histogram) if histogram.counts.len() > EXPLICIT_BUCKETS_MAX => Err(Loss::TooManyBuckets),
            Self::Explicit(histogram) => histogram.check_bounds(),
            Self::Exponential(histogram) if histogram.scale < SCHEMA_MIN => Err(Loss::Scale),
            Self::Exponential(_) => Ok(()),
        }
    }

    /// The same in no more buckets than a stream keeps.
    fn compact(self) -> Self {
        let Self::Exponential(delta) = self else { return self };
        let mut compact = Exponential {
            scale: delta.scale,
            zero_threshold: delta.zero_threshold,
            sum: Some(0.0),
            ..Exponential::default()
        };
        compact.add(&delta);
        Self::Exponential(compact)
    }

    /// Adds a delta; false, and nothing done, if they do not fit together.
    fn add(&mut self, delta: &Self) -> bool {
        match (self, delta) {
            (Self::Number(total), Self::Number(delta)) => {
                *total += delta;
                true
            }
            (Self::Explicit(total), Self::Explicit(delta)) => total.add(delta),
            (Self::Exponential(total), Self::Exponential(delta)) => total.add(delta),
            _ => false,
        }
    }
}

/// Both sums, where both are known.
fn sums(total: Option<f64>, delta: Option<f64>) -> Option<f64> {
    Some(total? + delta?)
}

impl Explicit {
    fn add(&mut self, delta: &Self) -> bool {
        if self.bounds != delta.bounds || self.counts.len() != delta.counts.len() {
            return false;
        }
        self.count = self.count.saturating_add(delta.count);
        self.sum = sums(self.sum, delta.sum);
        for (total, delta) in self.counts.iter_mut().zip(&delta.counts) {
            *total = total.saturating_add(*delta);
        }
        true
    }

    /// The bounds without a written infinite one.
    pub(super) fn finite_bounds(&self) -> &[f64] {
        match self.bounds.split_last() {
            Some((last, rest)) if *last == f64::INFINITY => rest,
            _ => &self.bounds,
        }
    }

    /// Bounds rise, and there is a count for each and one above; or there are neither.
    pub(super) fn check_bounds(&self) -> Result<(), Loss> {
        let rises = self.bounds.is_sorted_by(|low, high| low < high);
        let numbers = self.finite_bounds().iter().all(|bound| bound.is_finite());
        let fits = self.counts.len() == self.bounds.len() + 1 || (self.counts.is_empty() && self.bounds.is_empty());
        if rises && numbers && fits && !self.bounds.iter().any(|bound| bound.is_nan()) {
            Ok(())
        } else {
            Err(Loss::InvalidHistogram)
        }
    }

    /// With a written infinite bound its bucket and the one above it are one.
    pub(super) fn without_infinite_bound(&mut self) {
        if self.bounds.last() == Some(&f64::INFINITY) && self.counts.len() == self.bounds.len() + 1 {
            self.bounds.pop();
            let above = self.counts.pop().unwrap_or_default();
            if let Some(last) = self.counts.last_mut() {
                *last = last.saturating_add(above);
            }
        }
    }
}

impl Exponential {
    /// Every bucket, and the zero bucket.
    pub(super) fn all_counts(&self) -> impl Iterator<Item = u64> + '_ {
        let sides = self.positive.1.iter().chain(&self.negative.1);
        sides.copied().chain([self.zero_count])
    }

    fn add(&mut self, delta: &Self) -> bool {
        // Buckets would have to move into a wider zero bucket: beginning again loses nothing either.
        if self.zero_threshold.to_bits() != delta.zero_threshold.to_bits() {
            return false;
        }
        let mut scale = self.scale.min(delta.scale);
        // Indices have 32 bits, so this ends after 32 steps.
        while [(&self.positive, &delta.positive), (&self.negative, &delta.negative)]
            .into_iter()
            .any(|(mine, theirs)| span(mine, self.scale, theirs, delta.scale, scale) > BUCKETS_MAX)
        {
            scale = scale.saturating_sub(1);
        }
        self.positive = joined(&self.positive, self.scale, &delta.positive, delta.scale, scale);
        self.negative = joined(&self.negative, self.scale, &delta.negative, delta.scale, scale);
        self.scale = scale;
        self.count = self.count.saturating_add(delta.count);
        self.zero_count = self.zero_count.saturating_add(delta.zero_count);
        self.sum = sums(self.sum, delta.sum);
        true
    }
}

type Side = (i32, Vec<u64>);

/// First and last index of the buckets that are not empty, at a coarser scale.
fn reach((offset, counts): &Side, from: i32, to: i32) -> Option<(i64, i64)> {
    let first = counts.iter().position(|count| *count > 0)?;
    let last = counts.iter().rposition(|count| *count > 0)?;
    let at = |index: usize| (i64::from(*offset) + index as i64) >> shift(from, to);
    Some((at(first), at(last)))
}

fn shift(from: i32, to: i32) -> u32 {
    (i64::from(from) - i64::from(to)).clamp(0, 63) as u32
}

/// Buckets that both sides together need.
fn span(mine: &Side, my_scale: i32, theirs: &Side, their_scale: i32, scale: i32) -> i64 {
    match (reach(mine, my_scale, scale), reach(theirs, their_scale, scale)) {
        (Some(a), Some(b)) => a.1.max(b.1) - a.0.min(b.0) + 1,
        (Some(one), None) | (None, Some(one)) => one.1 - one.0 + 1,
        (None, None) => 0,
    }
}

fn joined(mine: &Side, my_scale: i32, theirs: &Side, their_scale: i32, scale: i32) -> Side {
    let reaches = [reach(mine, my_scale, scale), reach(theirs, their_scale, scale)];
    let Some(first) = reaches.iter().flatten().map(|reach| reach.0).min() else {
        return Side::default();
    };
    let length = span(mine, my_scale, theirs, their_scale, scale).clamp(0, BUCKETS_MAX) as usize;
    let mut counts = vec![0_u64; length];
    for ((offset, from), scale_of) in [(mine, my_scale), (theirs, their_scale)] {
        for (index, count) in from.iter().enumerate() {
            let at = ((i64::from(*offset) + index as i64) >> shift(scale_of, scale)) - first;
            if let Some(total) = usize::try_from(at).ok().and_then(|at| counts.get_mut(at)) {
                *total = total.saturating_add(*count);
            }
        }
    }
    // The first index came from an i32 and was only ever divided.
    (i32::try_from(first).unwrap_or_default(), counts)
}
