//! The connection of a connector that counts: lanes hand batches in, a timer sends what was counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;
use pipeline::component::{Conduit, Connection, Outlets, Setup};
use pipeline::lane::Outlet;
use pipeline::outside::Clock;
use pipeline::payload::metrics::MetricsBuilder;
use pipeline::payload::{Metrics, Payload, SplitLimit};
use pipeline::{Batch, Budget, Credit, Origin, Outcome, Receipt, Verdict};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, timeout};

/// What one batch of metrics holds at most: a gRPC server takes no message beyond 4 MiB unless it is told otherwise,
/// and what comes behind may add something.
const BATCH_MAX: SplitLimit = SplitLimit {
    items: 8192,
    bytes: 3 * 1024 * 1024,
};

/// How long the end waits for the pipelines to take the last flush.
const LAST_FLUSH_WAIT: Duration = Duration::from_secs(10);

/// Counts what comes in batches.
pub trait Aggregate: Send + 'static {
    /// Counts a batch that came from there.
    fn add(&mut self, payload: &Payload, origin: &Origin, moment: &Moment);

    /// Takes over what another one counted since it was absorbed last.
    fn absorb(&mut self, other: &mut Self, moment: &Moment);

    /// Tells what was counted, and lets go of what has been idle for too long.
    fn flush(&mut self, moment: &Moment, out: &mut MetricsBuilder);

    /// Tells that everything that was told has ended: nothing will be counted any more.
    fn end(&mut self, moment: &Moment, out: &mut MetricsBuilder);
}

/// One look at both clocks, for a whole batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// For ages.
    pub now: Instant,
    /// For points: nanoseconds since 1970.
    pub wall: u64,
}

impl Moment {
    /// This moment.
    pub fn of(clock: &dyn Clock) -> Self {
        let wall = clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            now: clock.now(),
            wall: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// The next time that Prometheus, which counts in milliseconds, can tell from this one.
    fn next(self) -> Self {
        Self {
            wall: self.wall.saturating_add(1_000_000),
            ..self
        }
    }
}

/// Connects a connector that counts: every batch is counted where it comes in, and what was counted is sent into the
/// metrics pipelines every `interval`, and a last time when the pipelines in front have ended, followed by the end of all
/// series: the next start makes others, and until they are told to be over, a sum over both counts twice.
pub fn connect<A: Aggregate>(make: impl Fn() -> A, interval: Duration, setup: &Setup, outlets: Outlets) -> Connection {
    let desks = Arc::new(Desks::new(make));
    let clock = Arc::clone(&setup.outside.clock);
    let (open, ended) = oneshot::channel();
    let work = Work {
        desks: Arc::clone(&desks),
        outlet: outlets.metrics,
        budget: setup.budget.clone(),
        clock: Arc::clone(&clock),
        under_way: None,
    };
    Connection {
        conduit: Arc::new(Entrance {
            desks,
            clock,
            _open: open,
        }),
        work: Some(Box::pin(work.run(interval, ended))),
    }
}

/// Where batches are counted: one desk for each core, so that nobody waits for somebody else to count.
///
/// Everybody takes the first that is free. What is counted at the others is brought to the first before each flush,
/// so in a process that is not busy there is only one copy of every stream.
struct Desks<A> {
    first: Mutex<A>,
    others: Vec<Mutex<A>>,
}

impl<A: Aggregate> Desks<A> {
    fn new(make: impl Fn() -> A) -> Self {
        let others = available_parallelism().map_or(1, usize::from);
        Self {
            first: Mutex::new(make()),
            others: (0..others).map(|_| Mutex::new(make())).collect(),
        }
    }

    fn add(&self, payload: &Payload, origin: &Origin, moment: &Moment) {
        let free = std::iter::once(&self.first).chain(&self.others).find_map(free);
        free.unwrap_or_else(|| locked(self.others.last().unwrap_or(&self.first)))
            .add(payload, origin, moment);
    }

    fn flush(&self, moment: &Moment) -> Option<Metrics> {
        let mut first = locked(&self.first);
        for other in &self.others {
            first.absorb(&mut locked(other), moment);
        }
        let mut out = MetricsBuilder::new();
        first.flush(moment, &mut out);
        out.build()
    }

    /// To be called after a flush, with nobody left to count.
    fn end(&self, moment: &Moment) -> Option<Metrics> {
        let mut out = MetricsBuilder::new();
        locked(&self.first).end(moment, &mut out);
        out.build()
    }
}

/// A panic at a desk left at most one measurement half counted; the others are still true.
fn locked<A>(desk: &Mutex<A>) -> MutexGuard<'_, A> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn free<A>(desk: &Mutex<A>) -> Option<MutexGuard<'_, A>> {
    match desk.try_lock() {
        Ok(desk) => Some(desk),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// What the lanes in front see.
struct Entrance<A> {
    desks: Arc<Desks<A>>,
    clock: Arc<dyn Clock>,
    /// Dropped with the last lane in front; the work hears it.
    _open: oneshot::Sender<()>,
}

impl<A: Aggregate> Conduit for Entrance<A> {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let moment = Moment::of(&*self.clock);
            self.desks.add(&batch.payload, &batch.origin, &moment);
            // What was counted waits in memory for the next flush.
            batch.settle(Outcome::Queued);
        })
    }
}

/// Sends what was counted.
struct Work<A> {
    desks: Arc<Desks<A>>,
    /// Held until the end: the pipelines behind drain after this work.
    outlet: Option<Outlet>,
    budget: Budget,
    clock: Arc<dyn Clock>,
    /// Says what became of the batch that was sent last.
    under_way: Option<Verdict>,
}

impl<A: Aggregate> Work<A> {
    async fn run(mut self, interval: Duration, mut ended: oneshot::Receiver<()>) {
        let mut timer = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        // While the pipelines behind are full, flushes are left out: the next one tells more.
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let last = tokio::select! {
                _ = &mut ended => true,
                _ = timer.tick() => false,
            };
            let moment = Moment::of(&*self.clock);
            if !last {
                self.send(self.desks.flush(&moment)).await;
                continue;
            }
            let rest = async {
                self.send(self.desks.flush(&moment)).await;
                self.send(self.desks.end(&moment.next())).await;
            };
            if timeout(LAST_FLUSH_WAIT, rest).await.is_err() {
                // Sent now, the end could overtake what it ends.
                tracing::warn!("the pipelines did not take the last metrics in time, so their series are not ended");
            }
            return;
        }
    }

    /// Sends one batch after another, each when it is known what became of the one before: two that are under way at once
    /// could overtake each other, and a series must arrive in the order of its timestamps.
    async fn send(&mut self, metrics: Option<Metrics>) {
        let (Some(metrics), Some(outlet)) = (metrics, &self.outlet) else {
            return;
        };
        for part in metrics.split(BATCH_MAX) {
            if let Some(before) = self.under_way.take() {
                before.await;
            }
            let credit = Credit::of(part.bytes().len() as u64, &self.budget);
            let (receipt, verdict) = Receipt::pair();
            // Those whose spans were counted were told that they are safe, so the batch waits for room and is not refused.
            let receipt = Receipt::join(vec![receipt, Receipt::unheard()]);
            outlet
                .pass(Batch::new(Payload::Metrics(part), Origin::own(), receipt, credit))
                .await;
            self.under_way = Some(verdict);
        }
    }
}
