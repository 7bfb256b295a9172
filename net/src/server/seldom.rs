//! What is logged now and then, because who cannot get in comes again every few seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Of each reason one is logged in this time, with how many others there were.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// What was logged, by reason, of which there are so many.
#[derive(Debug)]
pub struct Seldom<const REASONS: usize>(Mutex<[Logged; REASONS]>);

/// What was logged of one reason.
#[derive(Debug, Clone, Copy, Default)]
struct Logged {
    at: Option<Instant>,
    /// Not logged since.
    others: u64,
}

impl<const REASONS: usize> Default for Seldom<REASONS> {
    fn default() -> Self {
        Self(Mutex::new([Logged::default(); REASONS]))
    }
}

impl<const REASONS: usize> Seldom<REASONS> {
    /// Whether this one is to be logged, and how many before it were not.
    pub fn is_due(&self, reason: usize, now: Instant) -> Option<u64> {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let logged = logged.get_mut(reason)?;
        if logged
            .at
            .is_some_and(|at| now.saturating_duration_since(at) < LOGGED_EVERY)
        {
            logged.others += 1;
            return None;
        }
        logged.at = Some(now);
        Some(std::mem::take(&mut logged.others))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pipeline::outside::{Clock, ManualClock};

    use super::Seldom;

    #[test]
    fn of_each_reason_one_is_logged_a_minute_and_says_how_many_were_not() {
        let (seldom, start) = (Seldom::<2>::default(), ManualClock::new().now());
        let at = |reason, seconds| seldom.is_due(reason, start + Duration::from_secs(seconds));

        assert_eq!(at(0, 0), Some(0));
        assert_eq!((at(0, 1), at(0, 59)), (None, None));
        assert_eq!(at(1, 59), Some(0));
        assert_eq!(at(0, 60), Some(2));
        assert_eq!((at(0, 61), at(0, 121)), (None, Some(1)));
        assert_eq!(at(2, 0), None);
    }
}
