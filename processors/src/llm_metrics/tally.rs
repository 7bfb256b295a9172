//! What was counted for one set of labels.

use std::sync::Arc;

use super::answer::{Answer, Outcome};
use super::config::{Config, Shape, ShapeKind};
use super::objectives::{Aim, Judgement};
use crate::aggregation::{
    BUCKETS_MAX, Counted, Exemplars, ExplicitHistogram, ExponentialHistogram, Measured, SCALE_MAX, octave,
};
use crate::llm_phases::{Phase, Source};

const PHASES: usize = Phase::ALL.len();
const SOURCES: usize = Source::ALL.len();

/// Types of errors of one set of labels; what comes after them goes by the name that the semantic conventions have for
/// that. An instrumentation should have few, but whoever sends spans writes them.
const ERROR_TYPES_MAX: usize = 16;

/// Longer than this is a message and no type.
const ERROR_TYPE_BYTES_MAX: usize = 256;

/// A failure of no known type (semantic conventions, `error.type`).
const OTHER_ERROR: &str = "_OTHER";

/// How durations are counted, by metric.
#[derive(Debug)]
pub(super) struct Shapes {
    pub(super) request_duration: Buckets,
    pub(super) first_token: Buckets,
    pub(super) per_token: Buckets,
    pub(super) phase_duration: Buckets,
    /// Most exemplars of one point.
    exemplars_max: u16,
}

/// The buckets of one metric.
#[derive(Debug, Clone)]
pub(super) enum Buckets {
    /// At most so many, which follow the values.
    Exponential(u16),
    /// With these upper bounds.
    Explicit(Arc<[f64]>),
}

/// Durations of one series.
#[derive(Debug)]
pub(super) struct Durations {
    pub(super) counts: Counts,
    pub(super) exemplars: Exemplars,
    /// Most of them.
    exemplars_max: u16,
    /// Whether they were told at some flush.
    is_told: bool,
}

/// What counts them.
#[derive(Debug, Clone)]
pub(super) enum Counts {
    Exponential(ExponentialHistogram),
    Explicit(ExplicitHistogram),
}

/// Failures of one type.
#[derive(Debug, Default)]
pub(super) struct Failures {
    error_type: Box<str>,
    pub(super) requests: u64,
    pub(super) durations: Option<Durations>,
    /// Whether the requests were told at some flush.
    pub(super) is_told: bool,
}

/// Answers that met an objective, and those that did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Goodput {
    pub(super) good: u64,
    pub(super) bad: u64,
}

/// What was counted for one set of labels.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Of requests that did not fail.
    pub(super) durations: Option<Durations>,
    /// By type.
    failures: Vec<Failures>,
    other_failures: Failures,
    pub(super) first_token: [Option<Durations>; SOURCES],
    pub(super) per_token: Option<Durations>,
    /// By phase and source; most pairs never occur.
    phases: Vec<(PhaseKey, Durations)>,
    phase_places: PhasePlaces,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) answered: u64,
    pub(super) aborted: u64,
    pub(super) goodput: [Goodput; Aim::ALL.len()],
    /// Which of the counts were told at some flush.
    pub(super) told: Told,
    measurements: u64,
}

/// Which counts of a tally were told at some flush: until then, they begin with nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) input_tokens: bool,
    pub(super) output_tokens: bool,
    pub(super) answered: bool,
    pub(super) aborted: bool,
    pub(super) goodput: [bool; Aim::ALL.len()],
}

/// A phase with how far to trust its length, in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PhaseKey(u8);

impl PhaseKey {
    #[inline]
    pub(super) fn new(phase: Phase, source: Source) -> Self {
        Self((phase.index() * SOURCES + source as usize) as u8)
    }

    /// All of them, in order.
    pub(super) fn all() -> impl Iterator<Item = (Self, Phase, Source)> {
        let pairs = Phase::ALL
            .into_iter()
            .flat_map(|phase| Source::ALL.map(|source| (phase, source)));
        pairs.map(|(phase, source)| (Self::new(phase, source), phase, source))
    }
}

const _: () = assert!(
    PHASES * SOURCES <= u8::MAX as usize,
    "a phase and its source fit into a byte"
);

