//! What stages hold: how it leaves, and what becomes of it when something goes wrong.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::*;
use crate::payload::{Released, StageCounts, Traces};

/// Holds every span, up to one at which it may panic, and lets go of `traces` for them.
#[derive(Default)]
struct Shelf {
    seen: u64,
    held: u64,
    traces: Traces,
    panics_at_span: Option<u64>,
    panics_at_release: bool,
}

impl SpanStage for Shelf {
    fn span(&mut self, _: SpanView<'_>, edit: &mut Edit<'_>) {
        self.seen += 1;
        assert!(self.panics_at_span != Some(self.seen), "a bug in a processor");
        edit.hold();
        self.held += 1;
    }

    fn wake_at(&self) -> Option<Instant> {
        (self.held > 0).then(|| tokio::time::Instant::now().into_std())
    }

    fn release(&mut self, _: Instant, everything: bool) -> Option<Released> {
        assert!(!self.panics_at_release, "a bug in a processor");
        let mut counts = StageCounts::default();
        counts.received = std::mem::take(&mut self.held);
        counts.emitted = u64::from(self.traces.spans()).saturating_sub(counts.received);
        (everything && counts.received > 0).then(|| Released {
            traces: std::mem::take(&mut self.traces),
            counts,
        })
    }
}

/// Spans whose names have these many bytes.
fn spans(names: impl IntoIterator<Item = usize>) -> Traces {
    let span = |bytes| Span {
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        name: "x".repeat(bytes),
        ..Span::default()
    };
    let scope = ScopeSpans {
        spans: names.into_iter().map(span).collect(),
        ..ScopeSpans::default()
    };
    let resource = ResourceSpans {
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    let bytes = ExportTraceServiceRequest {
        resource_spans: vec![resource],
    }
    .encode_to_vec();
    Traces::parse(bytes.into(), &Limits::default()).unwrap().payload
}

fn inside(world: &World, stage: Stage) -> Inside {
    let setup = setup(world, "stage", Kind::Processor, Signal::Traces);
    let account = world.ledger.account("stage", Signal::Traces, &setup.telemetry);
    Inside::new(
        vec![LaneStage::new(stage, account, &setup.telemetry, Signal::Traces)],
        world,
    )
}

fn give(inside: &mut Inside, world: &World, count: u8) -> crate::Verdict {
    let (receipt, verdict) = Receipt::pair();
    let payload = request(count);
    let credit = world.budget.admit(payload.bytes().len() as u64).unwrap();
    let forwarded = inside.run(Batch::new(payload, Origin::own(), receipt, credit));
    assert!(forwarded.is_empty(), "the shelf holds everything");
    verdict
}

/// Held, and discarded because of a panic.
fn held_and_lost_to_panics(world: &World) -> (i64, u64) {
    let account = world.ledger.account("stage", Signal::Traces, &world.telemetry);
    let page = world.telemetry.metrics().render(crate::telemetry::Suffixes::none());
    let line = page
        .lines()
        .find(|line| line.starts_with("inferscope_component_discarded_items") && line.contains("reason=\"panic\""));
    let lost = line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap());
    (account.held.value(), lost)
}

