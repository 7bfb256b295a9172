//! How often samples come, and how much of the time between two of them is not seen.

/// A sample speaks for so many periods before and after it (domain: a window is covered where it is not further than
/// two sample periods from a sample).
const PERIODS: u64 = 2;

/// Nobody samples less often and means it; it also keeps the sums here small.
const PERIOD_NS_MAX: u64 = 600_000_000_000;

/// The pace of samples, learned from them. It depends on nothing but the samples before, so that whoever asks later
/// gets the same answer.
#[derive(Debug)]
pub(super) struct Pace {
    period_ns: u64,
}

impl Pace {
    pub(super) fn new(period_ns: u64) -> Self {
        Self { period_ns }
    }

    /// Time between this sample and the one before it for which neither of them speaks.
    pub(super) fn step(&mut self, apart_ns: u64) -> u64 {
        let unseen = apart_ns.saturating_sub(2 * PERIODS * self.period_ns);
        self.period_ns = if apart_ns > 2 * self.period_ns {
            // A gap, or a slower pace: only if it goes on it becomes the pace.
            2 * self.period_ns
        } else {
            (self.period_ns * 7 + apart_ns) / 8
        }
        .clamp(1, PERIOD_NS_MAX);
        unseen
    }
}

/// How far the first of two samples speaks into the time between them.
pub(super) fn reach(apart_ns: u64, unseen_ns: u64) -> u64 {
    apart_ns.saturating_sub(unseen_ns) / 2
}

/// Of so much time after the first of two samples, how much is seen.
pub(super) fn seen(offset_ns: u64, apart_ns: u64, unseen_ns: u64) -> u64 {
    let reach = reach(apart_ns, unseen_ns);
    offset_ns.min(reach) + offset_ns.saturating_sub(reach + unseen_ns)
}
