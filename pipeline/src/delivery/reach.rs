//! Whether a destination answers, as far as the log tells it: the first failure, a reminder now and then, and the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the log is reminded of a destination that does not answer: seldom enough for a night, often enough for a
/// look at the last page.
const REMIND_AFTER: Duration = Duration::from_secs(60);

/// What is known of one destination.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Whether the rest is worth a lock: nearly every attempt ends well.
    is_away: AtomicBool,
    away: Mutex<Option<Away>>,
}

#[derive(Debug, Clone, Copy)]
struct Away {
    since: Instant,
    told_at: Instant,
    attempts: u64,
}

/// What the log is to say about a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is the first after one that ended well.
    First,
    /// It goes on: attempts so far, and for how long.
    Still(u64, Duration),
    /// Nothing new.
    Known,
}

impl Reach {
    /// An attempt failed and will be tried again.
    pub(super) fn failed(&self, now: Instant) -> Failed {
        self.is_away.store(true, Ordering::Relaxed);
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(away) = away.as_mut() else {
            *away = Some(Away {
                since: now,
                told_at: now,
                attempts: 1,
            });
            return Failed::First;
        };
        away.attempts += 1;
        if now.saturating_duration_since(away.told_at) < REMIND_AFTER {
            return Failed::Known;
        }
        away.told_at = now;
        Failed::Still(away.attempts, now.saturating_duration_since(away.since))
    }

    /// The destination answered, whatever it said. For how long it had not, if the log has told so.
    pub(super) fn answered(&self, now: impl FnOnce() -> Instant) -> Option<Duration> {
        if !self.is_away.swap(false, Ordering::Relaxed) {
            return None;
        }
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(now().saturating_duration_since(away.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)] // Any moment will do.
    fn the_first_failure_is_told_then_a_reminder_each_minute_then_the_end() {
        let reach = Reach::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);

        assert_eq!(reach.answered(|| at(0)), None);
        assert_eq!(reach.failed(at(1)), Failed::First);
        assert_eq!(reach.failed(at(30)), Failed::Known);
        assert_eq!(reach.failed(at(61)), Failed::Still(3, Duration::from_secs(60)));
        assert_eq!(reach.failed(at(62)), Failed::Known);
        assert_eq!(reach.answered(|| at(70)), Some(Duration::from_secs(69)));
        assert_eq!(reach.answered(|| at(71)), None);
        assert_eq!(reach.failed(at(72)), Failed::First);
    }
}
