//! Which series of a page play the roles that requests are compared by.

use std::sync::Arc;

use pipeline::context::engine_requests::Role;
use pipeline::payload::scrape::{Kind, Part, STALE, Sample, Scrape, Shape};

use super::super::metrics as m;
use super::super::profile::{self, Metric, Profile, Scale};

/// A number that all series of a role say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// Requests that finished.
    Finished,
    /// Requests that got a first token.
    FirstTokens,
    /// Requests whose whole time was measured.
    Ended,
    Running,
    Waiting,
    Preemptions,
}

/// The metrics of counts that are points of their own.
const NUMBERS: [(Count, &Metric); 4] = [
    (Count::Finished, &m::REQUESTS_FINISHED),
    (Count::Running, &m::REQUESTS_RUNNING),
    (Count::Waiting, &m::REQUESTS_WAITING),
    (Count::Preemptions, &m::PREEMPTIONS),
];

/// The metrics of durations.
const DURATIONS: [(Role, &Metric); Role::ALL.len()] = [
    (Role::FirstToken, &m::TIME_TO_FIRST_TOKEN),
    (Role::EndToEnd, &m::REQUEST_DURATION),
    (Role::Queue, &m::QUEUE_DURATION),
    (Role::Prefill, &m::PREFILL_DURATION),
    (Role::Decode, &m::DECODE_DURATION),
    (Role::Inference, &m::INFERENCE_DURATION),
];

/// The series of a target that play a role.
#[derive(Debug)]
pub(super) struct Roles {
    profile: &'static Profile,
    /// For as long as this is the shape's, series keep their numbers.
    identity: Arc<()>,
    /// Series of the shape that were looked at.
    learned: usize,
    /// Whether series of a metric may play a role, by its number, as far as that was asked: each has many series.
    metrics: Vec<Option<bool>>,
    numbers: [Ranked<Series>; NUMBERS.len()],
    durations: [Ranked<Histogram>; Role::ALL.len()],
}

/// What plays one role. Where old and new names stand on one page, only those of the best rank do.
#[derive(Debug)]
struct Ranked<T> {
    rank: u32,
    all: Vec<T>,
}

/// A series with where its sample was found last: pages hardly change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series {
    number: u32,
    at: u32,
}

/// One histogram of a role.
#[derive(Debug)]
pub(super) struct Histogram {
    point: u32,
    /// From the page's unit to seconds.
    scale: Scale,
    count: Option<Series>,
    /// By bound.
    pub(super) buckets: Vec<Bucket>,
}

/// One bucket of a histogram.
#[derive(Debug)]
pub(super) struct Bucket {
    /// The upper bound, in the unit of the page.
    pub(super) bound: f64,
    series: Series,
    /// The time of its last exemplar, in milliseconds since 1970.
    pub(super) told: i64,
}

/// Where the samples of a page are, for the series that are not where they were.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<u32>);

impl Roles {
    pub(super) fn new(profile: &'static Profile) -> Self {
        Self {
            profile,
            identity: Arc::default(),
            learned: 0,
            metrics: Vec::new(),
            numbers: std::array::from_fn(|_| Ranked::default()),
            durations: std::array::from_fn(|_| Ranked::default()),
        }
    }

    /// Looks at the series that are new; false where all of them are.
    pub(super) fn learn(&mut self, shape: &Shape) -> bool {
        let is_same = Arc::ptr_eq(&self.identity, shape.identity());
        if !is_same {
            *self = Self {
                identity: Arc::clone(shape.identity()),
                ..Self::new(self.profile)
            };
        }
        for number in self.learned..shape.series().len() {
            self.learn_one(u32::try_from(number).unwrap_or(u32::MAX), shape);
        }
        self.learned = shape.series().len();
        is_same
    }

    /// Whether the engine itself counts requests that were given up.
    pub(super) fn counts_aborts(&self) -> bool {
        self.profile.rows.iter().any(|row| *row.metric == m::REQUESTS_ABORTED)
    }

