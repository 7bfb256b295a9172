//! Spans of one trace wait here for each other.
//!
//! Bounded in traces, in spans per trace, in bytes and in time. What comes out does not depend on the order in which
//! spans came, on how they were split over batches, nor on some of them coming twice.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::Instant;

use pipeline::Credit;
use pipeline::payload::{Released, SpanId, SpanView, TraceId, TracesBuilder};

use super::config::AssemblerConfig;
use super::departed::Departed;
use super::engine::Engine;
use super::judge::Judge;
use super::meters::{HeldShare, Leave, Meters};
use super::provenance::Provenance;
use super::verdict::Verdict;
use super::waiting::{Added, Judged, Waiting};

/// Alarms of traces that left are cleared away when there are this many more than twice the traces that wait.
const ALARMS_SLACK: usize = 64;

/// What became of a span that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offered {
    /// It waits here.
    Held,
    /// The same span waits here already.
    Duplicate,
    /// It is not kept: no batch has begun, so nobody knows for how long.
    Refused,
}

/// The traces that wait.
#[derive(Debug)]
pub(super) struct Assembler {
    limits: AssemblerConfig,
    meters: Meters,
    traces: HashMap<TraceId, Waiting>,
    /// Traces by arrival: the first is the oldest.
    by_age: BTreeMap<u64, TraceId>,
    arrivals: u64,
    /// When to look at a trace again. A trace that heard something since is put back with its new time, so that a span
    /// costs no change here; one that left stays here for a while.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Traces that heard something since the last release, by arrival: each may be whole now.
    touched: Vec<u64>,
    /// Traces that left and were not written yet.
    leaving: Vec<(Waiting, Leave)>,
    /// Traces that left a while ago, for spans that come twice or late.
    pub(super) departed: Departed,
    bytes: usize,
    spans: usize,
    /// What this lane adds to the gauges.
    share: HeldShare,
    /// The memory of all that, in the process's budget.
    credit: Credit,
    /// The time of the batch at hand.
    now: Option<Instant>,
}

impl Assembler {
    /// An empty one.
    pub(super) fn new(limits: AssemblerConfig, meters: Meters, credit: Credit) -> Self {
        let departed = Departed::new(&limits);
        Self {
            limits,
            share: meters.held_share(),
            meters,
            credit,
            traces: HashMap::new(),
            by_age: BTreeMap::new(),
            arrivals: 0,
            due: BinaryHeap::new(),
            touched: Vec::new(),
            leaving: Vec::new(),
            departed,
            bytes: 0,
            spans: 0,
            now: None,
        }
    }

    /// The time of the batch whose spans come next.
    pub(super) fn begin(&mut self, now: Instant) {
        self.now = Some(now);
        self.measure();
    }

    /// Takes a copy of a span, unless the same span waits here already.
    pub(super) fn offer(&mut self, engine: Engine, from: &Provenance, trace: TraceId, span: SpanView<'_>) -> Offered {
        let Some(now) = self.now else {
            return Offered::Refused;
        };
        if !self.traces.contains_key(&trace) {
            self.open(trace, now);
        }
        let Some(waiting) = self.traces.get_mut(&trace) else {
            return Offered::Refused;
        };
        let before = waiting.bytes_len();
        let added = waiting.add(engine, from, span, now);
        let (arrival, after, count) = (waiting.arrival(), waiting.bytes_len(), waiting.len());
        self.bytes = (self.bytes + after).saturating_sub(before);
        let has_changed = added == Added::New || after != before;
        if has_changed && self.touched.last() != Some(&arrival) {
            self.touched.push(arrival);
        }
        if added == Added::Already {
            self.meters.duplicates.add(1);
        } else {
            self.spans += 1;
            if count >= self.limits.spans_per_trace_max as usize {
                self.leave(arrival, Leave::Long);
            }
        }
        self.make_room();
        match added {
            Added::New => Offered::Held,
            Added::Already => Offered::Duplicate,
        }
    }

