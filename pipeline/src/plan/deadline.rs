//! Until when a shutdown waits.

use std::time::Duration;

use tokio::time::Instant;

use crate::component::Stop;

/// A moment that may come sooner than planned.
pub(super) struct Deadline {
    at: Instant,
    haste: Stop,
}

impl Deadline {
    /// After this time, or as soon as `haste` says so.
    pub(super) fn new(after: Duration, haste: &Stop) -> Self {
        Self {
            at: Instant::now() + after,
            haste: haste.clone(),
        }
    }

    /// Returns when it has passed.
    pub(super) async fn passed(&self) {
        tokio::select! {
            () = tokio::time::sleep_until(self.at) => {}
            () = self.haste.cancelled() => {}
        }
    }
}
