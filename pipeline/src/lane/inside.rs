//! What happens inside a lane: the stages, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use config::Signal;

use crate::component::{BatchStage, Flow, Stage};
use crate::ledger::{Account, signal_name};
use crate::outside::Clock;
use crate::payload::{BatchContext, Payload, Released, SpanStage, StageCounts, Traces, Walk};
use crate::plan::World;
use crate::telemetry::{Counter, MetricAbout, Telemetry};
use crate::{Batch, Budget, Credit, Origin, Outcome, Receipt};

const INCOMING: MetricAbout = MetricAbout {
    name: "otelcol_processor_incoming_items",
    help: "Items that a processor was given.",
    unit: "{item}",
};
const OUTGOING: MetricAbout = MetricAbout {
    name: "otelcol_processor_outgoing_items",
    help: "Items that a processor passed on.",
    unit: "{item}",
};

const PANICS: MetricAbout = MetricAbout {
    name: "inferscope_panics",
    help: "Panics of processors that were caught; each is a bug and cost one batch.",
    unit: "{panic}",
};

/// One processor of a lane with its books.
pub struct LaneStage {
    stage: Stage,
    books: Books,
}

/// What a processor did, in the ledger and under the Collector's names.
#[derive(Clone)]
struct Books {
    account: Account,
    incoming: Counter,
    outgoing: Counter,
}

/// The stages of a lane. Neighbours that look at spans share one walk over the bytes.
pub struct Inside {
    steps: Vec<Step>,
    walk: Walk,
    budget: Budget,
    clock: Arc<dyn Clock>,
    panics: Counter,
}

enum Step {
    Spans {
        stages: Vec<Box<dyn SpanStage>>,
        books: Vec<Books>,
    },
    Batches {
        stage: Box<dyn BatchStage>,
        books: Books,
    },
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
        let telemetry = telemetry.with("otel_signal", signal_name(signal));
        let (incoming, outgoing) = (telemetry.counter(INCOMING), telemetry.counter(OUTGOING));
        Self {
            stage,
            books: Books {
                account,
                incoming,
                outgoing,
            },
        }
    }
}

impl Books {
    fn received(&self, items: u64) {
        self.account.received.add(items);
        self.incoming.add(items);
    }

    fn forwarded(&self, items: u64) {
        self.account.forwarded.add(items);
        self.outgoing.add(items);
    }

    fn walked(&self, counts: &StageCounts) {
        self.received(counts.received);
        self.account.held.add(counts.held as i64);
        self.made_and_dropped(counts);
        self.forwarded(counts.forwarded());
    }

    fn released(&self, released: &Released) {
        self.account.held.add(-(released.counts.received as i64));
        self.made_and_dropped(&released.counts);
        self.forwarded(u64::from(released.traces.spans()));
    }

    fn made_and_dropped(&self, counts: &StageCounts) {
        self.account.made.add(counts.emitted);
        for (reason, items) in counts.dropped() {
            self.account.discard(reason, *items);
        }
    }
}

impl Inside {
    /// These stages, in this order.
    pub fn new(stages: Vec<LaneStage>, world: &World) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        for LaneStage { stage, books } in stages {
            match (stage, steps.last_mut()) {
                (Stage::Nothing, _) => {}
                (Stage::Spans(stage), Some(Step::Spans { stages, books: all })) => {
                    stages.push(stage);
                    all.push(books);
                }
                (Stage::Spans(stage), _) => steps.push(Step::Spans {
                    stages: vec![stage],
                    books: vec![books],
                }),
                (Stage::Batches(stage), _) => steps.push(Step::Batches { stage, books }),
            }
        }
        Self {
            steps,
            walk: Walk::default(),
            budget: world.budget.clone(),
            clock: Arc::clone(&world.outside.clock),
            panics: world.telemetry.counter(PANICS),
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
        let start = Position { step: 0, stage: 0 };
        self.guarded(|inside| inside.run_from(start, vec![batch]))
    }

    /// Lets stages let go of what is old enough.
    pub fn tick(&mut self) -> Vec<Batch> {
        let now = self.clock.now();
        self.guarded(|inside| inside.let_go(now, |stage, flow| stage.tick(now, flow), false))
    }

    /// Lets stages let go of what need not wait, since the lane has nothing else to do.
    pub fn idle(&mut self) -> Vec<Batch> {
        let now = self.clock.now();
        self.guarded(|inside| inside.let_go(now, |stage, flow| stage.idle(now, flow), false))
    }

    /// Lets go of everything.
    pub fn drain(&mut self) -> Vec<Batch> {
        let now = self.clock.now();
        self.guarded(|inside| inside.let_go(now, |stage, flow| stage.drain(flow), true))
    }

