//! The series of one batch, in flat arrays.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, RandomState};

use pipeline::payload::scrape::Scrape;

use super::kept::{Kept, KeptHead, NOT_KEPT, Placed, TargetSeries};
use super::losses::{Loss, Losses};
use super::native::NativeHistogram;
use super::span::Span;
use super::symbols::{AsItIs, Ref, Symbols};

/// What makes a value stale in Prometheus; no measured value may have these bits.
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;
/// The one NaN that stands for all measured ones.
const NAN: u64 = 0x7ff8_0000_0000_0001;

/// No series: the end of a chain.
const NONE: u32 = u32::MAX;
/// Belongs to no data point, as `target_info`.
pub(crate) const NO_POINT: u32 = u32::MAX;

/// The series of one batch with their values.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) symbols: Symbols,
    pub(crate) series: Vec<Series>,
    /// By series, then by time, once [`Table::finish`] has run; so are histograms and exemplars.
    pub(crate) samples: Vec<Sample>,
    pub(crate) histograms: Vec<NativeHistogram>,
    pub(crate) exemplars: Vec<Exemplar>,
    /// Those of kept series come first.
    pub(crate) families: Vec<Family>,
    /// Names and values of labels, one range for each series and exemplar; those of kept series come first.
    pub(super) labels: Vec<(Ref, Ref)>,
    /// What is known of the series of scrapes since batches before.
    pub(crate) kept: Kept,
    /// Series with a time that is not that of their scrape; in order once the table is finished.
    own_times: Vec<u32>,
    /// By the hash of the labels.
    index: HashMap<u64, u32, BuildHasherDefault<AsItIs>>,
    /// Values came in the order in which they are to be, each series once.
    is_in_order: bool,
    pub(crate) losses: Losses,
}

/// One series: labels, sorted by name, and what kind of values it has.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(super) labels: Span,
    pub(crate) hash: u64,
    next: u32,
    pub(crate) family: u32,
    pub(crate) is_native: bool,
    /// Not to be sent: another series has the same labels.
    pub(crate) is_dropped: bool,
    /// Its number among the kept ones, or [`NOT_KEPT`].
    pub(crate) kept: u32,
    /// Of `samples` or `histograms`, and of `exemplars`.
    pub(crate) values: Span,
    pub(crate) exemplars: Span,
}

/// A value at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) series: u32,
    /// The data point that it came from.
    pub(crate) point: u32,
    pub(crate) stamp: Stamp,
    pub(crate) value: f64,
}

/// When a value was so and since when it counts, in milliseconds since 1970; a start of 0 is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) time: i64,
    pub(crate) start: i64,
}

/// A measurement with the trace in which it was made.
#[derive(Debug, Clone)]
pub(crate) struct Exemplar {
    pub(crate) series: u32,
    pub(super) labels: Span,
    pub(crate) value: f64,
    pub(crate) time: i64,
}

/// What is said about all series of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Family {
    pub(crate) name: Ref,
    pub(crate) help: Ref,
    pub(crate) unit: Ref,
    pub(crate) kind: FamilyKind,
}

/// Types of metrics; the numbers are those of both protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FamilyKind {
    Unknown = 0,
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
    GaugeHistogram = 4,
    Summary = 5,
    Info = 6,
    StateSet = 7,
}

impl Series {
    /// A kept one, with this value.
    #[inline]
    fn of_kept(number: u32, kept: &Placed, value: usize) -> Self {
        Self {
            labels: kept.labels,
            hash: kept.hash,
            next: NONE,
            family: kept.family,
            is_native: false,
            is_dropped: false,
            kept: number,
            values: Span::one(value),
            exemplars: Span::default(),
        }
    }
}

impl Table {
    pub(crate) fn new(hashing: RandomState) -> Self {
        Self {
            symbols: Symbols::new(hashing),
            series: Vec::new(),
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
            families: Vec::new(),
            labels: Vec::new(),
            kept: Kept::default(),
            own_times: Vec::new(),
            index: HashMap::default(),
            is_in_order: true,
            losses: Losses::default(),
        }
    }

    /// The table for the next batch: what is kept stays, and the room of everything else is used again.
    pub(super) fn begin(&mut self) {
        self.symbols.begin();
        self.series.clear();
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.own_times.clear();
        self.index.clear();
        self.is_in_order = true;
        self.losses = Losses::default();
        self.families.truncate(self.kept.families());
        self.labels.truncate(self.kept.labels());
        self.kept.begin();
    }

