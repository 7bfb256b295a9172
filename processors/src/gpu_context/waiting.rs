//! Spans that wait for samples, or for requests that ran at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipeline::Credit;
use pipeline::payload::{Place, SpanId, SpanView, TraceId};

use super::resolve::Used;

/// What a span costs beyond its bytes, rounded up.
const SPAN_OVERHEAD_BYTES: usize = 256;

/// How often those that wait are looked at: about as often as slow samples come.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A span that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) place: Place,
    pub(super) bytes: Box<[u8]>,
    pub(super) used: Arc<Used>,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) start: u64,
    pub(super) end: u64,
    /// It waits for its share of energy too.
    pub(super) shares: bool,
    /// It leaves then at the latest.
    pub(super) deadline: Instant,
}

impl Held {
    pub(super) fn view(&self) -> SpanView<'_> {
        SpanView::of(&self.bytes)
    }

    fn bytes_len(&self) -> usize {
        self.bytes.len() + self.place.bytes_len() + SPAN_OVERHEAD_BYTES
    }
}

/// Spans that wait, in the order in which they came.
#[derive(Debug)]
pub(super) struct Waiting {
    spans: Vec<Held>,
    spans_max: usize,
    bytes: usize,
    bytes_max: usize,
    look_at: Option<Instant>,
    /// Their memory, in the process's budget.
    credit: Credit,
}

impl Waiting {
    pub(super) fn new(spans_max: u32, bytes_max: u64, credit: Credit) -> Self {
        Self {
            spans: Vec::new(),
            spans_max: spans_max as usize,
            bytes: 0,
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
            look_at: None,
            credit,
        }
    }

    /// Keeps a span. Its place counts as if it were its own, though spans of one batch share it.
    pub(super) fn keep(&mut self, held: Held, now: Instant) {
        let held_until = held.deadline;
        self.bytes += held.bytes_len();
        self.credit.set(self.bytes as u64);
        self.spans.push(held);
        let look_at = if self.is_full() {
            now
        } else {
            held_until.min(now + LOOK_EVERY)
        };
        self.look_at = Some(self.look_at.map_or(look_at, |before| before.min(look_at)));
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Takes out whoever is ready, and the oldest where there are too many.
    pub(super) fn take(&mut self, now: Instant, is_ready: impl Fn(&Held) -> bool) -> Vec<Held> {
        let mut ready = Vec::new();
        let mut bytes = self.bytes;
        let mut count = self.spans.len();
        let mut rest = Vec::with_capacity(count);
        for held in std::mem::take(&mut self.spans) {
            let is_too_much = count > self.spans_max || bytes > self.bytes_max;
            if is_too_much || held.deadline <= now || is_ready(&held) {
                bytes -= held.bytes_len();
                count -= 1;
                ready.push(held);
            } else {
                rest.push(held);
            }
        }
        self.spans = rest;
        self.bytes = bytes;
        self.credit.set(bytes as u64);
        let first_deadline = self.spans.iter().map(|held| held.deadline).min();
        self.look_at = first_deadline.map(|at| at.min(now + LOOK_EVERY));
        ready
    }

    fn is_full(&self) -> bool {
        self.spans.len() > self.spans_max || self.bytes > self.bytes_max
    }
}
