//! How late the work of a device is told of, and how long it is therefore waited for.
//!
//! A request is unknown until its span comes, so energy that is shared at once goes to those who ended first. How long to
//! wait is learned from what has come: as long as most of the work of the last minutes took from its begin to its arrival.

/// Ages that are told apart, in seconds. A device whose requests are short need not make anybody wait longer than the first.
const AGES_S: [u64; 16] = [5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 360, 450, 570];

/// Requests become longer now and then: they are waited for as if they had come so much later.
const MARGIN: f64 = 1.25;

/// After this time past work counts half.
const HALF_LIFE_NS: u64 = 300_000_000_000;

/// How often it is made to count less.
const AGING_NS: u64 = 10_000_000_000;

/// Work of one device by its age when it was told of.
#[derive(Debug)]
pub(super) struct Lateness {
    work: [f64; AGES_S.len()],
    /// Part of it that has to be known before energy is shared, 0 to 1.
    known_min: f64,
    /// Nobody waits longer, so older work is not waited for at all.
    age_ns_max: u64,
    aged_at: u64,
}

impl Lateness {
    pub(super) fn new(known_min: f64, age_ns_max: u64) -> Self {
        Self {
            work: [0.0; AGES_S.len()],
            known_min,
            age_ns_max,
            aged_at: 0,
        }
    }

    /// Forgets all work: the clock was set, and ages by the old one say nothing.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.known_min, self.age_ns_max);
    }

    /// Work that was told of at `now`, so long after its request began.
    pub(super) fn add(&mut self, now: u64, age_ns: u64, work: f64) {
        // After a clock was set back a little, work would not age until the old time comes again.
        self.aged_at = self.aged_at.min(now);
        let aged_ns = now.saturating_sub(self.aged_at);
        if aged_ns >= AGING_NS {
            let left = 0.5_f64.powf(aged_ns as f64 / HALF_LIFE_NS as f64);
            self.work.iter_mut().for_each(|work| *work *= left);
            self.aged_at = now;
        }
        if age_ns > self.age_ns_max || !(work.is_finite() && work > 0.0) {
            return;
        }
        let age_s = age_ns as f64 / 1e9 * MARGIN;
        let place = AGES_S.iter().position(|bound| age_s <= *bound as f64);
        if let Some(place) = self.work.get_mut(place.unwrap_or(AGES_S.len() - 1)) {
            *place += work;
        }
    }

    /// How old energy has to be so that enough of the work of its time is known, in nanoseconds.
    pub(super) fn wait_ns(&self) -> u64 {
        let all: f64 = self.work.iter().sum();
        let mut known = 0.0;
        let bound = AGES_S.iter().zip(&self.work).find(|(_, work)| {
            known += **work;
            known >= self.known_min * all
        });
        let seconds = bound.map_or(0, |(bound, _)| *bound);
        (seconds * 1_000_000_000).min(self.age_ns_max)
    }
}

#[cfg(test)]
mod tests {
    use super::{AGES_S, Lateness};

    const S: u64 = 1_000_000_000;
    const NOW: u64 = 1_795_000_000 * S;

    fn seconds(lateness: &Lateness) -> u64 {
        lateness.wait_ns() / S
    }

    #[test]
    fn nobody_waits_for_long_requests_that_were_never_seen() {
        let mut lateness = Lateness::new(0.99, 570 * S);
        assert_eq!(seconds(&lateness), AGES_S[0]);

        lateness.add(NOW, 2 * S, 100.0);
        assert_eq!(seconds(&lateness), AGES_S[0]);
    }

    #[test]
    fn a_request_is_waited_for_with_a_margin_until_it_is_forgotten() {
        let mut lateness = Lateness::new(0.99, 570 * S);
        lateness.add(NOW, 100 * S, 10.0);
        assert_eq!(seconds(&lateness), 180);

        for second in 1..=300 {
            lateness.add(NOW + second * S, 2 * S, 1.0);
        }
        assert_eq!(
            seconds(&lateness),
            180,
            "it was a 30th of the work, and half of it still counts"
        );
        for second in 301..=1_800 {
            lateness.add(NOW + second * S, 2 * S, 1.0);
        }
        assert_eq!(seconds(&lateness), AGES_S[0]);
    }

    #[test]
    fn work_ages_from_the_moment_that_the_clock_was_set_back_to() {
        let mut lateness = Lateness::new(0.99, 570 * S);
        lateness.add(NOW + 3_600 * S, 100 * S, 100.0);
        for second in 0..=1_800 {
            lateness.add(NOW + second * S, 2 * S, 1.0);
        }
        assert_eq!(seconds(&lateness), AGES_S[0]);
    }

    #[test]
    fn one_odd_request_among_many_makes_nobody_wait() {
        let mut lateness = Lateness::new(0.99, 570 * S);
        for _ in 0..100 {
            lateness.add(NOW, 6 * S, 10.0);
        }
        lateness.add(NOW, 500 * S, 9.0);

        assert_eq!(seconds(&lateness), 10);
    }

    #[test]
    fn work_that_comes_too_late_for_any_wait_is_not_waited_for() {
        let mut lateness = Lateness::new(0.99, 30 * S);
        lateness.add(NOW, 9 * S, 1.0);
        lateness.add(NOW, 31 * S, 1_000.0);
        assert_eq!(seconds(&lateness), 15);

        lateness.add(NOW, 29 * S, 1_000.0);
        assert_eq!(seconds(&lateness), 30);
    }
}
