//! One instance of an engine, as its request spans tell of it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::kept::{Kept, Newest};
use super::locked;
use super::matching::{InstanceFacts, SenderFacts};
use super::window::{BySecond, Spans};
use crate::payload::{SpanId, TraceId};

/// What a duration of a request is about: the same that engines have histograms of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// From arrival to the first token.
    FirstToken,
    /// From arrival to the last token, as the engine measured it.
    EndToEnd,
    /// In the queue.
    Queue,
    /// From the first step to the first token.
    Prefill,
    /// From the first to the last token.
    Decode,
    /// From the first step to the last token.
    Inference,
}

impl Role {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::FirstToken,
        Self::EndToEnd,
        Self::Queue,
        Self::Prefill,
        Self::Decode,
        Self::Inference,
    ];
}

/// What a span says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it ended, in nanoseconds since 1970.
    pub end: u64,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its span.
    pub span_id: SpanId,
    /// By role, in nanoseconds; none where the engine did not say.
    pub durations: [Option<u64>; Role::ALL.len()],
}

/// Ends later than this after our own clock are of a wrong clock. Kept for an exemplar, they would stand in front of all
/// that follow.
const AHEAD_MAX_NS: u64 = 5_000_000_000;

/// One instance of an engine.
#[derive(Debug)]
pub struct Instance {
    /// What is known about it, for finding its target.
    facts: InstanceFacts,
    /// Where its batches came from; shared with every desk that reads them.
    clients: Mutex<Clients>,
    said: Mutex<Said>,
    /// When it was last heard from, by our own clock.
    heard: AtomicU64,
    /// It was forgotten: who still holds it asks for it anew.
    has_left: AtomicBool,
}

/// The addresses from which an instance was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    /// Nobody knows: its batches were merged with others.
    Unknown,
    /// Always the same.
    One(IpAddr),
    /// Somebody stands in between, so that addresses say nothing.
    Several,
}

impl Clients {
    pub(super) fn of(client: Option<IpAddr>) -> Self {
        client.map_or(Self::Unknown, Self::One)
    }
}

/// What its spans said.
#[derive(Debug)]
struct Said {
    requests: u64,
    by_second: BySecond,
    newest: Newest,
}

impl Instance {
    pub(super) fn new(sender: &SenderFacts<'_>, now: u64) -> Self {
        Self {
            facts: InstanceFacts::of(sender),
            clients: Mutex::new(Clients::of(sender.client)),
            said: Mutex::new(Said {
                requests: 0,
                by_second: BySecond::new(),
                newest: Newest::new(),
            }),
            heard: AtomicU64::new(now),
            has_left: AtomicBool::new(false),
        }
    }

    /// A span tells of a request that has ended. `now` is our own clock's, in nanoseconds since 1970.
    #[inline]
    pub fn saw(&self, request: &Request, now: u64) {
        self.heard.store(now, Ordering::Relaxed);
        let mut said = locked(&self.said);
        said.requests += 1;
        // Whatever the engine's clock says, it has ended by now, and counts in the window that the page is compared with.
        said.by_second.add(request.end.min(now));
        if request.end <= now.saturating_add(AHEAD_MAX_NS) && !request.trace_id.is_zero() {
            said.newest.offer(request);
        }
    }

    /// Request spans since it is remembered.
    pub fn requests(&self) -> u64 {
        self.said().requests
    }

    /// Request spans that ended in a span of time.
    pub fn spans(&self, after: u64, until: u64) -> Spans {
        self.said().by_second.between(after, until)
    }

    /// The requests that are kept for a role, in no order.
    pub fn kept(&self, role: Role, out: &mut Vec<Kept>) {
        self.said().newest.of(role, out);
    }

    /// Whether it was forgotten, so that what is told about it now nobody reads.
    #[inline]
    pub fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Relaxed)
    }

    pub(super) fn leave(&self) {
        self.has_left.store(true, Ordering::Relaxed);
    }

    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    pub(super) fn facts(&self) -> &InstanceFacts {
        &self.facts
    }

    pub(super) fn clients(&self) -> Clients {
        *locked(&self.clients)
    }

    /// Notes where a batch of it came from; says whether that tells something new.
    pub(super) fn is_heard_from(&self, client: Option<IpAddr>, now: u64) -> bool {
        self.heard.store(now, Ordering::Relaxed);
        let mut clients = locked(&self.clients);
        let with = match (*clients, client) {
            (before, None) => before,
            (Clients::Unknown, Some(client)) => Clients::One(client),
            (Clients::One(before), Some(client)) if before == client => Clients::One(client),
            _ => Clients::Several,
        };
        std::mem::replace(&mut *clients, with) != with
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        locked(&self.said)
    }
}
