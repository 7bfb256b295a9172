//! Clocks, counted throttle time and reasons, as they are sampled often.

use super::super::Fast;
use super::pace;
use super::track::{Row, Stretch, Track};

/// Counters of throttle time.
pub(super) const COUNTERS: usize = 4;

/// NVML's reasons; higher bits of a row say which counters were read and whether reasons and clock were.
const REASONS: u16 = 0x1ff;
const COUNTER_READ: u16 = 0x200; // And the three bits above it.
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
    /// Throttle time by counter, in microseconds.
    throttled_us: [u32; COUNTERS],
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
    /// The counters' last values.
    counters: [Option<u64>; COUNTERS],
    /// Their sums since the ring began, exact.
    sums_ns: [u64; COUNTERS],
}

impl FastWriter {
    /// The row of a sample.
    pub(super) fn row(&mut self, before: Option<(u64, FastRow)>, sample: &Fast, unseen_ns: u64) -> FastRow {
        let (since, before) = before.unwrap_or((sample.time_ns, FastRow::default()));
        let apart_ns = sample.time_ns - since;
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
            throttle.power_cap_ns,
            throttle.thermal_ns,
            throttle.hardware_thermal_ns,
            throttle.power_brake_ns,
        ];
        let mut read = 0;
        for (index, ((now, last), sum)) in now
            .into_iter()
            .zip(&mut self.counters)
            .zip(&mut self.sums_ns)
            .enumerate()
        {
            let Some(now) = now else { continue };
            read |= COUNTER_READ << index;
            // Throttled time grows no faster than time; one period of a driver's own step is allowed for.
            let most_ns = apart_ns.saturating_mul(2).saturating_add(1_000_000_000);
            let grown = last.replace(now).and_then(|last| now.checked_sub(last));
            *sum = sum.wrapping_add(grown.filter(|grown| *grown <= most_ns).unwrap_or(0));
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
fn unseen_ns(one: &FastRow, two: &FastRow) -> u64 {
    u64::from(two.unseen_us.wrapping_sub(one.unseen_us)) * 1_000
}

/// The clock summed up over the first `offset_ns` of the time between two neighbours.
fn clock_area(one: &FastRow, two: &FastRow, offset_ns: u64, apart_ns: u64) -> f64 {
    let (begin, end) = (f64::from(one.clock_mhz), f64::from(two.clock_mhz));
    let unseen_ns = unseen_ns(one, two);
    if unseen_ns == 0 {
        let at_offset = begin + (end - begin) * offset_ns as f64 / apart_ns.max(1) as f64;
        return (begin + at_offset) / 2.0 * offset_ns as f64;
    }
    // Each of the two values holds as far as its sample speaks.
    let reach = pace::reach(apart_ns, unseen_ns);
    let of_second = offset_ns.saturating_sub(reach + unseen_ns);
    begin * offset_ns.min(reach) as f64 + end * of_second as f64
}

/// What a window says that is sampled often.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct FastWindow {
    /// Samples in the window.
    pub(super) samples: usize,
    /// Part of the window that samples speak for, in nanoseconds.
    pub(super) seen_ns: f64,
    pub(super) clock_mhz: Option<f64>,
    /// Throttle time by counter, in nanoseconds.
    pub(super) throttled_ns: [Option<f64>; COUNTERS],
    pub(super) reasons: Option<u64>,
}

/// One end of a window: the row before it, and what is summed up from there to it.
#[derive(Clone, Copy)]
struct Edge {
    row: FastRow,
    clock: f64,
    throttled_us: [f64; COUNTERS],
    unseen_ns: f64,
}

impl Edge {
    /// At a moment that `until` rows are not after.
    fn at(track: &Track<FastRow>, time: u64, until: usize) -> Option<Self> {
        let (begin, row) = track.at(until.checked_sub(1)?)?;
        let mut edge = Self {
            row,
            clock: 0.0,
            throttled_us: [0.0; COUNTERS],
            unseen_ns: 0.0,
        };
        let Some((end, next)) = track.at(until).filter(|_| time > begin) else {
            return Some(edge);
        };
        let (offset, apart) = (time - begin, end - begin);
        let share = offset as f64 / apart as f64;
        for ((part, next), row) in edge
            .throttled_us
            .iter_mut()
            .zip(next.throttled_us)
            .zip(row.throttled_us)
        {
            *part = share * f64::from(next.wrapping_sub(row));
        }
        edge.unseen_ns = (offset - pace::seen(offset, apart, unseen_ns(&row, &next))) as f64;
        if row.has_clock() && next.has_clock() {
            edge.clock = clock_area(&row, &next, offset, apart);
        }
        Some(edge)
    }
}

/// What samples say about a window that ends after it begins; nothing where they do not reach.
pub(super) fn window(track: &Track<FastRow>, from: u64, to: u64) -> Option<FastWindow> {
    let stretch = track.stretch(from, to)?;
    let Stretch {
        from,
        to,
        first,
        last,
        inside,
        touched,
    } = stretch;
    let (begin, end) = (Edge::at(track, from, first)?, Edge::at(track, to, last)?);
    let unseen_us = end.row.unseen_us.wrapping_sub(begin.row.unseen_us);
    let unseen_ns = f64::from(unseen_us) * 1e3 + end.unseen_ns - begin.unseen_ns;
    let seen_ns = ((to - from) as f64 - unseen_ns).max(0.0);
    if seen_ns <= 0.0 && last == inside {
        return None;
    }
    // The row after the window counts where the window ends on its way there.
    let said = track.peak(first - 1, touched)?;
    let mut throttled_ns = [None; COUNTERS];
    for (index, throttled) in throttled_ns.iter_mut().enumerate() {
        if said & (COUNTER_READ << index) != 0 {
            let whole = end
                .row
                .throttled_us
                .get(index)?
                .wrapping_sub(*begin.row.throttled_us.get(index)?);
            let us = f64::from(whole) + end.throttled_us.get(index)? - begin.throttled_us.get(index)?;
            *throttled = Some(us.max(0.0) * 1e3);
        }
    }
    let clock_mhz = if said & CLOCK_MISSING != 0 {
        clock_by_row(track, &stretch)
    } else {
        let whole = end.row.clock_sum.wrapping_sub(begin.row.clock_sum) as f64;
        (seen_ns > 0.0).then(|| (whole + end.clock - begin.clock) / seen_ns)
    };
    // Of a window between two samples, the one before it tells the reasons.
    let reasons = track.peak(inside.min(last - 1), last)?;
    Some(FastWindow {
        samples: last - inside,
        seen_ns,
        clock_mhz,
        throttled_ns,
        reasons: (reasons & REASONS_READ != 0).then_some(u64::from(reasons & REASONS)),
    })
}

/// The mean clock where some samples say nothing of it, which is rare: row by row, without the time beside such samples.
fn clock_by_row(track: &Track<FastRow>, stretch: &Stretch) -> Option<f64> {
    let (mut sum, mut seen) = (0.0, 0);
    for number in stretch.first..=stretch.last {
        let (Some((begin, one)), Some((end, two))) = (track.at(number - 1), track.at(number)) else {
            break;
        };
        if !one.has_clock() || !two.has_clock() {
            continue;
        }
        let apart = end - begin;
        let left = stretch.from.max(begin) - begin;
        let right = stretch.to.min(end).max(begin) - begin;
        let unseen = unseen_ns(&one, &two);
        sum += clock_area(&one, &two, right, apart) - clock_area(&one, &two, left, apart);
        seen += pace::seen(right, apart, unseen) - pace::seen(left, apart, unseen);
    }
    (seen > 0).then(|| sum / seen as f64)
}
