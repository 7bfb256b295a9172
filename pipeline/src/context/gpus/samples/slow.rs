//! Utilization, memory and temperature, as they are sampled less often.

use super::super::Slow;
use super::pace;
use super::track::{Row, Stretch, Track};
use super::window::Spread;

/// One moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlowRow {
    /// Utilization summed over time, in nanoseconds.
    busy_ns: f64,
    /// One more than the memory in use; 0 where nothing is known.
    memory_and_one: u64,
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
    memory_and_one: u64,
    utilization: f32,
    temperature_c: f32,
}

impl Row for SlowRow {
    type Peak = Peak;

    fn peak(&self) -> Peak {
        Peak {
            memory_and_one: self.memory_and_one,
            utilization: self.utilization,
            temperature_c: self.temperature_c,
        }
    }

    fn join(one: Peak, two: Peak) -> Peak {
        Peak {
            memory_and_one: one.memory_and_one.max(two.memory_and_one),
            // Of a number and NaN the number.
            utilization: one.utilization.max(two.utilization),
            temperature_c: one.temperature_c.max(two.temperature_c),
        }
    }
}

impl SlowRow {
    /// The row after another. A utilization is that of the time before its sample, as far as the sample speaks.
    pub(super) fn of(sample: &Slow, before: Option<(u64, Self)>, unseen_ns: u64) -> Self {
        let share = sample.utilization.filter(|it| (0.0..=1.0).contains(it));
        let temperature = sample.temperature_c.filter(|it| it.is_finite());
        let unseen_us = (unseen_ns / 1_000) as u32;
        let mut row = Self {
            busy_ns: 0.0,
            memory_and_one: sample.memory_used_bytes.map_or(0, |bytes| bytes.saturating_add(1)),
            known_us: 0,
            unseen_us: 0,
            utilization: share.unwrap_or(f32::NAN),
            temperature_c: temperature.unwrap_or(f32::NAN),
        };
        if let Some((since, before)) = before {
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

    fn memory(&self) -> Option<f64> {
        self.memory_and_one.checked_sub(1).map(|bytes| bytes as f64)
    }

    fn temperature(&self) -> Option<f64> {
        known(self.temperature_c)
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
    let Stretch {
        from,
        to,
        first,
        last,
        inside,
        touched,
    } = track.stretch(from, to)?;
    let (begin, end) = (Edge::at(track, from, first)?, Edge::at(track, to, last)?);
    let unseen_us = end.row.unseen_us.wrapping_sub(begin.row.unseen_us);
    let unseen_ns = f64::from(unseen_us) * 1e3 + end.unseen - begin.unseen;
    let seen_ns = ((to - from) as f64 - unseen_ns).max(0.0);
    if seen_ns <= 0.0 && last == inside {
        return None;
    }
    // The value of a time stands at its end, so that of the last stretch may stand after the window.
    let stretches = track.peak(first, touched);
    let points = track.peak(first, last);
    let known_us = f64::from(end.row.known_us.wrapping_sub(begin.row.known_us)) + end.known_us - begin.known_us;
    let max = stretches.and_then(|peak| known(peak.utilization));
    let utilization = max.filter(|_| known_us > 0.0).map(|max| {
        let mean = (end.row.busy_ns - begin.row.busy_ns + end.busy_ns - begin.busy_ns) / (known_us * 1e3);
        Spread {
            mean: mean.clamp(0.0, max),
            max,
        }
    });
    let highest = |inside: Option<f64>, of: fn(&SlowRow) -> Option<f64>| {
        [begin.value(of), end.value(of), inside]
            .into_iter()
            .flatten()
            .reduce(f64::max)
    };
    let memory_inside = points
        .and_then(|peak| peak.memory_and_one.checked_sub(1))
        .map(|bytes| bytes as f64);
    let temperature_inside = points.and_then(|peak| known(peak.temperature_c));
    Some(SlowWindow {
        samples: last - inside,
        seen_ns,
        utilization,
        memory_used_bytes: highest(memory_inside, SlowRow::memory).map(|bytes| bytes.round() as u64),
        temperature_c: highest(temperature_inside, SlowRow::temperature),
    })
}

/// One end of a window: the rows beside it, and what is summed up from the one before to it.
#[derive(Clone, Copy)]
struct Edge {
    row: SlowRow,
    next: Option<SlowRow>,
    offset_ns: u64,
    apart_ns: u64,
    busy_ns: f64,
    known_us: f64,
    /// Time before it for which no sample speaks, in nanoseconds.
    unseen: f64,
}

impl Edge {
    /// At a moment that `until` rows are not after.
    fn at(track: &Track<SlowRow>, time: u64, until: usize) -> Option<Self> {
        let (begin, row) = track.at(until.checked_sub(1)?)?;
        let next = track.at(until).filter(|_| time > begin);
        let mut edge = Self {
            row,
            next: next.map(|(_, next)| next),
            offset_ns: time - begin,
            apart_ns: next.map_or(0, |(end, _)| end - begin),
            busy_ns: 0.0,
            known_us: 0.0,
            unseen: 0.0,
        };
        if let Some(next) = edge.next {
            let seen = pace::seen(edge.offset_ns, edge.apart_ns, edge.unseen_ns(&next));
            edge.unseen = (edge.offset_ns - seen) as f64;
            if let Some(share) = known(next.utilization) {
                edge.known_us = seen as f64 / 1e3;
                edge.busy_ns = seen as f64 * share;
            }
        }
        Some(edge)
    }

    fn unseen_ns(&self, next: &SlowRow) -> u64 {
        u64::from(next.unseen_us.wrapping_sub(self.row.unseen_us)) * 1_000
    }

    /// A value that changes evenly from sample to sample, where samples speak for this moment.
    fn value(&self, of: fn(&SlowRow) -> Option<f64>) -> Option<f64> {
        let Some(next) = self.next else {
            return of(&self.row);
        };
        let unseen = self.unseen_ns(&next);
        let reach = pace::reach(self.apart_ns, unseen);
        if unseen > 0 || of(&self.row).is_none() || of(&next).is_none() {
            let is_of_first = self.offset_ns <= reach;
            let is_of_second = self.offset_ns >= reach + unseen;
            return of(&self.row)
                .filter(|_| is_of_first)
                .or(of(&next).filter(|_| is_of_second));
        }
        let (begin, end) = (of(&self.row)?, of(&next)?);
        Some(begin + (end - begin) * self.offset_ns as f64 / self.apart_ns as f64)
    }
}

fn known(value: f32) -> Option<f64> {
    (!value.is_nan()).then(|| f64::from(value))
}
