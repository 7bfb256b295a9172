//! Rows in the order of their time; the oldest are overwritten.

use std::ops::Range;

/// Rows that are summed up together, so that the peak of a long window is found without looking at each of its rows.
const BLOCK: usize = 32;

/// What a track keeps of one moment.
pub(super) trait Row: Copy {
    /// What is asked of many rows at once: the highest of them, or everything that any of them says.
    type Peak: Copy;

    fn peak(&self) -> Self::Peak;

    fn join(one: Self::Peak, two: Self::Peak) -> Self::Peak;
}

/// A row and its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<R> {
    pub(super) time: u64,
    pub(super) row: R,
}

/// Rows by time.
#[derive(Debug)]
pub(super) struct Track<R: Row> {
    rows: Vec<At<R>>,
    peaks: Vec<R::Peak>,
    /// Where the oldest lies.
    start: usize,
    len: usize,
    /// A multiple of the block.
    capacity: usize,
    reach: Reach,
}

/// From when to when rows reach; no time at all where there are fewer than two.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    oldest: u64,
    newest: u64,
    /// Rows a nanosecond: samples come at an even pace, so a row is near where it would be if all did.
    pace: f64,
}

/// The part of a window that a track reaches, and the rows around it.
#[derive(Debug)]
pub(super) struct Stretch<'a, R> {
    pub(super) from: u64,
    pub(super) to: u64,
    /// How many rows are not after its beginning; at least one.
    pub(super) first: usize,
    /// How many are not after its end.
    pub(super) last: usize,
    /// The last row that is not after its beginning, and the one after it: there is one, because rows reach to the end.
    pub(super) begin: (&'a At<R>, &'a At<R>),
    /// The last row that is not after its end, and the one after it, where the end is on its way there.
    pub(super) end: (&'a At<R>, Option<&'a At<R>>),
}

impl<R> Stretch<'_, R> {
    /// Its length in nanoseconds.
    #[inline]
    pub(super) fn length_ns(&self) -> f64 {
        float(self.to - self.from)
    }

    /// The first row in it, where there is one: a row at the very beginning is.
    #[inline]
    pub(super) fn inside(&self) -> usize {
        self.first - usize::from(self.begin.0.time == self.from)
    }
}

/// A length of time, or a difference of sums, as a number. Both are far below 2^63, of which the conversion is one instruction.
#[inline]
pub(super) fn float(ns: u64) -> f64 {
    ns as i64 as f64
}