    /// What all series of a role say together; none where there are none.
    pub(super) fn count(&mut self, of: Count, samples: &[Sample], places: &mut Places) -> Option<f64> {
        let mut sum = None;
        let mut add = |series: &mut Series| {
            if let Some(value) = series.value(samples, places).filter(|value| value.is_finite()) {
                sum = Some(sum.unwrap_or(0.0) + value);
            }
        };
        let histograms = match of {
            Count::FirstTokens => self.durations.get_mut(Role::FirstToken as usize),
            Count::Ended => self.durations.get_mut(Role::EndToEnd as usize),
            _ => None,
        };
        match histograms {
            Some(histograms) => histograms
                .all
                .iter_mut()
                .filter_map(|it| it.count.as_mut())
                .for_each(add),
            None => {
                let numbers = NUMBERS
                    .iter()
                    .zip(&mut self.numbers)
                    .filter(|((count, _), _)| *count == of);
                numbers.flat_map(|(_, ranked)| &mut ranked.all).for_each(&mut add);
            }
        }
        sum
    }

    /// Since when first tokens are counted, in nanoseconds since 1970: another time is that of another process.
    pub(super) fn first_tokens_since(&self, scrape: &Scrape) -> u64 {
        let histograms = self.durations.get(Role::FirstToken as usize);
        let points = histograms
            .into_iter()
            .flat_map(|it| &it.all)
            .map(|it| it.point as usize);
        points
            .filter_map(|point| scrape.starts.get(point).copied())
            .max()
            .unwrap_or_default()
    }

    /// The histogram of a role that has counted something. None where several have: nothing says which of them a
    /// request was counted in.
    pub(super) fn in_use(
        &mut self,
        role: Role,
        samples: &[Sample],
        places: &mut Places,
    ) -> Result<Option<&mut Histogram>, Several> {
        let histograms = self.durations.get_mut(role as usize);
        let mut found = None;
        for histogram in histograms.into_iter().flat_map(|it| &mut it.all) {
            let count = histogram.count.as_mut().and_then(|count| count.value(samples, places));
            if count.is_some_and(|count| count > 0.0) && found.replace(histogram).is_some() {
                return Err(Several);
            }
        }
        Ok(found)
    }

    fn learn_one(&mut self, number: u32, shape: &Shape) {
        let Some(series) = shape.series().get(number as usize).copied() else {
            return;
        };
        let Some((at, metric)) = shape
            .metric_of(series.point)
            .and_then(|at| Some((at, shape.metric(at)?)))
        else {
            return;
        };
        let Some(kind) = kind(metric.kind).filter(|_| !metric.is_own) else {
            return;
        };
        if !self.may_play(at, &metric.name, kind) {
            return;
        }
        let labels = shape.labels_of(&series).iter();
        let labels = labels.map(|label| (shape.text(label.name), shape.text(label.value)));
        let labels: Vec<(&str, &str)> = labels.filter(|(name, _)| !matches!(*name, "__name__" | "le")).collect();
        let Some(canonical) = self.profile.canonical(&metric.name, kind, &labels) else {
            return;
        };
        let new = Series { number, at: 0 };
        let numbers = NUMBERS.iter().zip(&mut self.numbers);
        for ((_, metric), ranked) in numbers.filter(|((_, metric), _)| *metric == canonical.metric) {
            debug_assert_ne!(metric.kind, profile::Kind::Histogram);
            if ranked.admits(canonical.rank()) {
                ranked.all.push(new);
            }
        }
        let durations = DURATIONS.iter().zip(&mut self.durations);
        for (_, ranked) in durations.filter(|((_, metric), _)| *metric == canonical.metric) {
            if ranked.admits(canonical.rank()) {
                ranked.add(series.point, canonical.scale, new, series.part);
            }
        }
    }

