//! How many request spans ended in each second of the last minutes.

/// Seconds that are remembered: a window of five minutes, and the time that spans may take to come.
pub const RING_SECONDS: u64 = 512;

const NS: u64 = 1_000_000_000;

/// Request spans that ended in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spans {
    /// So many ended in it for certain.
    pub at_least: u64,
    /// So many at most: clocks of two machines differ, so that what ended near one of the edges may belong to either
    /// side.
    pub at_most: u64,
}

impl std::ops::AddAssign for Spans {
    fn add_assign(&mut self, other: Self) {
        self.at_least += other.at_least;
        self.at_most += other.at_most;
    }
}

/// Counts by the second.
#[derive(Debug)]
pub(super) struct BySecond {
    /// The second since 1970 that a place is about, and how many there were in it.
    places: Box<[(u64, u32)]>,
}

impl BySecond {
    pub(super) fn new() -> Self {
        Self {
            places: vec![(0, 0); RING_SECONDS as usize].into_boxed_slice(),
        }
    }

    /// Counts a span that ended then, in nanoseconds since 1970. One that is older than the ring counts nowhere here.
    #[inline]
    pub(super) fn add(&mut self, end: u64) {
        let second = end / NS;
        if let Some(place) = self.places.get_mut((second % RING_SECONDS) as usize) {
            if place.0 < second {
                *place = (second, 0);
            }
            if place.0 == second {
                place.1 = place.1.saturating_add(1);
            }
        }
    }

    /// Those that ended after one time and until another, in nanoseconds since 1970.
    pub(super) fn between(&self, after: u64, until: u64) -> Spans {
        // The second of each edge, and the one on its other side where a clock may have been wrong by as much.
        let (first, last) = (after / NS, until / NS);
        let mut spans = Spans::default();
        for (second, count) in &*self.places {
            let count = u64::from(*count);
            if (first.saturating_sub(1)..=last + 1).contains(second) {
                spans.at_most += count;
            }
            if (first + 2..last.saturating_sub(1)).contains(second) {
                spans.at_least += count;
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_700_000_000;

    fn ended(seconds: impl IntoIterator<Item = u64>) -> BySecond {
        let mut by_second = BySecond::new();
        seconds.into_iter().for_each(|second| by_second.add((T + second) * NS));
        by_second
    }

    #[test]
    fn what_ends_near_an_edge_may_belong_to_either_side() {
        let spans = ended(0..30).between((T + 10) * NS, (T + 20) * NS);

        // For certain 12 to 18, perhaps 9 to 21.
        assert_eq!((spans.at_least, spans.at_most), (7, 13));
    }

    #[test]
    fn what_is_older_than_the_ring_is_forgotten_and_counts_for_no_other_second() {
        let mut by_second = ended([0, RING_SECONDS]);
        by_second.add(T * NS);

        let of_old = by_second.between((T - 5) * NS, (T + 5) * NS);
        let of_new = by_second.between((T + RING_SECONDS - 5) * NS, (T + RING_SECONDS + 5) * NS);

        assert_eq!((of_old.at_most, of_new.at_least), (0, 1));
    }
}
