//! What happens inside a lane: the stages, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use config::Signal;

use super::books::{Books, walk_panicked};
use crate::component::{BatchStage, Flow, Stage};
use crate::ledger::Account;
use crate::outside::Clock;
use crate::payload::{BatchContext, ItemStage, Payload, SpanStage, SplitLimit, Traces, Walk, Walked};
use crate::plan::World;
use crate::telemetry::{Counter, ItemFlow, MetricAbout, Telemetry};
use crate::{Batch, Budget, Credit, Origin, Outcome, Receipt};

/// Bytes of spans that leave together after they were held. A gRPC server takes 4 MiB per message unless it is told
/// otherwise, and a pipeline may hold far more. The quarter below it is for what later processors add.
pub const RELEASED_BYTES_MAX: usize = 3 * 1024 * 1024;

pub(super) const PANICS: MetricAbout = MetricAbout {
    name: "inferscope_panics",
    help: "Panics of processors that were caught; each is a bug and cost one batch.",
    unit: "{panic}",
};

/// One processor of a lane with its books.
pub struct LaneStage {
    stage: Stage,
    books: Books,
}

/// The stages of a lane. Neighbours that look at items share one walk over the bytes.
pub struct Inside {
    steps: Vec<Step>,
    walk: Walk,
    budget: Budget,
    clock: Arc<dyn Clock>,
    guard: Guard,
}

/// Calls processors. A panic in one costs the batch at hand: its receipt is dropped, so its sender hears that it is lost
/// and sends again. The lane goes on.
struct Guard {
    panics: Counter,
}

enum Step {
    Nothing { books: Books },
    Walk(Neighbours, Vec<Books>),
    Batches { stage: Box<dyn BatchStage>, books: Books },
}

/// Neighbouring stages that look at the same kind of items.
enum Neighbours {
    Spans(Vec<Box<dyn SpanStage>>),
    Items(Vec<Box<dyn ItemStage>>),
}

/// Neighbouring stages with what they need for one walk.
struct Walking<'a> {
    walk: &'a mut Walk,
    stages: &'a mut Neighbours,
    books: &'a mut [Books],
    guard: &'a Guard,
    budget: &'a Budget,
}

/// Where a batch enters: a step, and within a step of several stages the stage.
#[derive(Clone, Copy)]
struct Position {
    step: usize,
    stage: usize,
}

impl LaneStage {
    /// A stage and where it writes what it did.
    pub fn new(stage: Stage, account: Account, telemetry: &Telemetry, signal: Signal) -> Self {
        Self {
            stage,
            books: Books::new(account, telemetry, signal),
        }
    }

    /// The same, which also counts what goes in and what comes out under the names that all components share.
    pub fn counting(mut self, consumed: Option<ItemFlow>, produced: Option<ItemFlow>) -> Self {
        self.books.count(consumed, produced);
        self
    }
}

impl Guard {
    /// What the call gives; None if it panicked.
    fn call<T>(&self, call: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(call));
        if done.is_err() {
            self.panics.add(1);
            tracing::error!("a processor panicked; its batch is lost to this process, please report this bug");
        }
        done.ok()
    }
}

