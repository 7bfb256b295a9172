//! The latest value of every series, bounded in number and in time.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use super::family::{Family, Key, Reason, Room};
use super::group::{Exemplar, Origin, Part, Reading, Value};
use super::labels::{NameOf, escaped, escaped_labels, pack};
use crate::prometheus_series::{ExemplarView, FamilyView, NO_POINT, SeriesView, Table, Values};

/// Expired series are removed this many times in the time that one takes to expire: they are never shown, and hold their
/// memory for a fifth of that time more.
const SWEEPS_PER_EXPIRATION: u32 = 5;

/// The latest value of every series.
#[derive(Debug)]
pub(super) struct Store {
    /// By name, as the pages show it.
    pub(super) families: BTreeMap<Box<str>, Family>,
    pub(super) rules: Rules,
    room: Room,
    /// The number of the batch that is being taken.
    batch: u64,
    sweep_at: Option<Instant>,
    /// Comments that were not shown since somebody asked, by what they say.
    comments: Vec<&'static str>,
    /// Series that expired since somebody asked.
    expired: u64,
}

/// What is kept, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) series_max: usize,
    pub(super) expiration: Duration,
    pub(super) keeps_exemplars: bool,
    /// Names are kept in the characters of classic Prometheus.
    pub(super) is_legal: bool,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Points of which something is not shown, with the reason; some more than once.
    pub(super) lost: Vec<(u32, Reason)>,
    /// Attributes whose label is needed for something else.
    pub(super) labels: u64,
    pub(super) comments: Vec<&'static str>,
    pub(super) expired: u64,
    pub(super) series: usize,
}

/// Whether a metric may have its name and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Granted,
    /// Another metric has it.
    Taken,
    Full,
}

