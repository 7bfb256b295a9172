//! What travels through a pipeline.

use std::sync::Arc;

use crate::payload::Payload;
use crate::{Credit, Origin, Outcome, Receipt};

/// A payload with everything that must not be lost on its way: who waits for it and which memory it holds.
#[derive(Debug)]
pub struct Batch {
    /// The telemetry itself.
    pub payload: Payload,
    /// Who sent it.
    pub origin: Arc<Origin>,
    /// Who waits to hear how it ends.
    pub receipt: Receipt,
    /// The memory it holds; shared by all branches of a fan-out, given back by the last.
    pub credit: Arc<Credit>,
}

impl Batch {
    /// A batch as a receiver hands it over.
    pub fn new(payload: Payload, origin: Arc<Origin>, receipt: Receipt, credit: Credit) -> Self {
        Self {
            payload,
            origin,
            receipt,
            credit: Arc::new(credit),
        }
    }

    /// The same batch for another branch: the bytes are shared, the receipt is split.
    pub fn fork(&self) -> Self {
        Self {
            payload: self.payload.clone(),
            origin: Arc::clone(&self.origin),
            receipt: self.receipt.split(),
            credit: Arc::clone(&self.credit),
        }
    }

    /// Ends the batch here.
    pub fn settle(self, outcome: Outcome) {
        self.receipt.settle(outcome);
    }
}