impl Inside {
    /// These stages, in this order.
    pub fn new(stages: Vec<LaneStage>, world: &World) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        for LaneStage { stage, books } in stages {
            match (stage, steps.last_mut()) {
                (Stage::Nothing, _) => steps.push(Step::Nothing { books }),
                (Stage::Batches(stage), _) => steps.push(Step::Batches { stage, books }),
                (Stage::Spans(stage), Some(Step::Walk(Neighbours::Spans(stages), all))) => {
                    stages.push(stage);
                    all.push(books);
                }
                (Stage::Items(stage), Some(Step::Walk(Neighbours::Items(stages), all))) => {
                    stages.push(stage);
                    all.push(books);
                }
                (Stage::Spans(stage), _) => steps.push(Step::Walk(Neighbours::Spans(vec![stage]), vec![books])),
                (Stage::Items(stage), _) => steps.push(Step::Walk(Neighbours::Items(vec![stage]), vec![books])),
            }
        }
        Self {
            steps,
            walk: Walk::default(),
            budget: world.budget.clone(),
            clock: Arc::clone(&world.outside.clock),
            guard: Guard {
                panics: world.telemetry.counter(PANICS),
            },
        }
    }

    /// Whether a stage might keep something, so that it must be woken.
    pub fn keeps(&self) -> bool {
        self.wake_at().is_some()
    }

    /// When a stage wants to be woken.
    pub fn wake_at(&self) -> Option<Instant> {
        self.steps.iter().filter_map(Step::wake_at).min()
    }

    /// Whether a stage wants to be woken by now.
    pub fn is_due(&self) -> bool {
        self.wake_at().is_some_and(|wake_at| wake_at <= self.clock.now())
    }

    /// Runs a batch through all stages and gives what comes out.
    pub fn run(&mut self, batch: Batch) -> Vec<Batch> {
        self.run_from(Position { step: 0, stage: 0 }, vec![batch])
    }

    /// Lets stages let go of what is old enough.
    pub fn tick(&mut self) -> Vec<Batch> {
        let now = self.clock.now();
        self.let_go(now, |stage, flow| stage.tick(now, flow), false)
    }

    /// Lets stages let go of what need not wait, since the lane has nothing else to do.
    pub fn idle(&mut self) -> Vec<Batch> {
        let now = self.clock.now();
        self.let_go(now, |stage, flow| stage.idle(now, flow), false)
    }

    /// Lets go of everything.
    pub fn drain(&mut self) -> Vec<Batch> {
        let now = self.clock.now();
        self.let_go(now, |stage, flow| stage.drain(flow), true)
    }

    /// Asks every stage in order; what one lets go runs through those behind it before they are asked.
    fn let_go(&mut self, now: Instant, ask: impl Fn(&mut dyn BatchStage, &mut Flow), everything: bool) -> Vec<Batch> {
        let mut out = Vec::new();
        for step in 0..self.steps.len() {
            for stage in 0..self.steps.get(step).map_or(0, Step::stages) {
                let (freed, next) = self.free(Position { step, stage }, now, &ask, everything);
                if !freed.is_empty() {
                    out.extend(self.run_from(next, freed));
                }
            }
        }
        out
    }

    fn free(
        &mut self,
        at: Position,
        now: Instant,
        ask: &impl Fn(&mut dyn BatchStage, &mut Flow),
        everything: bool,
    ) -> (Vec<Batch>, Position) {
        let behind = Position {
            step: at.step + 1,
            stage: 0,
        };
        match self.steps.get_mut(at.step) {
            None | Some(Step::Nothing { .. }) => (Vec::new(), behind),
            Some(Step::Batches { stage, books }) => {
                let mut flow = Flow::default();
                if self.guard.call(|| ask(stage.as_mut(), &mut flow)).is_none() {
                    books.panicked();
                }
                let freed = books.take(&mut flow, 0);
                books.find_losses(|| !everything && stage.wake_at().is_some());
                (freed, behind)
            }
            Some(Step::Walk(stages, books)) => {
                let next = Position {
                    step: at.step,
                    stage: at.stage + 1,
                };
                let (Some(stage), Some(books)) = (stages.that_holds(at.stage), books.get_mut(at.stage)) else {
                    return (Vec::new(), next);
                };
                let due = everything || stage.wake_at().is_some_and(|wake_at| wake_at <= now);
                let released = if due {
                    self.guard.call(|| stage.release(now, everything))
                } else {
                    Some(None)
                };
                let mut freed = Vec::new();
                match released {
                    Some(Some(released)) => {
                        books.released(&released);
                        freed = own_batches(&released.traces, &self.budget);
                    }
                    Some(None) => {}
                    None => books.panicked(),
                }
                books.find_losses(|| !everything && stage.wake_at().is_some());
                (freed, next)
            }
        }
    }

    fn run_from(&mut self, mut at: Position, mut batches: Vec<Batch>) -> Vec<Batch> {
        while let Some(step) = self.steps.get_mut(at.step) {
            let mut out = Vec::with_capacity(batches.len());
            for batch in batches {
                match step {
                    Step::Nothing { books } => {
                        books.passed(u64::from(batch.payload.items()));
                        out.push(batch);
                    }
                    Step::Batches { stage, books } => {
                        let items = u64::from(batch.payload.items());
                        let (mut flow, now) = (Flow::default(), self.clock.now());
                        if self.guard.call(|| stage.batch(batch, now, &mut flow)).is_none() {
                            books.panicked();
                        }
                        out.extend(books.take(&mut flow, items));
                        books.find_losses(|| stage.wake_at().is_some());
                    }
                    Step::Walk(stages, books) => {
                        let mut walking = Walking {
                            walk: &mut self.walk,
                            stages,
                            books,
                            guard: &self.guard,
                            budget: &self.budget,
                        };
                        out.extend(walking.run(at.stage, batch, self.clock.now()));
                    }
                }
            }
            batches = out;
            at = Position {
                step: at.step + 1,
                stage: 0,
            };
        }
        batches
    }
}