    pub(super) fn hash(&self, labels: &[(Ref, Ref)]) -> u64 {
        labels.iter().fold(0, |hash: u64, (name, value)| {
            let pair = self.symbols.hash(*name) ^ self.symbols.hash(*value).rotate_left(32);
            // A multiplication spreads every bit of the pair; the constant is 2^64 divided by the golden ratio.
            (hash.rotate_left(5) ^ pair).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        })
    }

    /// The series with these labels, which are sorted by name; None if there is one of the other kind.
    pub(crate) fn series(&mut self, labels: &[(Ref, Ref)], family: u32, is_native: bool) -> Option<u32> {
        let hash = self.hash(labels);
        self.is_in_order = false;
        let first = self.index.get(&hash).copied().unwrap_or(NONE);
        let mut at = first;
        while let Some(known) = self.series.get(at as usize) {
            if self.labels.get(known.labels.range()) == Some(labels) {
                return (known.is_native == is_native).then_some(at);
            }
            at = known.next;
        }
        let labels = self.keep(labels);
        let new = self.series.len() as u32;
        self.series.push(Series {
            labels,
            hash,
            next: first,
            family,
            is_native,
            is_dropped: false,
            kept: NOT_KEPT,
            values: Span::default(),
            exemplars: Span::default(),
        });
        self.index.insert(hash, new);
        Some(new)
    }

    /// Makes room for so many more series with a value each.
    pub(super) fn reserve(&mut self, more: usize) {
        self.series.reserve(more);
        self.samples.reserve(more);
    }

    /// Adds values of a target's kept series as long as nothing is special about them; gives how many. `first` is the number
    /// of the first of its points. Only for scrapes without times of their own, and where nothing but scrapes is in the batch.
    #[inline(never)]
    pub(super) fn kept_run(&mut self, scrape: &Scrape, series_of: &[TargetSeries], first: u32) -> usize {
        let time = scrape.time;
        let before = self.samples.len();
        for sample in &scrape.samples {
            let (new, at) = (self.series.len() as u32, self.samples.len());
            let Some(of) = series_of.get(sample.series as usize) else {
                break;
            };
            let Some(kept) = self.kept.place_alone(of.number, new) else {
                break;
            };
            let start = scrape
                .starts
                .get(of.point as usize)
                .map_or(0, |start| milliseconds(*start));
            let start = if start <= time { start } else { 0 };
            self.samples.push(Sample {
                series: new,
                point: of.point_from(first),
                stamp: Stamp { time, start },
                value: sample.value,
            });
            self.series.push(Series::of_kept(of.number, &kept, at));
        }
        self.samples.len() - before
    }

    /// Adds a value of a kept series; gives its place. Where `is_alone`, only other kept series can have its labels.
    #[inline]
    pub(super) fn kept_value(&mut self, number: u32, is_alone: bool, mut sample: Sample) -> Option<u32> {
        let (new, at) = (self.series.len() as u32, self.samples.len());
        let placed = if is_alone {
            self.kept.place_alone(number, new)
        } else {
            None
        };
        if let Some(kept) = placed {
            sample.series = new;
            self.samples.push(sample);
            self.series.push(Series::of_kept(number, &kept, at));
            return Some(new);
        }
        // Only native histograms, which come later, could be in the way.
        let place = self.kept_among_others(number)?;
        sample.series = place;
        self.samples.push(sample);
        Some(place)
    }

    /// The place of a kept series in this batch, where others may have its labels or it is in the batch already.
    fn kept_among_others(&mut self, number: u32) -> Option<u32> {
        let new = self.series.len() as u32;
        let kept = self.kept.place(number, new)?;
        self.is_in_order = false;
        if kept.place != new {
            return Some(kept.place);
        }
        let labels = self.labels.get(kept.labels.range()).unwrap_or_default().to_vec();
        let place = self.series(&labels, kept.family, false)?;
        self.kept.placed(number, place);
        Some(place)
    }

    /// The place of a kept series that has a value in this batch.
    pub(super) fn place_of(&self, number: u32) -> Option<u32> {
        self.kept.place_of(number)
    }

    /// Notes that a series has a time that is not that of its scrape.
    pub(super) fn has_own_time(&mut self, series: u32) {
        self.own_times.push(series);
    }

    /// Series with a time that is not that of their scrape, in order. Only what was scraped says so.
    pub(crate) fn own_times(&self) -> &[u32] {
        &self.own_times
    }

