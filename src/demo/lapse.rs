//! A wall clock that tells the capture's time, faster than it really passes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline::outside::{Clock, SystemClock};

/// How much faster. The receiver `nvml` takes at most a hundred samples a second; divided by this they are the ten that it
/// takes by default.
pub(super) const SPEED: u32 = 10;

/// How long before the capture the clock begins. A jump into the capture is then always one forward, so that samples stay
/// in order.
const BEFORE: Duration = Duration::from_secs(3_600);

/// The clock of the pipeline whose GPUs are simulated. Waiting and deadlines stay the system's.
#[derive(Debug)]
pub(super) struct Lapse {
    /// A moment, and what this clock told then.
    anchor: Mutex<(Instant, SystemTime)>,
}

impl Lapse {
    /// A clock that runs towards a capture which began then, in nanoseconds since 1970.
    pub(super) fn before(capture_ns: u64) -> Self {
        let begin = UNIX_EPOCH + Duration::from_nanos(capture_ns);
        Self {
            anchor: Mutex::new((SystemClock.now(), begin - BEFORE)),
        }
    }

    /// Goes on from another time, in nanoseconds since 1970.
    pub(super) fn jump_to(&self, time_ns: u64) {
        let told = UNIX_EPOCH + Duration::from_nanos(time_ns);
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = (SystemClock.now(), told);
    }
}

impl Clock for Lapse {
    fn now(&self) -> Instant {
        SystemClock.now()
    }

    fn wall(&self) -> SystemTime {
        let (since, told) = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        later(told, self.now().saturating_duration_since(since))
    }
}

/// What the clock tells when this long has really passed.
fn later(told: SystemTime, passed: Duration) -> SystemTime {
    told + passed * SPEED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_pass_in_one() {
        assert_eq!(
            later(UNIX_EPOCH, Duration::from_secs(1)),
            UNIX_EPOCH + Duration::from_secs(10)
        );
    }

    #[test]
    fn a_jump_into_the_capture_is_one_forward() {
        const CAPTURE_NS: u64 = 9_000_000_000_000_000;
        let clock = Lapse::before(CAPTURE_NS);
        let before = clock.wall();

        clock.jump_to(CAPTURE_NS);

        assert!(clock.wall() > before);
        assert!(clock.wall() >= UNIX_EPOCH + Duration::from_nanos(CAPTURE_NS));
    }
}