/// Where the durations of each phase and source stand, counted from one; 0 for nowhere.
#[derive(Debug)]
struct PhasePlaces([u8; PHASES * SOURCES]);

impl Default for PhasePlaces {
    fn default() -> Self {
        Self([0; PHASES * SOURCES])
    }
}

impl Shapes {
    /// As configured.
    pub(super) fn new(config: &Config) -> Self {
        let histograms = &config.histograms;
        Self {
            request_duration: Buckets::new(&histograms.request_duration, BUCKETS_MAX, &REQUEST_DURATION_BOUNDS),
            first_token: Buckets::new(&histograms.time_to_first_token, BUCKETS_MAX, &FIRST_TOKEN_BOUNDS),
            per_token: Buckets::new(&histograms.time_per_output_token, BUCKETS_MAX, &PER_TOKEN_BOUNDS),
            phase_duration: Buckets::new(&histograms.phase_duration, PHASE_BUCKETS_MAX, &PHASE_DURATION_BOUNDS),
            exemplars_max: if config.exemplars.enabled {
                config.exemplars.max_per_data_point
            } else {
                0
            },
        }
    }
}

/// A queue is empty or long: its times reach over twenty octaves, where 160 buckets are 9 % wide each. So many are 2 %
/// wide, and every quantile is within half of that.
const PHASE_BUCKETS_MAX: u16 = 640;

/// The semantic conventions' (`gen_ai.server.request.duration`): doubled from 10 ms on.
const REQUEST_DURATION_BOUNDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/// The semantic conventions' and, because theirs end at 10 s and an overloaded engine does not, vLLM's above that.
const FIRST_TOKEN_BOUNDS: [f64; 22] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
    160.0, 640.0, 2560.0,
];

/// The semantic conventions'.
const PER_TOKEN_BOUNDS: [f64; 13] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];

/// Those of the first token with finer ones in front: a queue is empty most of the time.
const PHASE_DURATION_BOUNDS: [f64; 25] = [
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
    10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
];

impl Buckets {
    fn new(shape: &Shape, most: u16, defaults: &[f64]) -> Self {
        match shape.kind {
            ShapeKind::Exponential => Self::Exponential(shape.max_size.unwrap_or(most)),
            ShapeKind::Explicit if shape.buckets.is_empty() => Self::Explicit(defaults.into()),
            ShapeKind::Explicit => Self::Explicit(shape.buckets.as_slice().into()),
        }
    }

    #[cold]
    fn make(&self, exemplars_max: u16) -> Durations {
        let counts = match self {
            Self::Exponential(most) => Counts::Exponential(ExponentialHistogram::new(*most, SCALE_MAX)),
            Self::Explicit(bounds) => Counts::Explicit(ExplicitHistogram::new(Arc::clone(bounds))),
        };
        Durations {
            exemplars_max,
            ..Durations::of(counts)
        }
    }
}

impl Counts {
    /// The same kind of histogram with nothing in it.
    pub(super) fn none(&self) -> Self {
        let mut none = self.clone();
        none.clear();
        none
    }

    fn clear(&mut self) {
        match self {
            Self::Exponential(counts) => counts.clear(),
            Self::Explicit(counts) => counts.clear(),
        }
    }
}

impl Durations {
    /// What these counted, without exemplars.
    pub(super) fn of(counts: Counts) -> Self {
        Self {
            counts,
            exemplars: Exemplars::default(),
            exemplars_max: 0,
            is_told: false,
        }
    }

    /// One copy of this is enough, with all that it calls in it.
    #[inline(never)]
    fn add(&mut self, measured: Measured) {
        let bucket = match &mut self.counts {
            Counts::Exponential(counts) => counts.observe(measured.value).then(|| octave(measured.value)),
            Counts::Explicit(counts) => counts.observe(measured.value).map(|bucket| bucket as i32),
        };
        if let Some(bucket) = bucket {
            self.exemplars.offer(bucket, measured, usize::from(self.exemplars_max));
        }
    }

    fn merge(&mut self, other: &Self) {
        match (&mut self.counts, &other.counts) {
            (Counts::Exponential(counts), Counts::Exponential(others)) => counts.merge(others),
            (Counts::Explicit(counts), Counts::Explicit(others)) => counts.merge(others),
            _ => debug_assert!(false, "both are of one configuration"),
        }
        self.exemplars.merge(&other.exemplars, usize::from(self.exemplars_max));
    }