impl Step {
    fn stages(&self) -> usize {
        match self {
            Self::Walk(_, books) => books.len(),
            Self::Nothing { .. } | Self::Batches { .. } => 1,
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        match self {
            Self::Walk(Neighbours::Spans(stages), _) => stages.iter().filter_map(|stage| stage.wake_at()).min(),
            Self::Batches { stage, .. } => stage.wake_at(),
            Self::Walk(Neighbours::Items(_), _) | Self::Nothing { .. } => None,
        }
    }
}

impl Neighbours {
    /// The stage at this place, if it is of the kind that may hold items.
    fn that_holds(&mut self, stage: usize) -> Option<&mut Box<dyn SpanStage>> {
        match self {
            Self::Spans(stages) => stages.get_mut(stage),
            Self::Items(_) => None,
        }
    }

    /// Runs a batch through the stages from `from` on in one walk.
    fn walk(&mut self, walk: &mut Walk, from: usize, payload: &Payload, context: &BatchContext<'_>) -> Walked<Payload> {
        match (self, payload) {
            (Self::Spans(stages), Payload::Traces(traces)) => {
                walk.run(traces, stages, from, context).map(Payload::Traces)
            }
            (Self::Items(stages), Payload::Metrics(metrics)) => {
                walk.run_metrics(metrics, stages, from, context).map(Payload::Metrics)
            }
            (Self::Items(stages), Payload::Logs(logs)) => walk.run_logs(logs, stages, from, context).map(Payload::Logs),
            // The plan lets no such pipeline through.
            (_, other) => Walked {
                left: Some(other.clone()),
                counts: Vec::new(),
            },
        }
    }
}

impl Walking<'_> {
    /// Runs a batch through the stages from `from` on. None when nothing is left of it.
    fn run(&mut self, from: usize, mut batch: Batch, now: Instant) -> Option<Batch> {
        let bytes = batch.payload.bytes().clone();
        let before = bytes.len();
        let context = BatchContext {
            now,
            origin: &batch.origin,
        };
        let walked = self
            .guard
            .call(|| self.stages.walk(self.walk, from, &batch.payload, &context));
        let books = self.books.get_mut(from..).unwrap_or_default();
        let Some(walked) = walked else {
            let counts = std::mem::take(self.walk).interrupted(from); // Half of a batch lies in its buffers.
            walk_panicked(books, &counts, u64::from(batch.payload.items()));
            batch.settle(Outcome::Lost);
            return None;
        };
        let mut held = 0;
        for (counts, books) in walked.counts.iter().zip(books) {
            books.walked(counts);
            held += counts.held;
        }
        let Some(payload) = walked.left else {
            // What is held waits in memory; what was dropped was dropped on purpose.
            batch.settle(if held > 0 { Outcome::Queued } else { Outcome::Delivered });
            return None;
        };
        if held > 0 {
            batch.receipt.split().settle(Outcome::Queued);
        }
        let after = payload.bytes().len();
        if Arc::strong_count(&batch.credit) == 1 {
            batch.credit.grow(after.saturating_sub(before) as u64);
        } else if payload.bytes().as_ptr() != bytes.as_ptr() {
            // Another branch holds the original; this one holds a copy of its own now.
            batch.credit = Arc::new(Credit::of(after as u64, self.budget));
        }
        batch.payload = payload;
        Some(batch)
    }
}

/// Spans that a stage had held, as batches of a size that destinations take: nobody waits for them any more, but their
/// memory is charged.
fn own_batches(traces: &Traces, budget: &Budget) -> Vec<Batch> {
    if traces.is_empty() {
        return Vec::new();
    }
    let limit = SplitLimit {
        items: 0,
        bytes: RELEASED_BYTES_MAX,
    };
    let own_batch = |traces: Traces| {
        let credit = Credit::of(traces.bytes().len() as u64, budget);
        Batch::new(Payload::Traces(traces), Origin::own(), Receipt::unheard(), credit)
    };
    traces.split(limit).into_iter().map(own_batch).collect()
}
