//! Traces that left a while ago.
//!
//! A sender that did not hear from us sends again, and then the rest of the trace is gone. What was decided about its
//! spans is kept for a while, so that the repetition leaves with the same attributes and the same children as the
//! first time, instead of being judged by the little that came twice.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use pipeline::payload::{SpanId, TraceId};

use super::config::AssemblerConfig;
use super::verdict::Verdict;

/// Memories may take this part of the assembler's memory: they help only when something was sent twice.
const SHARE_OF_BYTES: u64 = 4;

/// What an id and its place in the tables cost, rounded up.
const ID_BYTES: usize = 32;

/// What was decided about traces that left.
#[derive(Debug)]
pub(super) struct Departed {
    traces: HashMap<TraceId, Memory>,
    /// Departures in order, each with the time until which it is remembered.
    order: VecDeque<(Instant, TraceId, u64)>,
    departures: u64,
    bytes: usize,
    bytes_max: usize,
    traces_max: usize,
    keep: std::time::Duration,
}

#[derive(Debug)]
struct Memory {
    /// The departure that it stems from: a trace may come and leave again.
    departure: u64,
    /// Nothing for a span that left as it came.
    verdicts: HashMap<SpanId, Option<Box<Verdict>>>,
    bytes: usize,
}

impl Departed {
    /// Nothing yet.
    pub(super) fn new(limits: &AssemblerConfig) -> Self {
        Self {
            traces: HashMap::new(),
            order: VecDeque::new(),
            departures: 0,
            bytes: 0,
            bytes_max: usize::try_from(limits.bytes_max / SHARE_OF_BYTES).unwrap_or(usize::MAX),
            traces_max: limits.traces_max as usize,
            keep: *limits.wait_max,
        }
    }

    /// What was decided about a span: `None` if it is not remembered.
    pub(super) fn recall(&self, trace: TraceId, span: SpanId) -> Option<Option<&Verdict>> {
        let verdict = self.traces.get(&trace)?.verdicts.get(&span)?;
        Some(verdict.as_deref())
    }

    /// Keeps what was decided. Of a trace that left before, the older decisions stay beside the new ones.
    pub(super) fn remember(&mut self, trace: TraceId, told: &[(SpanId, &Verdict)], now: Instant) {
        self.departures += 1;
        let mut memory = self.traces.remove(&trace).unwrap_or(Memory {
            departure: 0,
            verdicts: HashMap::new(),
            bytes: 0,
        });
        self.bytes = self.bytes.saturating_sub(memory.bytes);
        memory.departure = self.departures;
        for (id, verdict) in told {
            let kept = (!verdict.is_nothing()).then(|| Box::new((*verdict).clone()));
            memory.bytes += ID_BYTES + kept.as_ref().map_or(0, |verdict| verdict.bytes_len());
            memory.verdicts.insert(*id, kept);
        }
        self.bytes += memory.bytes;
        self.order.push_back((now + self.keep, trace, self.departures));
        self.traces.insert(trace, memory);
        while self.bytes > self.bytes_max || self.order.len() > self.traces_max {
            if !self.forget_oldest() {
                break;
            }
        }
    }

    /// Forgets what left long ago.
    pub(super) fn forget_until(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, ..)| *until <= now) {
            self.forget_oldest();
        }
    }

    /// When something may be forgotten.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.order.front().map(|(until, ..)| *until)
    }

    /// Memory that it takes.
    pub(super) fn bytes_len(&self) -> usize {
        self.bytes
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((_, trace, departure)) = self.order.pop_front() else {
            return false;
        };
        if self
            .traces
            .get(&trace)
            .is_some_and(|memory| memory.departure == departure)
            && let Some(memory) = self.traces.remove(&trace)
        {
            self.bytes = self.bytes.saturating_sub(memory.bytes);
        }
        true
    }
}