    /// Takes over what another one counted.
    fn absorb(into: &mut Option<Self>, other: &mut Option<Self>) {
        match (into.as_mut(), other.as_mut()) {
            (Some(into), Some(other)) => {
                into.merge(other);
                other.clear();
            }
            (None, Some(_)) => *into = other.take(),
            (_, None) => {}
        }
    }

    /// Forgets what was counted and keeps the room.
    fn clear(&mut self) {
        self.counts.clear();
        self.exemplars.clear();
    }

    /// Whether they were told at some flush.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// How many were counted.
    pub(super) fn count(&self) -> u64 {
        match &self.counts {
            Counts::Exponential(counts) => counts.count(),
            Counts::Explicit(counts) => counts.count(),
        }
    }
}

impl Tally {
    /// Counts an answer. The first of its request counts for the request as well.
    pub(super) fn answer(&mut self, answer: &Answer<'_>, is_first: bool, judgement: &Judgement, shapes: &Shapes) {
        let most = shapes.exemplars_max;
        let measured = |value| Measured {
            value,
            ..answer.measured
        };
        if let Some((seconds, source)) = answer.first_token
            && let Some(place) = self.first_token.get_mut(source as usize)
        {
            let durations = place.get_or_insert_with(|| shapes.first_token.make(most));
            durations.add(measured(seconds));
        }
        if let Some(seconds) = answer.per_token {
            let durations = self.per_token.get_or_insert_with(|| shapes.per_token.make(most));
            durations.add(measured(seconds));
        }
        self.output_tokens += answer.output_tokens.unwrap_or(0);
        self.end(answer, is_first, shapes);
        if is_first {
            self.input_tokens += answer.input_tokens.unwrap_or(0);
        }
        for (goodput, met) in self.goodput.iter_mut().zip(judgement) {
            match met {
                Some(true) => goodput.good += 1,
                Some(false) => goodput.bad += 1,
                None => {}
            }
        }
        self.measurements += 1;
    }

    /// Counts time in a phase.
    #[inline]
    pub(super) fn phase(&mut self, key: PhaseKey, measured: Measured, shapes: &Shapes) {
        self.measurements += 1;
        if let Some(durations) = self.phase_durations(key) {
            return durations.add(measured);
        }
        let mut durations = shapes.phase_duration.make(shapes.exemplars_max);
        durations.add(measured);
        self.add_phase(key, durations);
    }

    #[inline(always)]
    fn phase_durations(&mut self, key: PhaseKey) -> Option<&mut Durations> {
        let place = *self.phase_places.0.get(usize::from(key.0))?;
        let (_, durations) = self.phases.get_mut(usize::from(place).checked_sub(1)?)?;
        Some(durations)
    }

    #[cold]
    fn add_phase(&mut self, key: PhaseKey, durations: Durations) {
        self.phases.push((key, durations));
        if let Some(place) = self.phase_places.0.get_mut(usize::from(key.0)) {
            *place = self.phases.len() as u8; // There are no more than pairs.
        }
    }

    /// Failures by type, as far as there were any.
    pub(super) fn failures(&self) -> impl Iterator<Item = (&str, &Failures)> {
        let named = self.failures.iter().map(|it| (&*it.error_type, it));
        named.chain([(OTHER_ERROR, &self.other_failures)])
    }

    /// Time in a phase.
    pub(super) fn of_phase(&self, key: PhaseKey) -> Option<&Durations> {
        let found = self.phases.iter().find(|(known, _)| *known == key);
        found.map(|(_, durations)| durations)
    }

    /// Forgets what was counted and keeps the room: the next points are about what comes from now on.
    pub(super) fn clear(&mut self) {
        self.each(Durations::clear);
        for failures in self.failures.iter_mut().chain([&mut self.other_failures]) {
            failures.requests = 0;
        }
        self.input_tokens = 0;
        self.output_tokens = 0;
        self.answered = 0;
        self.aborted = 0;
        self.goodput = Default::default();
        self.measurements = 0;
    }

