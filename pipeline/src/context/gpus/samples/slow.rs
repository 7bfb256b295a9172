//! Utilization, memory and temperature, as they are sampled less often.

use super::super::Slow;
use super::pace;
use super::track::{At, Row, Track, float};
use super::window::Spread;

/// One moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlowRow {
    /// Utilization summed over time, in nanoseconds.
    busy_ns: f64,
    /// Bytes in use; NaN where nothing is known.
    memory: f64,
    /// Time for which utilization is known, in microseconds; it begins anew after 2^32.
    known_us: u32,
    /// Time for which no sample speaks, in microseconds.
    unseen_us: u32,
    /// NaN where nothing is known.
    utilization: f32,
    temperature_c: f32,
}

/// The highest of some rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peak {
    memory: f64,
    utilization: f32,
    temperature_c: f32,
}

impl Row for SlowRow {
    type Peak = Peak;

    fn peak(&self) -> Peak {
        Peak {
            memory: self.memory,
            utilization: self.utilization,
            temperature_c: self.temperature_c,
        }
    }

    fn join(one: Peak, two: Peak) -> Peak {
        Peak {
            memory: higher(one.memory, two.memory),
            utilization: higher(one.utilization, two.utilization),
            temperature_c: higher(one.temperature_c, two.temperature_c),
        }
    }
}

impl SlowRow {
    /// The row after another. A utilization is that of the time before its sample, as far as the sample speaks.
    pub(super) fn of(sample: &Slow, before: Option<&At<Self>>, unseen_ns: u64) -> Self {
        let share = sample.utilization.filter(|it| (0.0..=1.0).contains(it));
        let temperature = sample.temperature_c.filter(|it| it.is_finite());
        let unseen_us = (unseen_ns / 1_000) as u32;
        let mut row = Self {
            busy_ns: 0.0,
            memory: sample.memory_used_bytes.map_or(f64::NAN, |bytes| bytes as f64),
            known_us: 0,
            unseen_us: 0,
            utilization: share.unwrap_or(f32::NAN),
            temperature_c: temperature.unwrap_or(f32::NAN),
        };
        if let Some(At {
            time: since,
            row: before,
        }) = before
        {
            row.unseen_us = before.unseen_us.wrapping_add(unseen_us);
            let apart_us = (sample.time_ns / 1_000 - since / 1_000) as u32;
            let known_us = if share.is_some() {
                apart_us.saturating_sub(unseen_us)
            } else {
                0
            };
            row.known_us = before.known_us.wrapping_add(known_us);
            row.busy_ns = before.busy_ns + f64::from(known_us) * 1e3 * f64::from(share.unwrap_or(0.0));
        }
        row
    }

    #[inline]
    fn temperature(&self) -> f64 {
        f64::from(self.temperature_c)
    }
}

/// What a window says that is sampled less often.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct SlowWindow {
    /// Samples in the window.
    pub(super) samples: usize,
    /// Part of the window that samples speak for, in nanoseconds.
    pub(super) seen_ns: f64,
    pub(super) utilization: Option<Spread>,
    pub(super) memory_used_bytes: Option<u64>,
    pub(super) temperature_c: Option<f64>,
}

/// What samples say about a window that ends after it begins; nothing where they do not reach.
pub(super) fn window(track: &Track<SlowRow>, from: u64, to: u64) -> Option<SlowWindow> {
    let stretch = track.stretch(from, to)?;
    let ((begin, begin_after), (end, end_after)) = (stretch.begin, stretch.end);
    let from = Edge::between(begin, begin_after, stretch.from);
    let to = end_after.map_or_else(|| Edge::on(&end.row), |after| Edge::between(end, after, stretch.to));
    let unseen_us = end.row.unseen_us.wrapping_sub(begin.row.unseen_us);
    let unseen_ns = f64::from(unseen_us) * 1e3 + to.unseen_ns - from.unseen_ns;
    let seen_ns = (stretch.length_ns() - unseen_ns).max(0.0);
    let (inside, last) = (stretch.inside(), stretch.last);
    if seen_ns <= 0.0 && last == inside {
        return None;
    }
    let points = track.peak(stretch.first, last).unwrap_or(NOTHING);
    // The value of a time stands at its end, so that of the last stretch may stand after the window.
    let max = end_after.map_or(f32::NAN, |after| after.row.utilization);
    let max = higher(max, points.utilization);
    let known_us = f64::from(end.row.known_us.wrapping_sub(begin.row.known_us)) + to.known_us - from.known_us;
    let utilization = known(f64::from(max)).filter(|_| known_us > 0.0).map(|max| {
        let mean = (end.row.busy_ns - begin.row.busy_ns + to.busy_ns - from.busy_ns) / (known_us * 1e3);
        Spread {
            mean: mean.clamp(0.0, max),
            max,
        }
    });
    let memory = higher(higher(from.memory, to.memory), points.memory);
    let temperature = higher(
        higher(from.temperature, to.temperature),
        f64::from(points.temperature_c),
    );
    Some(SlowWindow {
        samples: last - inside,
        seen_ns,
        utilization,
        memory_used_bytes: known(memory).map(|bytes| (bytes + 0.5) as u64),
        temperature_c: known(temperature),
    })
}

