//! What stays the same of a page: all of it but its values.
//!
//! A page that has nothing new is read without a thought for what its lines mean: between two values there is what was
//! there before, and the values are those of the same series in the same order. Whatever else there may be, a value that
//! is no number, buckets that shrink, is left to whoever reads line by line.

use std::collections::HashSet;

use bytes::Bytes;
use pipeline::payload::scrape::{Part, Sample};

use super::super::rules::SeriesRules;
use super::last_page::{Mark, Meaning};
use super::number::number;
use super::{SeriesState, Table};

/// The series of a value that is not wanted.
const DROPPED: u32 = u32::MAX;

impl Table {
    /// Reads a page that differs in nothing but values from the two before it; false where this is none.
    pub(super) fn read_values(&mut self, page: &[u8], rules: &SeriesRules) -> bool {
        let pattern = self.pattern.take().or_else(|| {
            let (page, marks) = self.last_page.settled()?;
            Pattern::of(page, marks, self.turn, &self.series)
        });
        let is_allowed = rules.samples_max == 0 || self.tally.kept <= rules.samples_max;
        let Some(pattern) = pattern.filter(|_| is_allowed) else {
            return false;
        };
        self.turn += 1;
        self.page.clear(); // Start times are what they were: they are among what has to be the same.
        self.page.samples.reserve(pattern.kept);
        let (turn, samples, states) = (self.turn, &mut self.page.samples, &mut self.series);
        let is_same = pattern.read(page, |series, value| {
            if let Some(state) = states.get_mut(series as usize) {
                state.seen = turn;
            }
            samples.push(Sample { series, value });
        });
        if is_same {
            self.page.points = pattern.points;
            self.tally.added = 0;
            self.pattern = Some(pattern);
        }
        is_same
    }
}

/// All of a page but its values.
#[derive(Debug)]
pub(super) struct Pattern {
    page: Bytes,
    slots: Vec<Slot>,
    /// Where on the page that begins which stands behind the last value.
    rest: usize,
    /// How many of the values are wanted.
    pub(super) kept: usize,
    /// Data points that they make.
    pub(super) points: u32,
}

/// A value, and what stands between it and the one before.
#[derive(Debug, Clone, Copy)]
struct Slot {
    start: u32,
    end: u32,
    series: u32,
    check: Check,
}

/// What a value has to be, so that the parts of its point make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    /// A count.
    Count,
    /// A count, and not less than the one before.
    Rising,
}

impl Pattern {
    /// The pattern of a page, as its lines were understood in this turn; None where lines may have to be understood anew.
    pub(super) fn of(page: &Bytes, marks: &[Mark], turn: u64, series: &[SeriesState]) -> Option<Self> {
        let mut pattern = Self {
            page: page.clone(),
            slots: Vec::with_capacity(marks.len()),
            rest: 0,
            kept: 0,
            points: 0,
        };
        let mut checks = Checks::default();
        for mark in marks {
            let (series, check) = match mark.meaning {
                Meaning::Comment | Meaning::Start(_) => continue, // Has to be the same, as all between values.
                Meaning::Other => return None,
                Meaning::Dropped => (DROPPED, Check::Nothing),
                Meaning::Series(number) => {
                    let state = series.get(number as usize)?;
                    // One that comes twice has the place of its first value.
                    let is_as_told = state.seen == turn && state.is_told && state.sample as usize == pattern.kept;
                    let check = checks.of(state).filter(|_| is_as_told)?;
                    pattern.kept += 1;
                    (number, check)
                }
            };
            pattern.slots.push(Slot {
                start: u32::try_from(pattern.rest).ok()?,
                end: mark.words_end(),
                series,
                check,
            });
            pattern.rest = mark.end();
        }
        pattern.points = checks.points()?;
        Some(pattern)
    }

    /// Gives the values of a page and their series. False where the page is another, and what was given counts for nothing.
    #[inline]
    pub(super) fn read(&self, page: &[u8], mut take: impl FnMut(u32, f64)) -> bool {
        let (mut ahead, mut count) = (page, 0.0);
        for slot in &self.slots {
            let words = self
                .page
                .get(slot.start as usize..slot.end as usize)
                .unwrap_or_default();
            let Some(behind) = ahead.strip_prefix(words) else {
                return false;
            };
            let Some((value, length)) = number(behind) else {
                return false;
            };
            ahead = behind.get(length..).unwrap_or_default();
            if slot.check != Check::Nothing {
                let least = if slot.check == Check::Rising { count } else { 0.0 };
                if !(least..f64::INFINITY).contains(&value) {
                    return false;
                }
                count = value;
            }
            if slot.series != DROPPED {
                take(slot.series, value);
            }
        }
        self.page.get(self.rest..) == Some(ahead)
    }
}

/// Finds out what values have to be. Buckets of a histogram stand together, in order, and its count behind them: where they
/// do not, there is no pattern.
#[derive(Debug, Default)]
struct Checks {
    /// Points of a single value.
    single: u32,
    compound: HashSet<u32>,
    counted: HashSet<u32>,
    /// The histogram or summary that the line before was of, and its last bound.
    current: Option<(u32, f64)>,
    begun: HashSet<u32>,
}

impl Checks {
    /// None where a part stands where it does not belong.
    fn of(&mut self, state: &SeriesState) -> Option<Check> {
        let bound = match state.part {
            Part::Resource => return Some(Check::Nothing),
            Part::Value => {
                self.single += 1;
                return Some(Check::Nothing);
            }
            Part::Bucket(bound) if bound != f64::INFINITY => bound,
            // Nothing but counts of buckets stands in front of it.
            Part::Count => f64::INFINITY,
            Part::Bucket(_) | Part::Sum | Part::Quantile(_) => {
                self.compound.insert(state.point);
                return Some(Check::Nothing);
            }
        };
        self.compound.insert(state.point);
        if state.part == Part::Count {
            self.counted.insert(state.point);
        }
        let before = self.current.replace((state.point, bound));
        match before.filter(|(point, _)| *point == state.point) {
            Some((_, before)) => (bound > before).then_some(Check::Rising),
            None => self.begun.insert(state.point).then_some(Check::Count),
        }
    }

    /// How many points there are; None where one lacks its count.
    fn points(&self) -> Option<u32> {
        let is_whole = self.counted.len() == self.compound.len();
        let compound = u32::try_from(self.compound.len()).ok()?;
        is_whole.then(|| self.single.saturating_add(compound))
    }
}
