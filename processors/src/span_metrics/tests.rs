#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_input;
mod configuration;
mod counting;
mod dimensions;
mod harness;
mod lifetime;
mod made;
mod reference;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::config::{Kind, Signal};
use pipeline::component::Connector;
use pipeline::lane::{Backlog, LaneDoor, Outlet};
use pipeline::plan::World;
use pipeline::testing::contract;
use pipeline::{Batch, Credit, Origin, Outcome, Receipt};
use tokio::sync::mpsc;

use super::*;
use harness::{Points, Say, batch, span, traces};

#[test]
fn the_contract_holds() {
    contract::contract::<SpanMetrics>();
}

#[test]
fn it_leads_from_traces_to_metrics() {
    assert_eq!(SpanMetrics::ROUTES, [(Signal::Traces, Signal::Metrics)]);
}

/// The golden values of Jaeger's Monitor tab: a Prometheus exporter makes `traces_span_metrics_calls_total` of a
/// monotonic sum of this name without a unit, `traces_span_metrics_duration_milliseconds_bucket` of a histogram of this
/// name in `ms`, and labels with `_` for `.` of the attributes.
#[tokio::test(start_paused = true)]
async fn the_defaults_are_what_jaeger_asks_prometheus_for() {
    let world = World::system();
    let (sender, mut end) = mpsc::channel(4);
    let mut outlets = Outlets::default();
    let doors = vec![vec![LaneDoor::new(sender, Backlog::default())]];
    outlets.set(Signal::Metrics, Outlet::new(doors, world.budget.clone()));
    let setup = contract::setup(&world, "span_metrics", Kind::Connector, Signal::Traces);
    let connection = SpanMetrics::build(&Config::default(), &setup, outlets).unwrap();
    let work = tokio::spawn(connection.work.unwrap());
    let start = tokio::time::Instant::now();
    let spans = vec![
        span("GET /", 0, 3_000_000).server().failed(),
        span("GET /", 0, 12_000_000).server(),
    ];
    let (receipt, verdict) = Receipt::pair();
    let payload = batch(vec![traces("shop", spans)]);

    let batch = Batch::new(payload, Origin::own(), receipt, Credit::none(&world.budget));
    connection.conduit.consume(batch).await;
    assert_eq!(verdict.await, Outcome::Queued);

    let sent = end.recv().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(60));
    let points = Points::of(&sent.payload);
    let id = crate::aggregation::instance_id();
    let said = |status| {
        format!(
            "collector.instance.id={id} service.name=shop span.kind=SPAN_KIND_SERVER span.name=GET / status.code={status}"
        )
    };
    assert_eq!(
        points.counts("traces.span.metrics.calls"),
        [(said("STATUS_CODE_ERROR"), 1), (said("STATUS_CODE_UNSET"), 1)].into()
    );
    assert_eq!(points.shape("traces.span.metrics.calls"), ("monotonic sum", "", 2));
    assert_eq!(points.shape("traces.span.metrics.duration"), ("histogram", "ms", 2));
    let (bounds, buckets) = points.histogram("traces.span.metrics.duration", &said("STATUS_CODE_ERROR"));
    assert_eq!(
        bounds,
        [
            2., 4., 6., 8., 10., 50., 100., 200., 400., 800., 1e3, 1.4e3, 2e3, 5e3, 1e4, 1.5e4
        ]
    );
    assert_eq!(
        buckets.iter().position(|count| *count == 1),
        Some(1),
        "3 ms are at most 4"
    );
    assert_eq!(points.resources(), [BTreeMap::new()]);
    sent.settle(Outcome::Delivered);
    drop(connection.conduit);
    end.recv().await.unwrap().settle(Outcome::Delivered);
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counts_are_exact_however_many_lanes_bring_spans() {
    let world = World::system();
    let (sender, mut end) = mpsc::channel(64);
    let mut outlets = Outlets::default();
    let doors = vec![vec![LaneDoor::new(sender, Backlog::default())]];
    outlets.set(Signal::Metrics, Outlet::new(doors, world.budget.clone()));
    let setup = contract::setup(&world, "span_metrics", Kind::Connector, Signal::Traces);
    let config = Config {
        metrics_flush_interval: Duration::from_millis(2).into(),
        add_resource_attributes: true,
        ..Config::default()
    };
    let connection = SpanMetrics::build(&config, &setup, outlets).unwrap();
    let work = tokio::spawn(connection.work.unwrap());

    let lanes: Vec<_> = (0..8_u64)
        .map(|lane| {
            let (conduit, world) = (Arc::clone(&connection.conduit), world.clone());
            tokio::spawn(async move {
                for round in 0..200_u64 {
                    let spans =
                        (0..5).map(|index| span(&format!("op {}", (lane + round + index) % 7), 0, index * 1_000_000));
                    let payload = batch(vec![traces(&format!("service {}", round % 3), spans.collect())]);
                    let (receipt, verdict) = Receipt::pair();
                    let batch = Batch::new(payload, Origin::own(), receipt, Credit::none(&world.budget));
                    conduit.consume(batch).await;
                    assert_eq!(verdict.await, Outcome::Queued);
                }
            })
        })
        .collect();
    let reader = tokio::spawn(async move {
        let mut told = Vec::new();
        while let Some(batch) = end.recv().await {
            told.push(Points::of(&batch.payload));
            batch.settle(Outcome::Delivered);
        }
        let over = told.pop().unwrap();
        (told.pop().unwrap(), over)
    });
    for lane in lanes {
        lane.await.unwrap();
    }
    drop(connection.conduit);
    work.await.unwrap();

    let (last, over) = reader.await.unwrap();
    let counts = last.counts("traces.span.metrics.calls");
    assert_eq!(counts.values().sum::<u64>(), 8 * 200 * 5);
    assert_eq!(counts.len(), 3 * 7);
    assert_eq!(over.ended("traces.span.metrics.calls").len(), 3 * 7);
    assert_eq!(last.durations("traces.span.metrics.duration"), 8 * 200 * 5);
    let services: Vec<_> = last.resources().iter().map(|it| it["service.name"].clone()).collect();
    assert_eq!(services.len(), 3, "{services:?}");
    assert_eq!(world.budget.used(), 0);
}
