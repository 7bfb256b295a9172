//! Rows in the order of their time; the oldest are overwritten.

/// Rows that are summed up together, so that the peak of a long window is found without looking at each of its rows.
const BLOCK: usize = 32;

/// What a track keeps of one moment.
pub(super) trait Row: Copy {
    /// What is asked of many rows at once: the highest of them, or everything that any of them says.
    type Peak: Copy;

    fn peak(&self) -> Self::Peak;

    fn join(one: Self::Peak, two: Self::Peak) -> Self::Peak;
}

/// Rows by time. The times stand apart, because a search looks at nothing else.
#[derive(Debug)]
pub(super) struct Track<R: Row> {
    times: Vec<u64>,
    rows: Vec<R>,
    peaks: Vec<R::Peak>,
    /// Where the oldest lies.
    start: usize,
    len: usize,
    /// A multiple of the block.
    capacity: usize,
}

/// The part of a window that a track reaches, and the rows around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) from: u64,
    pub(super) to: u64,
    /// How many rows are not after its beginning; at least one.
    pub(super) first: usize,
    /// How many are not after its end.
    pub(super) last: usize,
    /// The first row in it, where there is one: a row at the very beginning is.
    pub(super) inside: usize,
    /// Behind the row that the end is on its way to; behind the last one where a row stands at the very end.
    pub(super) touched: usize,
}

impl<R: Row> Track<R> {
    /// What the rows reach of a window; nothing where that is no time at all.
    pub(super) fn stretch(&self, from: u64, to: u64) -> Option<Stretch> {
        let (oldest, newest) = (self.time(0)?, self.last()?.0);
        let (from, to) = (from.max(oldest), to.min(newest));
        if from >= to {
            return None;
        }
        let (first, last) = (self.until(from), self.until(to));
        Some(Stretch {
            from,
            to,
            first,
            last,
            inside: first - usize::from(self.time(first - 1) == Some(from)),
            touched: last + usize::from(self.time(last - 1) != Some(to)),
        })
    }

    /// Room for at least so many rows; it is taken with the first of them.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            times: Vec::new(),
            rows: Vec::new(),
            peaks: Vec::new(),
            start: 0,
            len: 0,
            capacity: rows.next_multiple_of(BLOCK),
        }
    }

    /// Adds the newest row. Its time is after all others'; that is the caller's duty.
    pub(super) fn push(&mut self, time: u64, row: R) {
        if self.times.capacity() == 0 {
            self.times.reserve_exact(self.capacity);
            self.rows.reserve_exact(self.capacity);
            self.peaks.reserve_exact(self.capacity / BLOCK);
        }
        let slot = self.slot(self.len);
        put(&mut self.times, slot, time);
        put(&mut self.rows, slot, row);
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
    }

    /// Drops rows that are older, but for the last of them: what lies after that moment begins beside it.
    pub(super) fn forget_before(&mut self, time: u64) {
        while self.time(1).is_some_and(|second| second < time) {
            self.start = self.slot(1);
            self.len -= 1;
        }
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        // The places stay aligned with their blocks, so the next row takes the first place of all.
        self.start = 0;
        self.len = 0;
        self.times.clear();
        self.rows.clear();
        self.peaks.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Time of a row, the oldest being number 0.
    #[inline]
    pub(super) fn time(&self, number: usize) -> Option<u64> {
        if number >= self.len {
            return None;
        }
        self.times.get(self.slot(number)).copied()
    }

    /// Time and content of a row.
    #[inline]
    pub(super) fn at(&self, number: usize) -> Option<(u64, R)> {
        Some((self.time(number)?, self.rows.get(self.slot(number)).copied()?))
    }

    /// The newest row.
    pub(super) fn last(&self) -> Option<(u64, R)> {
        self.at(self.len.checked_sub(1)?)
    }

    /// How many rows are not after this moment.
    pub(super) fn until(&self, time: u64) -> usize {
        let (older, newer) = self.halves();
        match newer.first() {
            Some(first) if *first <= time => older.len() + newer.partition_point(|at| *at <= time),
            _ => older.partition_point(|at| *at <= time),
        }
    }

    /// What all rows from one number to before another say together.
    pub(super) fn peak(&self, from: usize, to: usize) -> Option<R::Peak> {
        let to = to.min(self.len);
        let mut number = from;
        let mut all: Option<R::Peak> = None;
        while number < to {
            let slot = self.slot(number);
            let is_block = slot.is_multiple_of(BLOCK) && number + BLOCK <= to;
            let (peak, step) = if is_block {
                (self.peaks.get(slot / BLOCK).copied()?, BLOCK)
            } else {
                (self.rows.get(slot)?.peak(), 1)
            };
            all = Some(all.map_or(peak, |before| R::join(before, peak)));
            number += step;
        }
        all
    }

    /// Memory that it takes.
    pub(super) fn bytes_len(&self) -> usize {
        self.times.capacity() * size_of::<u64>()
            + self.rows.capacity() * size_of::<R>()
            + self.peaks.capacity() * size_of::<R::Peak>()
    }

    /// The times before and after the end of the buffer.
    fn halves(&self) -> (&[u64], &[u64]) {
        let end = (self.start + self.len).min(self.times.len());
        let older = self.times.get(self.start..end).unwrap_or_default();
        let newer = self.times.get(..self.len - older.len()).unwrap_or_default();
        (older, newer)
    }

    #[inline]
    fn slot(&self, number: usize) -> usize {
        let slot = self.start + number;
        if slot >= self.capacity {
            slot - self.capacity
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
