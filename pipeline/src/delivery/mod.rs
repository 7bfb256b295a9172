//! Delivery: from the end of a lane to a destination that may be slow, full or away.
//!
//! Every exporter has, per signal, a bounded queue (`queue.rs`) and a driver that takes batches from it, lets the exporter
//! try, waits and tries again. One slow destination never holds up another.

mod config;
mod driver;
mod queue;
mod retry;
#[cfg(test)]
mod tests;

pub use config::{BatchInQueue, Delivery, QueueSizer, RetryOnFailure, SendingQueue};
pub use driver::{Driver, ExporterHandle};