#[tokio::test(start_paused = true)]
async fn what_was_held_leaves_in_batches_that_a_destination_takes() {
    let world = World::system();
    const MIB: usize = 1 << 20;
    let traces = spans(std::iter::repeat_n(MIB / 2, 20).chain([4 * MIB, 10]));
    let stage = Shelf {
        traces,
        ..Shelf::default()
    };
    let mut inside = inside(&world, Stage::Spans(Box::new(stage)));
    let _verdict = give(&mut inside, &world, 4);

    let released = inside.drain();

    let small = released.iter().filter(|batch| batch.payload.bytes().len() <= 3 * MIB);
    assert_eq!(
        small.count(),
        released.len() - 1,
        "all but the span that is larger alone"
    );
    let items: Vec<u32> = released.iter().map(|batch| batch.payload.items()).collect();
    assert_eq!(items, [5, 5, 5, 5, 1, 1]);
    let bytes: usize = released.iter().map(|batch| batch.payload.bytes().len()).sum();
    assert_eq!(world.budget.used(), bytes as u64);
    released.into_iter().for_each(|batch| batch.settle(Outcome::Delivered));
    assert_eq!(world.budget.used(), 0);
    assert_eq!(held_and_lost_to_panics(&world).0, 0);
    assert_eq!(world.ledger.imbalances(), []);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_before_a_panic_is_held_and_what_was_not_is_counted_as_lost() {
    let world = World::system();
    let stage = Shelf {
        panics_at_span: Some(3),
        traces: spans([1, 1]),
        ..Shelf::default()
    };
    let mut inside = inside(&world, Stage::Spans(Box::new(stage)));

    assert_eq!(give(&mut inside, &world, 4).await, Outcome::Lost);

    assert_eq!(held_and_lost_to_panics(&world), (2, 2));
    assert_eq!(world.ledger.imbalances(), []);
    let released = inside.drain();
    assert_eq!(released.iter().map(|batch| batch.payload.items()).sum::<u32>(), 2);
    assert_eq!(held_and_lost_to_panics(&world), (0, 2));
    assert_eq!(world.ledger.imbalances(), []);
    released.into_iter().for_each(|batch| batch.settle(Outcome::Delivered));
}

#[tokio::test(start_paused = true)]
async fn what_a_panic_loses_of_what_was_held_is_counted_once_nothing_is_held() {
    let world = World::system();
    let stage = Shelf {
        panics_at_release: true,
        ..Shelf::default()
    };
    let mut inside = inside(&world, Stage::Spans(Box::new(stage)));
    assert_eq!(give(&mut inside, &world, 4).await, Outcome::Queued);
    assert_eq!(held_and_lost_to_panics(&world), (4, 0));

    assert!(inside.drain().is_empty());

    assert_eq!(held_and_lost_to_panics(&world), (0, 4));
    assert_eq!(world.ledger.imbalances(), []);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_of_two_neighbours_costs_the_items_where_they_were() {
    let world = World::system();
    let mark = LaneStage::new(
        Stage::Spans(Box::new(Mark)),
        world.ledger.account("mark", Signal::Traces, &world.telemetry),
        &world.telemetry,
        Signal::Traces,
    );
    let shelf = LaneStage::new(
        Stage::Spans(Box::new(Shelf {
            panics_at_span: Some(2),
            ..Shelf::default()
        })),
        world.ledger.account("stage", Signal::Traces, &world.telemetry),
        &world.telemetry,
        Signal::Traces,
    );
    let mut inside = Inside::new(vec![mark, shelf], &world);

    assert_eq!(give(&mut inside, &world, 3).await, Outcome::Lost);

    let mark = world.ledger.account("mark", Signal::Traces, &world.telemetry);
    assert_eq!(
        (mark.received.value(), mark.forwarded.value(), mark.discarded()),
        (3, 2, 1),
        "the third never reached the shelf"
    );
    let shelf = world.ledger.account("stage", Signal::Traces, &world.telemetry);
    assert_eq!(
        (shelf.received.value(), shelf.held.value(), shelf.discarded()),
        (2, 1, 1)
    );
    assert_eq!(world.ledger.imbalances(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_stage_of_batches_loses_in_a_panic_is_counted() {
    let world = World::system();
    let mut inside = inside(&world, Stage::Batches(Box::new(Stubborn(None))));
    let verdict = give(&mut inside, &world, 3);

    assert!(inside.tick().is_empty());

    assert_eq!(verdict.await, Outcome::Lost);
    assert_eq!(held_and_lost_to_panics(&world), (0, 3));
    assert_eq!(world.ledger.imbalances(), []);
}