    /// Everything was told at this time. Exemplars belong to one point of each series.
    pub(super) fn was_told(&mut self, now: u64) {
        self.each(|durations| {
            durations.exemplars.told(now);
            durations.is_told |= durations.count() > 0;
        });
        for failures in self.failures.iter_mut().chain([&mut self.other_failures]) {
            failures.is_told |= failures.requests > 0;
        }
        let told = &mut self.told;
        for (is_told, count) in [
            (&mut told.input_tokens, self.input_tokens),
            (&mut told.output_tokens, self.output_tokens),
            (&mut told.answered, self.answered),
            (&mut told.aborted, self.aborted),
        ] {
            *is_told |= count > 0;
        }
        for (is_told, goodput) in told.goodput.iter_mut().zip(&self.goodput) {
            *is_told |= goodput.good > 0 || goodput.bad > 0;
        }
    }

    fn each(&mut self, change: impl Fn(&mut Durations)) {
        let failures = self.failures.iter_mut().chain([&mut self.other_failures]);
        let failures = failures.filter_map(|it| it.durations.as_mut());
        let phases = self.phases.iter_mut().map(|(_, durations)| durations);
        let first_token = self.first_token.iter_mut().flatten();
        let alone = self.durations.iter_mut().chain(&mut self.per_token);
        failures.chain(phases).chain(first_token).chain(alone).for_each(change);
    }

    /// How a request ended, and how long this answer to it took.
    fn end(&mut self, answer: &Answer<'_>, is_first: bool, shapes: &Shapes) {
        let requests = u64::from(is_first);
        let durations = match answer.outcome {
            Outcome::Ok => {
                self.answered += requests;
                &mut self.durations
            }
            Outcome::Abort => {
                self.aborted += requests;
                &mut self.durations
            }
            Outcome::Error => {
                let failures = self.failures_of(answer.error_type);
                failures.requests += requests;
                &mut failures.durations
            }
        };
        if let Some(value) = answer.duration {
            let durations = durations.get_or_insert_with(|| shapes.request_duration.make(shapes.exemplars_max));
            durations.add(Measured {
                value,
                ..answer.measured
            });
        }
    }

    /// Failures of this type; those without a type, and those for whose type there is no room, have one in common.
    #[cold]
    fn failures_of(&mut self, error_type: &str) -> &mut Failures {
        let mut at = self.failures.iter().position(|it| *it.error_type == *error_type);
        let is_name = (1..=ERROR_TYPE_BYTES_MAX).contains(&error_type.len()) && error_type != OTHER_ERROR;
        if at.is_none() && is_name && self.failures.len() < ERROR_TYPES_MAX {
            at = Some(self.failures.len());
            self.failures.push(Failures {
                error_type: error_type.into(),
                ..Failures::default()
            });
        }
        let named = at.and_then(|at| self.failures.get_mut(at));
        named.unwrap_or(&mut self.other_failures)
    }
}

impl Counted for Tally {
    fn absorb(&mut self, other: &mut Self) {
        Durations::absorb(&mut self.durations, &mut other.durations);
        Durations::absorb(&mut self.per_token, &mut other.per_token);
        for (into, other) in self.first_token.iter_mut().zip(&mut other.first_token) {
            Durations::absorb(into, other);
        }
        other.phase_places = PhasePlaces::default();
        for (key, others) in std::mem::take(&mut other.phases) {
            match self.phase_durations(key) {
                Some(durations) => durations.merge(&others),
                None => self.add_phase(key, others),
            }
        }
        let other_failures = std::mem::take(&mut other.other_failures);
        for mut others in std::mem::take(&mut other.failures).into_iter().chain([other_failures]) {
            let failures = self.failures_of(&others.error_type);
            failures.requests += others.requests;
            Durations::absorb(&mut failures.durations, &mut others.durations);
        }
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.answered += other.answered;
        self.aborted += other.aborted;
        for (goodput, others) in self.goodput.iter_mut().zip(&other.goodput) {
            goodput.good += others.good;
            goodput.bad += others.bad;
        }
        self.measurements += other.measurements;
        other.clear();
    }

    fn measurements(&self) -> u64 {
        self.measurements
    }
}
