//! Clocks, counted throttle time and reasons, as they are sampled often.

use super::super::Fast;
use super::pace;
use super::track::{At, Row, Stretch, Track, float};

/// Causes of counted throttle time: power and temperature. Each has a counter in software and one in hardware.
const CAUSES: usize = 2;
const COUNTERS: usize = 2;

/// NVML's reasons; higher bits of a row say which causes were counted and whether reasons and clock were read.
const REASONS: u16 = 0x1ff;
const CAUSE_READ: u16 = 0x200; // And the bit above it.
const REASONS_READ: u16 = 0x2000;
const CLOCK_MISSING: u16 = 0x4000;
const CLOCK_READ: u16 = 0x8000;

/// No clock is faster; what says so is garbage.
const CLOCK_MHZ_MAX: u32 = 20_000;

/// One moment. Sums begin anew after 2^32 and are only compared within the horizon.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FastRow {
    /// The clock, summed over time: MHz times nanoseconds. It begins anew after 2^64.
    clock_sum: u64,
    /// Throttle time by cause, in microseconds.
    throttled_us: [u32; CAUSES],
    /// Time for which no sample speaks, in microseconds.
    pub(super) unseen_us: u32,
    clock_mhz: u16,
    said: u16,
}

impl Row for FastRow {
    type Peak = u16;

    fn peak(&self) -> u16 {
        self.said
    }

    fn join(one: u16, two: u16) -> u16 {
        one | two
    }
}

/// What is written into the next row, beyond the row before.
#[derive(Debug, Default)]
pub(super) struct FastWriter {
    /// The last values of each cause's counters.
    counters: [[Option<u64>; COUNTERS]; CAUSES],
    /// What each cause's counters grew by since the ring began, exact.
    sums_ns: [u64; CAUSES],
}

impl FastWriter {
    /// The row of a sample.
    pub(super) fn row(&mut self, before: Option<&At<FastRow>>, sample: &Fast, unseen_ns: u64) -> FastRow {
        let apart_ns = before.map_or(0, |before| sample.time_ns - before.time);
        let before = before.map_or_else(FastRow::default, |before| before.row);
        let unseen_us = (unseen_ns / 1_000) as u32;
        let clock = sample.sm_clock_mhz.filter(|mhz| *mhz <= CLOCK_MHZ_MAX);
        let mut said = match clock {
            Some(_) => CLOCK_READ,
            None => CLOCK_MISSING,
        };
        if let Some(reasons) = sample.reasons {
            said |= REASONS_READ | (reasons & u64::from(REASONS)) as u16;
        }
        said |= self.count(sample, apart_ns);
        let mut row = FastRow {
            clock_sum: before.clock_sum,
            throttled_us: self.sums_ns.map(|ns| (ns / 1_000) as u32),
            unseen_us: before.unseen_us.wrapping_add(unseen_us),
            clock_mhz: clock.unwrap_or(0) as u16,
            said,
        };
        if before.has_clock() && row.has_clock() {
            row.clock_sum = row
                .clock_sum
                .wrapping_add(clock_area(&before, &row, apart_ns, apart_ns) as u64);
        }
        row
    }

    /// Adds what the counters grew by; says which were read.
    fn count(&mut self, sample: &Fast, apart_ns: u64) -> u16 {
        let throttle = &sample.throttle;
        let now = [
            [throttle.power_cap_ns, throttle.power_brake_ns],
            [throttle.thermal_ns, throttle.hardware_thermal_ns],
        ];
        // Throttled time grows no faster than time; one period of a driver's own step is allowed for.
        let most_ns = apart_ns.saturating_mul(2).saturating_add(1_000_000_000);
        let causes = now.into_iter().zip(&mut self.counters).zip(&mut self.sums_ns);
        let mut read = 0;
        for (cause, ((now, last), sum)) in causes.enumerate() {
            for (now, last) in now.into_iter().zip(last) {
                let Some(now) = now else { continue };
                read |= CAUSE_READ << cause;
                let grown = last.replace(now).and_then(|last| now.checked_sub(last));
                *sum = sum.wrapping_add(grown.filter(|grown| *grown <= most_ns).unwrap_or(0));
            }
        }
        read
    }
}

impl FastRow {
    fn has_clock(&self) -> bool {
        self.said & CLOCK_READ != 0
    }
}

/// Time between two neighbours for which no sample speaks.
#[inline]
fn unseen_ns(one: &FastRow, two: &FastRow) -> u64 {
    u64::from(two.unseen_us.wrapping_sub(one.unseen_us)) * 1_000
}

/// The clock summed up over the first `offset_ns` of the time between two neighbours.
#[inline]
fn clock_area(one: &FastRow, two: &FastRow, offset_ns: u64, apart_ns: u64) -> f64 {
    let (begin, end) = (f64::from(one.clock_mhz), f64::from(two.clock_mhz));
    let unseen_ns = unseen_ns(one, two);
    if unseen_ns == 0 {
        let at_offset = begin + (end - begin) * float(offset_ns) / float(apart_ns.max(1));
        return (begin + at_offset) / 2.0 * float(offset_ns);
    }
    // Each of the two values holds as far as its sample speaks.
    let reach = pace::reach(apart_ns, unseen_ns);
    let of_second = offset_ns.saturating_sub(reach + unseen_ns);
    begin * float(offset_ns.min(reach)) + end * float(of_second)
}

