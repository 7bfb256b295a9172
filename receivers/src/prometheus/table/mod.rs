//! The series of one target, from scrape to scrape.
//!
//! A page says the same series in the same words, and in the same order, every time. So the table remembers, by the
//! text in front of the value, what a line means: relabelling, labels and types are worked out once. A line that begins
//! as it did on the page before is not even looked up. The same memory tells which series vanished.
//!
//! What is known is bounded by what targets say: a series that vanished is told to be stale, and the table is learned
//! anew when more than half of it is of the past.

mod family;
mod fitness;
mod further;
mod last_page;
mod number;
mod page_values;
mod past;
mod pattern;
mod places;
mod resolve;
mod resource;
mod tell;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use pipeline::payload::scrape::{Part, Series, Shape};

use super::exposition::{Format, Line, Page, PageError, Sample};
use super::rules::SeriesRules;
use family::Families;
use fitness::Fitness;
use further::{Further, Ground};
use last_page::{LastPage, Meaning};
use page_values::PageValues;
use pattern::Pattern;
pub(super) use places::shape_of;
use places::{Place, Places};
pub(super) use tell::Untold;

/// Why a page cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// A line is wrong.
    #[error(transparent)]
    Page(#[from] PageError),
    /// There are more samples than allowed.
    #[error("the page has more than {0} samples, which is the sample_limit")]
    Samples(u64),
    /// A series goes beyond a limit.
    #[error("{0}")]
    Labels(String),
}

/// What was on a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Samples on the page.
    pub(super) scraped: u64,
    /// Samples that metric_relabel_configs left.
    pub(super) kept: u64,
    /// Series that are new.
    pub(super) added: u64,
    /// Samples of a series that has a value already; the first counts, as in Prometheus.
    pub(super) duplicates: u64,
    /// Samples that have no place, such as a bucket without a bound.
    pub(super) misplaced: u64,
}

/// The series of one target.
#[derive(Debug)]
pub(super) struct Table {
    /// Number of the reading; what was seen in it carries the number.
    turn: u64,
    /// Lines by the text in front of the value.
    known: HashMap<Box<[u8]>, Known>,
    last_page: LastPage,
    /// Of the page before, while pages change in nothing but values.
    pattern: Option<Pattern>,
    families: Families,
    places: Places,
    /// Shared with the scrapes that are under way.
    shape: Arc<Shape>,
    /// By number in the shape, as are the points.
    series: Vec<SeriesState>,
    points: Vec<Fitness>,
    further: Further,
    /// How many series were told with a value last; none where that did not arrive.
    told: Option<usize>,
    /// What was told of each series has arrived.
    is_as_arrived: bool,
    /// Series that no page had since all was learned anew.
    taken_over: usize,
    page: PageValues,
    /// Series that this page was the first to have.
    added: u64,
    tally: Tally,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    /// The state of the families in which this was worked out.
    version: u32,
    meaning: Meaning,
}