    /// Whether series of a metric may play a role, by its name and kind alone.
    fn may_play(&mut self, at: u32, name: &str, kind: profile::Kind) -> bool {
        let at = at as usize;
        if self.metrics.len() <= at {
            self.metrics.resize(at + 1, None);
        }
        let profile = self.profile;
        let look = || {
            let played = NUMBERS.iter().map(|(_, metric)| *metric);
            let mut played = played.chain(DURATIONS.iter().map(|(_, metric)| *metric));
            match profile.class(name, kind) {
                Some(profile::Class::Role(row)) => played.any(|metric| metric == row.metric),
                _ => false,
            }
        };
        self.metrics
            .get_mut(at)
            .is_some_and(|known| *known.get_or_insert_with(look))
    }
}

/// Several histograms play one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Several;

impl<T> Default for Ranked<T> {
    fn default() -> Self {
        Self {
            rank: u32::MAX,
            all: Vec::new(),
        }
    }
}

impl<T> Ranked<T> {
    /// Whether something of this rank plays the role; a better one sends the others away.
    fn admits(&mut self, rank: u32) -> bool {
        if rank < self.rank {
            self.rank = rank;
            self.all.clear();
        }
        rank == self.rank
    }
}

impl Ranked<Histogram> {
    fn add(&mut self, point: u32, scale: Scale, series: Series, part: Part) {
        if let Some(known) = self.all.iter_mut().rfind(|it| it.point == point) {
            return known.add(series, part);
        }
        let mut histogram = Histogram {
            point,
            scale,
            count: None,
            buckets: Vec::new(),
        };
        histogram.add(series, part);
        self.all.push(histogram);
    }
}

impl Histogram {
    fn add(&mut self, series: Series, part: Part) {
        match part {
            Part::Count => self.count = Some(series),
            Part::Bucket(bound) => {
                let at = self.buckets.partition_point(|bucket| bucket.bound < bound);
                let bucket = Bucket {
                    bound,
                    series,
                    told: i64::MIN,
                };
                self.buckets.insert(at, bucket);
            }
            _ => {}
        }
    }

    /// So many nanoseconds, in the unit of the page.
    #[allow(clippy::cast_precision_loss)] // A double has 53 bits: nanoseconds of a hundred days.
    pub(super) fn in_unit(&self, ns: u64) -> f64 {
        self.scale.undo(ns as f64 / 1e9)
    }

    /// The bucket that a value is counted in, by number.
    pub(super) fn bucket_of(&self, value: f64) -> Option<usize> {
        let at = self.buckets.partition_point(|bucket| bucket.bound < value);
        (at < self.buckets.len()).then_some(at)
    }
}

impl Bucket {
    /// The index of its sample on this page.
    pub(super) fn sample(&mut self, samples: &[Sample], places: &mut Places) -> Option<u32> {
        self.series.find(samples, places)
    }
}

impl Series {
    fn value(&mut self, samples: &[Sample], places: &mut Places) -> Option<f64> {
        let at = self.find(samples, places)?;
        samples.get(at as usize).map(|sample| sample.value)
    }

    /// The index of its sample, unless it has ended.
    fn find(&mut self, samples: &[Sample], places: &mut Places) -> Option<u32> {
        let is_it = |at: u32| samples.get(at as usize).filter(|sample| sample.series == self.number);
        if is_it(self.at).is_none() {
            self.at = places.of(self.number, samples)?;
        }
        is_it(self.at)
            .filter(|sample| sample.value.to_bits() != STALE.to_bits())
            .map(|_| self.at)
    }
}

impl Places {
    fn of(&mut self, series: u32, samples: &[Sample]) -> Option<u32> {
        if self.0.is_empty() {
            let most = samples.iter().map(|sample| sample.series).max()?;
            self.0 = vec![u32::MAX; most as usize + 1];
            for (at, sample) in (0..).zip(samples) {
                if let Some(place) = self.0.get_mut(sample.series as usize) {
                    *place = at;
                }
            }
        }
        self.0.get(series as usize).copied().filter(|at| *at != u32::MAX)
    }
}

fn kind(kind: Kind) -> Option<profile::Kind> {
    match kind {
        Kind::Gauge => Some(profile::Kind::Gauge),
        Kind::Counter => Some(profile::Kind::Counter),
        Kind::Histogram => Some(profile::Kind::Histogram),
        _ => None,
    }
}
