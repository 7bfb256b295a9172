//! Spans that wait for samples, or for requests that ran at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipeline::Credit;
use pipeline::payload::{EncodedAttributes, Place, SpanId, SpanView, TraceId};

use super::used::Used;

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
    /// It waits for samples until then at the latest.
    pub(super) settle_by: Instant,
    /// What its devices did, once samples have told.
    pub(super) told: Option<Told>,
    /// It waits for its share of energy too.
    pub(super) shares: bool,
    /// Until then at the latest; known once its phases have come.
    pub(super) share_by: Option<Instant>,
}

/// What a span's devices did, ready to be written. It is found out as soon as samples tell, because they are forgotten
/// while a span waits for its share.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) attributes: EncodedAttributes,
    /// Whether the energy of all of them is known.
    pub(super) has_energy: bool,
}

impl Held {
    pub(super) fn view(&self) -> SpanView<'_> {
        SpanView::of(&self.bytes)
    }

    fn bytes_len(&self) -> usize {
        let told = self.told.as_ref().map_or(0, |told| told.attributes.bytes_len());
        self.bytes.len() + self.place.bytes_len() + told + SPAN_OVERHEAD_BYTES
    }

    /// What it waits for next ends then.
    fn deadline(&self) -> Instant {
        match self.share_by {
            Some(share_by) if self.told.is_some() => share_by,
            _ => self.settle_by,
        }
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
        let held_until = held.deadline();
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
    pub(super) fn take(&mut self, now: Instant, mut is_ready: impl FnMut(&mut Held) -> bool) -> Vec<Held> {
        let mut ready = Vec::new();
        let mut bytes = self.bytes;
        let mut count = self.spans.len();
        let mut rest = Vec::with_capacity(count);
        for mut held in std::mem::take(&mut self.spans) {
            let is_too_much = count > self.spans_max || bytes > self.bytes_max;
            let before = held.bytes_len();
            let leaves = is_too_much || is_ready(&mut held);
            bytes = bytes - before + held.bytes_len();
            if leaves {
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
        let first_deadline = self.spans.iter().map(Held::deadline).min();
        self.look_at = first_deadline.map(|at| at.min(now + LOOK_EVERY));
        ready
    }

    fn is_full(&self) -> bool {
        self.spans.len() > self.spans_max || self.bytes > self.bytes_max
    }
}
