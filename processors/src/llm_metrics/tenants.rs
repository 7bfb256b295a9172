//! Which tenants have series of their own: a bounded number, and the others share one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The tenant of those that have no series of their own. No sender can have this name: `tenant` refuses it.
pub(super) const OTHER: &str = "_other";

/// Tenants with series of their own. The first come keep theirs until these have ended, so that no series jumps.
#[derive(Debug)]
pub(super) struct Tenants {
    /// When each was counted last.
    known: HashMap<Box<[u8]>, Instant>,
    most: usize,
    /// Series to which nothing was added for this long have ended; None if they never do.
    ended_after: Option<Duration>,
    /// Before then nobody's have, so that looking is vain.
    look_at: Option<Instant>,
}

impl Tenants {
    /// At most so many; 0 for any number.
    pub(super) fn new(most: u32, ended_after: Option<Duration>) -> Self {
        Self {
            known: HashMap::new(),
            most: if most == 0 { usize::MAX } else { most as usize },
            ended_after,
            look_at: None,
        }
    }

    /// Whether a tenant has series of its own.
    pub(super) fn admits(&mut self, tenant: &[u8], now: Instant) -> bool {
        if let Some(used) = self.known.get_mut(tenant) {
            *used = now.max(*used);
            return true;
        }
        if self.known.len() >= self.most && !self.make_room(now) {
            return false;
        }
        self.known.insert(tenant.into(), now);
        true
    }

    /// Forgets those whose series have ended.
    fn make_room(&mut self, now: Instant) -> bool {
        let Some(ended_after) = self.ended_after else {
            return false;
        };
        if self.look_at.is_some_and(|look_at| now < look_at) {
            return false;
        }
        self.known
            .retain(|_, used| now.saturating_duration_since(*used) <= ended_after);
        self.look_at = self.known.values().min().map(|used| *used + ended_after);
        self.known.len() < self.most
    }
}
