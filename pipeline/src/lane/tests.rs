#![allow(clippy::unwrap_used, clippy::expect_used)]

mod held;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use config::{Kind, Signal};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::{Exit, FanOut, Inside, Lane, LaneStage, Outlet};
use crate::component::{BatchStage, Conduit, Flow, Stage};
use crate::payload::{Edit, Limits, Payload, SpanStage, SpanView};
use crate::plan::World;
use crate::testing::contract::setup;
use crate::{Batch, Credit, Origin, Outcome, Receipt};

/// A connector that takes everything and remembers what came, with one answer for all.
struct End {
    came: Mutex<Vec<u32>>,
    answer: Outcome,
}

impl End {
    fn answering(answer: Outcome) -> Arc<Self> {
        Arc::new(Self {
            came: Mutex::default(),
            answer,
        })
    }

    fn came(&self) -> Vec<u32> {
        self.came.lock().unwrap().clone()
    }
}

impl Conduit for End {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, ()> {
        self.came.lock().unwrap().push(batch.payload.items());
        batch.settle(self.answer.clone());
        Box::pin(async {})
    }
}

/// Keeps every batch for a second.
#[derive(Default)]
struct Keeper {
    kept: Vec<Batch>,
    until: Option<Instant>,
    idle_frees: bool,
}

impl BatchStage for Keeper {
    fn batch(&mut self, batch: Batch, now: Instant, _: &mut Flow) {
        self.kept.push(batch);
        self.until.get_or_insert(now + Duration::from_secs(1));
    }

    fn wake_at(&self) -> Option<Instant> {
        self.until
    }

    fn tick(&mut self, _: Instant, flow: &mut Flow) {
        self.drain(flow);
    }

    fn idle(&mut self, _: Instant, flow: &mut Flow) {
        if self.idle_frees {
            self.drain(flow);
        }
    }

    fn drain(&mut self, flow: &mut Flow) {
        self.until = None;
        self.kept.drain(..).for_each(|batch| flow.forward(batch));
    }
}

/// Wants to be woken at once for every batch, and remembers how many it had to keep at a time.
struct Impatient {
    kept: Vec<Batch>,
    most: Arc<AtomicUsize>,
}

impl BatchStage for Impatient {
    fn batch(&mut self, batch: Batch, _: Instant, _: &mut Flow) {
        self.kept.push(batch);
        self.most.fetch_max(self.kept.len(), Ordering::SeqCst);
    }

    fn wake_at(&self) -> Option<Instant> {
        (!self.kept.is_empty()).then(|| tokio::time::Instant::now().into_std())
    }

    fn tick(&mut self, _: Instant, flow: &mut Flow) {
        self.drain(flow);
    }

    fn drain(&mut self, flow: &mut Flow) {
        self.kept.drain(..).for_each(|batch| flow.forward(batch));
    }
}

/// Panics when it is asked to let go.
struct Stubborn(Option<Batch>);

impl BatchStage for Stubborn {
    fn batch(&mut self, batch: Batch, _: Instant, _: &mut Flow) {
        self.0 = Some(batch);
    }

    fn wake_at(&self) -> Option<Instant> {
        self.0.as_ref().map(|_| tokio::time::Instant::now().into_std())
    }

    fn tick(&mut self, _: Instant, _: &mut Flow) {
        let _lost = self.0.take();
        panic!("a bug in a processor")
    }
}

/// Does one thing to every span.
enum Each {
    Drop,
    Hold,
    Panic,
}

impl SpanStage for Each {
    fn span(&mut self, _: SpanView<'_>, edit: &mut Edit<'_>) {
        match self {
            Self::Drop => edit.drop("unwanted"),
            Self::Hold => edit.hold(),
            Self::Panic => panic!("a bug in a processor"),
        }
    }
}

/// Gives every span an attribute.
struct Mark;

impl SpanStage for Mark {
    fn span(&mut self, _: SpanView<'_>, edit: &mut Edit<'_>) {
        edit.set("mark", "here");
    }
}

fn request(spans: u8) -> Payload {
    let framed = |body: Vec<u8>, tag: u8| [vec![tag, body.len() as u8], body].concat();
    let span = |number: u8| {
        framed(
            [vec![0x0a, 16], vec![number; 16], vec![0x12, 8], vec![number; 8]].concat(),
            0x12,
        )
    };
    let all: Vec<u8> = (1..=spans).flat_map(span).collect();
    let bytes = Bytes::from(framed(framed(all, 0x12), 0x0a));
    Payload::parse(Signal::Traces, bytes, &Limits::default())
        .unwrap()
        .payload
}

