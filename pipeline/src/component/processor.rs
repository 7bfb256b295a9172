//! Processors: what happens to a batch on its way.

use std::time::Instant;

use config::{Report, Signal};

use super::{BuildError, Component, Setup};
use crate::payload::{ItemStage, SpanStage};
use crate::{Batch, Outcome};

/// Makes the stage that does a processor's work; every lane has a stage of its own.
pub trait Processor: Component + Sized {
    /// A stage for one lane.
    fn build(config: &Self::Config, setup: &Setup) -> Result<Stage, BuildError>;

    /// Reports what in a valid configuration makes no sense in pipelines of this signal; asked for those that it stands
    /// in.
    fn validate_for(_config: &Self::Config, _signal: Signal, _report: &mut Report<'_>) {}

    /// What this configuration needs of the rest of the file. Without it the program runs, and a warning says what is
    /// missing.
    fn leans_on(_config: &Self::Config) -> Vec<Reliance> {
        Vec::new()
    }
}

/// What a processor needs of the rest of the file, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reliance {
    /// What has to be there.
    pub on: On,
    /// What is missing without it, in lower case and without a full stop.
    pub loss: &'static str,
}

/// What has to be there, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// An extension that is started.
    Extension(&'static str),
    /// A receiver in some pipeline.
    Receiver(&'static str),
    /// A processor in front, in each of the same pipelines.
    InFront(&'static str),
    /// No such processor in front, in none of the same pipelines nor in those that lead there.
    NotBehind(&'static str),
    /// A listener in front that makes sure of its senders, by an authenticator or by their certificates.
    KnownSenders,
}

/// What a processor does in a lane.
pub enum Stage {
    /// Looks at spans and states edits; neighbours of this kind share one walk.
    Spans(Box<dyn SpanStage>),
    /// The same for data points or log records.
    Items(Box<dyn ItemStage>),
    /// Works on whole batches.
    Batches(Box<dyn BatchStage>),
    /// Nothing: its work is done elsewhere, as `memory_limiter`'s is at the door.
    Nothing,
}

/// Works on whole batches: keeps, merges, splits or ends them.
///
/// Every batch that it is given ends with exactly one verb of [`Flow`], now or later. It has no clock: `now` is
/// given. What it keeps it lets go of by age in [`tick`](Self::tick) and always in [`drain`](Self::drain).
pub trait BatchStage: Send {
    /// Takes a batch.
    fn batch(&mut self, batch: Batch, now: Instant, flow: &mut Flow);

    /// When [`tick`](Self::tick) should come; None when nothing is kept.
    fn wake_at(&self) -> Option<Instant> {
        None
    }

    /// Lets go of what is old enough.
    fn tick(&mut self, _now: Instant, _flow: &mut Flow) {}

    /// The lane has nothing else to do and the exporters are at rest: waiting longer would gain nothing.
    fn idle(&mut self, _now: Instant, _flow: &mut Flow) {}

    /// Lets go of everything; the lane ends.
    fn drain(&mut self, _flow: &mut Flow) {}
}

/// The reason in the ledger of what a stage sent back.
pub(crate) const REFUSED: &str = "refused";

/// How a stage lets go of batches.
#[derive(Debug, Default)]
pub struct Flow {
    forwarded: Vec<Batch>,
    /// Items that a stage ended on purpose, by reason; the lane writes them to the ledger.
    discarded: Vec<(&'static str, u64)>,
}

impl Flow {
    /// Passes a batch on to the next stage.
    pub fn forward(&mut self, batch: Batch) {
        self.forwarded.push(batch);
    }

    /// Ends a batch on purpose: the sender hears that all is well, the ledger hears why.
    pub fn discard(&mut self, batch: Batch, reason: &'static str) {
        self.discarded.push((reason, u64::from(batch.payload.items())));
        batch.settle(Outcome::Delivered);
    }

    /// Sends a batch back to its sender.
    pub fn refuse(&mut self, batch: Batch, outcome: Outcome) {
        self.discarded.push((REFUSED, u64::from(batch.payload.items())));
        batch.settle(outcome);
    }

    /// Takes what was passed on since the last call.
    pub fn take_forwarded(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.forwarded)
    }

    /// Takes what was ended since the last call.
    pub fn take_discarded(&mut self) -> Vec<(&'static str, u64)> {
        std::mem::take(&mut self.discarded)
    }
}
