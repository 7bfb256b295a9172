//! What runs, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::deadline::Deadline;
use super::{Plan, wire_up};
use crate::Budget;
use crate::component::{AnyExporter, BuildError, Fatal, Health, HealthState, Registry, Stop};
use crate::context::Context;
use crate::delivery::Driver;
use crate::ledger::Ledger;
use crate::outside::Outside;
use crate::telemetry::Telemetry;

/// How long lanes may take, once no exporter holds them up, to run through what they have: a full inlet and a full
/// assembler take a second at most. A container is killed ten seconds after the deadline.
const LANES_END_WITHIN: Duration = Duration::from_secs(3);

/// What all components of a process share.
#[derive(Debug, Clone)]
pub struct World {
    /// Clock, randomness, network and storage.
    pub outside: Outside,
    /// The memory that batches may hold.
    pub budget: Budget,
    /// Own metrics.
    pub telemetry: Telemetry,
    /// The conservation ledger.
    pub ledger: Ledger,
    /// How components feel.
    pub health: Health,
    /// What components know together.
    pub context: Context,
}

impl World {
    /// The real world, with nothing in it yet.
    pub fn system() -> Self {
        Self {
            outside: Outside::system(),
            budget: Budget::default(),
            telemetry: Telemetry::default(),
            ledger: Ledger::default(),
            health: Health::default(),
            context: Context::default(),
        }
    }
}

/// A plan that runs.
pub struct Running {
    pub(super) world: World,
    /// Receivers; they end first.
    pub(super) receivers: JoinSet<Result<(), Fatal>>,
    pub(super) stop_receivers: Stop,
    /// End by themselves once nobody feeds them.
    pub(super) lanes: JoinSet<()>,
    pub(super) drivers: Vec<Driver>,
    /// Each may serve several drivers, so they are stopped after all of these.
    pub(super) exporters: Vec<Arc<dyn AnyExporter>>,
    /// Extensions; they end last.
    pub(super) extensions: JoinSet<Result<(), Fatal>>,
    pub(super) stop_extensions: Stop,
}

impl Running {
    /// Builds and starts everything, from the exporters back to the receivers, so that nothing is received before
    /// there is somewhere to put it.
    pub async fn start(plan: &Plan, registry: &Registry, world: World) -> Result<Self, BuildError> {
        wire_up::start(plan, registry, world).await
    }

    /// What all components share.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Waits until a receiver, a lane or an extension fails although nobody asked it to end.
    pub async fn failure(&mut self) -> Fatal {
        loop {
            let ended = tokio::select! {
                Some(ended) = self.receivers.join_next() => ended,
                Some(ended) = self.extensions.join_next() => ended,
                Some(ended) = self.lanes.join_next() => ended.map(Ok),
                else => std::future::pending().await,
            };
            match ended {
                Ok(Ok(())) => {} // It had nothing to wait for, as a receiver without pipelines.
                Ok(Err(fatal)) => return fatal,
                Err(panic) => return Fatal::because("a component panicked; please report this bug", panic),
            }
        }
    }

    /// Takes no more, lets everything drain until the deadline, and counts what is left as lost.
    pub async fn stop(self, deadline: Duration) {
        self.stop_in_haste(deadline, &Stop::new()).await;
    }

    /// The same, where the deadline has passed as soon as `haste` says so.
    pub async fn stop_in_haste(mut self, deadline: Duration, haste: &Stop) {
        let deadline = &Deadline::new(deadline, haste);
        self.world.health.set_state(HealthState::Stopping);
        self.stop_receivers.cancel();
        if !all_ended(&mut self.receivers, deadline).await {
            tracing::warn!("receivers still had requests under way at the deadline; they are cut off");
            self.receivers.shutdown().await;
        }
        if !all_ended(&mut self.lanes, deadline).await {
            tracing::warn!("pipelines still had batches at the deadline; the exporters refuse and count them");
            // Nobody waits for room in a closed queue, so the lanes run through what they have and end.
            self.drivers.iter().for_each(Driver::close);
            let moment = &Deadline::new(LANES_END_WITHIN, &Stop::new());
            if !all_ended(&mut self.lanes, moment).await {
                tracing::error!("pipelines did not end after the deadline; what they held is lost and was not counted");
                self.lanes.shutdown().await;
            }
        }
        let drivers = self.drivers.into_iter().map(|driver| driver.stop(deadline.passed()));
        futures_util::future::join_all(drivers).await;
        futures_util::future::join_all(self.exporters.iter().map(|exporter| exporter.stop())).await;
        self.stop_extensions.cancel();
        // Extensions only publish; they get a moment to finish an answer.
        let moment = &Deadline::new(Duration::from_secs(1), &Stop::new());
        if !all_ended(&mut self.extensions, moment).await {
            self.extensions.shutdown().await;
        }
    }
}

async fn all_ended<T: 'static>(tasks: &mut JoinSet<T>, deadline: &Deadline) -> bool {
    tokio::select! {
        biased;
        () = async { while tasks.join_next().await.is_some() {} } => true,
        () = deadline.passed() => false,
    }
}
