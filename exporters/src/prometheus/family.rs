//! One metric: what is said about it, and its groups.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::group::{Exemplar, Group, Part, Reading, Turn, Value};
use crate::prometheus_names::unit_word;
use crate::prometheus_series::{FamilyKind, FamilyView, STALE, SeriesView};

/// One metric.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) kind: FamilyKind,
    /// The first description that is not empty; others are not shown.
    pub(super) help: Box<str>,
    /// As it stands in names.
    pub(super) unit: Box<str>,
    /// By their labels.
    pub(super) groups: BTreeMap<Box<[u8]>, Group>,
    seen: Instant,
    /// The batch that last spoke of it.
    batch: u64,
    pub(super) has_warned_of_type: bool,
    pub(super) has_warned_of_comment: bool,
}

/// What makes a group, and its labels where those are more.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) identity: Vec<u8>,
    pub(super) labels: Option<Vec<u8>>,
}

/// How many series there are and may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) used: usize,
    pub(super) max: usize,
}

/// Why a point, or a part of one, is not on the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    TypeConflict,
    TooManySeries,
    OutOfOrder,
    Duplicate,
}

impl Room {
    pub(super) fn is_full(self) -> bool {
        self.used >= self.max
    }

    fn change(&mut self, before: usize, after: usize) {
        self.used = (self.used + after).saturating_sub(before);
    }
}

impl Reason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TypeConflict => "type_conflict",
            Self::TooManySeries => "too_many_series",
            Self::OutOfOrder => "out_of_order",
            Self::Duplicate => "duplicate",
        }
    }
}

impl Family {
    pub(super) fn new(about: FamilyView<'_>, batch: u64, now: Instant) -> Self {
        Self {
            kind: about.kind,
            help: about.help.into(),
            unit: unit_word(about.unit).into(),
            groups: BTreeMap::new(),
            seen: now,
            batch,
            has_warned_of_type: false,
            has_warned_of_comment: false,
        }
    }

    /// Somebody speaks of it.
    pub(super) fn touch(&mut self, batch: u64, now: Instant) {
        self.batch = batch;
        self.seen = now;
    }

    /// Comments that contradict those that it has. It takes what it lacks.
    pub(super) fn hear(&mut self, about: FamilyView<'_>) -> Vec<&'static str> {
        let unit = unit_word(about.unit);
        let mut dropped = Vec::new();
        for (own, told, what) in [(&mut self.help, about.help, "help"), (&mut self.unit, &unit, "unit")] {
            if own.is_empty() {
                *own = told.into();
            } else if !told.is_empty() && **own != *told {
                dropped.push(what);
            }
        }
        dropped
    }

    /// Whether its name is free for another metric: nothing of it is shown any more.
    pub(super) fn is_over(&self, batch: u64, now: Instant, expiration: Duration) -> bool {
        let is_forgotten = now.saturating_duration_since(self.seen) > expiration;
        is_forgotten || (self.groups.is_empty() && self.batch != batch)
    }

    pub(super) fn lines(&self) -> usize {
        self.groups.values().map(Group::lines).sum()
    }

    /// Takes what a series says at a time.
    pub(super) fn read(
        &mut self,
        key: &Key,
        part: Part,
        reading: &Reading<'_>,
        room: &mut Room,
        now: Instant,
    ) -> Result<(), Reason> {
        if reading.value.is_stale() {
            self.end(key, reading, room);
            return Ok(());
        }
        if !self.groups.contains_key(&key.identity[..]) {
            if room.is_full() {
                return Err(Reason::TooManySeries);
            }
            self.groups.insert(key.identity.as_slice().into(), Group::new(now));
        }
        let Some(group) = self.groups.get_mut(&key.identity[..]) else {
            return Ok(());
        };
        let before = group.lines();
        match group.turn(reading) {
            Turn::Superseded => return Ok(()),
            Turn::Late => return Err(Reason::OutOfOrder),
            Turn::Duplicate => return Err(Reason::Duplicate),
            Turn::Newer => group.begin(reading, now),
            Turn::Same => {}
        }
        group.labels = key.labels.as_deref().map(Into::into);
        let put = group.put(part, reading.value, room.is_full());
        room.change(before, group.lines());
        if put.is_err() {
            // Half a histogram would be a wrong one.
            let removed = self.groups.remove(&key.identity[..]);
            room.change(removed.as_ref().map_or(0, Group::lines), 0);
        }
        put.map_err(|_| Reason::TooManySeries)
    }

    /// A stale marker ends a group, unless it is older than what is there.
    fn end(&mut self, key: &Key, reading: &Reading<'_>, room: &mut Room) {
        let known = self.groups.get(&key.identity[..]);
        let Some(lines) = known.filter(|it| it.stamp.time <= reading.stamp.time).map(Group::lines) else {
            return;
        };
        self.groups.remove(&key.identity[..]);
        room.change(lines, 0);
    }

    /// Keeps an exemplar with its series, if that is there.
    pub(super) fn remember(&mut self, key: &Key, part: Part, exemplar: Exemplar) {
        if let Some(group) = self.groups.get_mut(&key.identity[..]) {
            group.remember(part, exemplar);
        }
    }
}

impl Value<'_> {
    fn is_stale(&self) -> bool {
        let told = match self {
            Self::Number(value) => *value,
            Self::Native(shape) => shape.sum,
        };
        told.to_bits() == STALE
    }
}

impl Part {
    /// Which part of a point a series is, and the label that says so; on a page a native histogram has that label, too.
    pub(super) fn of(series: &SeriesView<'_>, about: FamilyView<'_>) -> Option<(Self, Option<&'static str>)> {
        let suffix = series.name().strip_prefix(about.name)?;
        let step = |label: &'static str| {
            let (_, bound) = series.labels().find(|(name, _)| *name == label)?;
            // The text is what the translation made of a number.
            Some((Self::Step(bound.parse().ok()?), Some(label)))
        };
        match (about.kind, suffix) {
            (FamilyKind::Histogram | FamilyKind::GaugeHistogram, "") => Some((Self::Native, Some("le"))),
            (FamilyKind::Histogram | FamilyKind::GaugeHistogram, "_bucket") => step("le"),
            (FamilyKind::Summary, "") => step("quantile"),
            (FamilyKind::Histogram | FamilyKind::GaugeHistogram | FamilyKind::Summary, "_sum") => {
                Some((Self::Sum, None))
            }
            (FamilyKind::Histogram | FamilyKind::GaugeHistogram | FamilyKind::Summary, "_count") => {
                Some((Self::Count, None))
            }
            (FamilyKind::Histogram | FamilyKind::GaugeHistogram | FamilyKind::Summary, _) => None,
            (_, "") => Some((Self::Number, None)),
            _ => None,
        }
    }
}
