//! When the API server is asked again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The pause after the first failure; it doubles with each that follows.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest pause, without what chance adds. An API server that comes back is heard of within a minute.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The least time from one watch to the next. A proxy that ends every watch at once would be asked without end otherwise.
pub(crate) const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// Says when to ask again.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    failures: u32,
    not_before: Option<Instant>,
}

impl Pace {
    /// Waits until it is time.
    pub(crate) async fn wait(&self) {
        if let Some(at) = self.not_before {
            sleep_until(at).await;
        }
    }

    /// The last question failed. `after` is what the API server asked for, if it did.
    pub(crate) fn failed(&mut self, after: Option<Duration>) {
        let doubled = PAUSE_MIN.saturating_mul(1 << self.failures.min(8)).min(PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        // All agents of a cluster lose the same API server at once and must not come back at once.
        let pause = doubled.mul_f64(1.0 + chance());
        self.not_before = Some(Instant::now() + pause.max(after.unwrap_or_default().min(PAUSE_MAX * 2)));
    }

    /// A watch was taken. That alone is no success: it may begin with an error.
    pub(crate) fn opened(&mut self) {
        self.not_before = Some(Instant::now() + WATCH_PAUSE);
    }

    /// A watch works.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// Between 0 and 1; the standard library seeds its hashers by chance.
fn chance() -> f64 {
    let drawn = RandomState::new().hash_one(0_u8) as u32;
    f64::from(drawn) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(pace: &Pace) -> Duration {
        let at = pace.not_before.unwrap_or_else(Instant::now);
        at.duration_since(Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_half_a_minute_and_chance_adds_as_much_again() {
        let mut pace = Pace::default();

        for least in [1, 2, 4, 8, 16, 30, 30, 30] {
            pace.failed(None);
            let least = Duration::from_secs(least);
            assert!(pause(&pace) >= least && pause(&pace) <= 2 * least, "{:?}", pause(&pace));
        }
        pace.opened();
        assert_eq!(pause(&pace), WATCH_PAUSE);
        pace.succeeded();
        pace.failed(None);
        assert!(pause(&pace) <= 2 * PAUSE_MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_api_server_asks_for_is_waited_up_to_a_minute() {
        let mut pace = Pace::default();

        pace.failed(Some(Duration::from_secs(20)));
        assert_eq!(pause(&pace), Duration::from_secs(20));
        pace.failed(Some(Duration::from_secs(86_400)));
        assert_eq!(pause(&pace), Duration::from_secs(60));
    }
}
