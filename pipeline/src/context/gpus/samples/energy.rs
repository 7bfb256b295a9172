//! What the energy counter said, at the moments at which it changed.
//!
//! The driver renews the counter in steps of its own, about every 20 to 100 ms. Only samples that show a new value tell
//! anything about time, so only these are kept, and between them energy grows evenly (domain §2.4).

use super::super::Fast;
use super::HORIZON_NS;
use super::track::{At, Row, Track, float};

/// No device draws more. What grows faster is no energy: a counter that began anew or garbage. It also keeps the sums of
/// a ring, which is never longer than twice the horizon, below 2^32 mJ.
const POWER_W_MAX: u64 = 3_500;

/// Sums up to a moment at which the counter changed; they begin anew after 2^32.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Point {
    total_mj: u32,
    /// Time in which nobody knows how much was used, in microseconds.
    lost_us: u32,
}

impl Row for Point {
    type Peak = ();

    fn peak(&self) {}

    fn join((): (), (): ()) {}
}

/// Energy over time.
#[derive(Debug)]
pub(super) struct Energy {
    points: Track<Point>,
    /// The counter's last value.
    last_mj: Option<u64>,
    /// Whether there ever was a counter: power is only summed up where there is none.
    has_counter: bool,
    /// The last power, with its time.
    power: Option<(u64, u32)>,
    /// What sums of power have not filled up to a whole millijoule, in nanojoules.
    rest_nj: u64,
}

/// Energy of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Used {
    pub(super) joules: f64,
    /// Time of the window for which that is known, in nanoseconds.
    pub(super) known_ns: f64,
    /// Mean time between two changes of the counter.
    pub(super) interval_ns: f64,
}

impl Energy {
    pub(super) fn new(points: usize) -> Self {
        Self {
            points: Track::new(points),
            last_mj: None,
            has_counter: false,
            power: None,
            rest_nj: 0,
        }
    }

    /// `unseen_ns` is the time before this sample for which no sample speaks.
    pub(super) fn add(&mut self, sample: &Fast, unseen_ns: u64) {
        if let Some(now_mj) = sample.energy_mj {
            if !std::mem::replace(&mut self.has_counter, true) {
                self.end_sums(sample.time_ns);
            }
            self.read(sample.time_ns, now_mj);
        } else if !self.has_counter {
            self.sum_up(sample, unseen_ns);
        }
    }

    pub(super) fn forget_before(&mut self, time: u64) {
        self.points.forget_before(time);
    }

    pub(super) fn clear(&mut self) {
        self.points.clear();
        self.last_mj = None;
        self.power = None;
    }

    /// Until when energy is known; nothing while there is none.
    pub(super) fn known_until(&self) -> Option<u64> {
        self.points.last().map(|last| last.time)
    }

    pub(super) fn bytes_len(&self) -> usize {
        self.points.bytes_len()
    }

    /// Energy from one moment to a later one, as far as it is known.
    pub(super) fn between(&self, from: u64, to: u64) -> Option<Used> {
        let stretch = self.points.stretch(from, to)?;
        let ((begin, begin_after), (end, end_after)) = (stretch.begin, stretch.end);
        let from = Edge::between(begin, begin_after, stretch.from);
        let to = end_after.map_or_else(Edge::default, |after| Edge::between(end, after, stretch.to));
        let whole_mj = f64::from(end.row.total_mj.wrapping_sub(begin.row.total_mj));
        let lost_us = f64::from(end.row.lost_us.wrapping_sub(begin.row.lost_us)) + to.lost_us - from.lost_us;
        let known_ns = stretch.length_ns() - lost_us * 1e3;
        if known_ns <= 0.0 {
            return None;
        }
        // From the change before the window to the one after it.
        let changes = stretch.last - stretch.first + usize::from(end_after.is_some());
        let around_ns = end_after.unwrap_or(end).time - begin.time;
        Some(Used {
            joules: (whole_mj + to.mj - from.mj).max(0.0) / 1e3,
            known_ns,
            interval_ns: float(around_ns) / float(changes.max(1) as u64),
        })
    }

    /// Sums of power end where a counter begins. They stay true for their time, and nobody knows what was used between
    /// the last of them and the counter's first value.
    fn end_sums(&mut self, counter_begins: u64) {
        if self.points.len() > 0 {
            self.push(counter_begins, None);
        }
    }

    fn read(&mut self, time: u64, now_mj: u64) {
        let last_mj = self.last_mj.replace(now_mj);
        let Some(since) = self.known_until() else {
            return self.push(time, None);
        };
        let last_mj = last_mj.unwrap_or(now_mj);
        if last_mj == now_mj {
            return;
        }
        let apart_us = (time - since) / 1_000;
        let most_mj = (apart_us.saturating_mul(POWER_W_MAX) / 1_000).max(POWER_W_MAX);
        self.push(time, now_mj.checked_sub(last_mj).filter(|grown| *grown <= most_mj));
    }

    /// Without a counter, power is taken to change evenly from sample to sample.
    fn sum_up(&mut self, sample: &Fast, unseen_ns: u64) {
        let Some(power_mw) = sample.power_mw.filter(|it| u64::from(*it) <= POWER_W_MAX * 1_000) else {
            return;
        };
        let Some((since, power_before)) = self.power.replace((sample.time_ns, power_mw)) else {
            return self.push(sample.time_ns, None);
        };
        let mean_uw = (u64::from(power_before) + u64::from(power_mw)) * 500;
        let used_nj = mean_uw.saturating_mul((sample.time_ns - since) / 1_000) / 1_000 + self.rest_nj;
        self.rest_nj = used_nj % 1_000_000;
        self.push(sample.time_ns, (unseen_ns == 0).then_some(used_nj / 1_000_000));
    }

    /// The next point, after so much energy or after a time of which nobody knows how much it was. Behind a time that is
    /// longer than the ring everything begins anew: sums would not hold it.
    fn push(&mut self, time: u64, grown_mj: Option<u64>) {
        let last = self
            .points
            .last()
            .filter(|last| time - last.time <= HORIZON_NS)
            .copied();
        let point = match last {
            Some(last) => last.row.then(grown_mj, (time - last.time) / 1_000),
            None => {
                self.points.clear();
                Point::default()
            }
        };
        self.points.push(time, point);
    }
}

impl Point {
    /// The next point, after so much energy; or after so much time of which nobody knows how much it was.
    fn then(self, grown_mj: Option<u64>, apart_us: u64) -> Self {
        let lost_us = if grown_mj.is_some() { 0 } else { apart_us };
        Self {
            total_mj: self.total_mj.wrapping_add(grown_mj.unwrap_or(0) as u32),
            lost_us: self.lost_us.wrapping_add(lost_us as u32),
        }
    }
}

/// One end of a window: what is used and lost from the point before it.
#[derive(Clone, Copy, Default)]
struct Edge {
    mj: f64,
    lost_us: f64,
}

impl Edge {
    /// At a moment between two points.
    #[inline]
    fn between(one: &At<Point>, two: &At<Point>, time: u64) -> Self {
        let share = float(time - one.time) / float(two.time - one.time);
        Self {
            mj: share * f64::from(two.row.total_mj.wrapping_sub(one.row.total_mj)),
            lost_us: share * f64::from(two.row.lost_us.wrapping_sub(one.row.lost_us)),
        }
    }
}