impl<R: Row> Track<R> {
    /// What the rows reach of a window; nothing where that is no time at all.
    #[inline]
    pub(super) fn stretch(&self, from: u64, to: u64) -> Option<Stretch<'_, R>> {
        let Reach { oldest, newest, pace } = self.reach;
        let (from, to) = (from.max(oldest), to.min(newest));
        if from >= to {
            return None;
        }
        let guess = |time: u64| (float(time - oldest) * pace) as i64 as usize;
        let first = self.until(from, guess(from));
        let last = self.until(to, guess(to));
        let end = self.at(last - 1)?;
        Some(Stretch {
            from,
            to,
            first,
            last,
            begin: (self.at(first - 1)?, self.at(first)?),
            end: (end, self.at(last).filter(|_| end.time < to)),
        })
    }

    /// Room for at least so many rows; it is taken with the first of them.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            rows: Vec::new(),
            peaks: Vec::new(),
            start: 0,
            len: 0,
            capacity: rows.next_multiple_of(BLOCK),
            reach: Reach::default(),
        }
    }

    /// Adds the newest row. Its time is after all others'; that is the caller's duty.
    pub(super) fn push(&mut self, time: u64, row: R) {
        if self.rows.capacity() == 0 {
            self.rows.reserve_exact(self.capacity);
            self.peaks.reserve_exact(self.capacity / BLOCK);
        }
        let slot = self.slot(self.len);
        put(&mut self.rows, slot, At { time, row });
        let before = self.peaks.get(slot / BLOCK).copied();
        let peak = match before {
            Some(before) if !slot.is_multiple_of(BLOCK) => R::join(before, row.peak()),
            _ => row.peak(),
        };
        put(&mut self.peaks, slot / BLOCK, peak);
        if self.len == self.capacity {
            self.start = self.slot(1);
        } else {
            self.len += 1;
        }
        self.measure();
    }

    fn measure(&mut self) {
        let (oldest, newest) = (self.at(0), self.last());
        self.reach = match (oldest, newest) {
            (Some(oldest), Some(newest)) if oldest.time < newest.time => Reach {
                oldest: oldest.time,
                newest: newest.time,
                pace: float(self.len as u64 - 1) / float(newest.time - oldest.time),
            },
            _ => Reach::default(),
        };
    }

    /// Drops rows that are older, but for the last of them: what lies after that moment begins beside it.
    pub(super) fn forget_before(&mut self, time: u64) {
        while self.at(1).is_some_and(|second| second.time < time) {
            self.start = self.slot(1);
            self.len -= 1;
        }
        self.measure();
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        // The places stay aligned with their blocks, so the next row takes the first place of all.
        self.start = 0;
        self.len = 0;
        self.rows.clear();
        self.peaks.clear();
        self.reach = Reach::default();
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A row, the oldest being number 0.
    #[inline]
    pub(super) fn at(&self, number: usize) -> Option<&At<R>> {
        if number >= self.len {
            return None;
        }
        self.rows.get(self.slot(number))
    }

    /// The newest row.
    #[inline]
    pub(super) fn last(&self) -> Option<&At<R>> {
        self.at(self.len.checked_sub(1)?)
    }

    /// How many rows are not after this moment, which is not before the oldest; looked for from here on in steps that
    /// double.
    #[inline]
    fn until(&self, time: u64, guess: usize) -> usize {
        let len = self.len;
        // All rows before `low` are not after this moment; that of `high`, where there is one, is.
        let (mut low, mut high) = ((guess + 1).min(len), len);
        let mut step = 1;
        if self.is_after(low - 1, time) {
            high = low - 1;
            low = high.saturating_sub(step).max(1);
            while self.is_after(low - 1, time) {
                high = low - 1;
                step *= 2;
                low = high.saturating_sub(step).max(1);
            }
        } else {
            while low < high {
                let next = (low - 1 + step).min(len - 1);
                if self.is_after(next, time) {
                    high = next;
                    break;
                }
                low = next + 1;
                step *= 2;
            }
        }
        while low < high {
            let middle = low.midpoint(high);
            if self.is_after(middle, time) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        high
    }

    #[inline]
    fn is_after(&self, number: usize, time: u64) -> bool {
        self.rows.get(self.slot(number)).is_some_and(|it| it.time > time)
    }

    /// What all rows from one number to before another say together.
    #[inline]
    pub(super) fn peak(&self, from: usize, to: usize) -> Option<R::Peak> {
        let (from, to) = (self.start + from, self.start + to.min(self.len));
        if to <= self.capacity {
            return self.peak_of_slots(from..to);
        }
        let end = self.capacity;
        let older = self.peak_of_slots(from.min(end)..end);
        let newer = self.peak_of_slots(from.saturating_sub(end)..to - end);
        match (older, newer) {
            (Some(one), Some(two)) => Some(R::join(one, two)),
            (one, two) => one.or(two),
        }
    }

    /// The same of places that lie one behind the other. Blocks that lie in them as a whole are not looked into.
    fn peak_of_slots(&self, slots: Range<usize>) -> Option<R::Peak> {
        let peak = |at: &At<R>| at.row.peak();
        let blocks = slots.start.div_ceil(BLOCK)..slots.end / BLOCK;
        if blocks.is_empty() {
            return self.rows.get(slots)?.iter().map(peak).reduce(R::join);
        }
        let before = self.rows.get(slots.start..blocks.start * BLOCK)?.iter().map(peak);
        let behind = self.rows.get(blocks.end * BLOCK..slots.end)?.iter().map(peak);
        let whole = self.peaks.get(blocks)?.iter().copied();
        before.chain(whole).chain(behind).reduce(R::join)
    }

    /// Memory that it takes.
    pub(super) fn bytes_len(&self) -> usize {
        self.rows.capacity() * size_of::<At<R>>() + self.peaks.capacity() * size_of::<R::Peak>()
    }

    #[inline]
    fn slot(&self, number: usize) -> usize {
        let slot = self.start.wrapping_add(number);
        if slot >= self.capacity {
            slot.wrapping_sub(self.capacity)
        } else {
            slot
        }
    }
}

fn put<T>(places: &mut Vec<T>, slot: usize, value: T) {
    match places.get_mut(slot) {
        Some(place) => *place = value,
        None => places.push(value),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{Row, Track};

    #[derive(Debug, Clone, Copy)]
    struct Number(u16);

    impl Row for Number {
        type Peak = u16;

        fn peak(&self) -> u16 {
            self.0
        }

        fn join(one: u16, two: u16) -> u16 {
            one.max(two)
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_a_look_at_every_row_finds(
            steps in vec((1u64..1_000_000_000, any::<u16>()), 1..400),
            capacity in 1usize..200,
            forgotten in 0.0..1.0f64,
            asked in vec((0.0..1.1f64, any::<prop::sample::Index>()), 20),
        ) {
            let (mut track, mut all, mut time) = (Track::new(capacity), Vec::new(), 1_000);
            for (step, number) in steps {
                time += step;
                track.push(time, Number(number));
                all.push((time, number));
            }
            let kept = all.len().min(capacity.next_multiple_of(super::BLOCK));
            let mut rows = all.split_off(all.len() - kept);
            let oldest = (time as f64 * forgotten) as u64;
            track.forget_before(oldest);
            while rows.get(1).is_some_and(|(time, _)| *time < oldest) {
                rows.remove(0);
            }
            prop_assert_eq!(track.len(), rows.len());

            let times: Vec<u64> = asked.iter().map(|(share, _)| (time as f64 * share) as u64).collect();
            for (from, to) in times.iter().zip(times.iter().skip(1)) {
                let reached = (rows[0].0.max(*from), rows[rows.len() - 1].0.min(*to));
                let until = |moment: u64| rows.iter().filter(|(time, _)| *time <= moment).count();
                let stretch = track.stretch(*from, *to);
                prop_assert_eq!(stretch.is_some(), reached.0 < reached.1);
                if let Some(stretch) = stretch {
                    prop_assert_eq!((stretch.from, stretch.to), reached);
                    prop_assert_eq!((stretch.first, stretch.last), (until(reached.0), until(reached.1)));
                }
            }
            for (_, index) in asked {
                let (from, to) = (index.index(rows.len()), index.index(rows.len() + 40));
                let among = rows.iter().take(to).skip(from).map(|(_, number)| *number);
                prop_assert_eq!(track.peak(from, to), among.max());
            }
            for moment in [rows[0].0, rows[rows.len() / 2].0, time] {
                for guess in 0..rows.len() {
                    let found = rows.iter().filter(|(time, _)| *time <= moment).count();
                    prop_assert_eq!(track.until(moment, guess), found, "guess {}", guess);
                }
            }
        }
    }
}
