//! One trace that waits for its other spans.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use pipeline::payload::{Place, SpanId, SpanView, TraceId};

use super::config::AssemblerConfig;
use super::engine::Engine;
use super::judge::Judge;
use super::provenance::{Fingerprint, Provenance};
use super::verdict::Verdict;

/// What a span costs beyond its bytes: its entry here and in the table of repetitions, rounded up.
const SPAN_OVERHEAD_BYTES: usize = 192;

/// What a place costs beyond its bytes, rounded up.
const PLACE_OVERHEAD_BYTES: usize = 256;

/// What a trace costs without spans: its entry here and in the assembler's tables, rounded up.
const TRACE_OVERHEAD_BYTES: usize = 512;

/// How often each span may be read to see whether its trace is whole. The traces of engines come in a handful of
/// batches; one that trickles in is read less and less often, and at worst waits for its time.
const READS_PER_SPAN: usize = 32;

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
    place: Fingerprint,
    bytes: Box<[u8]>,
}

impl Held {
    fn view(&self) -> SpanView<'_> {
        SpanView::of(&self.bytes)
    }
}

/// A resource and scope from which spans came.
#[derive(Debug)]
struct Source {
    place: Place,
    spans: usize,
}

/// A span whose trace was judged.
#[derive(Debug)]
pub(super) struct Judged {
    /// Where it came from.
    pub(super) place: Place,
    /// What stands for that.
    pub(super) fingerprint: Fingerprint,
    /// The span.
    pub(super) bytes: Box<[u8]>,
    /// What becomes of it.
    pub(super) verdict: Verdict,
}

impl Judged {
    /// Its id.
    pub(super) fn id(&self) -> SpanId {
        SpanView::of(&self.bytes).span_id()
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
    /// The places of its spans, each once.
    places: HashMap<Fingerprint, Source>,
    /// Where a span with this hash of its bytes lies; a keyed hash, so that nobody outside can aim at a collision.
    seen: HashMap<u64, usize>,
    hasher: RandomState,
    bytes: usize,
    /// Spans read so far to see whether it is whole.
    reads: usize,
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
            places: HashMap::new(),
            seen: HashMap::new(),
            hasher: RandomState::new(),
            bytes: TRACE_OVERHEAD_BYTES,
            reads: 0,
        }
    }

    /// Copies a span that is not here yet. Its memory changes also when the span is here already: two senders may send
    /// the same span, and whose resource it keeps must not depend on who came first.
    pub(super) fn add(&mut self, engine: Engine, from: &Provenance, span: SpanView<'_>, now: Instant) -> Added {
        let hash = self.hasher.hash_one(span.bytes());
        let known = self.seen.get(&hash).and_then(|index| self.spans.get_mut(*index));
        if let Some(known) = known.filter(|known| *known.bytes == *span.bytes()) {
            if from.fingerprint() < known.place {
                let left = std::mem::replace(&mut known.place, from.fingerprint());
                known.engine = engine;
                self.settle(from);
                self.unsettle(left);
            }
            return Added::Already;
        }
        self.last = now;
        self.bytes += span.bytes().len() + SPAN_OVERHEAD_BYTES;
        self.settle(from);
        self.seen.insert(hash, self.spans.len());
        self.spans.push(Held {
            engine,
            place: from.fingerprint(),
            bytes: span.bytes().into(),
        });
        Added::New
    }

    /// One span more comes from there.
    fn settle(&mut self, from: &Provenance) {
        let bytes = &mut self.bytes;
        let source = self.places.entry(from.fingerprint()).or_insert_with(|| {
            *bytes += from.place().bytes_len() + PLACE_OVERHEAD_BYTES;
            Source {
                place: from.place().clone(),
                spans: 0,
            }
        });
        source.spans += 1;
    }

    /// One span fewer comes from there.
    fn unsettle(&mut self, left: Fingerprint) {
        let Some(source) = self.places.get_mut(&left) else {
            return;
        };
        source.spans -= 1;
        if source.spans == 0 {
            self.bytes -= source.place.bytes_len() + PLACE_OVERHEAD_BYTES;
            self.places.remove(&left);
        }
    }

    /// Its trace.
    pub(super) fn trace(&self) -> TraceId {
        self.trace
    }

    /// Its number: traces are numbered in the order in which they came.
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

    /// Whether every engine in it is seen to have told everything. Not seen when it was read too often already.
    pub(super) fn is_whole(&mut self, judge: &Judge) -> bool {
        if self.reads + self.spans.len() > READS_PER_SPAN * self.spans.len() {
            return false;
        }
        self.reads += self.spans.len();
        Engine::ALL.into_iter().all(|engine| {
            let of_engine = self.spans.iter().filter(|held| held.engine == engine);
            let views: Vec<SpanView<'_>> = of_engine.map(Held::view).collect();
            views.is_empty() || judge.is_whole(engine, &views)
        })
    }

    /// Judges it: a verdict for each span, in an order that only the spans decide.
    pub(super) fn conclude(mut self, judge: &Judge) -> Vec<Judged> {
        self.spans = in_order(self.spans);
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
        let place_of = |held: &Held| self.places.get(&held.place).map(|source| source.place.clone());
        let judged = self.spans.into_iter().zip(verdicts).map(|(held, verdict)| Judged {
            place: place_of(&held).unwrap_or_default(),
            fingerprint: held.place,
            bytes: held.bytes,
            verdict,
        });
        judged.collect()
    }

    fn of_engine(&self, engine: Engine) -> (Vec<usize>, Vec<SpanView<'_>>) {
        let indexed = self.spans.iter().enumerate();
        indexed
            .filter(|(_, held)| held.engine == engine)
            .map(|(index, held)| (index, held.view()))
            .unzip()
    }
}

/// By place, time and id, each read once; only spans that are alike in all of that are compared byte by byte.
fn in_order(spans: Vec<Held>) -> Vec<Held> {
    let key = |held: &Held| (held.place, held.view().start(), held.view().span_id());
    let mut keyed: Vec<_> = spans.into_iter().map(|held| (key(&held), held)).collect();
    keyed.sort_by(|(left, one), (right, two)| left.cmp(right).then_with(|| one.bytes.cmp(&two.bytes)));
    keyed.into_iter().map(|(_, held)| held).collect()
}
