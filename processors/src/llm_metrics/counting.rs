//! Counts what comes in batches of spans.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;
use pipeline::Origin;
use pipeline::context::engine_requests::EngineRequests;
use pipeline::payload::metrics::MetricsBuilder;
use pipeline::payload::{EmittedScope, EncodedAttributes, Opening, Payload, Place, ScopeSpansView, SpanView};

use super::answer::{Answer, Kind, seconds};
use super::config::{Config, PhasesFrom};
use super::dictionary::{Meaning, Word};
use super::familiar::Familiar;
use super::labels::{Labels, Sender, Values, Words};
use super::meters::{Meters, Reason, Seen};
use super::objectives::{Limits, Objectives};
use super::publishing::{Publisher, Whose};
use super::recent::Recent;
use super::said::Said;
use super::spent::spent;
use super::tally::{PhaseKey, Shapes, Tally};
use super::telling::Teller;
use crate::aggregation::{Aggregate, AggregationTemporality, Measured, Moment, Room, Sources, Stream, Streams};
use crate::llm_names::Scripts;
use crate::llm_phases::{Phase, Source};

/// The scope of the metrics.
const SCOPE: EmittedScope = EmittedScope::named("inferscope/llm_metrics");

/// What all desks of one connector have in common.
#[derive(Debug)]
pub(super) struct Shared {
    labels: Labels,
    objectives: Objectives,
    shapes: Shapes,
    phases_from: PhasesFrom,
    expiration: Option<Duration>,
    label_sets_max: usize,
    senders_max: usize,
    hashing: RandomState,
    meters: Meters,
    /// Siblings may be counted at different desks.
    recent: Mutex<Recent>,
}

/// The series of one sender.
#[derive(Debug)]
struct Series {
    place: Place,
    streams: Streams<Tally>,
    /// Those that have ended and are to be told off.
    ended: Vec<Stream<Tally>>,
}

/// One desk.
#[derive(Debug)]
pub(super) struct Counting {
    shared: Arc<Shared>,
    senders: Sources<Series>,
    room: Room,
    /// Filled anew for every change of labels.
    labels: EncodedAttributes,
    familiar: Familiar,
    scripts: Scripts<Meaning>,
    teller: Teller,
    publisher: Publisher,
}

/// The labels at hand, and what is counted under them.
struct Group<'a, 's> {
    words: Words<'a>,
    values: Values<'a>,
    limits: Limits,
    tally: &'s mut Tally,
    is_overflow: bool,
    /// Whether the tenant has no series of its own.
    is_other: bool,
    /// Whether all labels are those of the sender: its spans say none of their own.
    is_senders: bool,
}

/// What is another in every span, and the rest.
struct Glance<'a> {
    start: u64,
    /// Nothing yet, at the end of the span.
    measured: Measured,
    /// Two spans with the same bytes here say the same in them.
    end: &'a [u8],
    /// Where it had to be read.
    opening: Option<Opening<'a>>,
}

impl<'a> Glance<'a> {
    #[inline(always)]
    fn of(span: SpanView<'a>) -> Self {
        let measured = |time, trace_id, span_id| Measured {
            value: 0.0,
            time,
            trace_id,
            span_id,
        };
        if let Some(made) = span.made() {
            return Self {
                start: made.start,
                measured: measured(made.end, made.trace_id, made.span_id),
                end: made.rest,
                opening: None,
            };
        }
        let opening = span.opening_in_order();
        Self {
            start: opening.start,
            measured: measured(opening.end, opening.trace_id, opening.span_id),
            end: opening.rest().bytes(),
            opening: Some(opening),
        }
    }
}

impl Shared {
    /// As configured.
    pub(super) fn new(config: &Config, meters: Meters) -> Self {
        let recent = &config.recent_requests;
        let most = config.aggregation_cardinality_limit as usize;
        Self {
            labels: Labels::new(config),
            objectives: Objectives::new(&config.objectives, config.count_aborts),
            shapes: Shapes::new(config),
            phases_from: config.phases_from,
            expiration: config.metrics_expiration.limit(),
            label_sets_max: most,
            senders_max: config.resource_metrics_cache_size as usize,
            hashing: RandomState::default(),
            meters,
            recent: Mutex::new(Recent::new(recent.requests_max as usize, *recent.window)),
        }
    }

    /// The series of a sender that is new; the overflow has one for everybody, under no resource.
    fn series(&self, place: impl FnOnce() -> Place, is_overflow: bool) -> Series {
        let (place, most) = match (is_overflow, self.label_sets_max) {
            (true, _) => (Place::made(&EncodedAttributes::new(), &SCOPE), 0),
            (false, 0) => (place(), usize::MAX),
            (false, most) => (place(), most),
        };
        Series {
            place,
            streams: Streams::new(most, self.hashing.clone()).with_overflow(&self.labels.own()),
            ended: Vec::new(),
        }
    }

