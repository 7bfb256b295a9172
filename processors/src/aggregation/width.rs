//! Counts of neighbouring buckets, narrow as long as they are small.

/// Counts in a row. Most streams are quiet: two bytes a bucket are enough for them, and 160 buckets fit into 320 bytes.
#[derive(Debug, Clone)]
pub(super) enum Counts {
    Narrow(Vec<u16>),
    /// Once one of them went beyond 65,535.
    Wide(Vec<u64>),
}

impl Default for Counts {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

/// The width is no part of what is counted.
impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Counts {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Narrow(counts) => counts.len(),
            Self::Wide(counts) => counts.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        (0..self.len()).map(|position| self.get(position))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Narrow(counts) => 2 * counts.capacity(),
            Self::Wide(counts) => 8 * counts.capacity(),
        }
    }

    /// Adds to a count that is there.
    #[inline]
    pub(super) fn add(&mut self, position: usize, n: u64) {
        match self {
            Self::Narrow(counts) => {
                let Some(count) = counts.get_mut(position) else { return };
                match u16::try_from(n).ok().and_then(|n| count.checked_add(n)) {
                    Some(sum) => *count = sum,
                    None => self.add_wide(position, n),
                }
            }
            Self::Wide(counts) => {
                if let Some(count) = counts.get_mut(position) {
                    *count = count.saturating_add(n);
                }
            }
        }
    }

    /// Forgets all counts and keeps the room.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Narrow(counts) => counts.clear(),
            Self::Wide(counts) => counts.clear(),
        }
    }

    /// Puts `front` zeros in front, and as many behind as make it `len` counts; it will never be asked for more than
    /// `most`.
    pub(super) fn grow(&mut self, front: usize, len: usize, most: usize) {
        fn grow<T: Copy + Default>(counts: &mut Vec<T>, front: usize, len: usize, most: usize) {
            if counts.capacity() < len {
                // Doubling, but never beyond what can be needed.
                let capacity = len.next_power_of_two().min(most).max(len);
                counts.reserve_exact(capacity - counts.len());
            }
            let before = counts.len();
            counts.resize(len, T::default());
            if front > 0 {
                counts.copy_within(0..before, front);
                counts.iter_mut().take(front).for_each(|count| *count = T::default());
            }
        }
        match self {
            Self::Narrow(counts) => grow(counts, front, len, most),
            Self::Wide(counts) => grow(counts, front, len, most),
        }
    }

    /// Joins neighbours: 2^`by` indices become one. The first count has the index `offset`.
    pub(super) fn join(&mut self, offset: i32, by: i8) {
        let len = self.len();
        let target = |position: usize| (((offset + position as i32) >> by) - (offset >> by)) as usize;
        for position in 0..len {
            let count = self.take(position);
            self.add(target(position), count);
        }
        let joined = if len == 0 { 0 } else { target(len - 1) + 1 };
        match self {
            Self::Narrow(counts) => counts.truncate(joined),
            Self::Wide(counts) => counts.truncate(joined),
        }
    }

    fn get(&self, position: usize) -> u64 {
        match self {
            Self::Narrow(counts) => counts.get(position).copied().unwrap_or_default().into(),
            Self::Wide(counts) => counts.get(position).copied().unwrap_or_default(),
        }
    }

    fn take(&mut self, position: usize) -> u64 {
        match self {
            Self::Narrow(counts) => counts.get_mut(position).map(std::mem::take).unwrap_or_default().into(),
            Self::Wide(counts) => counts.get_mut(position).map(std::mem::take).unwrap_or_default(),
        }
    }

    #[cold]
    fn add_wide(&mut self, position: usize, n: u64) {
        let mut wide: Vec<u64> = Vec::with_capacity(match self {
            Self::Narrow(counts) => counts.capacity(),
            Self::Wide(counts) => counts.capacity(),
        });
        wide.extend(self.iter());
        if let Some(count) = wide.get_mut(position) {
            *count = count.saturating_add(n);
        }
        *self = Self::Wide(wide);
    }
}
