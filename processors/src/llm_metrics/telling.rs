//! Makes points of what was counted.

use pipeline::payload::metrics::{MetricHead, MetricShape, MetricsBuilder, Number, PointHead, Temporality};
use pipeline::payload::{EncodedAttributes, Place, names};

use super::answer::Outcome;
use super::objectives::Aim;
use super::tally::{Counts, Durations, PhaseKey, Tally};
use crate::aggregation::{AggregationTemporality, Moment, PointWriter, Stream, Streams};
use crate::llm_phases::Source;

const REQUEST_DURATION: MetricHead<'_> = head(
    names::GEN_AI_SERVER_REQUEST_DURATION,
    "How long requests took in the engine: the length of the engine's span, of each answer to a request.",
    "s",
);
const FIRST_TOKEN: MetricHead<'_> = head(
    names::GEN_AI_SERVER_TIME_TO_FIRST_TOKEN,
    "How long it took until the engine had the first token of an answer.",
    "s",
);
const PER_TOKEN: MetricHead<'_> = head(
    names::GEN_AI_SERVER_TIME_PER_OUTPUT_TOKEN,
    "How long each token after the first took, on average over an answer. An answer of one token has none.",
    "s",
);
const PHASE_DURATION: MetricHead<'_> = head(
    names::INFERSCOPE_REQUEST_PHASE_DURATION,
    "How long requests spent in each phase.",
    "s",
);
const TOKENS: MetricHead<'_> = head(
    names::INFERSCOPE_REQUEST_TOKENS,
    "Tokens of prompts and answers. The prompt of a request counts once, however many answers it has.",
    "{token}",
);
const REQUESTS: MetricHead<'_> = head(
    names::INFERSCOPE_REQUESTS,
    "Requests by outcome. One of several answers counts once.",
    "{request}",
);
const GOODPUT: MetricHead<'_> = head(
    names::INFERSCOPE_REQUEST_GOODPUT,
    "Answers by whether they met an objective.",
    "{request}",
);

const fn head(name: &'static str, description: &'static str, unit: &'static str) -> MetricHead<'static> {
    MetricHead {
        name,
        description,
        unit,
        metadata: None,
    }
}

/// Labels that say more about a point than those of its stream.
const OUTCOME: &str = "outcome";
const OBJECTIVE: &str = "objective";
const GOOD: &str = "good";

/// Makes points; keeps the room that it needs for that.
#[derive(Debug)]
pub(super) struct Teller {
    temporality: Temporality,
    writer: PointWriter,
    labels: EncodedAttributes,
    /// The time of the last flush, in nanoseconds since 1970; 0 before the first.
    flushed: u64,
}

/// One kind of metric.
#[derive(Debug, Clone, Copy)]
enum Family {
    RequestDuration,
    FirstToken,
    PerToken,
    PhaseDuration,
    Tokens,
    Requests,
    Goodput,
}

/// What is told about one series.
#[derive(Clone, Copy)]
enum Told<'t> {
    Durations(&'t Durations),
    /// A count, and whether the series was told before.
    Count(u64, bool),
}

/// Further labels of a series.
type More<'t> = &'t [(&'static str, &'t str)];

impl Teller {
    /// Tells since when things count as users want it.
    pub(super) fn new(temporality: AggregationTemporality) -> Self {
        Self {
            temporality: temporality.into(),
            writer: PointWriter::default(),
            labels: EncodedAttributes::new(),
            flushed: 0,
        }
    }

    /// Tells what was counted for one sender, and that the series of `ended` streams have no value any more. What was
    /// told in differences is forgotten.
    pub(super) fn tell(
        &mut self,
        place: &Place,
        streams: &mut Streams<Tally>,
        ended: &mut [Stream<Tally>],
        moment: &Moment,
        out: &mut MetricsBuilder,
    ) {
        for family in Family::ALL {
            let mut is_begun = false;
            let flushed = self.flushed;
            let present = streams.iter_mut().map(|stream| {
                let zero = stream.zero_head(flushed, moment);
                (stream.head(moment), zero, &stream.state, stream.is_touched())
            });
            let over = ended
                .iter()
                .map(|stream| (stream.last_head(moment), None, &stream.state, stream.is_touched()));
            for (head, zero, tally, is_touched) in present.chain(over) {
                if self.is_delta() && (!is_touched || head.has_no_value) {
                    continue; // Nothing has changed, and a difference needs no end.
                }
                // A new total begins with nothing; a delta says since when it counts, and that is enough.
                let zero = zero.filter(|_| !self.is_delta());
                family.each(tally, &mut |more, told| {
                    if !is_begun {
                        out.metric(place, &family.head(), self.shape(told));
                        is_begun = true;
                    }
                    if let Some(zero) = zero.filter(|_| !told.is_known()) {
                        self.zero(&zero, more, told, out);
                    }
                    self.point(&head, more, told, out);
                });
            }
        }
        for stream in streams.iter_mut() {
            stream.state.was_told(moment.wall);
            if self.is_delta() {
                stream.state.clear();
                stream.restart(moment);
            } else {
                stream.rest();
            }
        }
    }

    /// All senders were told at this moment.
    pub(super) fn flushed(&mut self, moment: &Moment) {
        self.flushed = moment.wall;
    }

    fn is_delta(&self) -> bool {
        self.temporality == Temporality::Delta
    }

    fn shape(&self, told: Told<'_>) -> MetricShape {
        let temporality = self.temporality;
        match told {
            Told::Count(..) => MetricShape::Sum {
                temporality,
                monotonic: true,
            },
            Told::Durations(durations) => match durations.counts {
                Counts::Exponential(_) => MetricShape::ExponentialHistogram(temporality),
                Counts::Explicit(_) => MetricShape::Histogram(temporality),
            },
        }
    }

    /// The point in front of the first value of a series.
    fn zero(&mut self, head: &PointHead<'_>, more: More<'_>, told: Told<'_>, out: &mut MetricsBuilder) {
        match told {
            Told::Count(..) => self.point(head, more, Told::Count(0, false), out),
            Told::Durations(durations) => {
                let none = Durations::of(durations.counts.none());
                self.point(head, more, Told::Durations(&none), out);
            }
        }
    }

    fn point(&mut self, head: &PointHead<'_>, more: More<'_>, told: Told<'_>, out: &mut MetricsBuilder) {
        self.labels.clear();
        self.labels.extend(head.attributes);
        for (key, value) in more {
            self.labels.push(key, *value);
        }
        let head = PointHead {
            attributes: &self.labels,
            ..*head
        };
        match told {
            Told::Count(count, _) => {
                let value = i64::try_from(count).unwrap_or(i64::MAX);
                out.number(&head, (!head.has_no_value).then_some(Number::Int(value)), &[]);
            }
            Told::Durations(Durations { counts, exemplars, .. }) => match counts {
                Counts::Exponential(counts) => self.writer.exponential(out, &head, counts, exemplars),
                Counts::Explicit(counts) => self.writer.explicit(out, &head, counts, exemplars),
            },
        }
    }
}

impl Told<'_> {
    /// Whether the series was told before.
    fn is_known(&self) -> bool {
        match self {
            Self::Durations(durations) => durations.is_told(),
            Self::Count(_, is_known) => *is_known,
        }
    }
}

