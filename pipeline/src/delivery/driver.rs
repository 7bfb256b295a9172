//! The delivery driver: takes from the queue, lets the exporter try, waits, tries again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use config::Signal;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::queue::Queue;
use super::retry::BackOff;
use super::{Delivery, QueueSizer};
use crate::component::{AnyExporter, Export, ExportError, Setup};
use crate::ledger::{Account, Ledger, signal_name};
use crate::telemetry::{Counter, MetricAbout};
use crate::{Batch, Outcome, Receipt, budget};

const QUEUE_SIZE: MetricAbout = MetricAbout {
    name: "otelcol_exporter_queue_size",
    help: "How much waits in the sending queue, counted as its sizer says.",
    unit: "",
};
const QUEUE_CAPACITY: MetricAbout = MetricAbout {
    name: "otelcol_exporter_queue_capacity",
    help: "How much may wait in the sending queue, counted as its sizer says.",
    unit: "",
};
const IN_FLIGHT: MetricAbout = MetricAbout {
    name: "otelcol_exporter_in_flight_requests",
    help: "Export requests that wait for the destination's answer.",
    unit: "{request}",
};

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

struct Shared {
    name: String,
    exporter: Arc<dyn AnyExporter>,
    delivery: Delivery,
    queue: Queue,
    account: Account,
    counts: Counts,
    setup: Setup,
    in_flight: AtomicU64,
    /// Told when nothing waits and nothing is under way.
    rest: Arc<Notify>,
    /// Ends waits between attempts: the deadline of the shutdown has passed.
    abandon: CancellationToken,
}

