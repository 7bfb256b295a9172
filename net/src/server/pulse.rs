//! What a connection did lately, for the task that ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a connection did lately. Shared by its requests and by the task that ends it.
#[derive(Debug)]
pub(super) struct Pulse {
    begun: Instant,
    in_flight: AtomicU32,
    /// Milliseconds after `begun` at which the last request ended; zero before there was one.
    quiet_since: AtomicU64,
}

/// A request that is under way.
pub(super) struct Beat(Arc<Pulse>);

impl Pulse {
    pub(super) fn new(now: Instant) -> Arc<Self> {
        Arc::new(Self {
            begun: now,
            in_flight: AtomicU32::new(0),
            quiet_since: AtomicU64::new(0),
        })
    }

    /// A request began; it ends when the beat is dropped.
    pub(super) fn beat(self: &Arc<Self>) -> Beat {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Beat(Arc::clone(self))
    }

    /// Whether there was a request.
    pub(super) fn has_asked(&self) -> bool {
        self.quiet_since.load(Ordering::Relaxed) > 0 || self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// Since when no request is under way; None while one is.
    pub(super) fn quiet_since(&self) -> Option<Instant> {
        let quiet_since = Duration::from_millis(self.quiet_since.load(Ordering::Relaxed));
        (self.in_flight.load(Ordering::Relaxed) == 0).then(|| self.begun + quiet_since)
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        let elapsed = tokio::time::Instant::now()
            .into_std()
            .saturating_duration_since(self.0.begun);
        // Zero means that there was no request.
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        self.0.quiet_since.store(elapsed_ms, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
