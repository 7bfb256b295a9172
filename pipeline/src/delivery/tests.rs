#![allow(clippy::unwrap_used, clippy::expect_used)]

mod room;
mod told;
mod too_large;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use config::{Kind, Signal};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Delivery, Driver, ExporterHandle, QueueSizer, RetryOnFailure, SendingQueue};
use crate::component::{AnyExporter, Export, ExportError};
use crate::payload::{Limits, Payload};
use crate::plan::World;
use crate::testing::contract::setup;
use crate::{Batch, Origin, Outcome, Receipt, Verdict};

/// Answers each attempt with the next of its answers, and with OK when it has none left.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Answer>>,
    attempts: AtomicUsize,
}

enum Answer {
    Fail(ExportError),
    Hang,
    Panic,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            attempts: AtomicUsize::new(0),
        })
    }

    fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }
}

impl AnyExporter for Scripted {
    fn export(&self, _: Export) -> BoxFuture<'_, Result<(), ExportError>> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move {
            match answer {
                None => Ok(()),
                Some(Answer::Fail(error)) => Err(error),
                Some(Answer::Hang) => std::future::pending().await,
                Some(Answer::Panic) => panic!("a bug in an exporter"),
            }
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

struct Scene {
    world: World,
    driver: Driver,
}

impl Scene {
    fn new(exporter: Arc<impl AnyExporter + 'static>, delivery: Delivery) -> Self {
        Self::within(World::system(), exporter, delivery)
    }

    fn within(world: World, exporter: Arc<impl AnyExporter + 'static>, delivery: Delivery) -> Self {
        let setup = setup(&world, "fake", Kind::Exporter, Signal::Traces);
        let driver = Driver::start(
            exporter,
            delivery,
            Signal::Traces,
            setup,
            &world.ledger,
            Arc::new(Notify::new()),
        );
        Self { world, driver }
    }

    fn handle(&self) -> ExporterHandle {
        self.driver.handle()
    }

    fn batch(&self) -> (Batch, Verdict) {
        let (receipt, verdict) = Receipt::pair();
        let credit = self.world.budget.admit(1).unwrap();
        (Batch::new(one_span(), Origin::own(), receipt, credit), verdict)
    }

