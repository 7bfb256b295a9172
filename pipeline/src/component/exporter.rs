//! Exporters: a payload into bytes on a socket.

use std::sync::Arc;

use super::{BuildError, Component, ExportError, Setup};
use crate::Origin;
use crate::delivery::Delivery;
use crate::payload::Payload;

/// Turns a payload into bytes on a socket, once. Queue, retry and timeout are the delivery driver's.
pub trait Exporter: Component + Sync + Sized {
    /// Makes the exporter. It may look at files such as certificates; it does not wait for its destination.
    fn build(config: &Self::Config, setup: &Setup) -> Result<Self, BuildError>;

    /// Queue, retry and timeout, as this configuration wants them.
    fn delivery(config: &Self::Config) -> Delivery;

    /// One attempt. Dropping the future abandons the attempt, as the timeout does.
    fn export(&self, export: Export) -> impl Future<Output = Result<(), ExportError>> + Send;

    /// Flushes and lets go of what it holds; no export follows.
    fn stop(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// What one attempt sends.
#[derive(Debug, Clone)]
pub struct Export {
    /// The telemetry.
    pub payload: Payload,
    /// Who sent it to us.
    pub origin: Arc<Origin>,
}
