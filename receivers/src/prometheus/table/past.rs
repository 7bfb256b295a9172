//! What a table keeps of the past: series that somebody still believes to go on.
//!
//! A batch may be refused, and what it ended is then to be ended by the next. So the table knows of each series whether a
//! value was the last thing of it that arrived. Whatever else is of the past it may forget, and does when that is more
//! than half of what it knows: it learns the last page anew, and takes over what arrived. At most it knows the pages since
//! it did so, and the last one that arrived.
//!
//! A series that only refused batches had is not ended. Where one of several pipelines took such a batch, it lives on there
//! for as long as it would without an end: five minutes in Prometheus.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use pipeline::payload::scrape::{Label, Shape};

use super::super::exposition::Format;
use super::super::rules::SeriesRules;
use super::fitness::Fitness;
use super::{SeriesState, Table};

/// Series of the past that a table may hold, beside half of all: below it, learning anew is not worth the work.
pub(super) const PAST_SERIES_MAX: usize = 1_000;

/// A shape that is given up, and where things were in it.
pub(super) struct Past<'a> {
    pub(super) shape: &'a Shape,
    /// Job and instance by the number of a resource.
    pub(super) owners: HashMap<u32, &'a (String, String)>,
    /// The labels of each point.
    pub(super) points: HashMap<u32, &'a [Label]>,
}

impl Table {
    /// What was told last has arrived: nothing of it needs to be told again.
    pub(in super::super) fn arrived(&mut self) {
        if self.is_as_arrived {
            return;
        }
        if self.known.is_empty() {
            // All that is known has ended.
            self.give_up();
            return;
        }
        for state in &mut self.series {
            state.has_arrived = state.is_told;
        }
        self.is_as_arrived = true;
    }

    /// What was told last did not arrive: what it ended will be ended again by what is told next, at the time of that,
    /// unless it goes on by then. To be called before the next page is read.
    pub(in super::super) fn take_back(&mut self) {
        if self.is_as_arrived {
            return;
        }
        for state in &mut self.series {
            state.is_told = state.has_arrived;
        }
        self.told = None;
        self.is_as_arrived = true;
    }

    /// Learns the page again, if much of what is known is of the past. To be called when the page was told.
    pub(in super::super) fn forget_the_past(&mut self, page: &Bytes, format: Format, rules: &SeriesRules) {
        let now = usize::try_from(self.tally.scraped).unwrap_or(usize::MAX);
        let known = self.known.len().saturating_add(self.taken_over);
        if known <= now.saturating_mul(2).saturating_add(PAST_SERIES_MAX) {
            return;
        }
        let tally = self.tally;
        let old = self.give_up();
        // It was read a moment ago, so there is no error now.
        if self.read(page, format, rules).is_ok() {
            // What it told is known: this only notes it down again.
            self.tell(0);
        }
        self.take_over(&old);
        self.tally = tally;
    }

    /// Forgets everything but what may have to be told again.
    pub(super) fn forget_all(&mut self) {
        let old = self.give_up();
        self.take_over(&old);
    }

    /// Knows nothing from now on. Gives what was known.
    fn give_up(&mut self) -> Self {
        let old = std::mem::replace(self, Self::new());
        self.turn = old.turn; // A turn is never counted twice.
        old
    }

    /// Takes over the series of which a value was the last thing that arrived: their ends have not.
    fn take_over(&mut self, old: &Self) {
        let past = Past {
            shape: &old.shape,
            owners: old.places.owners(),
            points: old.places.points(),
        };
        let mut numbers = Vec::new();
        let shape = Arc::make_mut(&mut self.shape);
        for (number, _) in (0..).zip(&old.series).filter(|(_, state)| state.has_arrived) {
            numbers.extend(self.places.take_over(number, &past, shape, &mut self.families));
        }
        let before = self.series.len();
        self.make_states();
        self.taken_over = self.series.len() - before;
        for number in &numbers {
            if let Some(state) = self.series.get_mut(*number as usize) {
                state.has_arrived = true;
            }
        }
        self.is_as_arrived = numbers.is_empty() && self.told == Some(0);
    }

    /// Makes room for what the shape has got.
    pub(super) fn make_states(&mut self) {
        let news = self.shape.series().iter().skip(self.series.len());
        self.series.extend(news.map(SeriesState::of));
        self.points.resize(self.shape.points(), Fitness::default());
        self.page.starts.resize(self.shape.points(), 0);
    }
}
