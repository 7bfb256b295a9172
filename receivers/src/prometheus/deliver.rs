//! The way of a target's batches into the pipelines.

use std::time::Duration;

use pipeline::lane::Outlet;
use pipeline::payload::scrape::Scrape;
use pipeline::payload::{Metrics, Payload};
use pipeline::{Budget, Credit, Origin, Outcome};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::counts::Counts;

/// How long the end waits for the pipelines to take the last batch of a target.
pub(super) const LAST_BATCH_WAIT: Duration = Duration::from_secs(10);

/// Pauses before the last batch is offered again: short at first, because the program waits for it.
const LAST_BATCH_PAUSE: Duration = Duration::from_millis(100);
const LAST_BATCH_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Hands over one batch at a time: a series must arrive in the order of its timestamps, and two batches under way could
/// overtake each other.
pub(super) struct Delivery {
    outlet: Outlet,
    counts: Counts,
    /// Whether the batch before was taken, once that is known.
    under_way: Option<JoinHandle<bool>>,
}

/// What became of the batch before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// The pipelines have it, or there was none.
    Taken,
    /// The pipelines do not have it, or not all of them.
    Refused,
    /// That is not known yet.
    UnderWay,
}

impl Delivery {
    pub(super) fn new(outlet: Outlet, counts: Counts) -> Self {
        Self {
            outlet,
            counts,
            under_way: None,
        }
    }

    /// Memory for a page, before it is read.
    pub(super) fn admit(&self) -> Result<Credit, pipeline::Exhausted> {
        self.outlet.admit(0)
    }

    /// Waits until then to hear what became of the batch before; says it once.
    pub(super) async fn before(&mut self, by: Instant) -> Before {
        let Some(under_way) = &mut self.under_way else {
            return Before::Taken;
        };
        let Ok(ended) = timeout_at(by, under_way).await else {
            return Before::UnderWay;
        };
        self.under_way = None;
        // A task that panicked has told nobody that the batch arrived.
        if ended.unwrap_or(false) {
            Before::Taken
        } else {
            Before::Refused
        }
    }

    /// Counts a batch that is not sent because the one before is still under way.
    pub(super) fn refuse(&self, points: u64) {
        self.counts
            .ended(&Outcome::retry("the batch before is still under way"), points);
    }

    /// Hands a batch over. [`before`](Self::before) has said that none is under way.
    pub(super) fn send(&mut self, scrapes: [Scrape; 3], mut credit: Credit) {
        let Some(payload) = Metrics::scraped(scrapes).map(Payload::Metrics) else {
            return;
        };
        // The page that it was made from was let in; what became of it is not sent away half-way.
        credit.set(payload.memory() as u64);
        let (outlet, counts) = (self.outlet.clone(), self.counts.clone());
        self.under_way = Some(tokio::spawn(async move {
            let points = u64::from(payload.items());
            let outcome = outlet.send(payload, Origin::own(), credit).await;
            if !outcome.is_ok() {
                tracing::debug!(?outcome, points, "the pipelines did not take a scrape");
            }
            counts.ended(&outcome, points);
            outcome.is_ok()
        }));
    }

    /// Hands the last batch over, as often as the pipelines say "later" and there is time; then waits for it.
    pub(super) async fn finish(self, scrapes: [Scrape; 3], budget: &Budget) {
        let Some(payload) = Metrics::scraped(scrapes).map(Payload::Metrics) else {
            return;
        };
        let last = tokio::spawn(self.offer(payload, budget.clone()));
        // It goes on by itself when it takes longer.
        let _ = timeout(LAST_BATCH_WAIT, last).await;
    }

    async fn offer(self, payload: Payload, budget: Budget) {
        let (by, mut pause) = (Instant::now() + LAST_BATCH_WAIT, LAST_BATCH_PAUSE);
        let points = u64::from(payload.items());
        loop {
            // Without this batch the series would live on for five minutes, so it is made over the limit if need be.
            let credit = Credit::of(payload.memory() as u64, &budget);
            let outcome = self.outlet.send(payload.clone(), Origin::own(), credit).await;
            let wait = match &outcome {
                Outcome::Retry { after, .. } => Some(after.unwrap_or(pause).max(pause)),
                _ => None,
            };
            match wait.filter(|wait| Instant::now() + *wait < by) {
                Some(wait) => sleep(wait).await,
                None => {
                    if !outcome.is_ok() {
                        tracing::warn!(
                            ?outcome,
                            points,
                            "the pipelines did not take the end of a target's series"
                        );
                    }
                    return self.counts.ended(&outcome, points);
                }
            }
            pause = (pause * 2).min(LAST_BATCH_PAUSE_MAX);
        }
    }
}
