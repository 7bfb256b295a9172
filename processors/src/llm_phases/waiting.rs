//! One trace that waits for its other spans.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use pipeline::payload::{Place, SpanId, SpanView, TraceId, Traces, TracesBuilder};

use super::config::AssemblerConfig;
use super::engine::Engine;
use super::judge::Judge;
use super::verdict::Verdict;

/// What a span costs beyond its bytes: its entry here and in the table of repetitions, rounded up.
const SPAN_OVERHEAD_BYTES: usize = 160;

/// What a trace costs without spans: its entry here and in the assembler's tables, rounded up.
const TRACE_OVERHEAD_BYTES: usize = 512;

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It is new.
    New,
    /// The same bytes are here already.
    Already,
}

#[derive(Debug)]
struct Held {
    engine: Engine,
    place: Place,
    bytes: Box<[u8]>,
}

impl Held {
    fn view(&self) -> SpanView<'_> {
        SpanView::of(&self.bytes)
    }
}

/// One trace that waits for its other spans.
#[derive(Debug)]
pub(super) struct Waiting {
    trace: TraceId,
    arrival: u64,
    first: Instant,
    last: Instant,
    spans: Vec<Held>,
    /// Where a span with this hash of its bytes lies; a keyed hash, so that nobody outside can aim at a collision.
    seen: HashMap<u64, usize>,
    hasher: RandomState,
    bytes: usize,
}

impl Waiting {
    /// A trace without spans.
    pub(super) fn new(trace: TraceId, arrival: u64, now: Instant) -> Self {
        Self {
            trace,
            arrival,
            first: now,
            last: now,
            spans: Vec::new(),
            seen: HashMap::new(),
            hasher: RandomState::new(),
            bytes: TRACE_OVERHEAD_BYTES,
        }
    }

    /// Copies a span that is not here yet.
    pub(super) fn add(&mut self, engine: Engine, place: &Place, span: SpanView<'_>, now: Instant) -> Added {
        let hash = self.hasher.hash_one(span.bytes());
        let known = self.seen.get(&hash).and_then(|index| self.spans.get_mut(*index));
        if let Some(known) = known.filter(|known| *known.bytes == *span.bytes()) {
            // Two senders may send the same span; whose resource it keeps must not depend on who came first.
            if order(place) < order(&known.place) {
                known.place = place.clone();
                known.engine = engine;
            }
            return Added::Already;
        }
        self.last = now;
        self.bytes += span.bytes().len() + SPAN_OVERHEAD_BYTES;
        let shares_place = self.spans.last().is_some_and(|last| last.place == *place);
        if !shares_place {
            self.bytes += place.bytes_len();
        }
        self.seen.insert(hash, self.spans.len());
        self.spans.push(Held {
            engine,
            place: place.clone(),
            bytes: span.bytes().into(),
        });
        Added::New
    }

    /// Its trace.
    pub(super) fn trace(&self) -> TraceId {
        self.trace
    }

    /// The how manieth trace it is.
    pub(super) fn arrival(&self) -> u64 {
        self.arrival
    }

    /// Spans that wait.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Memory that it takes.
    pub(super) fn bytes_len(&self) -> usize {
        self.bytes
    }

    /// When it will have been idle for long enough, and when it will have waited for as long as anything may.
    pub(super) fn deadlines(&self, limits: &AssemblerConfig) -> (Instant, Instant) {
        (self.last + *limits.idle_window, self.first + *limits.wait_max)
    }

    /// Whether every engine in it has told everything.
    pub(super) fn is_whole(&self, judge: &Judge) -> bool {
        Engine::ALL.into_iter().all(|engine| {
            let of_engine = self.spans.iter().filter(|held| held.engine == engine);
            let views: Vec<SpanView<'_>> = of_engine.map(Held::view).collect();
            views.is_empty() || judge.is_whole(engine, &views)
        })
    }

    /// Judges it: the spans in an order that only they decide, their ids, and a verdict for each.
    pub(super) fn conclude(mut self, judge: &Judge) -> (Option<Traces>, Vec<SpanId>, Vec<Verdict>) {
        self.spans.sort_by(|left, right| {
            let key = |held: &Held| (held.view().start(), held.view().span_id());
            let places = order(&left.place).cmp(&order(&right.place));
            let bytes = || left.bytes.cmp(&right.bytes);
            places.then_with(|| key(left).cmp(&key(right))).then_with(bytes)
        });
        let mut verdicts = vec![Verdict::default(); self.spans.len()];
        for engine in Engine::ALL {
            let (indices, views) = self.of_engine(engine);
            if views.is_empty() {
                continue;
            }
            for (index, verdict) in indices.into_iter().zip(judge.conclude(engine, &views)) {
                if let Some(slot) = verdicts.get_mut(index) {
                    *slot = verdict;
                }
            }
        }
        let mut builder = TracesBuilder::new();
        for held in &self.spans {
            builder.push(&held.place, held.view());
        }
        let ids = self.spans.iter().map(|held| held.view().span_id()).collect();
        (builder.build(), ids, verdicts)
    }

    fn of_engine(&self, engine: Engine) -> (Vec<usize>, Vec<SpanView<'_>>) {
        let indexed = self.spans.iter().enumerate();
        indexed
            .filter(|(_, held)| held.engine == engine)
            .map(|(index, held)| (index, held.view()))
            .unzip()
    }
}

/// Places sort by their bytes.
fn order(place: &Place) -> (&[u8], &[u8]) {
    (place.resource().bytes(), place.scope().bytes())
}
