//! Where the values of a series lie.

use std::ops::Range;

/// A range of one of the table's arrays, in half the room: there are two in every series. A batch of four thousand million
/// values would not fit into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Begins here and has nothing yet.
    pub(crate) fn at(start: usize) -> Self {
        let start = start as u32;
        Self { start, end: start }
    }

    /// This one and no other.
    #[inline]
    pub(crate) fn one(at: usize) -> Self {
        let start = at as u32;
        Self {
            start,
            end: start.wrapping_add(1),
        }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    #[inline]
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Reaches so far that it has this one as its last.
    pub(super) fn reach(&mut self, at: usize) {
        if self.is_empty() {
            *self = Self::at(at);
        }
        self.end = at as u32 + 1;
    }

    /// Its two halves; the first is the shorter one.
    pub(crate) fn halves(self) -> (Self, Self) {
        let middle = self.start + (self.end - self.start) / 2;
        let (first, second) = (self.start..middle, middle..self.end);
        (Self::from(first), Self::from(second))
    }
}

impl From<Range<u32>> for Span {
    fn from(range: Range<u32>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self::from(range.start as u32..range.end as u32)
    }
}