impl Family {
    const ALL: [Self; 7] = [
        Self::RequestDuration,
        Self::FirstToken,
        Self::PerToken,
        Self::PhaseDuration,
        Self::Tokens,
        Self::Requests,
        Self::Goodput,
    ];

    fn head(self) -> MetricHead<'static> {
        match self {
            Self::RequestDuration => REQUEST_DURATION,
            Self::FirstToken => FIRST_TOKEN,
            Self::PerToken => PER_TOKEN,
            Self::PhaseDuration => PHASE_DURATION,
            Self::Tokens => TOKENS,
            Self::Requests => REQUESTS,
            Self::Goodput => GOODPUT,
        }
    }

    /// Gives every series that there is to `tell`.
    fn each(self, tally: &Tally, tell: &mut dyn FnMut(More<'_>, Told<'_>)) {
        match self {
            Self::RequestDuration => {
                durations(&[], tally.durations.as_ref(), tell);
                for (error_type, failures) in tally.failures() {
                    durations(&[(names::ERROR_TYPE, error_type)], failures.durations.as_ref(), tell);
                }
            }
            Self::FirstToken => {
                for (source, of_source) in Source::ALL.into_iter().zip(&tally.first_token) {
                    durations(
                        &[(names::INFERSCOPE_PHASE_SOURCE, source.word())],
                        of_source.as_ref(),
                        tell,
                    );
                }
            }
            Self::PerToken => durations(&[], tally.per_token.as_ref(), tell),
            Self::PhaseDuration => {
                for (key, phase, source) in PhaseKey::all() {
                    let more = [
                        (names::INFERSCOPE_PHASE, phase.word()),
                        (names::INFERSCOPE_PHASE_SOURCE, source.word()),
                    ];
                    durations(&more, tally.of_phase(key), tell);
                }
            }
            Self::Tokens => {
                for (word, tokens, is_known) in [
                    ("input", tally.input_tokens, tally.told.input_tokens),
                    ("output", tally.output_tokens, tally.told.output_tokens),
                ] {
                    count(&[(names::GEN_AI_TOKEN_TYPE, word)], (tokens, is_known), tell);
                }
            }
            Self::Requests => {
                for (outcome, requests, is_known) in [
                    (Outcome::Ok, tally.answered, tally.told.answered),
                    (Outcome::Abort, tally.aborted, tally.told.aborted),
                ] {
                    count(&[(OUTCOME, outcome.word())], (requests, is_known), tell);
                }
                for (error_type, failures) in tally.failures() {
                    let more = [(OUTCOME, Outcome::Error.word()), (names::ERROR_TYPE, error_type)];
                    count(&more, (failures.requests, failures.is_told), tell);
                }
            }
            Self::Goodput => {
                let aims = Aim::ALL.into_iter().zip(tally.told.goodput);
                for ((aim, is_known), goodput) in aims.zip(&tally.goodput) {
                    // Both, so that the share of good answers is known before the first bad one.
                    if goodput.good > 0 || goodput.bad > 0 {
                        for (good, answers) in [("true", goodput.good), ("false", goodput.bad)] {
                            tell(&[(OBJECTIVE, aim.word()), (GOOD, good)], Told::Count(answers, is_known));
                        }
                    }
                }
            }
        }
    }
}

fn durations(more: More<'_>, durations: Option<&Durations>, tell: &mut dyn FnMut(More<'_>, Told<'_>)) {
    if let Some(durations) = durations.filter(|durations| durations.count() > 0) {
        tell(more, Told::Durations(durations));
    }
}

fn count(more: More<'_>, (count, is_known): (u64, bool), tell: &mut dyn FnMut(More<'_>, Told<'_>)) {
    if count > 0 {
        tell(more, Told::Count(count, is_known));
    }
}