/// A lane with one stage; gives the way in and the task.
fn lane(world: &World, stage: Stage, ends: &[Arc<End>]) -> (Outlet, tokio::task::JoinHandle<()>) {
    let setup = setup(world, "stage", Kind::Processor, Signal::Traces);
    let account = world.ledger.account("stage", Signal::Traces, &setup.telemetry);
    let stage = LaneStage::new(stage, account, &setup.telemetry, Signal::Traces);
    let exits = ends
        .iter()
        .map(|end| Exit::Connector(Arc::clone(end) as Arc<dyn Conduit>))
        .collect();
    let inside = Inside::new(vec![stage], world);
    let (lane, door) = Lane::new(inside, FanOut::new(exits), Arc::new(Notify::new()));
    (
        Outlet::new(vec![vec![door]], world.budget.clone()),
        tokio::spawn(lane.run()),
    )
}

async fn send(outlet: &Outlet, spans: u8) -> Outcome {
    let payload = request(spans);
    let credit = outlet.admit(payload.bytes().len() as u64).unwrap();
    outlet.send(payload, Origin::own(), credit).await
}

#[tokio::test(start_paused = true)]
async fn the_sender_hears_the_worst_of_all_exits() {
    let world = World::system();
    let ends = [
        End::answering(Outcome::Delivered),
        End::answering(Outcome::retry("full")),
    ];
    let (outlet, task) = lane(&world, Stage::Nothing, &ends);

    assert_eq!(send(&outlet, 3).await, Outcome::retry("full"));

    assert_eq!((ends[0].came(), ends[1].came()), (vec![3], vec![3]));
    drop(outlet);
    task.await.unwrap();
    assert_eq!(world.budget.used(), 0);
    let page = world.telemetry.metrics().render(crate::telemetry::Suffixes::none());
    let counted = |name: &str| page.lines().any(|line| line.starts_with(name) && line.ends_with(" 3"));
    assert!(
        counted("otelcol_processor_incoming_items") && counted("otelcol_processor_outgoing_items"),
        "{page}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_kept_batch_is_let_go_by_age() {
    let world = World::system();
    let end = End::answering(Outcome::Delivered);
    let (outlet, _task) = lane(&world, Stage::Batches(Box::new(Keeper::default())), &[Arc::clone(&end)]);
    let started = tokio::time::Instant::now();

    assert_eq!(send(&outlet, 2).await, Outcome::Delivered);

    assert_eq!(started.elapsed(), Duration::from_secs(1));
    assert_eq!(world.ledger.imbalances(), []);
}

#[tokio::test(start_paused = true)]
async fn a_kept_batch_leaves_early_when_there_is_nothing_else_to_do() {
    let world = World::system();
    let end = End::answering(Outcome::Delivered);
    let keeper = Keeper {
        idle_frees: true,
        ..Keeper::default()
    };
    let (outlet, _task) = lane(&world, Stage::Batches(Box::new(keeper)), &[Arc::clone(&end)]);
    let started = tokio::time::Instant::now();

    assert_eq!(send(&outlet, 2).await, Outcome::Delivered);

    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_lane_lets_go_of_everything() {
    let world = World::system();
    let end = End::answering(Outcome::Delivered);
    let (outlet, task) = lane(&world, Stage::Batches(Box::new(Keeper::default())), &[Arc::clone(&end)]);
    let (receipt, verdict) = Receipt::pair();
    let started = tokio::time::Instant::now();

    outlet
        .pass(Batch::new(
            request(3),
            Origin::own(),
            receipt,
            Credit::none(&world.budget),
        ))
        .await;
    drop(outlet);

    assert_eq!(verdict.await, Outcome::Delivered);
    task.await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(end.came(), [3]);
    assert_eq!(world.ledger.imbalances(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_stage_drops_is_counted_and_its_sender_may_forget_it() {
    let world = World::system();
    let end = End::answering(Outcome::Delivered);
    let (outlet, _task) = lane(&world, Stage::Spans(Box::new(Each::Drop)), &[Arc::clone(&end)]);

    assert_eq!(send(&outlet, 4).await, Outcome::Delivered);

    assert!(end.came().is_empty(), "an empty request is not sent");
    let account = world.ledger.account("stage", Signal::Traces, &world.telemetry);
    assert_eq!(
        (account.received.value(), account.discarded(), account.forwarded.value()),
        (4, 4, 0)
    );
    assert_eq!(world.ledger.imbalances(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_stage_holds_is_queued_in_memory() {
    let world = World::system();
    let end = End::answering(Outcome::Delivered);
    let (outlet, _task) = lane(&world, Stage::Spans(Box::new(Each::Hold)), &[end]);

    assert_eq!(send(&outlet, 4).await, Outcome::Queued);

    let account = world.ledger.account("stage", Signal::Traces, &world.telemetry);
    assert_eq!(account.held.value(), 4);
    assert_eq!(world.ledger.imbalances(), []);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_processor_costs_one_batch_and_its_sender_hears_it() {
    let world = World::system();
    let end = End::answering(Outcome::Delivered);
    let (outlet, task) = lane(&world, Stage::Spans(Box::new(Each::Panic)), &[end]);

    assert_eq!(send(&outlet, 1).await, Outcome::Lost);
    assert_eq!(send(&outlet, 1).await, Outcome::Lost, "the lane goes on");

    drop(outlet);
    task.await.unwrap();
    assert_eq!(world.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_never_runs_out_of_batches_still_looks_at_the_time() {
    let world = World::system();
    let end = End::answering(Outcome::Delivered);
    let most = Arc::new(AtomicUsize::new(0));
    let stage = Impatient {
        kept: Vec::new(),
        most: Arc::clone(&most),
    };
    let (outlet, task) = lane(&world, Stage::Batches(Box::new(stage)), &[Arc::clone(&end)]);

    for _ in 0..10 {
        let batch = Batch::new(
            request(1),
            Origin::own(),
            Receipt::unheard(),
            Credit::none(&world.budget),
        );
        outlet.pass(batch).await; // All are in the inlet before the lane runs for the first time.
    }
    drop(outlet);
    task.await.unwrap();

    assert_eq!(end.came().len(), 10);
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_letting_go_does_not_end_the_lane() {
    let world = World::system();
    let end = End::answering(Outcome::Delivered);
    let (outlet, _task) = lane(&world, Stage::Batches(Box::new(Stubborn(None))), &[end]);

    assert_eq!(send(&outlet, 1).await, Outcome::Lost);
    assert_eq!(send(&outlet, 1).await, Outcome::Lost, "the lane goes on");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_one_of_several_branches_makes_is_charged() {
    let world = World::system();
    let (receipt, _verdict) = Receipt::pair();
    let payload = request(3);
    let bytes = payload.bytes().len() as u64;
    let original = Batch::new(payload, Origin::own(), receipt, world.budget.admit(bytes).unwrap());
    let setup = setup(&world, "stage", Kind::Processor, Signal::Traces);
    let account = world.ledger.account("stage", Signal::Traces, &setup.telemetry);
    let stage = LaneStage::new(Stage::Spans(Box::new(Mark)), account, &setup.telemetry, Signal::Traces);

    let edited = Inside::new(vec![stage], &world).run(original.fork());

    let copy = edited[0].payload.bytes().len() as u64;
    assert!(copy > bytes);
    assert_eq!(world.budget.used(), bytes + copy);
    edited
        .into_iter()
        .chain([original])
        .for_each(|batch| batch.settle(Outcome::Delivered));
    assert_eq!(world.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_to_every_pipeline_of_a_receiver() {
    let world = World::system();
    let ends = [End::answering(Outcome::Delivered), End::answering(Outcome::Queued)];
    let doors = ends.iter().map(|end| {
        let exits = vec![Exit::Connector(Arc::clone(end) as Arc<dyn Conduit>)];
        let (lane, door) = Lane::new(
            Inside::new(Vec::new(), &world),
            FanOut::new(exits),
            Arc::new(Notify::new()),
        );
        tokio::spawn(lane.run());
        vec![door]
    });
    let outlet = Outlet::new(doors.collect(), world.budget.clone());

    assert_eq!(send(&outlet, 2).await, Outcome::Queued);

    assert_eq!((ends[0].came(), ends[1].came()), (vec![2], vec![2]));
}