/// The peak of no rows.
const NOTHING: Peak = Peak {
    memory: f64::NAN,
    utilization: f32::NAN,
    temperature_c: f32::NAN,
};

/// One end of a window: values at it, and what is summed up from the row before it.
#[derive(Clone, Copy)]
struct Edge {
    /// NaN where nothing is known.
    memory: f64,
    temperature: f64,
    busy_ns: f64,
    known_us: f64,
    /// Time before it for which no sample speaks.
    unseen_ns: f64,
}

impl Edge {
    /// At the moment of a row.
    fn on(row: &SlowRow) -> Self {
        Self {
            memory: row.memory,
            temperature: row.temperature(),
            busy_ns: 0.0,
            known_us: 0.0,
            unseen_ns: 0.0,
        }
    }

    /// At a moment between two rows.
    #[inline]
    fn between(one: &At<SlowRow>, two: &At<SlowRow>, time: u64) -> Self {
        let between = Between {
            offset_ns: time - one.time,
            apart_ns: two.time - one.time,
            unseen_ns: u64::from(two.row.unseen_us.wrapping_sub(one.row.unseen_us)) * 1_000,
        };
        let seen_ns = between.seen_ns();
        let share = f64::from(two.row.utilization);
        let (known_us, busy_ns) = if share.is_nan() {
            (0.0, 0.0)
        } else {
            (float(seen_ns) / 1e3, float(seen_ns) * share)
        };
        Self {
            memory: between.value(one.row.memory, two.row.memory),
            temperature: between.value(one.row.temperature(), two.row.temperature()),
            busy_ns,
            known_us,
            unseen_ns: float(between.offset_ns - seen_ns),
        }
    }
}

/// A moment between two rows.
#[derive(Clone, Copy)]
struct Between {
    offset_ns: u64,
    apart_ns: u64,
    unseen_ns: u64,
}

impl Between {
    #[inline]
    fn seen_ns(self) -> u64 {
        if self.unseen_ns == 0 {
            return self.offset_ns;
        }
        pace::seen(self.offset_ns, self.apart_ns, self.unseen_ns)
    }

    /// A value that changes evenly from sample to sample, where samples speak for this moment. NaN is no value.
    #[inline]
    fn value(self, one: f64, two: f64) -> f64 {
        let value = one + (two - one) * float(self.offset_ns) / float(self.apart_ns);
        if self.unseen_ns == 0 && !value.is_nan() {
            return value;
        }
        self.value_of_one(one, two)
    }

    #[cold]
    fn value_of_one(self, one: f64, two: f64) -> f64 {
        let reach = pace::reach(self.apart_ns, self.unseen_ns);
        if self.offset_ns <= reach && !one.is_nan() {
            one
        } else if self.offset_ns >= reach + self.unseen_ns {
            two
        } else {
            f64::NAN
        }
    }
}

#[inline]
fn known(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

/// The higher of two values; of a number and NaN the number.
#[inline]
fn higher<T: PartialOrd + Copy>(one: T, two: T) -> T {
    // Only NaN cannot be compared with itself.
    let two_is_nan = two.partial_cmp(&two).is_none();
    if one >= two || two_is_nan { one } else { two }
}