    /// Whether a span is the first that comes of its request.
    fn is_first(&self, said: &Said<'_>, sender: &Sender<'_>, moment: &Moment) -> bool {
        self.recent().is_first(said, sender.identity, moment.now)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counting {
    /// A desk at which nothing was counted yet.
    pub(super) fn new(shared: Arc<Shared>, temporality: AggregationTemporality, requests: EngineRequests) -> Self {
        Self {
            senders: Sources::new(shared.senders_max, shared.hashing.clone()),
            room: Room::new(shared.label_sets_max),
            labels: EncodedAttributes::new(),
            familiar: Familiar::default(),
            scripts: Scripts::default(),
            teller: Teller::new(temporality),
            publisher: Publisher::new(requests),
            shared,
        }
    }

    fn scope<'a>(
        &mut self,
        scope: ScopeSpansView<'a>,
        sender: &Sender<'a>,
        whose: &mut Whose<'a>,
        moment: &Moment,
        seen: &mut Seen,
    ) {
        let shared = &*self.shared;
        let mut values = Values::new();
        let mut group: Option<Group<'a, '_>> = None;
        let script = self.scripts.of(scope.scope().name_bytes());
        for span in scope.spans() {
            let glance = Glance::of(span);
            if let Some(group) = group.as_mut().filter(|group| group.is_senders)
                && let Some(key) = self.familiar.recall(glance.end)
            {
                seen.span(Kind::Phase);
                seen.room(group.is_overflow, group.is_other);
                shared.time_in_phase(key, glance.start, glance.measured, group.tally, seen);
                continue;
            }
            let opening = glance.opening.unwrap_or_else(|| span.opening());
            let mut said = Said::default();
            said.read(&opening, &shared.labels.dictionary, script);
            let kind = Kind::of(&said, sender.is_tgi);
            seen.span(kind);
            if matches!(kind, Kind::Request | Kind::PrefillHalf) {
                self.publisher.tell(&said, whose, moment.wall, seen);
            }
            if !matches!(kind, Kind::Request | Kind::Phase) {
                continue;
            }
            let words = Words::of(&said, sender);
            shared.labels.values(span.raw_attrs(), &mut values);
            let is_same = |it: &Group<'_, '_>| it.words == words && it.values == values;
            if !group.as_ref().is_some_and(is_same) {
                let labels = &mut self.labels;
                let is_other = shared.labels.write(&words, &values, sender, moment.now, labels);
                let place = || Place::made(&sender.resource, &SCOPE);
                let make = |is_overflow| shared.series(place, is_overflow);
                let source = self.senders.source(sender.resource.framed(), moment.now, make);
                let room = (&mut self.room, 0);
                let stream = source
                    .streams
                    .streams
                    .stream(&self.labels, moment, room, Tally::default);
                group = Some(Group {
                    words,
                    is_senders: said.has_no_label() && values.iter().all(Option::is_none),
                    values: values.clone(),
                    limits: shared.objectives.limits(words.model(), words.tenant_class()),
                    is_overflow: stream.is_overflow(),
                    is_other,
                    tally: &mut stream.state,
                });
            }
            let Some(group) = &mut group else { continue };
            seen.room(group.is_overflow, group.is_other);
            if kind == Kind::Request {
                shared.request(span, &said, sender, moment, group, seen);
            } else if let Some(key) = shared.phase(&said, seen) {
                shared.time_in_phase(key, said.start, said.measured(0.0), group.tally, seen);
                let is_usual = (said.start, said.measured(0.0)) == (glance.start, glance.measured);
                if group.is_senders && is_usual {
                    self.familiar.remember(glance.end, key);
                }
            }
        }
    }
}

impl Shared {
    /// Counts one answer to a request.
    #[inline]
    fn request<'a>(
        &self,
        span: SpanView<'a>,
        said: &Said<'a>,
        sender: &Sender<'_>,
        moment: &Moment,
        group: &mut Group<'_, '_>,
        seen: &mut Seen,
    ) {
        seen.said(said);
        let answer = Answer::of(said);
        if answer.too_long > 0 {
            seen.unusable(Reason::TooLong, answer.too_long);
        }
        if answer.duration.is_none() {
            seen.unusable(Reason::Backwards, 1);
        }
        let is_first = self.is_first(said, sender, moment);
        seen.siblings += u64::from(!is_first);
        let judgement = self.objectives.judge(&answer, &group.limits);
        group.tally.answer(&answer, is_first, &judgement, &self.shapes);
        if self.phases_from == PhasesFrom::Attributes {
            for (key, seconds) in spent(span.raw_attrs()) {
                group.tally.phase(key, said.measured(seconds), &self.shapes);
            }
        }
    }

