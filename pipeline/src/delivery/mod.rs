//! Delivery: from the end of a lane to a destination that may be slow, full or away.
//!
//! Every exporter has, per signal, a bounded queue (`queue.rs`) and a driver that takes batches from it, lets the exporter
//! try, waits and tries again. One slow destination does not hold up another, with one exception: what a pipeline holds
//! (spans whose senders were answered before they were complete) waits for room in a full queue, and its lane with it,
//! because nobody would send it again.

mod attempt;
mod config;
mod counts;
mod driver;
mod halves;
mod queue;
mod reach;
mod retry;
#[cfg(test)]
mod tests;

pub(crate) use counts::all as metrics;

pub use config::{BatchInQueue, Delivery, QueueSizer, RetryOnFailure, SendingQueue};
pub use driver::{Driver, ExporterHandle};
