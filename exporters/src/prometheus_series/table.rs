//! The series of one batch, in flat arrays.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, RandomState};
use std::ops::Range;

use super::kept::{Kept, NOT_KEPT};
use super::native::NativeHistogram;
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
    pub(super) labels: Range<usize>,
    pub(crate) hash: u64,
    next: u32,
    pub(crate) family: u32,
    pub(crate) is_native: bool,
    /// Not to be sent: another series has the same labels.
    pub(crate) is_dropped: bool,
    /// Its number among the kept ones, or [`NOT_KEPT`].
    pub(crate) kept: u32,
    /// Ranges of `samples` or `histograms`, and of `exemplars`.
    pub(crate) values: Range<usize>,
    pub(crate) exemplars: Range<usize>,
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
    pub(super) labels: Range<usize>,
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

/// Why a data point, or a part of one, is not in the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// A delta that cannot be accumulated, or no temporality at all.
    Temporality,
    /// More streams of deltas than are remembered.
    TooManyStreams,
    /// A delta with more buckets than a stream can hold.
    TooManyBuckets,
    /// A delta that lies before what was accumulated.
    OutOfOrder,
    /// Buckets that contradict each other.
    InvalidHistogram,
    /// An exponential histogram coarser than Prometheus knows.
    Scale,
    /// No value, and no flag that says so.
    NoValue,
    /// Another value of the same series at the same time.
    Duplicate,
    /// A series that is a number here and a native histogram there.
    Conflict,
}

impl Loss {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Temporality => "unsupported_temporality",
            Self::TooManyStreams => "too_many_streams",
            Self::TooManyBuckets => "too_many_buckets",
            Self::OutOfOrder => "out_of_order",
            Self::InvalidHistogram => "invalid_histogram",
            Self::Scale => "unsupported_scale",
            Self::NoValue => "no_value",
            Self::Duplicate => "duplicate",
            Self::Conflict => "type_conflict",
        }
    }
}

/// Which data points are lost, whole or in part, and what else did not go as written.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// One for each data point, and for every point that a scrape might have had.
    lost: Vec<bool>,
    points: u64,
    pub(crate) reasons: Vec<(Loss, u64)>,
    /// The same value of a series twice: nothing is lost.
    pub(crate) repeated: u64,
    /// Names of which nothing was left but hexadecimal.
    pub(crate) fallback_names: u64,
    /// Attributes whose label is needed for something else.
    pub(crate) overwritten_labels: u64,
    /// Exemplars that lost their attributes because all labels together were too long.
    pub(crate) cut_exemplars: u64,
}

impl Losses {
    /// Begins the next data point.
    pub(crate) fn next_point(&mut self) -> u32 {
        self.lost.push(false);
        self.points += 1;
        (self.lost.len() - 1) as u32
    }

    /// Begins the points of a scrape: `all` may be, `told` are. Gives the number of the first.
    pub(super) fn begin_scrape(&mut self, all: usize, told: u32) -> u32 {
        let first = self.lost.len() as u32;
        self.lost.resize(self.lost.len() + all, false);
        self.points += u64::from(told);
        first
    }

    /// Something of this point will not arrive. True if it was whole until now.
    pub(crate) fn lose(&mut self, point: u32) -> bool {
        self.lost
            .get_mut(point as usize)
            .is_some_and(|lost| !std::mem::replace(lost, true))
    }

    /// The same, with the reason to be counted.
    pub(crate) fn lose_for(&mut self, point: u32, loss: Loss) {
        self.lose(point);
        match self.reasons.iter_mut().find(|(known, _)| *known == loss) {
            Some((_, count)) => *count += 1,
            None => self.reasons.push((loss, 1)),
        }
    }

