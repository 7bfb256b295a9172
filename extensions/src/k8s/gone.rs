//! Pods that went, of which spans may still come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pipeline::context::pods::Pod;
use tokio::time::Instant;

/// Pods that are remembered after they went. A large rollout replaces a few thousand within the two minutes of the default; at
/// some 2 KiB each they take less than 10 MiB.
pub(super) const GONE_MAX: usize = 4_096;

/// Pods that went, in the order in which they did.
pub(super) struct Gone {
    kept: Duration,
    pods: VecDeque<(Instant, Arc<Pod>)>,
}

impl Gone {
    pub(super) fn new(kept: Duration) -> Self {
        Self {
            kept,
            pods: VecDeque::new(),
        }
    }

    /// Remembers a pod from now on. Says whether another had to be forgotten before its time.
    pub(super) fn add(&mut self, pod: &Pod, wall: SystemTime, now: Instant) -> bool {
        if self.kept.is_zero() {
            return false;
        }
        let gone = Pod {
            gone_at: Some(pod.gone_at.unwrap_or(wall)),
            ..pod.clone()
        };
        self.pods.push_back((now + self.kept, Arc::new(gone)));
        let is_full = self.pods.len() > GONE_MAX;
        if is_full {
            self.pods.pop_front();
        }
        is_full
    }

    /// Forgets those whose time has come.
    pub(super) fn forget(&mut self, now: Instant) {
        while self.pods.front().is_some_and(|(until, _)| *until <= now) {
            self.pods.pop_front();
        }
    }

    /// When the next is to be forgotten.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.pods.front().map(|(until, _)| *until)
    }

    pub(super) fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.iter().map(|(_, pod)| pod)
    }

    pub(super) fn len(&self) -> usize {
        self.pods.len()
    }
}
