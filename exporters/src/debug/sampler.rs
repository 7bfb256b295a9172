//! How many batches of each second are shown.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The span of time that the two sampling keys are about, as in the Collector.
const SECOND: Duration = Duration::from_secs(1);

/// Shows the first batches of each second and then every so many-th.
#[derive(Debug)]
pub(super) struct Sampler {
    initial: u64,
    thereafter: u64,
    /// When the current second began, and the batches in it.
    second: Mutex<Option<(Instant, u64)>>,
}

impl Sampler {
    pub(super) fn new(initial: u64, thereafter: u64) -> Self {
        Self {
            initial,
            thereafter,
            second: Mutex::new(None),
        }
    }

    /// Whether the batch that came at `now` is shown.
    pub(super) fn shows(&self, now: Instant) -> bool {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, batches) = match *second {
            Some((began, batches)) if now.saturating_duration_since(began) < SECOND => (began, batches + 1),
            _ => (now, 1),
        };
        *second = Some((began, batches));
        match batches.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(after) => after.checked_rem(self.thereafter) == Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use pipeline::outside::{Clock, SystemClock};

    use super::*;

    fn now() -> Instant {
        SystemClock.now()
    }

    fn shown(sampler: &Sampler, now: Instant, batches: usize) -> Vec<bool> {
        (0..batches).map(|_| sampler.shows(now)).collect()
    }

    #[test]
    fn after_the_first_ones_every_third_is_shown() {
        let sampler = Sampler::new(2, 3);

        assert_eq!(
            shown(&sampler, now(), 8),
            [true, true, false, false, true, false, false, true]
        );
    }

    #[test]
    fn every_second_begins_anew() {
        let (sampler, now) = (Sampler::new(1, 0), now());

        assert_eq!(shown(&sampler, now, 3), [true, false, false]);
        assert_eq!(shown(&sampler, now + SECOND, 2), [true, false]);
    }

    #[test]
    fn by_default_everything_is_shown() {
        let sampler = Sampler::new(2, 1);

        assert!(shown(&sampler, now(), 100).into_iter().all(|shown| shown));
    }
}