    /// Whether it has series that are known since before.
    pub(crate) fn has_known(&self) -> bool {
        // They come first.
        self.series.first().is_some_and(|series| series.kept != NOT_KEPT)
    }

    /// Head and value of a series that has one value and is known since before; `kept` is its number there.
    #[inline]
    pub(crate) fn known(&self, kept: u32, values: Span) -> Option<(KeptHead<'_>, &Sample)> {
        if values.len() != 1 {
            return None;
        }
        let sample = self.samples.get(values.start())?;
        Some((self.kept.head(kept)?, sample)) // None has the number of what is not kept.
    }

    fn keep(&mut self, labels: &[(Ref, Ref)]) -> Span {
        let start = self.labels.len();
        self.labels.extend_from_slice(labels);
        Span::from(start..self.labels.len())
    }

    /// Adds an exemplar with these labels, which are sorted by name.
    pub(crate) fn exemplar(&mut self, series: u32, labels: &[(Ref, Ref)], value: f64, time: i64) {
        let labels = self.keep(labels);
        let value = measured(value);
        self.exemplars.push(Exemplar {
            series,
            labels,
            value,
            time,
        });
    }

    /// The labels of a series, sorted by name.
    pub(crate) fn labels_of(&self, series: &Series) -> &[(Ref, Ref)] {
        self.labels.get(series.labels.range()).unwrap_or_default()
    }

    /// The labels of an exemplar, sorted by name.
    pub(crate) fn labels_at(&self, exemplar: &Exemplar) -> &[(Ref, Ref)] {
        self.labels.get(exemplar.labels.range()).unwrap_or_default()
    }

    /// Brings everything into its order, leaves one value for each time of a series, and tells series what is theirs.
    pub(crate) fn finish(&mut self) {
        self.own_times.sort_unstable();
        self.own_times.dedup();
        if self.is_in_order {
            return self.assign_exemplars(); // Each series has one value, and knows it.
        }
        self.series
            .iter_mut()
            .for_each(|series| series.values = Span::default());
        self.samples.sort_by_key(|sample| (sample.series, sample.stamp.time));
        self.histograms
            .sort_by_key(|histogram| (histogram.series, histogram.stamp.time));
        let losses = &mut self.losses;
        self.samples.dedup_by(|later, first| {
            let is_second = (later.series, later.stamp.time) == (first.series, first.stamp.time);
            if is_second {
                resolve(losses, later.point, later.value.to_bits() == first.value.to_bits());
            }
            is_second
        });
        self.histograms.dedup_by(|later, first| {
            let is_second = (later.series, later.stamp.time) == (first.series, first.stamp.time);
            if is_second {
                resolve(losses, later.point, later.has_the_values_of(first));
            }
            is_second
        });
        assign(&mut self.series, self.samples.iter().map(|it| it.series), |it| {
            &mut it.values
        });
        assign(&mut self.series, self.histograms.iter().map(|it| it.series), |it| {
            &mut it.values
        });
        self.assign_exemplars();
    }

    fn assign_exemplars(&mut self) {
        self.exemplars.sort_by_key(|exemplar| (exemplar.series, exemplar.time));
        assign(&mut self.series, self.exemplars.iter().map(|it| it.series), |it| {
            &mut it.exemplars
        });
    }
}

/// Of two values at one time the first stays. Prometheus does the same in a scrape.
fn resolve(losses: &mut Losses, point: u32, is_same: bool) {
    if is_same {
        losses.repeated += 1;
    } else {
        losses.lose_for(point, Loss::Duplicate);
    }
}

/// Gives each series the range of what is its own; `owners` are in order.
fn assign(series: &mut [Series], owners: impl Iterator<Item = u32>, span: impl Fn(&mut Series) -> &mut Span) {
    for (at, owner) in owners.enumerate() {
        if let Some(series) = series.get_mut(owner as usize) {
            span(series).reach(at);
        }
    }
}

/// A measured value: no NaN but the ordinary one, so that none looks like a stale marker.
pub(crate) fn measured(value: f64) -> f64 {
    if value.is_nan() { f64::from_bits(NAN) } else { value }
}

/// Milliseconds since 1970 of nanoseconds since 1970.
pub(crate) fn milliseconds(nanoseconds: u64) -> i64 {
    // 2^64 nanoseconds are below 2^63 milliseconds.
    (nanoseconds / 1_000_000) as i64
}
