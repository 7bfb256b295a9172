//! The delivery driver: takes from the queue, lets the exporter try, waits, tries again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use config::Signal;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::counts::{Counts, ErrorType, NO_ANSWER, publish};
use super::halves::halves;
use super::queue::Queue;
use super::reach::{Failed, Reach};
use super::retry::BackOff;
use super::{Delivery, QueueSizer};
use crate::component::{AnyExporter, Export, ExportError, Setup};
use crate::ledger::{Account, Ledger};
use crate::{Batch, Outcome, Receipt, budget};

/// One exporter's queue and consumers for one signal.
pub struct Driver {
    shared: Arc<Shared>,
    consumers: JoinSet<()>,
}

/// What lanes hold of a driver.
#[derive(Clone)]
pub struct ExporterHandle {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    name: String,
    exporter: Arc<dyn AnyExporter>,
    pub(super) delivery: Delivery,
    pub(super) queue: Queue,
    account: Account,
    counts: Counts,
    pub(super) setup: Setup,
    pub(super) in_flight: AtomicU64,
    reach: Reach,
    /// Whether the log said already that requests are too large for the destination.
    told_too_large: AtomicBool,
    /// Told when nothing waits and nothing is under way.
    rest: Arc<Notify>,
    /// Ends waits between attempts: the deadline of the shutdown has passed.
    abandon: CancellationToken,
}

/// Parts of one batch that were too large and could not be cut. They are told in one line: there may be thousands.
#[derive(Default)]
struct Uncut {
    items: u64,
    is_heard: bool,
    cause: String,
}

impl Uncut {
    fn add(&mut self, part: &Batch, cause: &str) {
        self.items += u64::from(part.payload.items());
        self.is_heard = part.receipt.is_heard_by_all(); // All parts share one promise.
        self.cause = cause.to_owned();
    }
}

impl Driver {
    /// Starts the consumers of one exporter for one signal.
    pub fn start(
        exporter: Arc<dyn AnyExporter>,
        delivery: Delivery,
        signal: Signal,
        setup: Setup,
        ledger: &Ledger,
        rest: Arc<Notify>,
    ) -> Self {
        let name = setup.id.to_string();
        let account = ledger.account(&format!("exporter/{name}"), signal, &setup.telemetry);
        let consumers = delivery.sending_queue.num_consumers.max(1);
        let shared = Arc::new(Shared {
            queue: queue(&delivery),
            counts: Counts::new(signal, &setup),
            in_flight: AtomicU64::new(0),
            reach: Reach::default(),
            told_too_large: AtomicBool::new(false),
            abandon: CancellationToken::new(),
            name,
            exporter,
            delivery,
            account,
            setup,
            rest,
        });
        publish(&shared, signal);
        let mut tasks = JoinSet::new();
        for _ in 0..consumers {
            tasks.spawn(Arc::clone(&shared).consume());
        }
        Self {
            shared,
            consumers: tasks,
        }
    }

    /// The lanes' side.
    pub fn handle(&self) -> ExporterHandle {
        ExporterHandle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Takes no more. What lanes still bring is refused and counted, also what waits for room.
    pub fn close(&self) {
        self.shared.queue.close();
    }

    /// Delivers what waits until the deadline has passed, then counts the rest as lost.
    pub async fn stop(mut self, deadline: impl Future<Output = ()>) {
        self.close();
        let is_late = tokio::select! {
            biased;
            () = async { while self.consumers.join_next().await.is_some() {} } => false,
            () = deadline => true,
        };
        if is_late {
            // What waits goes first, so that consumers whose attempts are cut off find the queue empty.
            self.shared.give_up_waiting();
            self.shared.abandon.cancel();
            while self.consumers.join_next().await.is_some() {}
        }
    }
}

fn queue(delivery: &Delivery) -> Queue {
    let queue = &delivery.sending_queue;
    if queue.enabled {
        return Queue::new(queue.sizer, queue.queue_size);
    }
    // Without a queue senders wait for the answer; as many may wait as there are attempts under way.
    Queue::new(QueueSizer::Requests, u64::from(queue.num_consumers.max(1)))
}

impl ExporterHandle {
    /// Hands a batch over. Returns once it is queued or refused; its receipt tells the rest.
    ///
    /// What nobody would send again is not refused while the program runs: it waits for room, and its lane with it.
    pub async fn deliver(&self, batch: Batch) {
        let shared = &*self.shared;
        let items = u64::from(batch.payload.items());
        shared.account.received.add(items);
        shared.account.held.add(items as i64);
        let bytes = batch.payload.size() as u64;
        let mut batch = batch;
        loop {
            let room = shared.queue.room();
            match shared.queue.offer(batch, |batch| shared.accepted(batch)) {
                Ok(()) => return shared.counts.taken(items, bytes),
                Err(refused) if shared.waits_for_room(&refused) => batch = refused,
                Err(refused) => return shared.refuse(refused, items),
            }
            room.await;
        }
    }

