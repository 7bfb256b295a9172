//! Requests that were given up after their first token: no engine that lacks a counter of them writes a span or a finish
//! reason for them, but they have a first token and no end.

/// What a page says at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counts {
    /// Requests that got a first token.
    pub(super) first_tokens: Option<f64>,
    /// Requests that ended.
    pub(super) ended: Option<f64>,
    /// Requests that are being worked on.
    pub(super) running: Option<f64>,
    /// Requests that wait, among them those that had to make room after their first token.
    pub(super) waiting: Option<f64>,
    /// How often one had to make room.
    pub(super) preemptions: Option<f64>,
    /// Since when first tokens are counted, in nanoseconds since 1970; 0 for not known.
    pub(super) since: u64,
}

/// A counter that begins when its engine does, as all of the engine's do. It is a lower bound: what runs may have had
/// its first token or not. Once the engine was idle for two pages it is exact.
///
/// The numbers of a page are not of one instant, so that one that ends meanwhile may be in none of them: what counts is
/// what two pages in a row show.
#[derive(Debug, Default)]
pub(super) struct Aborted {
    most: f64,
    before: Option<Before>,
}

#[derive(Debug, Clone, Copy)]
struct Before {
    first_tokens: f64,
    ended: f64,
    since: u64,
    /// How many seemed to be given up.
    missing: f64,
    /// Preemptions until nobody waited last: who waits now was preempted later than that, or never.
    settled: Option<f64>,
}

impl Aborted {
    /// How many there were so far; none where the page does not say enough.
    pub(super) fn read(&mut self, counts: &Counts) -> Option<f64> {
        let (first_tokens, ended) = (counts.first_tokens?, counts.ended?);
        let (running, waiting) = (counts.running?, counts.waiting?);
        let before = self.before.filter(|before| {
            first_tokens >= before.first_tokens && ended >= before.ended && counts.since == before.since
        });
        if before.is_none() {
            self.most = 0.0; // Another process counts from zero.
        }
        let mut settled = before.and_then(|before| before.settled);
        if waiting <= 0.0 {
            settled = counts.preemptions;
        }
        let preempted = match (counts.preemptions, settled) {
            (Some(preemptions), Some(settled)) => (preemptions - settled).clamp(0.0, waiting.max(0.0)),
            _ => waiting.max(0.0),
        };
        let missing = first_tokens - ended - running - preempted;
        if let Some(before) = before {
            self.most = self.most.max(missing.min(before.missing));
        }
        self.before = Some(Before {
            first_tokens,
            ended,
            since: counts.since,
            missing,
            settled,
        });
        Some(self.most)
    }
}
