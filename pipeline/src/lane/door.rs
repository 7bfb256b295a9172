//! How batches get into lanes, and how senders hear what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::budget::Exhausted;
use crate::payload::Payload;
use crate::telemetry::{ItemFlow, ItemOutcome};
use crate::{Batch, Budget, Credit, Origin, Outcome, Receipt};

/// The sending side of one lane. The lane ends when the last door to it is dropped.
#[derive(Debug, Clone)]
pub struct LaneDoor {
    sender: mpsc::Sender<Batch>,
    backlog: Backlog,
}

/// Bytes that wait in front of one lane or are at work in it; the doors add, the lane takes away.
#[derive(Debug, Clone, Default)]
pub struct Backlog(Arc<AtomicU64>);

/// The pipelines that a receiver or connector feeds for one signal; cheap to clone.
///
/// A batch goes to every pipeline, and there to the lane with the fewest bytes waiting.
#[derive(Debug, Clone)]
pub struct Outlet {
    pipelines: Arc<[Vec<LaneDoor>]>,
    budget: Budget,
    /// Counts what is handed over, where somebody wants to know.
    produced: Option<ItemFlow>,
}

/// Counts items once it is known how they fared; where nobody waits to hear it, as a failure.
struct Handed<'a> {
    flow: Option<&'a ItemFlow>,
    items: u64,
    outcome: ItemOutcome,
}

impl Backlog {
    /// The lane is done with a batch of so many bytes.
    pub fn took(&self, bytes: u64) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl LaneDoor {
    /// A door to the lane that reads from the other end of `sender`.
    pub fn new(sender: mpsc::Sender<Batch>, backlog: Backlog) -> Self {
        Self { sender, backlog }
    }

    /// Waits for room. A caller that goes away meanwhile drops the batch, whose sender hears that it is lost.
    async fn enter(&self, batch: Batch) {
        let Ok(room) = self.sender.reserve().await else {
            if !batch.receipt.is_heard_by_all() {
                tracing::error!(
                    items = batch.payload.items(),
                    "items are lost: the pipeline that they go to has ended"
                );
            }
            return batch.settle(Outcome::retry("the pipeline has ended"));
        };
        self.backlog.0.fetch_add(batch.payload.size() as u64, Ordering::Relaxed);
        room.send(batch);
    }
}

impl Outlet {
    /// An outlet into these pipelines, each given by its lanes.
    pub fn new(pipelines: Vec<Vec<LaneDoor>>, budget: Budget) -> Self {
        Self {
            pipelines: pipelines.into(),
            budget,
            produced: None,
        }
    }

    /// The same, which counts what is handed over.
    pub fn counting(self, produced: Option<ItemFlow>) -> Self {
        Self { produced, ..self }
    }

    /// Takes memory for a body of `bytes` before it is read.
    pub fn admit(&self, bytes: u64) -> Result<Credit, Exhausted> {
        self.budget.admit(bytes)
    }

    /// Hands a payload over and waits for the outcome that its sender must hear.
    ///
    /// The work goes on when the caller goes away: dropping the future abandons only the answer.
    pub async fn send(&self, payload: Payload, origin: Arc<Origin>, credit: Credit) -> Outcome {
        let mut handed = Handed {
            flow: self.produced.as_ref(),
            items: u64::from(payload.items()),
            outcome: ItemOutcome::Failure,
        };
        let (receipt, verdict) = Receipt::pair();
        self.enter(Batch::new(payload, origin, receipt, credit)).await;
        let outcome = verdict.await;
        handed.outcome = ItemOutcome::from(&outcome);
        outcome
    }

    /// Passes a batch on with the receipt that it has, as connectors do.
    pub async fn pass(&self, batch: Batch) {
        if let Some(flow) = &self.produced {
            // How it fares is told to who holds the receipt.
            flow.add(ItemOutcome::Success, u64::from(batch.payload.items()));
        }
        self.enter(batch).await;
    }

    async fn enter(&self, batch: Batch) {
        let Some((last, others)) = self.pipelines.split_last() else {
            return batch.settle(Outcome::retry("no pipeline is connected"));
        };
        for lanes in others {
            enter_shortest(lanes, batch.fork()).await;
        }
        enter_shortest(last, batch).await;
    }
}

impl Drop for Handed<'_> {
    fn drop(&mut self) {
        if let Some(flow) = self.flow {
            flow.add(self.outcome, self.items);
        }
    }
}

async fn enter_shortest(lanes: &[LaneDoor], batch: Batch) {
    match lanes.iter().min_by_key(|door| door.backlog.bytes()) {
        Some(door) => door.enter(batch).await,
        None => batch.settle(Outcome::retry("the pipeline has no lane")),
    }
}
