//! The samples of one device, and what they say about a window.
//!
//! Bounded by count and by age. Sums from row to row make a window cost two searches, however long it is.

mod energy;
mod fast;
mod pace;
mod slow;
mod track;
mod window;

use super::{Fast, Slow};
use energy::Energy;
use fast::{FastRow, FastWindow, FastWriter};
use pace::Pace;
use slow::SlowRow;
use track::{Track, float};

pub use window::{Spread, Throttled, Window};

/// Samples that are kept: ten minutes of ten a second, and of two a second. Faster sampling shortens the time.
pub(super) const FAST_MAX: usize = 6_000;
pub(super) const SLOW_MAX: usize = 1_200;

/// Samples older than this before the newest are forgotten, also when there is room: sums of four bytes hold no longer.
pub(super) const HORIZON_NS: u64 = 600_000_000_000;

/// A clock that is set back by more begins a new history; samples of a shorter time before the newest are ignored.
const BACKWARDS_NS_MAX: u64 = 2_000_000_000;

const FAST_PERIOD_NS: u64 = 100_000_000;
const SLOW_PERIOD_NS: u64 = 500_000_000;

/// The samples of one device.
#[derive(Debug)]
pub(super) struct Samples {
    fast: Track<FastRow>,
    writer: FastWriter,
    fast_pace: Pace,
    energy: Energy,
    slow: Track<SlowRow>,
    slow_pace: Pace,
    /// Samples that came with a time before that of the newest.
    pub(super) ignored: u64,
}

impl Samples {
    pub(super) fn new() -> Self {
        Self {
            fast: Track::new(FAST_MAX),
            writer: FastWriter::default(),
            fast_pace: Pace::new(FAST_PERIOD_NS),
            energy: Energy::new(FAST_MAX),
            slow: Track::new(SLOW_MAX),
            slow_pace: Pace::new(SLOW_PERIOD_NS),
            ignored: 0,
        }
    }

    pub(super) fn add_fast(&mut self, sample: &Fast) {
        let last = self.fast.last().copied();
        if !self.takes(last.map(|last| last.time), sample.time_ns) {
            return;
        }
        let last = last.filter(|last| follows(last.time, sample.time_ns));
        if last.is_none() {
            self.fast.clear();
            self.energy.clear();
        }
        let unseen = last.map_or(0, |last| self.fast_pace.step(sample.time_ns - last.time));
        self.fast
            .push(sample.time_ns, self.writer.row(last.as_ref(), sample, unseen));
        self.energy.add(sample, unseen);
        let horizon = sample.time_ns.saturating_sub(HORIZON_NS);
        self.fast.forget_before(horizon);
        self.energy.forget_before(horizon);
    }

    pub(super) fn add_slow(&mut self, sample: &Slow) {
        let last = self.slow.last().copied();
        if !self.takes(last.map(|last| last.time), sample.time_ns) {
            return;
        }
        let last = last.filter(|last| follows(last.time, sample.time_ns));
        if last.is_none() {
            self.slow.clear();
        }
        let unseen = last.map_or(0, |last| self.slow_pace.step(sample.time_ns - last.time));
        self.slow
            .push(sample.time_ns, SlowRow::of(sample, last.as_ref(), unseen));
        self.slow.forget_before(sample.time_ns.saturating_sub(HORIZON_NS));
    }

    /// What is known of a window. Nothing where no sample speaks for any part of it.
    pub(super) fn window(&self, from: u64, to: u64) -> Option<Window> {
        let (begin, end) = self.stretched(from, to);
        let slow = slow::window(&self.slow, begin, end);
        let fast = match fast::window(&self.fast, begin, end) {
            Some(fast) => fast,
            // A MIG instance has no clocks and no energy of its own.
            None if self.fast.len() == 0 => FastWindow {
                samples: slow?.samples,
                seen_ns: slow?.seen_ns,
                ..FastWindow::default()
            },
            None => return None,
        };
        let slow = slow.unwrap_or_default();
        let energy = self.energy.between(begin, end);
        let [power_s, thermal_s] = fast.throttled_us.map(|us| us.map(|us| us / 1e6));
        let is_instant = from >= to;
        Some(Window {
            samples: u32::try_from(fast.samples).unwrap_or(u32::MAX),
            coverage: coverage(fast.seen_ns, energy, float(end - begin)),
            utilization: slow.utilization,
            memory_used_bytes: slow.memory_used_bytes,
            temperature_c: slow.temperature_c,
            energy_j: energy.map(|used| if is_instant { 0.0 } else { used.joules }),
            power_w: energy.map(|used| used.joules * 1e9 / used.known_ns),
            sm_clock_hz: fast.clock_mhz.map(|mhz| mhz * 1e6),
            throttled: Throttled { power_s, thermal_s },
            reasons: fast.reasons,
        })
    }

    /// Energy of a window, as far as it is known.
    pub(super) fn energy_j(&self, from: u64, to: u64) -> Option<f64> {
        self.energy.between(from, to).map(|used| used.joules)
    }

    /// Until when no later sample changes what a window says.
    pub(super) fn settled_until(&self) -> u64 {
        let fast = self.fast.last().map(|last| last.time);
        let slow = self.slow.last().map(|last| last.time);
        [fast, slow, self.energy.known_until()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(0)
    }

    pub(super) fn bytes_len(&self) -> usize {
        size_of::<Self>() + self.fast.bytes_len() + self.energy.bytes_len() + self.slow.bytes_len()
    }

    /// An instant is looked at as the nanosecond beside it.
    fn stretched(&self, from: u64, to: u64) -> (u64, u64) {
        if from < to {
            return (from, to);
        }
        let newest = self.fast.last().map(|last| last.time);
        let newest = newest.or_else(|| self.slow.last().map(|last| last.time)).unwrap_or(0);
        if from < newest {
            (from, from + 1)
        } else {
            (from.saturating_sub(1), from)
        }
    }

    /// Whether a sample has its place after the last one, or begins a new history.
    fn takes(&mut self, last: Option<u64>, now: u64) -> bool {
        let Some(last) = last.filter(|last| now <= *last) else {
            return true;
        };
        if last - now <= BACKWARDS_NS_MAX {
            self.ignored += 1;
            return false;
        }
        self.fast.clear();
        self.energy.clear();
        self.slow.clear();
        true
    }
}

/// Whether a sample goes on with the history that ended with this time. After a longer pause nothing would be left of it.
fn follows(last: u64, now: u64) -> bool {
    now.checked_sub(last).is_some_and(|apart| apart <= HORIZON_NS)
}

/// A window that is shorter than two steps of the energy counter is marked by a coverage below a half (domain §2.4).
fn coverage(seen_ns: f64, energy: Option<energy::Used>, length: f64) -> f64 {
    let seen = (seen_ns / length).min(1.0);
    let Some(used) = energy else {
        return seen;
    };
    let known = (used.known_ns / length).min(1.0);
    let steps = length / used.interval_ns.max(1.0);
    let long_enough = if steps < 2.0 { steps / 4.0 } else { 1.0 };
    seen.min(known) * long_enough
}