    /// Stops the driver and holds the books against each other.
    async fn end(self, within: Duration) -> World {
        self.driver.stop(tokio::time::sleep(within)).await;
        assert_eq!(self.world.ledger.imbalances(), []);
        assert_eq!(self.world.budget.used(), 0);
        self.world
    }
}

/// A request with one span that has ids and nothing else.
fn one_span() -> Payload {
    let mut span = vec![0x0a, 16];
    span.extend([7; 16]);
    span.extend([0x12, 8]);
    span.extend([9; 8]);
    let framed = |body: Vec<u8>, tag: u8| [vec![tag, body.len() as u8], body].concat();
    let request = framed(framed(framed(span, 0x12), 0x12), 0x0a);
    let parsed = Payload::parse(Signal::Traces, Bytes::from(request), &Limits::default()).unwrap();
    assert_eq!(parsed.payload.items(), 1);
    parsed.payload
}

fn waiting_for_results() -> Delivery {
    let sending_queue = SendingQueue {
        wait_for_result: true,
        ..SendingQueue::default()
    };
    Delivery {
        sending_queue,
        ..Delivery::default()
    }
}

fn count(world: &World, metric: &str) -> u64 {
    let page = world.telemetry.metrics().render(crate::telemetry::Suffixes::none());
    let line = page
        .lines()
        .find(|line| line.starts_with(metric) && line[metric.len()..].starts_with(['{', ' ']));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn with_a_queue_the_sender_hears_queued_at_once() {
    let exporter = Scripted::new([Answer::Hang]);
    let scene = Scene::new(exporter, Delivery::default());
    let (batch, verdict) = scene.batch();

    scene.handle().deliver(batch).await;

    assert_eq!(verdict.await, Outcome::Queued);
    scene.end(Duration::from_secs(20)).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_tried_again_until_it_works() {
    let exporter = Scripted::new([
        Answer::Fail(ExportError::retry("busy")),
        Answer::Fail(ExportError::retry("busy")),
    ]);
    let scene = Scene::new(Arc::clone(&exporter), waiting_for_results());
    let (batch, verdict) = scene.batch();

    scene.handle().deliver(batch).await;

    assert_eq!(verdict.await, Outcome::Delivered);
    assert_eq!(exporter.attempts(), 3);
    let world = scene.end(Duration::from_secs(1)).await;
    assert_eq!(count(&world, "otelcol_exporter_sent_spans"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_for_good_is_not_tried_again_and_is_counted() {
    let exporter = Scripted::new([Answer::Fail(ExportError::permanent("no such tenant"))]);
    let scene = Scene::new(Arc::clone(&exporter), waiting_for_results());
    let (batch, verdict) = scene.batch();

    scene.handle().deliver(batch).await;

    assert_eq!(verdict.await, Outcome::Rejected("no such tenant".into()));
    assert_eq!(exporter.attempts(), 1);
    let world = scene.end(Duration::from_secs(1)).await;
    assert_eq!(count(&world, "otelcol_exporter_send_failed_spans"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_is_never_sent_again() {
    let exporter = Scripted::new([Answer::Fail(ExportError::Partial {
        rejected: 1,
        message: "bad".to_owned(),
    })]);
    let scene = Scene::new(Arc::clone(&exporter), waiting_for_results());
    let (batch, verdict) = scene.batch();

    scene.handle().deliver(batch).await;

    assert_eq!(verdict.await, Outcome::Delivered);
    assert_eq!(exporter.attempts(), 1);
    let world = scene.end(Duration::from_secs(1)).await;
    assert_eq!(count(&world, "otelcol_exporter_send_failed_spans"), 1);
    assert_eq!(count(&world, "otelcol_exporter_sent_spans"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_ends_with_the_timeout_and_is_tried_again() {
    let exporter = Scripted::new([Answer::Hang]);
    let scene = Scene::new(Arc::clone(&exporter), waiting_for_results());
    let (batch, verdict) = scene.batch();
    let started = Instant::now();

    scene.handle().deliver(batch).await;

    assert_eq!(verdict.await, Outcome::Delivered);
    assert!(started.elapsed() >= Duration::from_secs(5));
    assert_eq!(exporter.attempts(), 2);
    scene.end(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_exporter_costs_one_batch() {
    let exporter = Scripted::new([Answer::Panic]);
    let scene = Scene::new(exporter, waiting_for_results());
    let (first, told) = scene.batch();
    let (second, then) = scene.batch();

    scene.handle().deliver(first).await;
    assert!(matches!(told.await, Outcome::Rejected(_)));

    scene.handle().deliver(second).await;
    assert_eq!(then.await, Outcome::Delivered);
    scene.end(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_with_a_delay_and_counts() {
    let sending_queue = SendingQueue {
        num_consumers: 1,
        queue_size: 1,
        ..SendingQueue::default()
    };
    let exporter = Scripted::new([Answer::Hang]);
    let scene = Scene::new(
        exporter,
        Delivery {
            sending_queue,
            ..Delivery::default()
        },
    );

    let mut outcomes = Vec::new();
    for _ in 0..3 {
        let (batch, verdict) = scene.batch();
        scene.handle().deliver(batch).await;
        outcomes.push(verdict.await);
        tokio::task::yield_now().await; // Lets the consumer take the first.
    }

    assert_eq!(outcomes[..2], [Outcome::Queued, Outcome::Queued]);
    let Outcome::Retry { after, cause } = &outcomes[2] else {
        panic!("{:?}", outcomes[2])
    };
    assert!(after.is_some());
    assert!(cause.contains("exporter fake is full"), "{cause}");
    let world = scene.end(Duration::from_secs(60)).await;
    assert_eq!(count(&world, "otelcol_exporter_enqueue_failed_spans"), 1);
    assert_eq!(count(&world, "otelcol_exporter_sent_spans"), 2);
}

#[tokio::test(start_paused = true)]
async fn with_block_on_overflow_a_full_queue_holds_the_sender_up() {
    let sending_queue = SendingQueue {
        num_consumers: 1,
        queue_size: 1,
        block_on_overflow: true,
        ..SendingQueue::default()
    };
    let exporter = Scripted::new([Answer::Hang]);
    let scene = Scene::new(
        exporter,
        Delivery {
            sending_queue,
            ..Delivery::default()
        },
    );
    let started = Instant::now();

    for _ in 0..3 {
        let (batch, verdict) = scene.batch();
        scene.handle().deliver(batch).await;
        assert_eq!(verdict.await, Outcome::Queued);
        tokio::task::yield_now().await;
    }

    assert!(
        started.elapsed() >= Duration::from_secs(5),
        "the third waits until the first has timed out and is sent"
    );
    scene.end(Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_after_max_elapsed_time_and_counted() {
    let busy = || Answer::Fail(ExportError::retry("busy"));
    let exporter = Scripted::new((0..1_000).map(|_| busy()));
    let scene = Scene::new(exporter, waiting_for_results());
    let (batch, verdict) = scene.batch();
    let started = Instant::now();

    scene.handle().deliver(batch).await;

    assert!(matches!(verdict.await, Outcome::Retry { .. }));
    assert!(started.elapsed() <= Duration::from_secs(300));
    let world = scene.end(Duration::from_secs(1)).await;
    assert_eq!(count(&world, "otelcol_exporter_send_failed_spans"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_arrived_of_a_batch_that_is_given_up_is_not_counted_as_lost() {
    // The span arrived and something else of the batch did not; then the destination does not answer at all.
    let rest = Answer::Fail(ExportError::RetryRest {
        delivered: 1,
        after: None,
        cause: "one shard is away".to_owned(),
    });
    let busy = (0..1_000).map(|_| Answer::Fail(ExportError::retry("busy")));
    let exporter = Scripted::new([rest].into_iter().chain(busy));
    let scene = Scene::new(exporter, waiting_for_results());
    let (batch, verdict) = scene.batch();

    scene.handle().deliver(batch).await;

    assert!(matches!(verdict.await, Outcome::Retry { .. }));
    let world = scene.end(Duration::from_secs(1)).await;
    assert_eq!(count(&world, "otelcol_exporter_send_failed_spans"), 0);
    assert_eq!(count(&world, "otelcol_exporter_sent_spans"), 1);
    assert_eq!(world.ledger.imbalances(), []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_before_the_deadline_is_counted_not_forgotten() {
    let exporter = Scripted::new((0..100).map(|_| Answer::Hang));
    let retry_on_failure = RetryOnFailure {
        max_elapsed_time: config::Duration::from_secs(0),
        ..RetryOnFailure::default()
    };
    let scene = Scene::new(
        exporter,
        Delivery {
            retry_on_failure,
            ..Delivery::default()
        },
    );
    for _ in 0..25 {
        let (batch, verdict) = scene.batch();
        scene.handle().deliver(batch).await;
        assert_eq!(verdict.await, Outcome::Queued);
    }
    let started = Instant::now();

    let world = scene.end(Duration::from_secs(20)).await;

    assert!(started.elapsed() < Duration::from_secs(21));
    assert_eq!(count(&world, "otelcol_exporter_send_failed_spans"), 25);
}

#[tokio::test(start_paused = true)]
async fn the_queue_counts_what_its_sizer_says() {
    let bytes = one_span().bytes().len() as u64;
    for (sizer, queue_size) in [
        (QueueSizer::Requests, 2),
        (QueueSizer::Items, 2),
        (QueueSizer::Bytes, 2 * bytes),
    ] {
        let sending_queue = SendingQueue {
            num_consumers: 1,
            queue_size,
            sizer,
            ..SendingQueue::default()
        };
        let scene = Scene::new(
            Scripted::new([Answer::Hang]),
            Delivery {
                sending_queue,
                ..Delivery::default()
            },
        );

        let mut queued = 0;
        for _ in 0..5 {
            let (batch, verdict) = scene.batch();
            scene.handle().deliver(batch).await;
            queued += usize::from(verdict.await == Outcome::Queued);
            tokio::task::yield_now().await;
        }

        assert_eq!(queued, 3, "one under way and two waiting, by {sizer:?}");
        scene.end(Duration::from_secs(60)).await;
    }
}