/// A series from scrape to scrape.
#[derive(Debug, Clone, Copy)]
struct SeriesState {
    /// The turn in which it last had a value.
    seen: u64,
    /// The last thing that was told of it was a value, and it is to be told when that is no longer so.
    is_told: bool,
    /// The last thing of it that arrived was a value.
    has_arrived: bool,
    /// What it tells further is known.
    is_learned: bool,
    /// Index of its sample, if it was seen in this turn.
    sample: u32,
    /// As in the shape: its point, and what it says of it.
    point: u32,
    part: Part,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            turn: 0,
            known: HashMap::new(),
            last_page: LastPage::default(),
            pattern: None,
            families: Families::default(),
            places: Places::default(),
            shape: Arc::default(),
            series: Vec::new(),
            points: Vec::new(),
            further: Further::default(),
            told: Some(0),
            is_as_arrived: true,
            taken_over: 0,
            page: PageValues::default(),
            added: 0,
            tally: Tally::default(),
        }
    }

    /// Takes a page in. After an error the page counts for nothing: [`end_all`](Self::end_all) is what follows.
    pub(super) fn read(&mut self, page: &Bytes, format: Format, rules: &SeriesRules) -> Result<(), Unusable> {
        if self.last_page.is_in_another(format) {
            // The same words may mean something else.
            (self.last_page, self.pattern) = (LastPage::default(), None);
        }
        if self.read_values(page, rules) {
            return Ok(());
        }
        let version = self.families.version();
        self.added = 0;
        self.begin(rules);
        let read = match self.read_again(page, format, rules) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.begin(rules);
                self.learn_page(page, format, rules)
            }
            Err(unusable) => Err(unusable),
        };
        self.tally.added = self.added;
        if read.is_ok() && self.families.version() == version {
            self.last_page.keep(page, format);
        } else {
            // A line may have meant something that what stood behind it has changed.
            self.last_page = LastPage::default();
        }
        read
    }

    /// What was on the page that was read last.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    fn begin(&mut self, rules: &SeriesRules) {
        self.turn += 1;
        self.tally = Tally::default();
        self.last_page.begin();
        self.page.clear();
        self.page.clear_starts();
        self.page.tracks_times = rules.track_timestamps;
    }

    /// Reads a page whose comments are those of the page before; false when they turn out not to be.
    fn read_again(&mut self, page: &Bytes, format: Format, rules: &SeriesRules) -> Result<bool, Unusable> {
        let mut at = 0;
        while at < page.len() {
            if let Some(again) = self.last_page.again(page, at) {
                at = again.next;
                self.means(again.meaning, again.value, None, rules)?;
                continue;
            }
            let mut lines = Page::from(page, format, at);
            match lines.next().transpose()? {
                Some(Line::Sample(sample)) => {
                    let meaning = self.sample(&sample, &lines, rules)?;
                    self.last_page.skip_to(meaning);
                }
                Some(_) => return Ok(false),
                None => {} // Lines that say nothing, to the end of the page.
            }
            at = lines.line_end();
        }
        Ok(self.last_page.met_all_comments(format == Format::OpenMetrics))
    }

    /// Reads a page line by line.
    fn learn_page(&mut self, page: &Bytes, format: Format, rules: &SeriesRules) -> Result<(), Unusable> {
        self.families.begin();
        let mut lines = Page::new(page, format);
        let mut noted = 0;
        while let Some(line) = lines.next() {
            match line? {
                Line::Help { family, text } => self.families.help(&family, &text),
                Line::Type { family, kind } => self.families.kind(&family, kind),
                Line::Unit { family, unit } => self.families.unit(&family, &unit),
                Line::Sample(sample) => {
                    self.note_comments(noted, lines.line_start());
                    noted = lines.line_end();
                    self.sample(&sample, &lines, rules)?;
                }
            }
        }
        self.note_comments(noted, page.len());
        self.families.end(Arc::make_mut(&mut self.shape));
        Ok(())
    }

    /// Notes what lies between two samples: comments, and lines that say nothing.
    fn note_comments(&mut self, start: usize, end: usize) {
        if start < end {
            self.last_page.note((start, end), end - start, Meaning::Comment, 0.0);
        }
    }

    /// Takes a line that was read as a whole, and notes it for the next page.
    fn sample(&mut self, sample: &Sample<'_>, lines: &Page<'_>, rules: &SeriesRules) -> Result<Meaning, Unusable> {
        let text = sample.series.text();
        let version = self.families.version();
        let known = self.known.get(text).filter(|known| known.version == version);
        let meaning = match known {
            Some(known) => known.meaning,
            None => self.learn(sample, lines, rules, version)?,
        };
        self.means(meaning, sample.value, Some(sample), rules)?;
        let words = text.len() + 1;
        let is_plain = sample.has_only_a_value() && lines.is_plain(words);
        let noted = if is_plain { meaning } else { Meaning::Other };
        self.last_page
            .note((lines.line_start(), lines.text_end()), words, noted, sample.value);
        Ok(meaning)
    }

    /// Takes what a line means. A line with more than a value comes with its `sample`.
    #[inline]
    fn means(
        &mut self,
        meaning: Meaning,
        value: f64,
        sample: Option<&Sample<'_>>,
        rules: &SeriesRules,
    ) -> Result<(), Unusable> {
        self.tally.scraped += 1;
        match meaning {
            Meaning::Series(series) => {
                self.keep_one(rules)?;
                self.value(series, value, sample, rules);
            }
            Meaning::Start(point) => {
                self.keep_one(rules)?;
                self.page.start(point, value);
            }
            Meaning::Dropped => {}
            Meaning::Other => self.tally.misplaced += 1,
            Meaning::Comment => self.tally.scraped -= 1,
        }
        Ok(())
    }

    #[inline]
    fn keep_one(&mut self, rules: &SeriesRules) -> Result<(), Unusable> {
        self.tally.kept += 1;
        if rules.samples_max > 0 && self.tally.kept > rules.samples_max {
            return Err(Unusable::Samples(rules.samples_max));
        }
        Ok(())
    }

    #[inline]
    fn value(&mut self, number: u32, value: f64, sample: Option<&Sample<'_>>, rules: &SeriesRules) {
        let Some(state) = self.series.get_mut(number as usize) else {
            return;
        };
        if std::mem::replace(&mut state.seen, self.turn) == self.turn {
            self.tally.duplicates += u64::from(state.part != Part::Resource);
            return;
        }
        let Some(sample) = sample else {
            return self.place_value(number, value, None);
        };
        self.place_value(number, value, sample.timestamp.filter(|_| rules.honor_timestamps));
        // One whose labels are wrong is a side remark, for which Prometheus does not give up a page either.
        if let Some(exemplar) = &sample.exemplar
            && let Ok(labels) = exemplar.labels()
        {
            self.page.exemplar(number, exemplar.value, exemplar.timestamp, labels);
        }
    }

    /// Takes the value of a series that has none yet in this turn.
    #[inline]
    fn place_value(&mut self, number: u32, value: f64, time: Option<i64>) {
        let Some(state) = self.series.get_mut(number as usize) else {
            return;
        };
        let page = &mut self.page;
        let is_before_time = time.is_some_and(|time| time < 0);
        match state.part {
            Part::Value if is_before_time => {
                page.untold.time += 1;
                page.unseen += 1;
                return;
            }
            Part::Value => page.points += 1,
            Part::Resource => {}
            part => {
                if let Some(fitness) = self.points.get_mut(state.point as usize) {
                    if fitness.begin(self.turn) {
                        page.points += 1;
                        page.compound.push(state.point);
                    }
                    fitness.take(part, value);
                    if is_before_time {
                        fitness.is_before_time();
                    }
                }
            }
        }
        page.unseen += usize::from(!state.is_told);
        state.sample = page.add(number, value, time);
    }

    /// Works out what a line means.
    fn learn(
        &mut self,
        sample: &Sample<'_>,
        lines: &Page<'_>,
        rules: &SeriesRules,
        version: u32,
    ) -> Result<Meaning, Unusable> {
        let before = self.known.get(sample.series.text()).copied();
        let mut instead_of = None;
        let meaning = match resolve::series(sample, rules, &self.families) {
            Ok(resolve::Resolved::Dropped) => Meaning::Dropped,
            Ok(resolve::Resolved::Misplaced) => Meaning::Other,
            Ok(resolve::Resolved::At(found)) => {
                let ground = &mut Ground {
                    shape: Arc::make_mut(&mut self.shape),
                    places: &mut self.places,
                    families: &mut self.families,
                    rules,
                };
                match ground.places.settle(&found, ground.shape, ground.families, rules) {
                    Place::Series {
                        number,
                        instead_of: old,
                    } => {
                        instead_of = old;
                        let state = self.series.get(number as usize);
                        let is_learned = state.is_some_and(|state| state.is_learned);
                        if let Some(dialect) = rules.dialect.as_ref().filter(|_| !is_learned) {
                            self.further.learn(dialect, &found, number, ground);
                        }
                        Meaning::Series(number)
                    }
                    Place::Start(point) => Meaning::Start(point),
                }
            }
            Err(resolve::Refused::Line(why)) => return Err(lines.error(why).into()),
            Err(resolve::Refused::Limit(why)) => return Err(Unusable::Labels(why)),
        };
        self.make_states();
        if let Meaning::Series(number) = meaning
            && let Some(state) = self.series.get_mut(number as usize)
        {
            state.is_learned = true;
        }
        if let Some(Meaning::Series(old)) = before.map(|known| known.meaning)
            && meaning != Meaning::Series(old)
        {
            instead_of = Some(old);
        }
        if let Some(old) = instead_of {
            self.goes_on_as(old, meaning);
        }
        let has_place = matches!(meaning, Meaning::Series(_) | Meaning::Start(_));
        self.added += u64::from(before.is_none() && has_place);
        self.known
            .insert(sample.series.text().into(), Known { version, meaning });
        Ok(meaning)
    }
}

impl Table {
    /// A series goes on under another type: a marker would end it at the very time of its next value, and if it has a
    /// value in this turn it must not get another.
    fn goes_on_as(&mut self, old: u32, meaning: Meaning) {
        let Some(state) = self.series.get_mut(old as usize) else {
            return;
        };
        self.is_as_arrived = false;
        let (seen, is_told) = (state.seen, state.is_told);
        let has_arrived = std::mem::take(&mut state.has_arrived);
        if seen != self.turn {
            state.is_told = false;
        }
        if let Meaning::Series(new) = meaning
            && let Some(state) = self.series.get_mut(new as usize)
        {
            // Whoever got the one has the other: their labels are the same.
            state.is_told |= is_told && seen != self.turn;
            state.has_arrived |= has_arrived;
            state.seen = state.seen.max(seen);
        }
    }
}

impl SeriesState {
    fn of(series: &Series) -> Self {
        Self {
            seen: 0,
            is_told: false,
            has_arrived: false,
            is_learned: false,
            sample: 0,
            point: series.point,
            part: series.part,
        }
    }
}
