#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use ::config::{Kind, Signal};
use futures_util::FutureExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::component::{Conduit, Connector, Outlets};
use pipeline::lane::{Backlog, LaneDoor, Outlet};
use pipeline::payload::{Limits, Payload};
use pipeline::plan::World;
use pipeline::testing::contract;
use pipeline::{Batch, Credit, Origin, Outcome, Receipt, Verdict};
use prost::Message;
use tokio::sync::mpsc;

use super::*;

fn one_span(world: &World) -> (Batch, Verdict) {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        ..Span::default()
    };
    let scope = ScopeSpans {
        spans: vec![span],
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
    let payload = Payload::parse(Signal::Traces, bytes.into(), &Limits::default())
        .unwrap()
        .payload;
    let (receipt, verdict) = Receipt::pair();
    (
        Batch::new(payload, Origin::own(), receipt, Credit::none(&world.budget)),
        verdict,
    )
}

/// A conduit into this many pipelines for traces, and their ends.
fn conduit(world: &World, pipelines: usize) -> (Arc<dyn Conduit>, Vec<mpsc::Receiver<Batch>>) {
    let (mut doors, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..pipelines {
        let (sender, end) = mpsc::channel(4);
        doors.push(vec![LaneDoor::new(sender, Backlog::default())]);
        ends.push(end);
    }
    let mut outlets = Outlets::default();
    if pipelines > 0 {
        outlets.set(Signal::Traces, Outlet::new(doors, world.budget.clone()));
    }
    let setup = contract::setup(world, "forward", Kind::Connector, Signal::Traces);
    (
        Forward::build(&Config::default(), &setup, outlets).unwrap().conduit,
        ends,
    )
}

#[test]
fn the_contract_holds() {
    contract::contract::<Forward>();
}

#[test]
fn every_signal_leads_to_itself() {
    assert!(Forward::ROUTES.iter().all(|(from, to)| from == to));
    assert_eq!(Forward::ROUTES.len(), 3);
}

#[tokio::test]
async fn a_batch_goes_to_every_pipeline_with_the_bytes_that_it_has() {
    let world = World::system();
    let (conduit, mut ends) = conduit(&world, 2);
    let (batch, verdict) = one_span(&world);
    let sent = batch.payload.bytes().clone();

    conduit.consume(batch).await;

    let arrived: Vec<Batch> = ends.iter_mut().map(|end| end.try_recv().unwrap()).collect();
    assert!(
        arrived
            .iter()
            .all(|batch| batch.payload.bytes().as_ptr() == sent.as_ptr())
    );
    let outcomes = [Outcome::Delivered, Outcome::retry("full")];
    for (batch, outcome) in arrived.into_iter().zip(outcomes) {
        batch.settle(outcome);
    }
    assert_eq!(
        verdict.now_or_never(),
        Some(Outcome::retry("full")),
        "the sender hears the worst"
    );
}

#[tokio::test]
async fn the_pipelines_behind_end_when_it_is_dropped() {
    let world = World::system();
    let (conduit, mut ends) = conduit(&world, 1);

    drop(conduit);

    assert!(ends.remove(0).recv().await.is_none());
}

#[tokio::test]
async fn without_a_pipeline_the_sender_keeps_its_data() {
    let world = World::system();
    let (conduit, _ends) = conduit(&world, 0);
    let (batch, verdict) = one_span(&world);

    conduit.consume(batch).await;

    assert!(matches!(verdict.now_or_never(), Some(Outcome::Retry { .. })));
}
