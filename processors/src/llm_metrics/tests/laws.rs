//! Laws: how spans are cut into batches, and who brings them, changes nothing.

use std::sync::Arc;

use ::config::{Kind, Signal};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric;
use pipeline::component::{Connection, Connector, Outlets};
use pipeline::lane::{Backlog, LaneDoor, Outlet};
use pipeline::payload::{Payload, SplitLimit, Traces};
use pipeline::plan::World;
use pipeline::testing::contract;
use pipeline::{Batch, Credit, Origin, Outcome, Receipt};
use proptest::prelude::*;
use prost::Message;
use tokio::sync::mpsc;

use super::harness::{Desks, Metrics, Point, captured, parse, phased, structs};
use crate::llm_metrics::{Config, LlmMetrics};

/// Everything that both engines sent, decomposed.
fn everything() -> Traces {
    let engines = ["vllm-0.32.0", "sglang-0.5.23-driven"];
    let parts: Vec<Traces> = engines
        .iter()
        .flat_map(|engine| phased("", &captured(engine)))
        .collect();
    Traces::concat(&parts)
}

/// Sums in nanoseconds, because the order of additions rounds differently, and without exemplars, of which the latest stay.
fn comparable(mut metrics: Metrics) -> Metrics {
    for point in metrics.points.values_mut() {
        if let Point::Exponential(point) = point {
            point.sum = point.sum.map(|sum| (sum * 1e9).round());
            point.exemplars.clear();
        }
    }
    metrics
}

#[test]
fn spans_that_stages_have_made_count_as_the_same_spans_in_the_usual_order() {
    let made = everything();
    let usual = parse(&structs(&made).encode_to_vec());
    assert_ne!(made, usual, "their bytes differ");
    let count = |traces: &Traces| {
        let mut desks = Desks::new("");
        for _ in 0..3 {
            desks.count(traces);
        }
        desks.flush()
    };

    assert_eq!(count(&made), count(&usual));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn p7_any_split_of_the_spans_over_batches_and_desks_gives_the_same_metrics(
        items in 1_u32..200,
        seed in any::<u64>(),
        desks in 1_usize..4,
    ) {
        let all = everything();
        let mut whole = Desks::new("");
        whole.count(&all);
        let mut batches = all.split(SplitLimit { items, bytes: 0 });
        // Any order: a multiplicative shuffle by the seed.
        let mut keyed: Vec<(u64, Traces)> = batches
            .drain(..)
            .enumerate()
            .map(|(at, batch)| ((at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17), batch))
            .collect();
        keyed.sort_by_key(|(key, _)| *key);

        let mut parts = Desks::of("", desks);
        for (at, (key, batch)) in keyed.iter().enumerate() {
            parts.count_at((*key as usize) % desks, batch);
            if at % 5 == 4 {
                parts.flush();
            }
        }

        prop_assert_eq!(comparable(parts.flush()), comparable(whole.flush()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_lanes_at_once_count_every_span_once() {
    const LANES: usize = 8;
    const ROUNDS: usize = 20;
    let world = World::system();
    let (sender, mut end) = mpsc::channel(16);
    let mut outlets = Outlets::default();
    let doors = vec![vec![LaneDoor::new(sender, Backlog::default())]];
    outlets.set(Signal::Metrics, Outlet::new(doors, world.budget.clone()));
    let setup = contract::setup(&world, "llm_metrics", Kind::Connector, Signal::Traces);
    let Connection { conduit, work } = LlmMetrics::build(&Config::default(), &setup, outlets).unwrap();
    let work = tokio::spawn(work.unwrap());
    let traces = phased("", &captured("vllm-0.32.0"));

    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (conduit, traces, world) = (Arc::clone(&conduit), traces.clone(), world.clone());
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    for traces in &traces {
                        let (receipt, verdict) = Receipt::pair();
                        let payload = Payload::Traces(traces.clone());
                        let credit = Credit::none(&world.budget);
                        conduit
                            .consume(Batch::new(payload, Origin::own(), receipt, credit))
                            .await;
                        assert_eq!(verdict.await, Outcome::Queued);
                    }
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
    drop(conduit);

    let batch = end.recv().await.unwrap();
    let request = ExportMetricsServiceRequest::decode(batch.payload.bytes().clone()).unwrap();
    batch.settle(Outcome::Delivered);
    work.await.unwrap();
    let metrics = request
        .resource_metrics
        .into_iter()
        .flat_map(|it| it.scope_metrics)
        .flat_map(|it| it.metrics);
    let durations = metrics.filter(|it| it.name == "gen_ai.server.request.duration");
    let counts: u64 = durations
        .map(|it| match it.data {
            Some(metric::Data::ExponentialHistogram(it)) => it.data_points.iter().map(|it| it.count).sum::<u64>(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(counts, 45 * (LANES * ROUNDS) as u64);
}