    /// Whether nothing waits and nothing is under way: a batch handed over now leaves at once.
    pub fn at_rest(&self) -> bool {
        self.shared.queue.size() == 0 && self.shared.in_flight.load(Ordering::Relaxed) == 0
    }
}

impl Shared {
    fn waits_for_room(&self, batch: &Batch) -> bool {
        let queue = &self.delivery.sending_queue;
        let may_wait = queue.block_on_overflow || !queue.enabled || !batch.receipt.is_heard_by_all();
        may_wait && !self.queue.is_closed()
    }

    fn accepted(&self, batch: &mut Batch) {
        if !self.delivery.tells_result() {
            std::mem::replace(&mut batch.receipt, Receipt::unheard()).settle(Outcome::Queued);
        }
    }

    fn refuse(&self, batch: Batch, items: u64) {
        self.counts.not_taken(items);
        self.account.held.add(-(items as i64));
        let cause = if self.queue.is_closed() {
            self.account.discard("shutdown", items);
            if !batch.receipt.is_heard_by_all() {
                tracing::error!(exporter = %self.name, items, "items are lost: shut down before they could be queued");
            }
            "shut down before the batch could be queued".into()
        } else {
            self.account.discard("queue_full", items);
            let (size, capacity) = (self.queue.size(), self.queue.capacity());
            format!(
                "the sending queue of exporter {} is full ({size} of {capacity}); it is slower than its senders",
                self.name
            )
            .into()
        };
        batch.settle(Outcome::Retry {
            after: Some(budget::RETRY_AFTER),
            cause,
        });
    }

    async fn consume(self: Arc<Self>) {
        while let Some(batch) = self.queue.take().await {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            self.deliver(batch).await;
            let under_way = self.in_flight.fetch_sub(1, Ordering::Relaxed) - 1;
            if under_way == 0 && self.queue.size() == 0 {
                self.rest.notify_waiters();
            }
        }
    }

    /// Sends a batch, in parts if the destination finds it too large. Each part is a request of its own, with its own
    /// time for attempts; lost is only what is too large and cannot be cut.
    async fn deliver(&self, batch: Batch) {
        let mut waiting = vec![batch]; // The next part comes last.
        let mut uncut = Uncut::default();
        while let Some(part) = waiting.pop() {
            let result = self.attempts(&part).await;
            let Err(ExportError::TooLarge { cause }) = &result else {
                self.conclude(part, result);
                continue;
            };
            match halves(part, &self.setup.budget) {
                Ok(parts) => {
                    self.tell_too_large(&parts, cause);
                    waiting.extend(parts.into_iter().rev());
                }
                Err(whole) => {
                    uncut.add(&whole, cause);
                    self.conclude(whole, result);
                }
            }
        }
        if uncut.items > 0 {
            self.tell_failure(
                uncut.items,
                uncut.is_heard,
                &uncut.cause,
                "too large for the destination even alone",
            );
        }
    }

    /// Writes down how a batch ended and tells its senders.
    fn conclude(&self, batch: Batch, result: Result<(), ExportError>) {
        let items = u64::from(batch.payload.items());
        let failed = result.as_ref().err().map_or(0, |error| error.failed_of(items));
        let is_heard = batch.receipt.is_heard_by_all();
        self.counts.sent.add(items - failed);
        self.account.forwarded.add(items - failed);
        if let Err(error) = &result {
            let error_type = ErrorType::of(error, self.abandon.is_cancelled());
            self.counts.send_failed(failed, error_type, error.is_permanent());
        }
        self.account.held.add(-(items as i64));
        let outcome = match result {
            Ok(()) => Outcome::Delivered,
            Err(ExportError::Partial { rejected, message }) => {
                tracing::warn!(exporter = %self.name, rejected, message, "the destination rejected a part");
                self.account.discard("rejected_by_destination", failed);
                Outcome::Delivered
            }
            Err(ExportError::Permanent { cause }) => {
                self.tell_failure(items, is_heard, &cause, "the destination refused them for good");
                self.account.discard("refused_by_destination", failed);
                Outcome::Rejected(cause.into())
            }
            Err(ExportError::TooLarge { cause }) => {
                self.account.discard("too_large", failed);
                Outcome::Rejected(cause.into())
            }
            Err(ExportError::Retry { after, cause } | ExportError::RetryRest { after, cause, .. }) => {
                let (reason, what) = if self.abandon.is_cancelled() {
                    ("shutdown", "shut down before the destination took them")
                } else {
                    ("gave_up", "gave up trying")
                };
                self.tell_failure(failed, is_heard, &cause, what);
                self.account.discard(reason, failed);
                let cause = cause.into();
                Outcome::Retry { after, cause }
            }
        };
        batch.settle(outcome);
    }

    /// Says in the log that items failed. Lost they are only where a sender was told before that they are safe.
    fn tell_failure(&self, items: u64, is_heard: bool, cause: &str, what: &'static str) {
        if is_heard {
            tracing::warn!(exporter = %self.name, items, cause, "items were not delivered and their senders are told: {what}");
        } else {
            tracing::error!(exporter = %self.name, items, cause, "items are lost: {what}");
        }
    }