    /// The phase that a span shows, and how far to trust its length.
    fn phase(&self, said: &Said<'_>, seen: &mut Seen) -> Option<PhaseKey> {
        let phase = Phase::of_word(said.word(Word::Phase).as_bytes());
        let source = Source::of_word(said.word(Word::PhaseSource).as_bytes());
        let Some((phase, source)) = phase.zip(source) else {
            seen.unusable(Reason::UnknownWord, 1);
            return None;
        };
        Some(PhaseKey::new(phase, source))
    }

    /// Counts time in a phase, from `start` to the time of `measured`.
    #[inline]
    fn time_in_phase(&self, key: PhaseKey, start: u64, measured: Measured, tally: &mut Tally, seen: &mut Seen) {
        if self.phases_from != PhasesFrom::Spans {
            return;
        }
        let Some(ns) = measured.time.checked_sub(start) else {
            return seen.unusable(Reason::Backwards, 1);
        };
        let value = seconds(ns);
        tally.phase(key, Measured { value, ..measured }, &self.shapes);
    }
}

impl Aggregate for Counting {
    fn add(&mut self, payload: &Payload, origin: &Origin, moment: &Moment) {
        let Payload::Traces(traces) = payload else { return };
        let mut seen = Seen::default();
        self.shared.recent().forget_until(moment.now);
        for resource in traces.resources() {
            let sender = self.shared.labels.sender(resource.resource());
            let mut whose = Whose::new(resource.resource(), origin.client);
            for scope in resource.scopes() {
                self.scope(scope, &sender, &mut whose, moment, &mut seen);
            }
        }
        self.shared.meters.add(&seen);
    }

    fn absorb(&mut self, other: &mut Self, moment: &Moment) {
        let (shared, room) = (&self.shared, &mut self.room);
        let make = |from: &Series, is_overflow| shared.series(|| from.place.clone(), is_overflow);
        self.senders.absorb(&mut other.senders, make, |into, from| {
            into.streams.absorb(&mut from.streams, room, moment, Tally::default);
        });
        let left = other.label_sets();
        other.room.recount(left);
    }

    fn flush(&mut self, moment: &Moment, out: &mut MetricsBuilder) {
        self.tell(moment, false, out);
    }

    fn end(&mut self, moment: &Moment, out: &mut MetricsBuilder) {
        self.tell(moment, true, out);
    }
}

impl Series {
    /// Sets streams aside that are to be told off.
    fn end(&mut self, is_over: impl Fn(&Stream<Tally>) -> bool) {
        let ended = &mut self.ended;
        self.streams.remove(is_over, |stream| ended.push(stream));
    }
}

impl Counting {
    /// Tells what was counted; where it `ends`, that all of it is over.
    fn tell(&mut self, moment: &Moment, ends: bool, out: &mut MetricsBuilder) {
        let expiration = self.shared.expiration;
        // What was counted since the last flush is told first, however long ago that is.
        let is_over = |stream: &Stream<Tally>| {
            let idle = moment.now.saturating_duration_since(stream.used());
            ends || !stream.is_touched() && expiration.is_some_and(|expiration| idle >= expiration)
        };
        for sender in self.senders.iter_mut() {
            sender.streams.end(is_over);
        }
        let mut left = self.senders.take_leaving(|sender| sender.streams.streams.is_empty());
        for sender in &mut left {
            sender.streams.end(|_| true);
        }
        let left_over = self.label_sets();
        self.room.recount(left_over);
        for sender in self.senders.iter_mut().chain(&mut left) {
            let Series { place, streams, ended } = &mut sender.streams;
            self.teller.tell(place, streams, ended, moment, out);
            ended.clear();
        }
        self.teller.flushed(moment);
        self.publish();
    }

    fn label_sets(&mut self) -> usize {
        self.senders.iter_mut().map(|sender| sender.streams.streams.len()).sum()
    }

    /// Says how full everything is.
    fn publish(&mut self) {
        let label_sets = i64::try_from(self.label_sets()).unwrap_or(i64::MAX);
        let meters = &self.shared.meters;
        meters.label_sets.set(label_sets);
        meters.overflowed.add(self.room.take_overflowed());
        meters.forgotten.add(self.shared.recent().take_forgotten());
    }
}