struct Counts {
    sent: Counter,
    send_failed: Counter,
    enqueue_failed: Counter,
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
            abandon: CancellationToken::new(),
            name,
            exporter,
            delivery,
            account,
            setup,
            rest,
        });
        shared.publish(signal);
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

    /// Delivers what waits until `deadline`, then counts the rest as lost.
    pub async fn stop(mut self, deadline: tokio::time::Instant) {
        self.shared.queue.close();
        let finished = async { while self.consumers.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, finished).await.is_err() {
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
    pub async fn deliver(&self, batch: Batch) {
        let shared = &*self.shared;
        let items = u64::from(batch.payload.items());
        shared.account.received.add(items);
        shared.account.held.add(items as i64);
        let mut batch = batch;
        loop {
            let room = shared.queue.room();
            match shared.queue.offer(batch, |batch| shared.accepted(batch)) {
                Ok(()) => return,
                Err(refused) if shared.waits_for_room() => batch = refused,
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
    fn waits_for_room(&self) -> bool {
        let queue = &self.delivery.sending_queue;
        (queue.block_on_overflow || !queue.enabled) && !self.queue.is_closed()
    }

    fn accepted(&self, batch: &mut Batch) {
        if !self.delivery.tells_result() {
            std::mem::replace(&mut batch.receipt, Receipt::unheard()).settle(Outcome::Queued);
        }
    }

    fn refuse(&self, batch: Batch, items: u64) {
        self.counts.enqueue_failed.add(items);
        self.account.held.add(-(items as i64));
        self.account.discard("queue_full", items);
        let cause = format!(
            "the sending queue of exporter {} is full ({} of {}); it is slower than its senders",
            self.name,
            self.queue.size(),
            self.queue.capacity()
        );
        batch.settle(Outcome::Retry {
            after: Some(budget::RETRY_AFTER),
            cause: cause.into(),
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

    async fn deliver(&self, batch: Batch) {
        let items = u64::from(batch.payload.items());
        let result = self.attempts(&batch).await;
        let lost = match &result {
            Ok(()) => 0,
            Err(ExportError::Partial { rejected, .. }) => (*rejected).min(items),
            Err(_) => items,
        };
        self.counts.sent.add(items - lost);
        self.account.forwarded.add(items - lost);
        self.counts.send_failed.add(lost);
        self.account.held.add(-(items as i64));
        batch.settle(match result {
            Ok(()) => Outcome::Delivered,
            Err(ExportError::Partial { rejected, message }) => {
                tracing::warn!(exporter = %self.name, rejected, message, "the destination rejected a part");
                self.account.discard("rejected_by_destination", lost);
                Outcome::Delivered
            }
            Err(ExportError::Permanent { cause }) => {
                tracing::error!(exporter = %self.name, items, cause, "items are lost: the destination refused them for good");
                self.account.discard("refused_by_destination", lost);
                Outcome::Rejected(cause.into())
            }
            Err(ExportError::Retry { after, cause }) => {
                tracing::error!(exporter = %self.name, items, cause, "items are lost: gave up trying");
                self.account.discard("gave_up", lost);
                Outcome::Retry { after, cause: cause.into() }
            }
        });
    }

    /// Tries until it worked, cannot work, or took too long.
    async fn attempts(&self, batch: &Batch) -> Result<(), ExportError> {
        let started = self.setup.outside.clock.now();
        let mut back_off = BackOff::new(&self.delivery.retry_on_failure);
        loop {
            let (after, cause) = match self.attempt(batch).await {
                Err(ExportError::Retry { after, cause }) => (after, cause),
                decided => return decided,
            };
            let elapsed = self.setup.outside.clock.now().saturating_duration_since(started);
            let Some(wait) = back_off.next(elapsed, after, self.setup.outside.random.as_ref()) else {
                return Err(ExportError::Retry { after, cause });
            };
            tracing::debug!(exporter = %self.name, cause, wait_ms = wait.as_millis() as u64, "will try again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.abandon.cancelled() => return Err(ExportError::Retry { after, cause }),
            }
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
                Err(_elapsed) => Err(ExportError::retry(format!("no answer within {} ms", limit.as_millis()))),
            },
            () = self.abandon.cancelled() => Err(ExportError::retry("shut down before the destination answered")),
        }
    }

    fn give_up_waiting(&self) {
        let mut lost = 0;
        while let Some(batch) = self.queue.try_take() {
            let items = u64::from(batch.payload.items());
            lost += items;
            self.counts.send_failed.add(items);
            self.account.held.add(-(items as i64));
            self.account.discard("shutdown", items);
            batch.settle(Outcome::retry("shut down before the batch could be sent"));
        }
        if lost > 0 {
            tracing::error!(exporter = %self.name, items = lost, "items are lost: shut down before they could be sent");
        }
    }

    fn publish(self: &Arc<Self>, signal: Signal) {
        let telemetry = self.setup.telemetry.with("data_type", signal_name(signal));
        if self.delivery.sending_queue.enabled {
            let weak = Arc::downgrade(self);
            telemetry.gauge_probe(QUEUE_SIZE, move || {
                weak.upgrade().map_or(0.0, |it| it.queue.size() as f64)
            });
            let weak = Arc::downgrade(self);
            telemetry.gauge_probe(QUEUE_CAPACITY, move || {
                weak.upgrade().map_or(0.0, |it| it.queue.capacity() as f64)
            });
        }
        let weak = Arc::downgrade(self);
        let in_flight = move || {
            weak.upgrade()
                .map_or(0.0, |it| it.in_flight.load(Ordering::Relaxed) as f64)
        };
        telemetry.gauge_probe(IN_FLIGHT, in_flight);
    }
}

impl Counts {
    fn new(signal: Signal, setup: &Setup) -> Self {
        let (sent, send_failed, enqueue_failed) = names(signal);
        Self {
            sent: setup.telemetry.counter(sent),
            send_failed: setup.telemetry.counter(send_failed),
            enqueue_failed: setup.telemetry.counter(enqueue_failed),
        }
    }
}

const fn names(signal: Signal) -> (MetricAbout, MetricAbout, MetricAbout) {
    const fn trio(names: [&'static str; 3], unit: &'static str) -> (MetricAbout, MetricAbout, MetricAbout) {
        let [sent, failed, enqueue] = names;
        (
            MetricAbout {
                name: sent,
                help: "Items that the destination accepted.",
                unit,
            },
            MetricAbout {
                name: failed,
                help: "Items that could not be delivered and are lost.",
                unit,
            },
            MetricAbout {
                name: enqueue,
                help: "Items that were refused because the sending queue was full.",
                unit,
            },
        )
    }
    match signal {
        Signal::Traces => trio(
            [
                "otelcol_exporter_sent_spans",
                "otelcol_exporter_send_failed_spans",
                "otelcol_exporter_enqueue_failed_spans",
            ],
            "{span}",
        ),
        Signal::Metrics => trio(
            [
                "otelcol_exporter_sent_metric_points",
                "otelcol_exporter_send_failed_metric_points",
                "otelcol_exporter_enqueue_failed_metric_points",
            ],
            "{datapoint}",
        ),
        Signal::Logs => trio(
            [
                "otelcol_exporter_sent_log_records",
                "otelcol_exporter_send_failed_log_records",
                "otelcol_exporter_enqueue_failed_log_records",
            ],
            "{record}",
        ),
    }
}
