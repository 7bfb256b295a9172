//! The way of a target's batches into the pipelines.

use std::time::Duration;

use pipeline::lane::Outlet;
use pipeline::payload::scrape::Scrape;
use pipeline::payload::{Metrics, Payload};
use pipeline::{Credit, Origin};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::counts::Counts;

/// How long the end waits for the pipelines to take the last batch of a target.
const LAST_BATCH_WAIT: Duration = Duration::from_secs(10);

/// Hands over one batch at a time: a series must arrive in the order of its timestamps, and two batches under way could
/// overtake each other.
pub(super) struct Delivery {
    outlet: Outlet,
    counts: Counts,
    /// The batch before, until it has arrived.
    under_way: Option<JoinHandle<()>>,
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

    /// Hands a batch over once the one before has arrived; refuses it when that is not so by then.
    pub(super) async fn send(&mut self, scrapes: [Scrape; 3], mut credit: Credit, by: Instant) {
        let Some(metrics) = Metrics::scraped(scrapes) else {
            return;
        };
        let payload = Payload::Metrics(metrics);
        let points = u64::from(payload.items());
        // The page that it was made from was let in; what became of it is not sent away half-way.
        credit.set(payload.size() as u64);
        if let Some(before) = &mut self.under_way
            && timeout_at(by, before).await.is_err()
        {
            self.counts
                .ended(&pipeline::Outcome::retry("the batch before is still under way"), points);
            return;
        }
        let (outlet, counts) = (self.outlet.clone(), self.counts.clone());
        self.under_way = Some(tokio::spawn(async move {
            let outcome = outlet.send(payload, Origin::own(), credit).await;
            if !outcome.is_ok() {
                tracing::debug!(?outcome, points, "the pipelines did not take a scrape");
            }
            counts.ended(&outcome, points);
        }));
    }

    /// Waits for the last batch.
    pub(super) async fn finish(mut self) {
        if let Some(last) = self.under_way.take() {
            // It goes on by itself when it takes longer.
            let _ = timeout(LAST_BATCH_WAIT, last).await;
        }
    }
}
