#![allow(clippy::unwrap_used, clippy::expect_used)]
//! How a plan that runs ends.

mod answers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use config::{Kind, Signal};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Running, World};
use crate::component::{AnyExporter, Export, ExportError, Stage, Stop};
use crate::delivery::{Delivery, Driver, SendingQueue};
use crate::lane::{Exit, FanOut, Inside, Lane, LaneStage, Outlet};
use crate::payload::{Edit, Limits, Payload, Released, SpanStage, SpanView, StageCounts, Traces};
use crate::telemetry::Suffixes;
use crate::testing::contract::setup;
use crate::{Batch, Origin, Outcome, Receipt, Verdict};

/// Takes requests and answers none.
struct Hanging;

impl AnyExporter for Hanging {
    fn export(&self, _: Export) -> BoxFuture<'_, Result<(), ExportError>> {
        Box::pin(std::future::pending())
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Holds every span until the end.
#[derive(Default)]
struct Hoard(Vec<Traces>);

impl SpanStage for Hoard {
    fn span(&mut self, _: SpanView<'_>, edit: &mut Edit<'_>) {
        self.0.push(one_span());
        edit.hold();
    }

    fn wake_at(&self) -> Option<Instant> {
        let held = !self.0.is_empty();
        held.then(|| tokio::time::Instant::now().into_std() + Duration::from_secs(3600))
    }

    fn release(&mut self, _: Instant, everything: bool) -> Option<Released> {
        let held = std::mem::take(if everything { &mut self.0 } else { return None });
        let mut counts = StageCounts::default();
        counts.received = held.len() as u64;
        let traces = Traces::concat(&held);
        Some(Released { traces, counts })
    }
}

fn one_span() -> Traces {
    let framed = |body: Vec<u8>, tag: u8| [vec![tag, body.len() as u8], body].concat();
    let span = [vec![0x0a, 16], vec![7; 16], vec![0x12, 8], vec![9; 8]].concat();
    let request = Bytes::from(framed(framed(framed(span, 0x12), 0x12), 0x0a));
    Traces::parse(request, &Limits::default()).unwrap().payload
}

/// Whoever sent it hears how it ends.
fn batch(world: &World) -> (Batch, Verdict) {
    let (receipt, verdict) = Receipt::pair();
    let credit = world.budget.admit(1).unwrap();
    (
        Batch::new(Payload::Traces(one_span()), Origin::own(), receipt, credit),
        verdict,
    )
}

/// The items that a component discarded for this reason.
fn discarded(world: &World, component: &str, reason: &str) -> u64 {
    let page = world.telemetry.metrics().render(Suffixes::none());
    let series = format!(
        "inferscope_component_discarded_items{{component=\"{component}\",signal=\"traces\",reason=\"{reason}\"}} "
    );
    let line = page.lines().find_map(|line| line.strip_prefix(&series));
    line.map_or(0, |items| items.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_is_held_at_the_deadline_is_counted_and_not_forgotten() {
    let world = World::system();
    let rest = Arc::new(Notify::new());
    let sending_queue = SendingQueue {
        num_consumers: 1,
        queue_size: 1,
        ..SendingQueue::default()
    };
    let delivery = Delivery {
        timeout: config::Duration::ZERO,
        sending_queue,
        ..Delivery::default()
    };
    let exporter = setup(&world, "hanging", Kind::Exporter, Signal::Traces);
    let driver = Driver::start(
        Arc::new(Hanging),
        delivery,
        Signal::Traces,
        exporter,
        &world.ledger,
        Arc::clone(&rest),
    );
    for _ in 0..2 {
        let (batch, verdict) = batch(&world);
        driver.handle().deliver(batch).await;
        assert_eq!(verdict.await, Outcome::Queued);
        tokio::task::yield_now().await; // One is under way and one waits: the queue is full.
    }
    let account = world.ledger.account("hoard", Signal::Traces, &world.telemetry);
    let stage = Stage::Spans(Box::new(Hoard::default()));
    let stage = LaneStage::new(stage, account.clone(), &world.telemetry, Signal::Traces);
    let fan_out = FanOut::new(vec![Exit::Exporter(driver.handle())]);
    let (lane, door) = Lane::new(Inside::new(vec![stage], &world), fan_out, rest);
    let outlet = Outlet::new(vec![vec![door]], world.budget.clone());
    let mut lanes = JoinSet::new();
    lanes.spawn(lane.run());
    for _ in 0..5 {
        let (batch, verdict) = batch(&world);
        outlet.pass(batch).await;
        assert_eq!(verdict.await, Outcome::Queued);
    }
    assert_eq!(account.held.value(), 5);
    drop(outlet);
    let running = Running {
        world: world.clone(),
        receivers: JoinSet::new(),
        stop_receivers: Stop::new(),
        lanes,
        drivers: vec![driver],
        exporters: Vec::new(),
        extensions: JoinSet::new(),
        stop_extensions: Stop::new(),
    };

    running.stop(Duration::from_secs(20)).await;

    assert_eq!(account.held.value(), 0);
    // Five were held, one waited in the queue, one was under way.
    assert_eq!(discarded(&world, "exporter/hanging", "shutdown"), 7);
    assert_eq!(world.ledger.imbalances(), []);
    assert_eq!(world.budget.used(), 0);
}
