//! How many of the requests that an engine finished have a span.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pipeline::context::engine_requests::{Instance, RING_SECONDS, Spans};

/// The time that a share is of: long enough that an odd request at its edges does not matter, short enough that lost
/// spans show while somebody can still look for them.
const WINDOW_NS: u64 = 300 * SECOND_NS;

const SECOND_NS: u64 = 1_000_000_000;

/// The longest that spans may take to come: so much of the ring that instances count in is left beside the window and
/// the seconds around its edges.
pub(crate) const SPANS_WITHIN_MAX: Duration = Duration::from_secs(180);

/// Instances know nothing of what ended longer ago: so much of the ring is left beside the second on the other side of an
/// edge, where a clock may have been wrong.
const REMEMBERED_NS: u64 = (RING_SECONDS - 2) * SECOND_NS;

const _: () = assert!(WINDOW_NS / SECOND_NS + SPANS_WITHIN_MAX.as_secs() + 16 < RING_SECONDS);

/// The share of the finished requests that have a span.
#[derive(Debug)]
pub(super) struct Completeness {
    /// Requests that ended later than this ago may have a span that has not come yet.
    delay_ns: u64,
    /// When the page was read, and how many requests had finished then; one for each second at most.
    history: VecDeque<(u64, f64)>,
}

impl Completeness {
    pub(super) fn new(spans_within: Duration) -> Self {
        let delay = spans_within.min(SPANS_WITHIN_MAX);
        Self {
            delay_ns: u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX),
            history: VecDeque::new(),
        }
    }

    /// What was finished before counts no more.
    pub(super) fn start_anew(&mut self) {
        self.history.clear();
    }

    /// The share in the last window; none where nothing finished in it.
    pub(super) fn read(&mut self, now: u64, finished: Option<f64>, instances: &[Arc<Instance>]) -> Option<f64> {
        let Some(finished) = finished else {
            self.start_anew();
            return None;
        };
        if let Some((at, before)) = self.history.back().copied() {
            // Another process counts from zero, and a clock that was set back makes another time of the same.
            if finished < before || now < at {
                self.start_anew();
            }
        }
        let is_due = self
            .history
            .back()
            .is_none_or(|(at, _)| now.saturating_sub(*at) >= SECOND_NS);
        if is_due {
            self.history.push_back((now, finished));
        }
        let until = now.checked_sub(self.delay_ns)?;
        let after = until.saturating_sub(WINDOW_NS);
        while self.history.get(1).is_some_and(|(at, _)| *at <= after) {
            self.history.pop_front();
        }
        // A window that begins earlier would miss spans that came. Of pages that far apart nothing is told.
        let oldest = now.saturating_sub(REMEMBERED_NS);
        while self.history.front().is_some_and(|(at, _)| *at < oldest) {
            self.history.pop_front();
        }
        let first = *self.history.front()?;
        let settled = self.history.partition_point(|(at, _)| *at <= until);
        let last = *self.history.get(settled.checked_sub(1)?)?;
        share(first, last, instances)
    }
}

fn share(first: (u64, f64), last: (u64, f64), instances: &[Arc<Instance>]) -> Option<f64> {
    let finished = last.1 - first.1;
    if finished <= 0.0 {
        return None;
    }
    let mut spans = Spans::default();
    for instance in instances {
        spans += instance.spans(first.0, last.0);
    }
    // Where the edges allow for all of them, they are all there.
    #[allow(clippy::cast_precision_loss)] // Nobody finishes as many requests as a double can count.
    let (at_least, at_most) = (spans.at_least as f64, spans.at_most as f64);
    Some(finished.clamp(at_least, at_most) / finished)
}
