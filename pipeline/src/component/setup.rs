//! What a component is given when it is built.

use config::{Id, Kind, Signal};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::outside::Outside;
use crate::telemetry::Telemetry;
use crate::{Budget, component::Health};

/// Ends what was started. Components watch it and finish by themselves.
pub type Stop = CancellationToken;

/// What a component is given when it is built; cheap to clone.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its name in the configuration file.
    pub id: Id,
    /// Which list it stands in.
    pub kind: Kind,
    /// The signal of the pipeline it is built for, where it is built once per pipeline.
    pub signal: Option<Signal>,
    /// Its instruments, labelled with its name.
    pub telemetry: Telemetry,
    /// Clock, randomness, network and storage.
    pub outside: Outside,
    /// The memory that batches may hold.
    pub budget: Budget,
    /// Where it says how it feels.
    pub health: Health,
    /// What it knows together with all other components.
    pub context: Context,
}