/// What a window says that is sampled often.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct FastWindow {
    /// Samples in the window.
    pub(super) samples: usize,
    /// Part of the window that samples speak for, in nanoseconds.
    pub(super) seen_ns: f64,
    pub(super) clock_mhz: Option<f64>,
    /// Throttle time by cause, in microseconds.
    pub(super) throttled_us: [Option<f64>; CAUSES],
    pub(super) reasons: Option<u64>,
}

/// One end of a window: what is summed up from the row before it.
#[derive(Clone, Copy, Default)]
struct Edge {
    clock: f64,
    throttled_us: [f64; CAUSES],
    unseen_ns: f64,
}

impl Edge {
    /// At a moment between two rows.
    #[inline]
    fn between(one: &At<FastRow>, two: &At<FastRow>, time: u64) -> Self {
        let (offset, apart) = (time - one.time, two.time - one.time);
        let (one, two) = (&one.row, &two.row);
        let share = float(offset) / float(apart);
        let [power, thermal] = one.throttled_us;
        let [power_after, thermal_after] = two.throttled_us;
        let unseen_ns = unseen_ns(one, two);
        Self {
            clock: if one.has_clock() && two.has_clock() {
                clock_area(one, two, offset, apart)
            } else {
                0.0
            },
            throttled_us: [
                share * f64::from(power_after.wrapping_sub(power)),
                share * f64::from(thermal_after.wrapping_sub(thermal)),
            ],
            unseen_ns: if unseen_ns == 0 {
                0.0
            } else {
                float(offset - pace::seen(offset, apart, unseen_ns))
            },
        }
    }
}

/// What samples say about a window that ends after it begins; nothing where they do not reach.
pub(super) fn window(track: &Track<FastRow>, from: u64, to: u64) -> Option<FastWindow> {
    let stretch = track.stretch(from, to)?;
    let ((begin, begin_after), (end, end_after)) = (stretch.begin, stretch.end);
    let from = Edge::between(begin, begin_after, stretch.from);
    let to = end_after.map_or_else(Edge::default, |after| Edge::between(end, after, stretch.to));
    let unseen_us = end.row.unseen_us.wrapping_sub(begin.row.unseen_us);
    let unseen_ns = f64::from(unseen_us) * 1e3 + to.unseen_ns - from.unseen_ns;
    let seen_ns = (stretch.length_ns() - unseen_ns).max(0.0);
    let (inside, last) = (stretch.inside(), stretch.last);
    if seen_ns <= 0.0 && last == inside {
        return None;
    }
    let inner = track.peak(stretch.first, last);
    let around = begin.row.said | inner.unwrap_or(0);
    // The row after the window counts where the window ends on its way there.
    let said = around | end_after.map_or(0, |after| after.row.said);
    let clock_mhz = if said & CLOCK_MISSING != 0 {
        clock_by_row(track, &stretch)
    } else {
        let whole = float(end.row.clock_sum.wrapping_sub(begin.row.clock_sum));
        (seen_ns > 0.0).then(|| (whole + to.clock - from.clock) / seen_ns)
    };
    let throttled_us = |cause: usize| {
        let grown = end
            .row
            .throttled_us
            .get(cause)?
            .wrapping_sub(*begin.row.throttled_us.get(cause)?);
        let us = f64::from(grown) + to.throttled_us.get(cause)? - from.throttled_us.get(cause)?;
        (said & (CAUSE_READ << cause) != 0).then(|| us.max(0.0))
    };
    // Of a window between two samples, the one before it tells the reasons.
    let reasons = inner.filter(|_| inside == stretch.first).unwrap_or(around);
    Some(FastWindow {
        samples: last - inside,
        seen_ns,
        clock_mhz,
        throttled_us: [throttled_us(0), throttled_us(1)],
        reasons: (reasons & REASONS_READ != 0).then_some(u64::from(reasons & REASONS)),
    })
}

/// The mean clock where some samples say nothing of it, which is rare: row by row, without the time beside such samples.
#[cold]
fn clock_by_row(track: &Track<FastRow>, stretch: &Stretch<'_, FastRow>) -> Option<f64> {
    let (mut sum, mut seen) = (0.0, 0);
    for number in stretch.first..=stretch.last {
        let (Some(one), Some(two)) = (track.at(number - 1), track.at(number)) else {
            break;
        };
        let (begin, end) = (one.time, two.time);
        let (one, two) = (&one.row, &two.row);
        if !one.has_clock() || !two.has_clock() {
            continue;
        }
        let apart = end - begin;
        let left = stretch.from.max(begin) - begin;
        let right = stretch.to.min(end).max(begin) - begin;
        let unseen = unseen_ns(one, two);
        sum += clock_area(one, two, right, apart) - clock_area(one, two, left, apart);
        seen += pace::seen(right, apart, unseen) - pace::seen(left, apart, unseen);
    }
    (seen > 0).then(|| sum / seen as f64)
}
