//! Phase spans that vLLM makes itself, as some versions and forks do.
//!
//! Such a request has its phases already: its own spans are annotated and none are made. The spans of a tracer end
//! before the span above them and so come before it, and this is what makes the case recognisable without holding
//! requests back. A phase span that comes after its request in the same batch stays without a phase, so that no sum
//! counts the phase twice.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use pipeline::payload::{SpanId, TraceId};

use super::phase::Phase;

/// Requests that are remembered at once, 100 bytes each: a thousand requests a second for the ten seconds in which two
/// processes have flushed. The oldest is forgotten first, and then decomposed as if it had no phases.
const REQUESTS_MAX: usize = 10_000;

type Key = (TraceId, SpanId);

/// Requests of which the engine's own phase spans came.
#[derive(Debug)]
pub(super) struct Native {
    keep: Duration,
    requests: HashSet<Key>,
    /// In the order in which they came, each with the time until which it is remembered.
    order: VecDeque<(Instant, Key)>,
    /// Requests of the batch at hand that were decomposed, in order.
    decomposed: Vec<Key>,
    /// The first so many of them, as a set: filled when a phase span asks, because most engines have none.
    looked_up: (usize, HashSet<Key>),
    now: Option<Instant>,
}

impl Native {
    /// Remembers a request for this long.
    pub(super) fn new(keep: Duration) -> Self {
        Self {
            keep,
            requests: HashSet::new(),
            order: VecDeque::new(),
            decomposed: Vec::new(),
            looked_up: (0, HashSet::new()),
            now: None,
        }
    }

    /// A batch begins; what is remembered for long enough is forgotten.
    pub(super) fn begin(&mut self, now: Instant) {
        self.now = Some(now);
        self.decomposed.clear();
        self.looked_up.0 = 0;
        self.looked_up.1.clear();
        while let Some((until, key)) = self.order.front()
            && *until <= now
        {
            self.requests.remove(key);
            self.order.pop_front();
        }
    }

    /// A phase span of this request came. False when the request was decomposed before it in this batch.
    pub(super) fn precedes(&mut self, trace: TraceId, request: SpanId) -> bool {
        let key = (trace, request);
        let (count, set) = &mut self.looked_up;
        set.extend(self.decomposed.iter().skip(*count));
        *count = self.decomposed.len();
        if set.contains(&key) {
            return false;
        }
        let Some(now) = self.now else { return false };
        if self.requests.insert(key) {
            self.order.push_back((now + self.keep, key));
        }
        if self.order.len() > REQUESTS_MAX
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.requests.remove(&oldest);
        }
        true
    }

    /// Whether a request came after phase spans of its own. One that did not is remembered for the batch.
    #[inline]
    pub(super) fn has_phases(&mut self, trace: TraceId, request: SpanId) -> bool {
        let key = (trace, request);
        if !self.requests.is_empty() && self.requests.contains(&key) {
            return true;
        }
        self.decomposed.push(key);
        false
    }
}

/// The phase that a span of vLLM's own tracer shows, by its name. Spans per step (`vllm_step_execution`) are no phase.
pub(super) fn phase_of(name: &[u8]) -> Option<Phase> {
    match name {
        b"vllm_queue" | b"queue" => Some(Phase::Queue),
        b"vllm_prefill" | b"prefill" => Some(Phase::Prefill),
        b"vllm_decode" | b"decode" => Some(Phase::Decode),
        b"vllm_async_kv_transfer" => Some(Phase::KvTransfer),
        _ => None,
    }
}