    /// Points of which something is lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.iter().filter(|lost| **lost).count() as u64
    }

    /// Points of which nothing is lost and that are not among these.
    pub(crate) fn whole_without(&self, others: impl Iterator<Item = u32>) -> u64 {
        let mut lost = self.lost.clone();
        for point in others {
            if let Some(lost) = lost.get_mut(point as usize) {
                *lost = true;
            }
        }
        let lost = lost.iter().filter(|lost| **lost).count() as u64;
        self.points.saturating_sub(lost)
    }

    /// All points.
    pub(crate) fn points(&self) -> u64 {
        self.points
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
            if self.labels.get(known.labels.clone()) == Some(labels) {
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
            values: 0..0,
            exemplars: 0..0,
        });
        self.index.insert(hash, new);
        Some(new)
    }

    /// Makes room for so many more series with a value each.
    pub(super) fn reserve(&mut self, more: usize) {
        self.series.reserve(more);
        self.samples.reserve(more);
    }

    /// The place of a kept series in this batch. Where `is_alone`, only other kept series can have its labels.
    #[inline]
    pub(super) fn kept_series(&mut self, number: u32, is_alone: bool) -> Option<u32> {
        let new = self.series.len() as u32;
        let placed = if is_alone {
            self.kept.place_alone(number, new)
        } else {
            None
        };
        let Some(kept) = placed else {
            return self.kept_among_others(number);
        };
        self.series.push(Series {
            labels: kept.labels,
            hash: kept.hash,
            next: NONE,
            family: kept.family,
            is_native: false,
            is_dropped: false,
            kept: number,
            values: 0..0,
            exemplars: 0..0,
        });
        Some(new)
    }

    /// The same where others may have its labels, or it is in the batch already.
    fn kept_among_others(&mut self, number: u32) -> Option<u32> {
        let new = self.series.len() as u32;
        let kept = self.kept.place(number, new)?;
        self.is_in_order = false;
        if kept.place != new {
            return Some(kept.place);
        }
        let labels = self.labels.get(kept.labels).unwrap_or_default().to_vec();
        let place = self.series(&labels, kept.family, false)?;
        self.kept.placed(number, place);
        Some(place)
    }

    /// Adds a value of a kept series.
    #[inline]
    pub(super) fn kept_sample(&mut self, sample: Sample) {
        let at = self.samples.len();
        if let Some(series) = self.series.get_mut(sample.series as usize) {
            series.values = at..at + 1;
        }
        self.samples.push(sample);
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

    /// Head and value of a series that has one value and is known since before.
    #[inline]
    pub(crate) fn known(&self, series: &Series, values: &Range<usize>) -> Option<(&[u8], &Sample)> {
        if series.kept == NOT_KEPT || values.len() != 1 {
            return None;
        }
        let sample = self.samples.get(values.start)?;
        Some((self.kept.head(series.kept)?, sample))
    }

    fn keep(&mut self, labels: &[(Ref, Ref)]) -> Range<usize> {
        let start = self.labels.len();
        self.labels.extend_from_slice(labels);
        start..self.labels.len()
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
        self.labels.get(series.labels.clone()).unwrap_or_default()
    }

    /// The labels of an exemplar, sorted by name.
    pub(crate) fn labels_at(&self, exemplar: &Exemplar) -> &[(Ref, Ref)] {
        self.labels.get(exemplar.labels.clone()).unwrap_or_default()
    }

    /// Brings everything into its order, leaves one value for each time of a series, and tells series what is theirs.
    pub(crate) fn finish(&mut self) {
        self.own_times.sort_unstable();
        self.own_times.dedup();
        if self.is_in_order {
            return self.assign_exemplars(); // Each series has one value, and knows it.
        }
        self.series.iter_mut().for_each(|series| series.values = 0..0);
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
fn assign(series: &mut [Series], owners: impl Iterator<Item = u32>, range: impl Fn(&mut Series) -> &mut Range<usize>) {
    for (at, owner) in owners.enumerate() {
        let Some(series) = series.get_mut(owner as usize) else {
            continue;
        };
        let range = range(series);
        if range.start == range.end {
            range.start = at;
        }
        range.end = at + 1;
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
