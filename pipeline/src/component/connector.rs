//! Connectors: the end of one pipeline and the beginning of another.

use config::Signal;
use futures_util::future::BoxFuture;

use super::{BuildError, Component, Outlets, Setup};
use crate::Batch;

/// Takes batches where a pipeline ends and hands batches to the pipelines that begin with it.
pub trait Connector: Component + Sized {
    /// From which signal to which it can lead.
    const ROUTES: &'static [(Signal, Signal)];

    /// Makes the conduit for one pipeline that ends in this connector.
    fn build(config: &Self::Config, setup: &Setup, outlets: Outlets) -> Result<Box<dyn Conduit>, BuildError>;
}

/// A built connector, as the lane in front of it sees it.
pub trait Conduit: Send + Sync {
    /// Takes a batch; its receipt travels on or is settled here.
    fn consume(&self, batch: Batch) -> BoxFuture<'_, ()>;
}
