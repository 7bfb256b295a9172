//! The end of a lane: every exporter and connector gets the batch.

use std::sync::Arc;

use crate::component::Conduit;
use crate::delivery::ExporterHandle;
use crate::{Batch, Outcome};

/// Where a pipeline ends.
#[derive(Clone)]
pub enum Exit {
    /// In an exporter's queue.
    Exporter(ExporterHandle),
    /// In a connector, which leads to other pipelines.
    Connector(Arc<dyn Conduit>),
}

/// All exits of one pipeline. The bytes are shared; the receipt is split.
#[derive(Clone)]
pub struct FanOut {
    exits: Vec<Exit>,
}

impl FanOut {
    /// The end of a pipeline with these exits.
    pub fn new(exits: Vec<Exit>) -> Self {
        Self { exits }
    }

    /// Gives batches to every exit, in order.
    pub async fn send_all(&self, batches: Vec<Batch>) {
        for batch in batches {
            self.send(batch).await;
        }
    }

    /// Gives a batch to every exit.
    pub async fn send(&self, batch: Batch) {
        let Some((last, others)) = self.exits.split_last() else {
            return batch.settle(Outcome::retry("the pipeline has no exit"));
        };
        for exit in others {
            exit.send(batch.fork()).await;
        }
        last.send(batch).await;
    }

    /// Whether every exporter would send a batch at once.
    pub fn at_rest(&self) -> bool {
        self.exits.iter().all(Exit::at_rest)
    }
}

impl Exit {
    async fn send(&self, batch: Batch) {
        match self {
            Self::Exporter(exporter) => exporter.deliver(batch).await,
            Self::Connector(conduit) => conduit.consume(batch).await,
        }
    }

    fn at_rest(&self) -> bool {
        match self {
            Self::Exporter(exporter) => exporter.at_rest(),
            Self::Connector(_) => true,
        }
    }
}