impl Store {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            families: BTreeMap::new(),
            room: Room {
                used: 0,
                max: rules.series_max,
            },
            rules,
            batch: 0,
            sweep_at: None,
            comments: Vec::new(),
            expired: 0,
        }
    }

    /// Begins the next batch.
    pub(super) fn begin(&mut self, now: Instant) {
        self.batch += 1;
        self.sweep(now);
    }

    /// Decides whether a metric may have its name and type, and notes which of its comments are not shown.
    pub(super) fn admit(&mut self, about: FamilyView<'_>, now: Instant) -> bool {
        let name = self.metric_name(about.name);
        match self.place(&name, about, now) {
            Place::Taken => return false,
            Place::Full => return true, // Its points are counted one by one.
            Place::Granted => {}
        }
        if let Some(family) = self.families.get_mut(&*name) {
            let dropped = family.hear(about);
            if !dropped.is_empty() && !std::mem::replace(&mut family.has_warned_of_comment, true) {
                tracing::warn!(
                    metric = &*name,
                    ?dropped,
                    "a metric has several descriptions or units; the first is shown"
                );
            }
            self.comments.extend(dropped);
        }
        true
    }

    /// Takes the values of a batch.
    pub(super) fn take(&mut self, table: &Table, now: Instant) -> Taken {
        let mut lost = Lost::default();
        for series in table.views() {
            let Some(about) = series.family() else { continue };
            let name = self.metric_name(about.name);
            let place = self.place(&name, about, now);
            let readings = readings(&series, self.batch);
            match (place, Part::of(&series, about)) {
                (Place::Granted, Some((part, label))) => {
                    let key = self.key(&series, label, &readings);
                    let exemplars = self.exemplars(&series);
                    let is_needed = |(name, _): (&str, &str)| part == Part::Native && Some(name) == label;
                    lost.labels += u64::from(series.labels().any(is_needed));
                    let Some(family) = self.families.get_mut(&*name) else {
                        continue;
                    };
                    for reading in &readings {
                        if !lost.refused.contains(&reading.origin.point) {
                            let read = family.read(&key, part, reading, &mut self.room, now);
                            lost.note(reading.origin.point, read);
                        }
                    }
                    exemplars.into_iter().for_each(|it| family.remember(&key, part, it));
                }
                (Place::Full, Some(_)) => lost.all(&readings, Reason::TooManySeries),
                _ => lost.all(&readings, Reason::TypeConflict),
            }
        }
        Taken {
            lost: lost.points,
            labels: lost.labels,
            comments: std::mem::take(&mut self.comments),
            expired: std::mem::take(&mut self.expired),
            series: self.room.used,
        }
    }

    /// How many series it holds.
    #[cfg(test)]
    pub(super) fn series(&self) -> usize {
        self.room.used
    }

    fn place(&mut self, name: &str, about: FamilyView<'_>, now: Instant) -> Place {
        let (batch, expiration) = (self.batch, self.rules.expiration);
        if let Some(known) = self.families.get_mut(name) {
            if known.kind == about.kind {
                known.touch(batch, now);
                return Place::Granted;
            }
            if !known.is_over(batch, now, expiration) {
                if !std::mem::replace(&mut known.has_warned_of_type, true) {
                    tracing::warn!(
                        metric = name,
                        shown = ?known.kind,
                        dropped = ?about.kind,
                        "two metrics of different types have the same name; the later one is dropped"
                    );
                }
                return Place::Taken;
            }
        }
        if let Some(old) = self.families.remove(name) {
            self.forget(&old);
        }
        if let Some(rival) = self.rival(name, about.kind) {
            tracing::debug!(metric = name, rival, "series of two metrics would have the same name");
            return Place::Taken;
        }
        // Metrics whose points all come to nothing have no series, but are not to be without number either.
        if self.room.is_full() || self.families.len() >= self.room.max {
            return Place::Full;
        }
        self.families.insert(name.into(), Family::new(about, batch, now));
        Place::Granted
    }

    /// Removes what expired, now and then.
    pub(super) fn sweep(&mut self, now: Instant) {
        if self.sweep_at.is_some_and(|at| now < at) {
            return;
        }
        let expiration = self.rules.expiration;
        self.sweep_at = now.checked_add(expiration / SWEEPS_PER_EXPIRATION);
        let mut expired = 0;
        self.families.retain(|_, family| {
            family.groups.retain(|_, group| {
                let is_kept = now.saturating_duration_since(group.seen) <= expiration;
                expired += if is_kept { 0 } else { group.lines() };
                is_kept
            });
            !family.groups.is_empty() || !family.is_over(self.batch, now, expiration)
        });
        self.room.used = self.room.used.saturating_sub(expired);
        self.expired += expired as u64;
    }

    fn forget(&mut self, family: &Family) {
        let lines = family.lines();
        self.room.used = self.room.used.saturating_sub(lines);
        self.expired += lines as u64;
    }

    fn metric_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.rules.is_legal {
            escaped(name, NameOf::Metric)
        } else {
            Cow::Borrowed(name)
        }
    }

    /// The labels without the one that tells the parts of a point apart.
    fn key(&self, series: &SeriesView<'_>, without: Option<&str>, readings: &[Reading<'_>]) -> Key {
        let labels: Vec<_> = series.labels().filter(|(name, _)| Some(*name) != without).collect();
        let row = self.row(&labels);
        if readings.iter().any(|reading| reading.origin.point != NO_POINT) {
            return Key {
                identity: row,
                labels: None,
            };
        }
        // `target_info` is joined by these two, so there is one for them, however often its other labels change.
        let joined: Vec<_> = labels
            .into_iter()
            .filter(|(name, _)| ["instance", "job"].contains(name))
            .collect();
        Key {
            identity: self.row(&joined),
            labels: Some(row),
        }
    }

    fn row(&self, labels: &[(&str, &str)]) -> Vec<u8> {
        let mut row = Vec::new();
        if self.rules.is_legal {
            let legal = escaped_labels(labels);
            pack(&mut row, legal.iter().map(|(name, value)| (&**name, &**value)));
        } else {
            pack(&mut row, labels.iter().copied());
        }
        row
    }

    fn exemplars(&self, series: &SeriesView<'_>) -> Vec<Exemplar> {
        if !self.rules.keeps_exemplars {
            return Vec::new();
        }
        let kept = |exemplar: ExemplarView<'_>| Exemplar {
            labels: self.row(&exemplar.labels).into(),
            value: exemplar.value,
            time: exemplar.time,
        };
        series.exemplars().map(kept).collect()
    }
}

/// What a series says, in the order of its times.
fn readings<'t>(series: &SeriesView<'t>, batch: u64) -> Vec<Reading<'t>> {
    let reading = |point, stamp, value| Reading {
        stamp,
        origin: Origin { batch, point },
        value,
    };
    match series.values() {
        Values::Numbers(samples) => samples
            .iter()
            .map(|it| reading(it.point, it.stamp, Value::Number(it.value)))
            .collect(),
        Values::Natives(histograms) => histograms
            .iter()
            .map(|it| reading(it.point, it.stamp, Value::Native(&it.shape)))
            .collect(),
    }
}

/// Points that a batch loses.
#[derive(Debug, Default)]
struct Lost {
    points: Vec<(u32, Reason)>,
    /// Points of which nothing more is taken: half a histogram is none.
    refused: HashSet<u32>,
    /// Attributes of native histograms whose label their buckets need.
    labels: u64,
}

impl Lost {
    fn note(&mut self, point: u32, read: Result<(), Reason>) {
        let Err(reason) = read else { return };
        if point != NO_POINT {
            self.refused.extend((reason == Reason::TooManySeries).then_some(point));
        } else if matches!(reason, Reason::OutOfOrder | Reason::Duplicate) {
            return; // What a resource says about itself is said again; nothing is lost.
        }
        self.points.push((point, reason));
    }

    fn all(&mut self, readings: &[Reading<'_>], reason: Reason) {
        for reading in readings {
            self.note(reading.origin.point, Err(reason));
        }
    }
}
