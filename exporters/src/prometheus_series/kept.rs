//! What is known of the series of scrapes from batch to batch.
//!
//! The series of a target are the same in every scrape. Their labels are translated once, and what a request says of
//! them in front of their values is encoded once.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use pipeline::payload::scrape::{self, Shape};

use super::span::Span;
use super::symbols::{Ref, Symbols};
use super::table::{Family, FamilyKind, NO_POINT};

/// The number of a series that is not kept.
pub(crate) const NOT_KEPT: u32 = u32::MAX;

/// Series whose targets are gone and that may still be kept, beside as many as there are others.
const GONE_SERIES_MAX: usize = 10_000;

/// Bytes of texts that may be kept beside those of the batch before and those of kept series: what other batches brought
/// and nobody may need again.
const TEXTS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of texts that only one series has: more than any real one.
const SERIES_TEXTS_BYTES: usize = 256;

/// Bytes of all heads together: their places are numbers of 32 bits. A series beyond, one of some ten millions, is
/// encoded anew in every request.
const HEADS_BYTES_MAX: usize = u32::MAX as usize;

/// Writes what a request says of a series beside its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadWriter {
    /// Tells one from another.
    pub(crate) name: &'static str,
    pub(crate) write: fn(&[(Ref, Ref)], &Family, &Symbols, &mut Vec<u8>),
}

/// Kept series, by number.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    series: Vec<KeptSeries>,
    targets: HashMap<usize, Target>,
    /// Encoded heads.
    bytes: Vec<u8>,
    writer: Option<HeadWriter>,
    by_hash: HashMap<u64, u32>,
    families: HashMap<Family, u32>,
    /// How much of the table's families and labels belongs to kept series.
    families_count: usize,
    labels_count: usize,
    batch: u32,
    is_spoiled: bool,
}

/// A kept series.
#[derive(Debug, Clone)]
struct KeptSeries {
    labels: Span,
    hash: u64,
    family: u32,
    head: Span,
    /// The key of its target.
    target: usize,
    /// Another kept series may have the same labels at the same time.
    is_shared: bool,
    /// The batch that it is in, and its number there.
    batch: u32,
    place: u32,
}

/// Where a kept series stands in a batch.
pub(super) struct Placed {
    pub(super) place: u32,
    pub(super) labels: Span,
    pub(super) hash: u64,
    pub(super) family: u32,
}

/// The series of one target.
#[derive(Debug)]
struct Target {
    identity: Weak<()>,
    /// By the target's own number.
    series: Vec<TargetSeries>,
    /// Symbols, by number of the target's texts.
    texts: Vec<Ref>,
    /// Every symbol that its series use, once.
    used: Vec<Ref>,
    /// What its families said when they were learned.
    families_version: u32,
}

/// A series of a target.
#[derive(Debug, Clone, Copy)]
pub(super) struct TargetSeries {
    /// Its number among the kept ones.
    pub(super) number: u32,
    /// Its data point among those of the target, or [`NO_POINT`].
    pub(super) point: u32,
}

impl TargetSeries {
    /// Its data point, where `first` is the number of the target's first.
    #[inline]
    pub(super) fn point_from(self, first: u32) -> u32 {
        if self.point == NO_POINT {
            NO_POINT
        } else {
            first + self.point
        }
    }
}

/// What a request says of a series beside its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptHead<'k> {
    /// It begins these bytes. Whoever copies more of them than it has, as many at a time as processors like, may.
    pub(crate) from: &'k [u8],
    pub(crate) length: usize,
}

/// What a target's series were made into.
pub(super) struct Learned {
    /// Labels of the series, sorted.
    pub(super) labels: Vec<(Ref, Ref)>,
    /// Number of its family among those of the target.
    pub(super) family: u32,
    /// Its data point among those of the target, or [`NO_POINT`].
    pub(super) point: u32,
}

impl Kept {
    pub(super) fn begin(&mut self) {
        self.batch = self.batch.wrapping_add(1);
    }

    /// Families at the front of the table that stay.
    pub(super) fn families(&self) -> usize {
        self.families_count
    }

    /// Labels at the front of the table that stay.
    pub(super) fn labels(&self) -> usize {
        self.labels_count
    }

    /// The table was changed so that nothing can be kept.
    pub(super) fn spoil(&mut self) {
        self.is_spoiled = true;
    }

