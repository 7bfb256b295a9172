//! The task that sends: exact under concurrency, on time, and with nothing left behind.

use std::time::Duration;

use ::config::{Kind, Signal};
use futures_util::FutureExt;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use pipeline::component::{Connection, Outlets};
use pipeline::lane::{Backlog, LaneDoor, Outlet};
use pipeline::payload::metrics::{MetricHead, MetricShape, MetricsBuilder, Number, PointHead, Temporality};
use pipeline::payload::{EmittedScope, EncodedAttributes, Payload, Place, Traces};
use pipeline::plan::World;
use pipeline::testing::contract;
use pipeline::{Batch, Credit, Origin, Outcome, Receipt};
use prost::Message;
use tokio::sync::mpsc;

use crate::aggregation::{Aggregate, Moment, connect};

/// Counts batches.
#[derive(Default)]
struct Batches(u64);

impl Aggregate for Batches {
    fn add(&mut self, _payload: &Payload, _origin: &Origin, _moment: &Moment) {
        self.0 += 1;
    }

    fn absorb(&mut self, other: &mut Self, _moment: &Moment) {
        self.0 += std::mem::take(&mut other.0);
    }

    fn flush(&mut self, moment: &Moment, out: &mut MetricsBuilder) {
        point(Some(Number::Int(self.0 as i64)), moment, out);
    }

    fn end(&mut self, moment: &Moment, out: &mut MetricsBuilder) {
        point(None, moment, out);
    }
}

fn point(value: Option<Number>, moment: &Moment, out: &mut MetricsBuilder) {
    let place = Place::made(&EncodedAttributes::new(), &EmittedScope::named("inferscope/test"));
    let shape = MetricShape::Sum {
        temporality: Temporality::Cumulative,
        monotonic: true,
    };
    out.metric(&place, &MetricHead::default(), shape);
    let head = PointHead {
        attributes: &EncodedAttributes::new(),
        start: 0,
        time: moment.wall,
        has_no_value: value.is_none(),
    };
    out.number(&head, value, &[]);
}

/// The connection, and the end of the pipeline behind it.
fn connected(world: &World) -> (Connection, mpsc::Receiver<Batch>) {
    let (sender, end) = mpsc::channel(4);
    let mut outlets = Outlets::default();
    let doors = vec![vec![LaneDoor::new(sender, Backlog::default())]];
    outlets.set(Signal::Metrics, Outlet::new(doors, world.budget.clone()));
    let setup = contract::setup(world, "span_metrics", Kind::Connector, Signal::Traces);
    (connect(Batches::default, Duration::from_secs(60), &setup, outlets), end)
}

/// What a batch tells: a value, or that there will be none any more.
fn told(batch: Batch) -> Option<i64> {
    time_and_value(batch).1
}

fn time_and_value(batch: Batch) -> (u64, Option<i64>) {
    let request = ExportMetricsServiceRequest::decode(batch.payload.bytes().clone()).unwrap();
    batch.settle(Outcome::Delivered);
    let metric = &request.resource_metrics[0].scope_metrics[0].metrics[0];
    let Some(metric::Data::Sum(sum)) = &metric.data else {
        panic!("{metric:?}");
    };
    let point = &sum.data_points[0];
    let value = match point.value {
        Some(number_data_point::Value::AsInt(value)) => Some(value),
        None => None,
        _ => panic!("{sum:?}"),
    };
    assert_eq!(value.is_none(), point.flags == 1);
    (point.time_unix_nano, value)
}