    /// A panic in a stage costs the batch at hand: its receipt is dropped, so its sender hears that it is lost and
    /// sends again. The lane goes on.
    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Vec<Batch>) -> Vec<Batch> {
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        done.unwrap_or_else(|_panic| {
            self.panics.add(1);
            self.walk = Walk::default(); // Half of a batch may lie in its buffers.
            tracing::error!("a processor panicked; its batch is lost to this process, please report this bug");
            Vec::new()
        })
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
            None => (Vec::new(), behind),
            Some(Step::Batches { stage, books }) => {
                let mut flow = Flow::default();
                ask(stage.as_mut(), &mut flow);
                (books.take(&mut flow, 0), behind)
            }
            Some(Step::Spans { stages, books }) => {
                let next = Position {
                    step: at.step,
                    stage: at.stage + 1,
                };
                let (Some(stage), Some(books)) = (stages.get_mut(at.stage), books.get(at.stage)) else {
                    return (Vec::new(), next);
                };
                let due = everything || stage.wake_at().is_some_and(|wake_at| wake_at <= now);
                let Some(released) = due.then(|| stage.release(now, everything)).flatten() else {
                    return (Vec::new(), next);
                };
                books.released(&released);
                if released.traces.spans() == 0 {
                    return (Vec::new(), next);
                }
                (vec![own_batch(released.traces, &self.budget)], next)
            }
        }
    }

    fn run_from(&mut self, mut at: Position, mut batches: Vec<Batch>) -> Vec<Batch> {
        while let Some(step) = self.steps.get_mut(at.step) {
            let mut out = Vec::with_capacity(batches.len());
            for batch in batches {
                match step {
                    Step::Batches { stage, books } => {
                        let items = u64::from(batch.payload.items());
                        let mut flow = Flow::default();
                        stage.batch(batch, self.clock.now(), &mut flow);
                        out.extend(books.take(&mut flow, items));
                    }
                    Step::Spans { stages, books } => {
                        out.extend(run_spans(
                            &mut self.walk,
                            stages,
                            books,
                            at.stage,
                            batch,
                            self.clock.as_ref(),
                            &self.budget,
                        ));
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

impl Books {
    /// Writes down what a stage was given and let go, and takes what it passed on. The rest it holds.
    fn take(&self, flow: &mut Flow, received: u64) -> Vec<Batch> {
        self.received(received);
        let mut left = 0;
        for (reason, items) in flow.take_discarded() {
            self.account.discard(reason, items);
            left += items;
        }
        let forwarded = flow.take_forwarded();
        let items = forwarded
            .iter()
            .map(|batch| u64::from(batch.payload.items()))
            .sum::<u64>();
        self.forwarded(items);
        self.account.held.add(received as i64 - (left + items) as i64);
        forwarded
    }
}

impl Step {
    fn stages(&self) -> usize {
        match self {
            Self::Spans { stages, .. } => stages.len(),
            Self::Batches { .. } => 1,
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        match self {
            Self::Spans { stages, .. } => stages.iter().filter_map(|stage| stage.wake_at()).min(),
            Self::Batches { stage, .. } => stage.wake_at(),
        }
    }
}

/// Runs a batch through neighbouring stages in one walk. None when nothing is left of it.
fn run_spans(
    walk: &mut Walk,
    stages: &mut [Box<dyn SpanStage>],
    books: &[Books],
    from: usize,
    mut batch: Batch,
    clock: &dyn Clock,
    budget: &Budget,
) -> Option<Batch> {
    let Payload::Traces(traces) = &batch.payload else {
        return Some(batch); // The plan lets no such pipeline through.
    };
    let bytes = traces.bytes().clone();
    let before = bytes.len();
    let context = BatchContext {
        now: clock.now(),
        origin: &batch.origin,
    };
    let walked = walk.run(traces, stages, from, &context);
    let mut held = 0;
    for (counts, books) in walked.counts.iter().zip(books.iter().skip(from)) {
        books.walked(counts);
        held += counts.held;
    }
    let Some(traces) = walked.traces else {
        // What is held waits in memory; what was dropped was dropped on purpose.
        batch.settle(if held > 0 { Outcome::Queued } else { Outcome::Delivered });
        return None;
    };
    if held > 0 {
        batch.receipt.split().settle(Outcome::Queued);
    }
    let after = traces.bytes().len();
    if Arc::strong_count(&batch.credit) == 1 {
        batch.credit.grow(after.saturating_sub(before) as u64);
    } else if traces.bytes().as_ptr() != bytes.as_ptr() {
        // Another branch holds the original; this one holds a copy of its own now.
        batch.credit = Arc::new(Credit::of(after as u64, budget));
    }
    batch.payload = Payload::Traces(traces);
    Some(batch)
}

/// A batch of spans that a stage had held: nobody waits for it any more, but its memory is charged.
fn own_batch(traces: Traces, budget: &Budget) -> Batch {
    let credit = Credit::of(traces.bytes().len() as u64, budget);
    Batch::new(
        Payload::Traces(traces),
        Arc::new(Origin::default()),
        Receipt::unheard(),
        credit,
    )
}
