//! How many streams there may be.

/// The streams that one connector may hold, over all of its sources. It bounds memory where the limit of each source
/// does not: there may be many sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    most: usize,
    held: usize,
    overflowed: u64,
}

impl Room {
    /// Room for this many streams; 0 for any number.
    pub fn new(most: usize) -> Self {
        Self {
            most: if most == 0 { usize::MAX } else { most },
            held: 0,
            overflowed: 0,
        }
    }

    /// Measurements that went to an overflow stream since this was asked for last.
    pub fn take_overflowed(&mut self) -> u64 {
        std::mem::take(&mut self.overflowed)
    }

    /// Says how many streams are left after some have gone.
    pub fn recount(&mut self, held: usize) {
        self.held = held;
    }

    pub(super) fn take(&mut self) -> bool {
        let free = self.held < self.most;
        self.held += usize::from(free);
        free
    }

    pub(super) fn overflow(&mut self, measurements: u64) {
        self.overflowed = self.overflowed.saturating_add(measurements);
    }
}