    /// When [`release`](Self::release) should come next.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        if !self.leaving.is_empty() || !self.touched.is_empty() {
            return self.now;
        }
        let due = self.due.peek().map(|Reverse((at, _))| *at);
        match (due, self.departed.wake_at()) {
            (Some(due), Some(forget)) => Some(due.min(forget)),
            (due, forget) => due.or(forget),
        }
    }

    /// Lets go of traces that are whole or have waited long enough; of all of them when asked.
    pub(super) fn release(&mut self, now: Instant, everything: bool, judge: &Judge) -> Option<Released> {
        self.let_whole_ones_go(judge);
        self.let_overdue_ones_go(now);
        while everything && let Some((_, trace)) = self.by_age.first_key_value() {
            let Some(arrival) = self.traces.get(trace).map(Waiting::arrival) else {
                break;
            };
            self.leave(arrival, Leave::Drain);
        }
        self.departed.forget_until(now);
        let written = self.write(now, judge);
        self.measure();
        written
    }

    fn open(&mut self, trace: TraceId, now: Instant) {
        let arrival = self.arrivals;
        self.arrivals += 1;
        let waiting = Waiting::new(trace, arrival, now);
        self.bytes += waiting.bytes_len();
        self.due.push(Reverse((now + *self.limits.idle_window, arrival)));
        self.by_age.insert(arrival, trace);
        self.traces.insert(trace, waiting);
    }

    /// The oldest traces make room.
    fn make_room(&mut self) {
        let limit = usize::try_from(self.limits.bytes_max).unwrap_or(usize::MAX);
        while self.traces.len() > self.limits.traces_max as usize || self.bytes > limit {
            let Some((arrival, _)) = self.by_age.first_key_value() else {
                break;
            };
            self.leave(*arrival, Leave::Full);
        }
    }

    /// Takes a trace out of everything; it is written with the next release.
    fn leave(&mut self, arrival: u64, why: Leave) {
        let Some(trace) = self.by_age.remove(&arrival) else {
            return;
        };
        let Some(waiting) = self.traces.remove(&trace) else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(waiting.bytes_len());
        self.spans = self.spans.saturating_sub(waiting.len());
        self.leaving.push((waiting, why));
        self.clear_alarms();
    }

    fn let_whole_ones_go(&mut self, judge: &Judge) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for arrival in touched {
            let trace = self.by_age.get(&arrival);
            let waiting = trace.and_then(|trace| self.traces.get_mut(trace));
            if waiting.is_some_and(|waiting| waiting.is_whole(judge)) {
                self.leave(arrival, Leave::Whole);
            }
        }
    }

    fn let_overdue_ones_go(&mut self, now: Instant) {
        while let Some(Reverse((at, arrival))) = self.due.peek().copied() {
            let waiting = self.by_age.get(&arrival).and_then(|trace| self.traces.get(trace));
            let Some(waiting) = waiting else {
                self.due.pop(); // It left before its time.
                continue;
            };
            if at > now {
                break;
            }
            self.due.pop();
            let (idle_at, overdue_at) = waiting.deadlines(&self.limits);
            if overdue_at <= now {
                self.leave(arrival, Leave::Overdue);
            } else if idle_at <= now {
                self.leave(arrival, Leave::Idle);
            } else {
                self.due.push(Reverse((idle_at.min(overdue_at), arrival)));
            }
        }
    }

    /// Judges what leaves and writes it. Spans of one place stand together, whatever their trace: a large resource that
    /// thousands of traces share leaves once and not thousands of times. Within a place the oldest trace comes first.
    fn write(&mut self, now: Instant, judge: &Judge) -> Option<Released> {
        let mut leaving = std::mem::take(&mut self.leaving);
        leaving.sort_by_key(|(waiting, _)| waiting.arrival());
        let mut all = Vec::new();
        for (waiting, why) in leaving {
            self.meters.released(why);
            let trace = waiting.trace();
            let judged = waiting.conclude(judge);
            let told: Vec<(SpanId, &Verdict)> = judged.iter().map(|span| (span.id(), &span.verdict)).collect();
            self.departed.remember(trace, &told, now);
            all.extend(judged);
        }
        all.sort_by_key(|span: &Judged| span.fingerprint); // Stable, so traces stay in order.
        let mut builder = TracesBuilder::new();
        for span in &all {
            builder.push(&span.place, SpanView::of(&span.bytes));
        }
        let verdicts = all.into_iter().map(|span| span.verdict).collect();
        Some(judge.carry_out(builder.build()?, verdicts, now))
    }

    /// Publishes what is held and charges the process's memory for it, also beyond its limit: what was let in stays,
    /// and the next sender at the door is refused instead.
    fn measure(&mut self) {
        let leaving: usize = self.leaving.iter().map(|(waiting, _)| waiting.bytes_len()).sum();
        let bytes = self.bytes + leaving + self.departed.bytes_len();
        self.credit.set(bytes as u64);
        self.share.publish([self.traces.len(), self.spans, bytes]);
    }

    /// Clears away the alarms of traces that left, when they have become the larger part.
    fn clear_alarms(&mut self) {
        if self.due.len() > 2 * self.traces.len() + ALARMS_SLACK {
            let by_age = &self.by_age;
            self.due.retain(|Reverse((_, arrival))| by_age.contains_key(arrival));
        }
    }

    /// Alarms that are set.
    #[cfg(test)]
    pub(super) fn alarms(&self) -> usize {
        self.due.len()
    }
}
