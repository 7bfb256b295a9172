//! The world outside a pipeline, behind traits: clock, randomness, network and storage.
//!
//! Components ask [`Outside`] and never the operating system, so that a whole pipeline can run in a simulation.

mod clock;
mod network;
mod random;
mod storage;

use std::sync::Arc;

pub use clock::{Clock, ManualClock, SystemClock};
pub use network::{Connection, Listener, Network, SystemNetwork};
pub use random::{Random, SeededRandom, SystemRandom};
pub use storage::{Appender, Storage, SystemStorage};

/// Handles on the world outside; cheap to clone.
#[derive(Clone)]
pub struct Outside {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Spreads retries.
    pub random: Arc<dyn Random>,
    /// Listens and connects.
    pub network: Arc<dyn Network>,
    /// Keeps files.
    pub storage: Arc<dyn Storage>,
}

impl Outside {
    /// The real world.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            network: Arc::new(SystemNetwork),
            storage: Arc::new(SystemStorage),
        }
    }
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Outside")
    }
}
