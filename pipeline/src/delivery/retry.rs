//! When to try again.

use std::time::Duration;

use super::RetryOnFailure;
use crate::outside::Random;

/// How long a destination can make us wait at most. Longer is a mistake of its clock, or worse.
const ASKED_MAX: Duration = Duration::from_secs(3600);

/// The shortest wait. `initial_interval: 0s` and `max_interval: 0s` are accepted, as in the Collector; without this a
/// destination that fails at once would be asked as often as a processor core can.
const WAIT_MIN: Duration = Duration::from_millis(10);

/// The waits between the attempts for one batch: exponential, spread at random, bounded.
#[derive(Debug)]
pub(super) struct BackOff<'a> {
    config: &'a RetryOnFailure,
    next: Duration,
}

impl<'a> BackOff<'a> {
    /// The waits for a fresh batch.
    pub(super) fn new(config: &'a RetryOnFailure) -> Self {
        Self {
            config,
            next: (*config.initial_interval).max(WAIT_MIN),
        }
    }

    /// How long to wait before the next attempt, `elapsed` after the first; None when the batch is to be given up.
    ///
    /// A destination that says when it wants to be asked is asked no earlier (OTLP specification, throttling).
    pub(super) fn next(&mut self, elapsed: Duration, asked: Option<Duration>, random: &dyn Random) -> Option<Duration> {
        if !self.config.enabled {
            return None;
        }
        let spread = 1.0 + self.config.randomization_factor * (2.0 * random.unit() - 1.0);
        let asked = asked.unwrap_or_default().min(ASKED_MAX);
        let wait = times(self.next, spread.max(0.0)).max(asked).max(WAIT_MIN);
        let limit = *self.config.max_elapsed_time;
        if !limit.is_zero() && elapsed.saturating_add(wait) > limit {
            return None;
        }
        self.next = times(self.next, self.config.multiplier).min(*self.config.max_interval);
        Some(wait)
    }
}

/// A duration times a factor; what no duration can hold is the longest one.
fn times(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Always the middle, so that nothing is spread.
    struct Middle;

    impl Random for Middle {
        fn unit(&self) -> f64 {
            0.5
        }
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        let config = RetryOnFailure::default();
        let mut back_off = BackOff::new(&config);

        let waits: Vec<u64> = (0..7)
            .map(|_| {
                back_off
                    .next(Duration::ZERO, None, &Middle)
                    .expect("never given up")
                    .as_millis() as u64
            })
            .collect();

        assert_eq!(waits, [5_000, 7_500, 11_250, 16_875, 25_312, 30_000, 30_000]);
    }

    #[test]
    fn a_batch_is_given_up_when_its_time_is_over() {
        let config = RetryOnFailure::default();
        let mut back_off = BackOff::new(&config);

        assert!(back_off.next(Duration::from_secs(290), None, &Middle).is_some());
        assert!(back_off.next(Duration::from_secs(296), None, &Middle).is_none());
    }

    #[test]
    fn the_destination_is_asked_no_earlier_than_it_wants() {
        let config = RetryOnFailure::default();
        let mut back_off = BackOff::new(&config);

        let wait = back_off.next(Duration::ZERO, Some(Duration::from_secs(20)), &Middle);

        assert_eq!(wait, Some(Duration::from_secs(20)));
    }

    #[test]
    fn a_destination_cannot_make_us_wait_for_ever() {
        let max_elapsed_time = config::Duration::from_secs(0);
        let config = RetryOnFailure {
            max_elapsed_time,
            multiplier: f64::MAX,
            ..RetryOnFailure::default()
        };
        let mut back_off = BackOff::new(&config);

        for _ in 0..3 {
            let wait = back_off.next(Duration::MAX, Some(Duration::from_secs(u64::MAX)), &Middle);
            assert_eq!(wait, Some(ASKED_MAX));
        }
    }

    #[test]
    fn there_is_a_pause_between_attempts_even_where_none_is_configured() {
        let config = RetryOnFailure {
            initial_interval: config::Duration::ZERO,
            max_interval: config::Duration::ZERO,
            ..RetryOnFailure::default()
        };
        let mut back_off = BackOff::new(&config);

        for _ in 0..3 {
            let wait = back_off.next(Duration::ZERO, None, &Middle);
            assert!(wait >= Some(WAIT_MIN), "{wait:?}");
        }
    }

    #[test]
    fn switched_off_there_is_one_attempt() {
        let config = RetryOnFailure {
            enabled: false,
            ..RetryOnFailure::default()
        };

        assert_eq!(BackOff::new(&config).next(Duration::ZERO, None, &Middle), None);
    }
}