fn empty(world: &World) -> (Batch, pipeline::Verdict) {
    let (receipt, verdict) = Receipt::pair();
    let payload = Payload::Traces(Traces::default());
    let batch = Batch::new(payload, Origin::own(), receipt, Credit::none(&world.budget));
    (batch, verdict)
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_is_sent_every_interval_even_when_nothing_changed() {
    let world = World::system();
    let (Connection { conduit, work }, mut end) = connected(&world);
    let work = tokio::spawn(work.unwrap());
    let start = tokio::time::Instant::now();
    let (batch, verdict) = empty(&world);

    conduit.consume(batch).await;

    assert_eq!(verdict.now_or_never(), Some(Outcome::Queued));
    assert_eq!(told(end.recv().await.unwrap()), Some(1));
    assert_eq!(start.elapsed(), Duration::from_secs(60));
    assert_eq!(told(end.recv().await.unwrap()), Some(1));
    assert_eq!(start.elapsed(), Duration::from_secs(120));
    drop(conduit);
    assert_eq!(told(end.recv().await.unwrap()), Some(1));
    assert_eq!(told(end.recv().await.unwrap()), None);
    work.await.unwrap();
    assert!(end.recv().await.is_none(), "the pipeline behind may end");
    assert_eq!(world.budget.used(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_batch_counts_once_however_many_lanes_bring_them() {
    let world = World::system();
    let (Connection { conduit, work }, mut end) = connected(&world);
    let work = tokio::spawn(work.unwrap());

    let lanes: Vec<_> = (0..8)
        .map(|_| {
            let (conduit, world) = (std::sync::Arc::clone(&conduit), world.clone());
            tokio::spawn(async move {
                for _ in 0..500 {
                    let (batch, verdict) = empty(&world);
                    conduit.consume(batch).await;
                    assert_eq!(verdict.await, Outcome::Queued);
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
    drop(conduit);

    assert_eq!(told(end.recv().await.unwrap()), Some(4_000));
    work.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_the_pipelines_behind_are_full_nobody_in_front_waits() {
    let world = World::system();
    let (Connection { conduit, work }, mut end) = connected(&world);
    let work = tokio::spawn(work.unwrap());

    // Twenty flushes for four places.
    for _ in 0..20 {
        tokio::time::advance(Duration::from_secs(60)).await;
        let (batch, verdict) = empty(&world);
        assert!(conduit.consume(batch).now_or_never().is_some());
        assert_eq!(verdict.now_or_never(), Some(Outcome::Queued));
    }
    drop(conduit);

    let mut last = Some(0);
    let mut totals = Vec::new();
    while let Some(batch) = end.recv().await {
        last = told(batch);
        totals.extend(last);
    }
    assert!(totals.is_sorted(), "totals only grow");
    assert_eq!(totals.last(), Some(&20));
    assert_eq!(last, None, "and then they are over");
    work.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_all_series_comes_a_millisecond_after_their_last_values() {
    let world = World::system();
    let (Connection { conduit, work }, mut end) = connected(&world);
    let work = tokio::spawn(work.unwrap());

    drop(conduit);
    let (last, value) = time_and_value(end.recv().await.unwrap());
    let (over, none) = time_and_value(end.recv().await.unwrap());

    assert_eq!((value, none), (Some(0), None));
    assert_eq!(
        over - last,
        1_000_000,
        "Prometheus takes one value for each millisecond"
    );
    work.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_is_not_sent_before_the_pipelines_have_the_last_flush() {
    let world = World::system();
    let (Connection { conduit, work }, mut end) = connected(&world);
    let work = tokio::spawn(work.unwrap());
    drop(conduit);

    let last = end.recv().await.unwrap();
    let early = tokio::time::timeout(Duration::from_secs(5), end.recv()).await;

    assert!(early.is_err(), "another lane could be quicker");
    assert!(!last.receipt.is_heard_by_all(), "a full queue waits for room");
    assert_eq!(told(last), Some(0));
    assert_eq!(told(end.recv().await.unwrap()), None);
    work.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pipelines_that_never_take_the_last_flush_do_not_hold_up_the_stop() {
    let world = World::system();
    let (Connection { conduit, work }, mut end) = connected(&world);
    let work = tokio::spawn(work.unwrap());
    drop(conduit);

    let last = end.recv().await.unwrap();
    work.await.unwrap();

    assert!(end.recv().await.is_none(), "nothing follows that could overtake it");
    assert_eq!(told(last), Some(0));
}
