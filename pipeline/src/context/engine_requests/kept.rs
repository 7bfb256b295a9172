//! Requests that are kept because an exemplar may be wanted of them.
//!
//! For each role, the newest request of every quarter of an octave: a bucket that few requests fall into, which is
//! the one that somebody will ask about, keeps its own however many fall into the others.

use super::instance::{Request, Role};
use crate::payload::{SpanId, TraceId};

/// A request with how long it took in one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// When it ended, in nanoseconds since 1970.
    pub end: u64,
    /// How long it took in this role, in nanoseconds.
    pub duration: u64,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its span.
    pub span_id: SpanId,
}

/// Exemplars that are kept for each role of an instance: four for each octave from a millisecond to two hours. What is
/// shorter or longer is kept with the first or the last of them.
pub(super) const KEPT_MAX: usize = OCTAVES * PARTS;
const OCTAVES: usize = 23;
const PARTS: usize = 4;

/// The octave of the first: 2^20 ns are about a millisecond.
const FIRST_OCTAVE: u32 = 20;

/// The newest request of each part of an octave, by role.
#[derive(Debug)]
pub(super) struct Newest {
    /// An end of 0 is an empty place.
    places: Box<[[Kept; KEPT_MAX]]>,
}

const EMPTY: Kept = Kept {
    end: 0,
    duration: 0,
    trace_id: TraceId([0; 16]),
    span_id: SpanId([0; 8]),
};

impl Newest {
    pub(super) fn new() -> Self {
        Self {
            places: vec![[EMPTY; KEPT_MAX]; Role::ALL.len()].into_boxed_slice(),
        }
    }

    /// Keeps a request where it is newer than what is there. Spans come in any order.
    #[inline]
    pub(super) fn offer(&mut self, request: &Request) {
        for (places, duration) in self.places.iter_mut().zip(&request.durations) {
            let Some(duration) = *duration else { continue };
            if let Some(place) = places.get_mut(part(duration))
                && place.end <= request.end
            {
                *place = Kept {
                    end: request.end,
                    duration,
                    trace_id: request.trace_id,
                    span_id: request.span_id,
                };
            }
        }
    }

    /// Adds those of a role.
    pub(super) fn of(&self, role: Role, out: &mut Vec<Kept>) {
        let places = self.places.get(role as usize).into_iter().flatten();
        out.extend(places.filter(|kept| kept.end > 0));
    }
}

/// The part of an octave that a duration is in, by number.
#[inline]
fn part(ns: u64) -> usize {
    let octave = (ns | 1).ilog2();
    if octave < FIRST_OCTAVE {
        return 0;
    }
    // The two bits behind the first one.
    let quarter = (ns >> (octave - 2)) as usize % PARTS;
    let number = (octave - FIRST_OCTAVE) as usize * PARTS + quarter;
    number.min(KEPT_MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_apart_by_quarters_of_octaves() {
        let second = 1_u64 << 30;
        let parts = [
            second,
            second + second / 4,
            second + second / 2,
            2 * second - 1,
            2 * second,
        ]
        .map(part);

        assert_eq!(parts, [40, 41, 42, 43, 44]);
        assert_eq!([0, 1, 1 << 19, (1 << 20) + 1].map(part), [0; 4]);
        assert_eq!([u64::MAX, 1 << 43].map(part), [KEPT_MAX - 1; 2]);
    }
}
