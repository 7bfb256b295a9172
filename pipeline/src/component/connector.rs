//! Connectors: the end of one pipeline and the beginning of another.

use std::sync::Arc;

use config::Signal;
use futures_util::future::BoxFuture;

use super::{BuildError, Component, Outlets, Setup};
use crate::Batch;

/// Takes batches where a pipeline ends and hands batches to the pipelines that begin with it.
pub trait Connector: Component + Sized {
    /// From which signal to which it can lead.
    const ROUTES: &'static [(Signal, Signal)];

    /// Makes the connection for one signal: all pipelines of that signal that end in this connector share it.
    fn build(config: &Self::Config, setup: &Setup, outlets: Outlets) -> Result<Connection, BuildError>;
}

/// A built connector.
pub struct Connection {
    /// Where the lanes in front of it leave their batches. It is dropped when the last of them has ended.
    pub conduit: Arc<dyn Conduit>,
    /// What goes on beside it, such as sending every minute what was counted. It ends by itself, having let go of
    /// everything, once the conduit is dropped: the pipelines behind it drain after that.
    pub work: Option<BoxFuture<'static, ()>>,
}

/// A built connector, as the lane in front of it sees it.
pub trait Conduit: Send + Sync {
    /// Takes a batch; its receipt travels on or is settled here.
    fn consume(&self, batch: Batch) -> BoxFuture<'_, ()>;
}

impl Connection {
    /// A connector that does nothing but what its batches make it do.
    pub fn of(conduit: impl Conduit + 'static) -> Self {
        Self {
            conduit: Arc::new(conduit),
            work: None,
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Connection {{ works: {} }}", self.work.is_some())
    }
}