    /// Once as a warning: the same destination will say it again and again.
    fn tell_too_large(&self, parts: &[Batch], cause: &str) {
        let bytes: usize = parts.iter().map(|part| part.payload.size()).sum();
        if self.told_too_large.swap(true, Ordering::Relaxed) {
            tracing::debug!(exporter = %self.name, bytes, cause, "a request was too large; sending it in two");
        } else {
            tracing::warn!(
                exporter = %self.name, bytes, cause,
                "a request was too large for the destination and is sent in two, as later ones will be; raise the destination's limit or lower send_batch_max_size"
            );
        }
    }

    /// Tries until it worked, cannot work, or took too long.
    async fn attempts(&self, batch: &Batch) -> Result<(), ExportError> {
        let started = self.setup.outside.clock.now();
        let mut back_off = BackOff::new(&self.delivery.retry_on_failure);
        // What arrived stays so, also when a later attempt cannot tell.
        let mut arrived = 0;
        let mut number = 0;
        loop {
            number += 1;
            let attempt = Attempt::begin(&self.setup, number);
            let result = self.attempt(batch).await;
            if let Some(attempt) = attempt {
                attempt.end(
                    &self.setup,
                    &self.name,
                    batch,
                    result.as_ref().err(),
                    self.abandon.is_cancelled(),
                );
            }
            let (after, cause) = match result {
                Err(ExportError::Retry { after, cause }) => (after, cause),
                Err(ExportError::RetryRest {
                    delivered,
                    after,
                    cause,
                }) => {
                    arrived = delivered.max(arrived);
                    (after, cause)
                }
                decided => {
                    self.tell_answered();
                    return decided;
                }
            };
            if self.abandon.is_cancelled() {
                return Err(rest(arrived, after, cause));
            }
            let elapsed = self.setup.outside.clock.now().saturating_duration_since(started);
            let Some(wait) = back_off.next(elapsed, after, self.setup.outside.random.as_ref()) else {
                return Err(rest(arrived, after, cause));
            };
            self.tell_away(&cause, wait);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.abandon.cancelled() => return Err(rest(arrived, after, cause)),
            }
        }
    }

    fn tell_away(&self, cause: &str, wait: Duration) {
        let wait_ms = wait.as_millis() as u64;
        match self.reach.failed(self.setup.outside.clock.now()) {
            Failed::First => tracing::warn!(
                exporter = %self.name, cause, wait_ms,
                "the destination does not take batches; will try again"
            ),
            Failed::Still(attempts, away) => tracing::warn!(
                exporter = %self.name, cause, attempts, away_s = away.as_secs(), queued = self.queue.size(),
                "the destination still does not take batches"
            ),
            Failed::Known => tracing::debug!(exporter = %self.name, cause, wait_ms, "will try again"),
        }
    }

    fn tell_answered(&self) {
        if let Some(away) = self.reach.answered(|| self.setup.outside.clock.now()) {
            tracing::info!(exporter = %self.name, away_s = away.as_secs(), "the destination answers again");
        }
    }

    async fn attempt(&self, batch: &Batch) -> Result<(), ExportError> {
        let export = Export {
            payload: batch.payload.clone(),
            origin: Arc::clone(&batch.origin),
        };
        let attempt = AssertUnwindSafe(self.exporter.export(export)).catch_unwind();
        let limit = *self.delivery.timeout;
        let limit = if limit.is_zero() { Duration::MAX } else { limit };
        tokio::select! {
            ended = tokio::time::timeout(limit, attempt) => match ended {
                Ok(Ok(result)) => result,
                Ok(Err(_panic)) => Err(ExportError::permanent("the exporter panicked; please report this bug")),
                Err(_elapsed) => Err(ExportError::retry(format!("{NO_ANSWER} {} ms", limit.as_millis()))),
            },
            () = self.abandon.cancelled() => Err(ExportError::retry("shut down before the destination answered")),
        }
    }

    fn give_up_waiting(&self) {
        let (mut lost, mut told) = (0, 0);
        while let Some(batch) = self.queue.try_take() {
            let items = u64::from(batch.payload.items());
            *(if batch.receipt.is_heard_by_all() {
                &mut told
            } else {
                &mut lost
            }) += items;
            self.counts.send_failed(items, ErrorType::Shutdown, false);
            self.account.held.add(-(items as i64));
            self.account.discard("shutdown", items);
            batch.settle(Outcome::retry("shut down before the batch could be sent"));
        }
        if told > 0 {
            tracing::warn!(exporter = %self.name, items = told, "shut down before items could be sent; their senders are told to try again");
        }
        if lost > 0 {
            tracing::error!(exporter = %self.name, items = lost, "items are lost: shut down before they could be sent");
        }
    }
}

/// What is said of a batch that is given up after a part of it, or nothing, has arrived.
fn rest(delivered: u64, after: Option<Duration>, cause: String) -> ExportError {
    if delivered == 0 {
        return ExportError::Retry { after, cause };
    }
    ExportError::RetryRest {
        delivered,
        after,
        cause,
    }
}
