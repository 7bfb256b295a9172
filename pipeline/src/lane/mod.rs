//! Lanes: one pipeline's processors, run in order by one task.

mod books;
mod door;
mod fan_out;
mod inside;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, mpsc};

pub use door::{Backlog, LaneDoor, Outlet};
pub use fan_out::{Exit, FanOut};
pub use inside::{Inside, LaneStage, RELEASED_BYTES_MAX};

use crate::Batch;
use crate::telemetry::MetricAbout;

/// What lanes count.
pub(crate) const METRICS: [MetricAbout; 3] = [books::INCOMING, books::OUTGOING, inside::PANICS];

/// How many batches may wait in front of a lane. Memory is bounded by the byte budget; this bounds how stale a batch
/// can get before its sender is held up.
pub const INLET_BATCHES_MAX: usize = 256;

/// One pipeline's processors, run in order by one task.
///
/// A lane owns its processors outright: no locks, no channels between them. It wakes for a batch, for the tick of a
/// stage that keeps something, or when the exporters have come to rest.
pub struct Lane {
    /// Filled by receivers and connectors; closes when the last of them is gone, which starts the drain.
    inlet: mpsc::Receiver<Batch>,
    backlog: Backlog,
    inside: Inside,
    fan_out: FanOut,
    /// Told by the drivers when nothing waits and nothing is under way.
    rest: Arc<Notify>,
}

enum Wake {
    Batch(Batch),
    Tick,
    Rest,
    Closed,
}

impl Lane {
    /// A lane and its door.
    pub fn new(inside: Inside, fan_out: FanOut, rest: Arc<Notify>) -> (Self, LaneDoor) {
        let (sender, inlet) = mpsc::channel(INLET_BATCHES_MAX);
        let backlog = Backlog::default();
        let door = LaneDoor::new(sender, backlog.clone());
        (
            Self {
                inlet,
                backlog,
                inside,
                fan_out,
                rest,
            },
            door,
        )
    }

    /// Runs until the last sender is gone and everything kept has been let go.
    pub async fn run(mut self) {
        let rest = Arc::clone(&self.rest);
        loop {
            // Made before the exporters are looked at, so that one which comes to rest in between is not missed.
            let rested = rest.notified();
            // Waiting longer gains nothing once there is no more input and the exporters have nothing to do.
            if self.inside.keeps() && self.inlet.is_empty() && self.fan_out.at_rest() {
                let ready = self.inside.idle();
                self.fan_out.send_all(ready).await;
            }
            match self.wake(rested).await {
                Wake::Batch(batch) => self.run_batch(batch).await,
                Wake::Tick => {
                    let ready = self.inside.tick();
                    self.fan_out.send_all(ready).await;
                }
                Wake::Rest => {}
                Wake::Closed => break,
            }
        }
        let ready = self.inside.drain();
        self.fan_out.send_all(ready).await;
    }

    async fn run_batch(&mut self, batch: Batch) {
        let bytes = batch.payload.size() as u64;
        let ready = self.inside.run(batch);
        self.fan_out.send_all(ready).await;
        // Only now, so that a lane which is still at work does not look like an idle one.
        self.backlog.took(bytes);
        // A lane that never runs out of batches never waits, so it has to look at the time by itself.
        if self.inside.is_due() {
            let ready = self.inside.tick();
            self.fan_out.send_all(ready).await;
        }
    }

    async fn wake(&mut self, rested: Notified<'_>) -> Wake {
        if !self.inside.keeps() {
            return self.inlet.recv().await.map_or(Wake::Closed, Wake::Batch);
        }
        let tick = sleep_until(self.inside.wake_at());
        tokio::select! {
            biased;
            batch = self.inlet.recv() => batch.map_or(Wake::Closed, Wake::Batch),
            () = tick => Wake::Tick,
            () = rested => Wake::Rest,
        }
    }
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
