//! Requests that were counted a moment ago, so that each is counted once.
//!
//! An engine that is asked for several answers to one prompt (`n`) sends a span for each, and every one repeats the
//! prompt's tokens. The first that comes counts for the request, the others only for themselves.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::dictionary::Word;
use super::said::Said;

/// Hashes of requests; the oldest leaves first.
///
/// A hash is 64 bits under a key of this process: among the requests of one window two share one about as often as a
/// bit flips in memory, and nobody outside can look for a pair that does.
#[derive(Debug)]
pub(super) struct Recent {
    hashing: RandomState,
    known: HashTable<u64>,
    order: VecDeque<(Instant, u64)>,
    most: usize,
    window: Duration,
    forgotten: u64,
}

impl Recent {
    /// Remembers `most` requests, for as long as `window`.
    pub(super) fn new(most: usize, window: Duration) -> Self {
        Self {
            hashing: RandomState::default(),
            known: HashTable::new(),
            order: VecDeque::new(),
            most,
            window,
            forgotten: 0,
        }
    }

    /// Whether a span is the first of its request. One that does not say which request it is stands for one.
    ///
    /// Siblings have the same parent and request id. Without a parent they are in traces of their own; then they come
    /// from the same process (`sender`) and began at the same nanosecond, because the request arrived once. The id
    /// alone would not do: clients choose it.
    #[inline]
    pub(super) fn is_first(&mut self, said: &Said<'_>, sender: &[u8], now: Instant) -> bool {
        let request_id = said.word(Word::RequestId).as_bytes();
        if request_id.is_empty() {
            return true;
        }
        let mut hasher = self.hashing.build_hasher();
        hasher.write(request_id);
        match said.parent {
            Some(parent) => {
                hasher.write(&said.trace_id.0);
                hasher.write(&parent.0);
            }
            None => {
                hasher.write(sender);
                hasher.write_u64(said.start);
            }
        }
        self.remember(hasher.finish(), now)
    }

    /// Requests that were forgotten before their time since this was asked for last.
    pub(super) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    /// Whether this is new; it no longer is.
    #[inline]
    fn remember(&mut self, request: u64, now: Instant) -> bool {
        if self.known.find(request, |known| *known == request).is_some() {
            return false;
        }
        if self.order.len() >= self.most {
            self.forgotten += 1;
            self.forget_oldest();
        }
        self.known.insert_unique(request, request, |known| *known);
        self.order.push_back((now, request));
        true
    }

    /// Forgets what has been known for longer than the window; before every batch.
    pub(super) fn forget_until(&mut self, now: Instant) {
        let window = self.window;
        let is_old = |(then, _): &(Instant, u64)| now.saturating_duration_since(*then) > window;
        while self.order.front().is_some_and(is_old) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, request)) = self.order.pop_front()
            && let Ok(known) = self.known.find_entry(request, |known| *known == request)
        {
            known.remove();
        }
    }
}