    /// Heads are written by this; what others wrote is of no use.
    pub(super) fn write_with(&mut self, writer: Option<HeadWriter>) {
        if self.writer.map(|writer| writer.name) != writer.map(|writer| writer.name) {
            self.is_spoiled = !self.series.is_empty();
            self.writer = writer;
        }
    }

    /// Whether heads are what this one writes.
    pub(crate) fn is_written_with(&self, writer: HeadWriter) -> bool {
        self.writer.is_some_and(|own| own.name == writer.name) && !self.is_spoiled
    }

    /// Whether it is better to begin anew: too much of it is of the past.
    pub(super) fn is_worn(&self, symbols: &Symbols) -> bool {
        let gone = |target: &&Target| target.identity.strong_count() == 0;
        let gone: usize = self
            .targets
            .values()
            .filter(gone)
            .map(|target| target.series.len())
            .sum();
        let too_many = gone > GONE_SERIES_MAX && gone * 2 > self.series.len();
        let own = symbols.used_bytes() + (self.series.len() - gone) * SERIES_TEXTS_BYTES;
        let too_long = symbols.bytes() > TEXTS_BYTES_MAX + own;
        self.is_spoiled || too_many || too_long
    }

    /// What is said of a series beside its values; None where there was no room to keep it.
    #[inline]
    pub(crate) fn head(&self, number: u32) -> Option<KeptHead<'_>> {
        let head = self.series.get(number as usize)?.head;
        let (from, length) = (self.bytes.get(head.start()..)?, head.len());
        (length > 0).then_some(KeptHead { from, length })
    }

    /// Puts a series into the batch, as number `next` if it is not in it.
    #[inline]
    pub(super) fn place(&mut self, number: u32, next: u32) -> Option<Placed> {
        let batch = self.batch;
        let series = self.series.get_mut(number as usize)?;
        if series.batch != batch {
            series.batch = batch;
            series.place = next;
        }
        Some(Placed {
            place: series.place,
            labels: series.labels,
            hash: series.hash,
            family: series.family,
        })
    }

    /// Where a series stands in the batch.
    pub(super) fn place_of(&self, number: u32) -> Option<u32> {
        let series = self.series.get(number as usize);
        series
            .filter(|series| series.batch == self.batch)
            .map(|series| series.place)
    }

    pub(super) fn placed(&mut self, number: u32, place: u32) {
        if let Some(series) = self.series.get_mut(number as usize) {
            series.place = place;
        }
    }

    /// The same for a series that cannot be in the batch under another number; None where it may be, or is already.
    #[inline]
    pub(super) fn place_alone(&mut self, number: u32, next: u32) -> Option<Placed> {
        let batch = self.batch;
        let series = self.series.get_mut(number as usize)?;
        if series.batch == batch || series.is_shared {
            return None;
        }
        series.batch = batch;
        series.place = next;
        Some(Placed {
            place: next,
            labels: series.labels,
            hash: series.hash,
            family: series.family,
        })
    }

    /// Notes that the batch uses the texts of a target.
    pub(super) fn mark(&self, shape: &Shape, symbols: &mut Symbols) {
        if let Some(target) = self.targets.get(&key(shape)) {
            target.used.iter().for_each(|text| symbols.mark(*text));
        }
    }

    /// All new series of a target were learned.
    pub(super) fn learned(&mut self, shape: &Shape) {
        if let Some(target) = self.targets.get_mut(&key(shape)) {
            target.used.sort_unstable();
            target.used.dedup();
        }
    }

    /// The kept series of a target, by the numbers of its shape; to be given back when they are read.
    pub(super) fn series_of(&mut self, shape: &Shape) -> Vec<TargetSeries> {
        let target = self.targets.get_mut(&key(shape));
        target
            .map(|target| std::mem::take(&mut target.series))
            .unwrap_or_default()
    }

    /// Gives them back.
    pub(super) fn give_back(&mut self, shape: &Shape, series: Vec<TargetSeries>) {
        if let Some(target) = self.targets.get_mut(&key(shape)) {
            target.series = series;
        }
    }

    /// How many series of a target are known.
    pub(super) fn known(&mut self, shape: &Shape) -> usize {
        let target = self.targets.entry(key(shape)).or_insert_with(|| Target {
            identity: Arc::downgrade(shape.identity()),
            series: Vec::new(),
            texts: Vec::new(),
            used: Vec::new(),
            families_version: shape.families_version(),
        });
        // All is learned anew for the next batch.
        self.is_spoiled |= target.families_version != shape.families_version();
        target.series.len()
    }

    /// The symbols of the target's texts.
    pub(super) fn texts(&mut self, shape: &Shape, symbols: &mut Symbols) -> &[Ref] {
        let Some(target) = self.targets.get_mut(&key(shape)) else {
            return &[];
        };
        let new = shape.texts().get(target.texts.len()..).unwrap_or_default();
        target.texts.extend(new.iter().map(|text| symbols.intern(text)));
        &target.texts
    }

    /// Keeps one more series of a target; `hash` is that of its labels. `families` and `labels` are the table's.
    pub(super) fn learn(
        &mut self,
        shape: &Shape,
        learned: (Learned, u64),
        table: (&mut Vec<Family>, &mut Vec<(Ref, Ref)>, &mut Symbols),
        namespaced: impl Fn(&str) -> String,
    ) {
        let (families, labels, symbols) = table;
        let (learned, hash) = learned;
        let (own, point) = (learned.labels, learned.point);
        let (family, said) = self.family(shape, learned.family, families, symbols, namespaced);
        let start = labels.len();
        labels.extend_from_slice(&own);
        self.labels_count = labels.len();
        let head = self.write_head(&own, &said, symbols);
        let number = self.series.len() as u32;
        let is_shared = self.shares(hash, number);
        self.series.push(KeptSeries {
            labels: Span::from(start..labels.len()),
            hash,
            family,
            head,
            target: key(shape),
            is_shared,
            batch: self.batch.wrapping_sub(1),
            place: 0,
        });
        if let Some(target) = self.targets.get_mut(&key(shape)) {
            target.series.push(TargetSeries { number, point });
            target.used.extend(own.iter().flat_map(|(name, value)| [*name, *value]));
            target.used.extend([said.help, said.unit]);
        }
    }

    /// Whether the series that is to have this number, and this hash, has its labels in common with another one.
    fn shares(&mut self, hash: u64, number: u32) -> bool {
        let before = self.by_hash.insert(hash, number);
        let Some(before) = before.and_then(|before| self.series.get_mut(before as usize)) else {
            return false;
        };
        // A target that is read anew, as after a scrape that failed, has the labels of what it was before.
        let target = self.targets.get(&before.target);
        let is_gone = target.is_some_and(|target| target.identity.strong_count() == 0);
        // Two with one hash are one, as far as it is cheap to tell.
        before.is_shared |= !is_gone;
        before.is_shared
    }

    /// Keeps what requests say of a series, and tells where; nowhere, if there is no room.
    fn write_head(&mut self, labels: &[(Ref, Ref)], family: &Family, symbols: &Symbols) -> Span {
        let before = self.bytes.len();
        if let Some(writer) = self.writer {
            (writer.write)(labels, family, symbols, &mut self.bytes);
        }
        if self.bytes.len() > HEADS_BYTES_MAX {
            self.bytes.truncate(before);
            return Span::default();
        }
        Span::from(before..self.bytes.len())
    }

    /// The family with this number of the target, as number of the table.
    fn family(
        &mut self,
        shape: &Shape,
        number: u32,
        families: &mut Vec<Family>,
        symbols: &mut Symbols,
        namespaced: impl Fn(&str) -> String,
    ) -> (u32, Family) {
        let told = shape.families().get(number as usize);
        let said = Family {
            name: symbols.intern(&namespaced(told.map_or("", |family| &family.name))),
            help: symbols.intern(told.map_or("", |family| &family.help)),
            unit: symbols.intern(told.map_or("", |family| &family.unit)),
            kind: told.map_or(FamilyKind::Unknown, |family| kind(family.kind)),
        };
        let number = *self.families.entry(said).or_insert_with(|| {
            families.push(said);
            (families.len() - 1) as u32
        });
        self.families_count = families.len();
        (number, said)
    }
}

fn key(shape: &Shape) -> usize {
    // The weak reference keeps the address from being used for another.
    Arc::as_ptr(shape.identity()).addr()
}

fn kind(kind: scrape::Kind) -> FamilyKind {
    match kind {
        scrape::Kind::Counter => FamilyKind::Counter,
        scrape::Kind::Gauge => FamilyKind::Gauge,
        scrape::Kind::Histogram => FamilyKind::Histogram,
        scrape::Kind::GaugeHistogram => FamilyKind::GaugeHistogram,
        scrape::Kind::Summary => FamilyKind::Summary,
        scrape::Kind::Info => FamilyKind::Info,
        scrape::Kind::StateSet => FamilyKind::StateSet,
        scrape::Kind::Unknown => FamilyKind::Unknown,
    }
}
