//! The series of one target, from scrape to scrape.
//!
//! A page says the same series in the same words every time. So the table remembers, by the text in front of the
//! value, where a value belongs: relabelling, labels and their encoding are worked out once and then only looked up. The
//! same memory tells which series vanished.
//!
//! What is known is bounded by what targets say: a series that vanished is told to be stale once, and the table is
//! learned anew when more than half of it is of the past.

mod emit;
mod family;
mod point;
mod resolve;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::collections::HashMap;

use pipeline::payload::metrics::MetricsBuilder;

use super::exposition::{Format, Line, Page, PageError, Sample};
use super::rules::SeriesRules;
pub(super) use emit::Untold;
use family::Families;
use point::{Group, Role, Spot};
pub(super) use point::{metadata, place};

/// Series of the past that a table may hold, beside half of all: below it, learning anew is not worth the work.
const PAST_SERIES_MAX: usize = 1_000;

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
    /// Number of the scrape; what was seen in it carries the number.
    scrape: u64,
    /// Series by the text in front of the value.
    known: HashMap<Box<[u8]>, Known>,
    families: Families,
    groups: Vec<Group>,
    /// Groups by job and instance.
    group_index: HashMap<(String, String), u32>,
    tally: Tally,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    seen: u64,
    /// The state of the families in which this was worked out.
    version: u32,
    place: Option<(Spot, Role)>,
    /// Why there is no place.
    is_misplaced: bool,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            scrape: 0,
            known: HashMap::new(),
            families: Families::default(),
            groups: Vec::new(),
            group_index: HashMap::new(),
            tally: Tally::default(),
        }
    }

    /// Takes a page in. After an error the page counts for nothing: [`fail`](Self::fail) is what follows.
    pub(super) fn read(&mut self, page: &[u8], format: Format, rules: &SeriesRules) -> Result<(), Unusable> {
        self.scrape += 1;
        self.take_in(page, format, rules)
    }

    /// What was on the page that was read last.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Learns the page again, if much of what is known is of the past. To be called when the page was emitted.
    pub(super) fn forget_the_past(&mut self, page: &[u8], format: Format, rules: &SeriesRules) {
        let now = usize::try_from(self.tally.scraped).unwrap_or(usize::MAX);
        if self.known.len() <= now.saturating_mul(2).saturating_add(PAST_SERIES_MAX) {
            return;
        }
        let (scrape, tally) = (self.scrape, self.tally);
        *self = Self::new();
        self.scrape = scrape;
        // It was read a moment ago, so there is no error now.
        if self.take_in(page, format, rules).is_ok() {
            // What it told is known: this only notes it down again.
            self.emit(&mut MetricsBuilder::new(), 0);
        }
        self.tally = tally;
    }

    fn take_in(&mut self, page: &[u8], format: Format, rules: &SeriesRules) -> Result<(), Unusable> {
        self.tally = Tally::default();
        self.families.begin();
        let mut page = Page::new(page, format);
        while let Some(line) = page.next() {
            match line? {
                Line::Help { family, text } => self.families.help(&family, &text),
                Line::Type { family, kind } => self.families.kind(&family, kind),
                Line::Unit { family, unit } => self.families.unit(&family, &unit),
                Line::Sample(sample) => self.sample(&sample, &page, rules)?,
            }
        }
        self.families.end();
        Ok(())
    }

    fn sample(&mut self, sample: &Sample<'_>, page: &Page<'_>, rules: &SeriesRules) -> Result<(), Unusable> {
        self.tally.scraped += 1;
        let text = sample.series.text();
        let version = self.families.version();
        let known = match self.known.get_mut(text) {
            Some(known) if known.version == version => known,
            _ => {
                self.learn(sample, page, rules, version)?;
                let Some(known) = self.known.get_mut(text) else {
                    return Ok(());
                };
                known
            }
        };
        let again = known.seen == self.scrape;
        known.seen = self.scrape;
        let (place, is_misplaced) = (known.place, known.is_misplaced);
        self.tally.misplaced += u64::from(is_misplaced);
        let Some((place, role)) = place else {
            return Ok(());
        };
        self.tally.kept += 1;
        if rules.samples_max > 0 && self.tally.kept > rules.samples_max {
            return Err(Unusable::Samples(rules.samples_max));
        }
        let scrape = self.scrape;
        let placed = !again
            && self
                .point(place)
                .is_some_and(|point| point.take(role, sample, scrape, rules));
        self.tally.duplicates += u64::from(!placed && role != Role::Resource);
        Ok(())
    }

    /// Works out where a series belongs.
    fn learn(
        &mut self,
        sample: &Sample<'_>,
        page: &Page<'_>,
        rules: &SeriesRules,
        version: u32,
    ) -> Result<(), Unusable> {
        let before = self.known.get(sample.series.text()).copied();
        let resolved = match resolve::series(sample, rules, &self.families) {
            Ok(resolved) => resolved,
            Err(resolve::Refused::Line(why)) => return Err(page.error(why).into()),
            Err(resolve::Refused::Limit(why)) => return Err(Unusable::Labels(why)),
        };
        let (place, is_misplaced) = match resolved {
            resolve::Resolved::Dropped => (None, false),
            resolve::Resolved::Misplaced => (None, true),
            resolve::Resolved::At(found) => (Some(self.settle(found, rules)), false),
        };
        if let Some((old, _)) = before.and_then(|known| known.place)
            && place.is_none_or(|(new, _)| new != old)
            && let Some(point) = self.point(old)
        {
            // The series goes on under another type: a marker would end it at the very time of its next value.
            point.is_told = false;
        }
        self.tally.added += u64::from(before.is_none() && place.is_some());
        let known = Known {
            seen: before.map_or(0, |known| known.seen),
            version,
            place,
            is_misplaced,
        };
        self.known.insert(sample.series.text().into(), known);
        Ok(())
    }

    /// The point of a resolved series; made where it is the first of its point.
    fn settle(&mut self, found: resolve::Found, rules: &SeriesRules) -> (Spot, Role) {
        let group = self.group(found.owner, rules);
        let Some(entry) = self.groups.get_mut(group as usize) else {
            return (Spot::default(), found.role);
        };
        if found.role == Role::Resource {
            entry.describe(&found.labels, rules);
            return (
                Spot {
                    group,
                    ..Spot::default()
                },
                Role::Resource,
            );
        }
        let (metric, point) = entry.spot(found.name, found.family, found.kind, &found.labels);
        (Spot { group, metric, point }, found.role)
    }

    fn group(&mut self, owner: (String, String), rules: &SeriesRules) -> u32 {
        if let Some(group) = self.group_index.get(&owner) {
            return *group;
        }
        let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(Group::new(owner.0.clone(), owner.1.clone(), rules));
        self.group_index.insert(owner, group);
        group
    }

    fn point(&mut self, spot: Spot) -> Option<&mut point::Point> {
        let metric = self
            .groups
            .get_mut(spot.group as usize)?
            .metrics
            .get_mut(spot.metric as usize)?;
        metric.points.get_mut(spot.point as usize)
    }
}
