#![allow(clippy::unwrap_used, clippy::expect_used)]

mod arrivals;
mod golden;
mod metrics;
mod senders;

use std::time::{Duration, Instant};

use ::config::{Diagnostics, Kind, Section, Signal};
use futures_util::FutureExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::component::{BatchStage, Flow, Processor, Stage};
use pipeline::payload::{Limits, Payload};
use pipeline::plan::World;
use pipeline::telemetry::Suffixes;
use pipeline::testing::contract;
use pipeline::{Batch, Origin, Outcome, Receipt, Verdict};
use prost::Message;
use std::sync::Arc;

use super::*;

/// A batcher with everything around it that a lane would give.
struct Bench {
    world: World,
    stage: Box<dyn BatchStage>,
    start: Instant,
    now: Instant,
}

impl Bench {
    fn of(config: &Config) -> Self {
        let world = World::system();
        let setup = contract::setup(&world, "batch", Kind::Processor, Signal::Traces);
        let Ok(Stage::Batches(stage)) = BatchProcessor::build(config, &setup) else {
            panic!("batch works on batches")
        };
        let start = world.outside.clock.now();
        Self {
            world,
            stage,
            start,
            now: start,
        }
    }

    fn after(&mut self, elapsed: Duration) {
        self.now = self.start + elapsed;
    }

    fn batch(&self, payload: Payload, origin: Origin) -> (Batch, Verdict) {
        let credit = self.world.budget.admit(payload.bytes().len() as u64).unwrap();
        let (receipt, verdict) = Receipt::pair();
        (Batch::new(payload, Arc::new(origin), receipt, credit), verdict)
    }

    fn give(&mut self, payload: Payload, origin: Origin) -> (Vec<Batch>, Verdict) {
        let (batch, verdict) = self.batch(payload, origin);
        let mut flow = Flow::default();
        self.stage.batch(batch, self.now, &mut flow);
        (flow.take_forwarded(), verdict)
    }

    fn tick(&mut self) -> Vec<Batch> {
        let mut flow = Flow::default();
        self.stage.tick(self.now, &mut flow);
        flow.take_forwarded()
    }

    fn idle(&mut self) -> Vec<Batch> {
        let mut flow = Flow::default();
        self.stage.idle(self.now, &mut flow);
        flow.take_forwarded()
    }

    fn drain(&mut self) -> Vec<Batch> {
        let mut flow = Flow::default();
        self.stage.drain(&mut flow);
        flow.take_forwarded()
    }

    fn metrics(&self) -> String {
        self.world.telemetry.metrics().render(Suffixes::none())
    }
}

/// Spans with these names, one scope, one resource.
fn spans(names: impl IntoIterator<Item = String>, padding: usize) -> Payload {
    let pad = |text: String| AnyValue {
        value: Some(Value::StringValue(text)),
    };
    let attribute = || KeyValue {
        key: "pad".into(),
        value: Some(pad("x".repeat(padding))),
        ..KeyValue::default()
    };
    let span = |name| Span {
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        name,
        attributes: (padding > 0).then(attribute).into_iter().collect(),
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
    Payload::parse(Signal::Traces, bytes.into(), &Limits::default())
        .unwrap()
        .payload
}

fn numbered(count: usize) -> Payload {
    spans((0..count).map(|index| index.to_string()), 0)
}

fn names(batch: &Batch) -> Vec<String> {
    let request = ExportTraceServiceRequest::decode(batch.payload.bytes().clone()).unwrap();
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans);
    let names: Vec<String> = scopes.flat_map(|scope| scope.spans).map(|span| span.name).collect();
    assert_eq!(
        names.len() as u32,
        batch.payload.items(),
        "the batch counts its spans wrongly"
    );
    names
}

fn tenant(name: &str) -> Origin {
    Origin {
        metadata: vec![("x-tenant".to_owned(), name.to_owned())],
        ..Origin::default()
    }
}

fn decoded(yaml: &str) -> Result<Config, String> {
    let section = Section::from_yaml("batch.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    ::config::decode(&section, &mut diagnostics).ok_or_else(|| diagnostics.render(false))
}

#[tokio::test]
async fn the_contract_holds() {
    contract::processor::<BatchProcessor>(vec![numbered(3), numbered(5000), numbered(1)]).await;
}

#[test]
fn the_defaults_are_the_collectors() {
    let config = Config::default();

    assert_eq!((config.send_batch_size, config.send_batch_max_size), (8192, 0));
    assert_eq!(*config.timeout, Duration::from_millis(200));
    assert_eq!(
        (config.metadata_keys.len(), config.metadata_cardinality_limit),
        (0, 1000)
    );
}

#[test]
fn a_maximum_below_the_trigger_is_refused() {
    assert!(
        decoded("{send_batch_size: 100, send_batch_max_size: 99}")
            .unwrap_err()
            .contains("send_batch_max_size")
    );
    assert!(decoded("{send_batch_size: 100, send_batch_max_size: 100}").is_ok());
    assert!(decoded("{send_batch_max_size: 100}").unwrap_err().contains("8192"));
}

#[test]
fn a_header_listed_twice_is_refused_whatever_its_case() {
    assert!(
        decoded("{metadata_keys: [X-Tenant, x-tenant]}")
            .unwrap_err()
            .contains("listed twice")
    );
}

#[test]
fn what_waits_alone_goes_on_with_the_bytes_as_they_came() {
    let mut bench = Bench::of(&Config::default());
    let payload = numbered(3);
    let bytes = payload.bytes().clone();
    let (sent, verdict) = bench.give(payload, tenant("acme"));
    assert!(sent.is_empty());

    bench.after(Duration::from_millis(200));
    let mut sent = bench.tick();

    let batch = sent.pop().unwrap();
    assert_eq!(batch.payload.bytes().as_ptr(), bytes.as_ptr());
    assert_eq!(*batch.origin, tenant("acme"));
    batch.settle(Outcome::Delivered);
    assert_eq!(verdict.now_or_never(), Some(Outcome::Delivered));
}

#[test]
fn every_sender_of_a_merged_batch_hears_how_it_ended() {
    let mut bench = Bench::of(&Config {
        send_batch_size: 4,
        ..Config::default()
    });
    let (_, first) = bench.give(numbered(2), Origin::default());
    let (sent, second) = bench.give(numbered(2), Origin::default());

    for batch in sent {
        batch.settle(Outcome::retry("full"));
    }

    assert_eq!(first.now_or_never(), Some(Outcome::retry("full")));
    assert_eq!(second.now_or_never(), Some(Outcome::retry("full")));
}

#[test]
fn the_sender_of_a_cut_batch_hears_the_worst_of_its_parts() {
    let mut bench = Bench::of(&Config {
        send_batch_size: 2,
        send_batch_max_size: 2,
        ..Config::default()
    });

    let (sent, verdict) = bench.give(numbered(5), Origin::default());
    let rest = bench.idle();

    assert_eq!(sent.iter().map(names).collect::<Vec<_>>(), [["0", "1"], ["2", "3"]]);
    assert_eq!(rest.iter().map(names).collect::<Vec<_>>(), [["4"]]);
    let outcomes = [Outcome::Delivered, Outcome::Rejected("no".into()), Outcome::Delivered];
    for (batch, outcome) in sent.into_iter().chain(rest).zip(outcomes) {
        batch.settle(outcome);
    }
    assert_eq!(verdict.now_or_never(), Some(Outcome::Rejected("no".into())));
    assert_eq!(bench.world.budget.used(), 0);
}

#[test]
fn memory_stays_charged_until_the_merged_batch_has_left() {
    let mut bench = Bench::of(&Config {
        send_batch_size: 4,
        ..Config::default()
    });
    bench.give(numbered(2), Origin::default());
    let (sent, _) = bench.give(numbered(2), Origin::default());

    assert!(bench.world.budget.used() > 0);
    sent.into_iter().for_each(|batch| batch.settle(Outcome::Delivered));

    assert_eq!(bench.world.budget.used(), 0);
}

#[test]
fn a_batch_without_a_single_item_ends_here() {
    let mut bench = Bench::of(&Config::default());

    let (sent, verdict) = bench.give(numbered(0), Origin::default());

    assert!(sent.is_empty());
    assert_eq!(verdict.now_or_never(), Some(Outcome::Delivered));
    assert_eq!(bench.stage.wake_at(), None);
}

#[test]
fn nothing_waits_where_size_or_time_is_zero() {
    for config in [
        Config {
            send_batch_size: 0,
            ..Config::default()
        },
        Config {
            timeout: ::config::Duration::ZERO,
            ..Config::default()
        },
    ] {
        let mut bench = Bench::of(&config);

        let (sent, _verdict) = bench.give(numbered(1), Origin::default());

        assert_eq!(sent.len(), 1);
        assert_eq!(bench.stage.wake_at(), None);
        sent.into_iter().for_each(|batch| batch.settle(Outcome::Delivered));
    }
}

#[test]
fn one_combination_too_many_is_refused_and_its_sender_may_try_again() {
    let keys = vec!["X-Tenant".to_owned()];
    let mut bench = Bench::of(&Config {
        metadata_keys: keys,
        metadata_cardinality_limit: 1,
        ..Config::default()
    });
    let (_, first) = bench.give(numbered(1), tenant("a"));

    let (_, refused) = bench.give(numbered(1), tenant("b"));
    let (_, joined) = bench.give(numbered(1), tenant("a"));

    let Some(Outcome::Retry { cause, .. }) = refused.now_or_never() else {
        panic!("not refused")
    };
    assert!(cause.contains("metadata_cardinality_limit"), "{cause}");
    let sent = bench.drain();
    assert_eq!(sent.iter().map(names).collect::<Vec<_>>(), [["0", "0"]]);
    sent.into_iter().for_each(|batch| batch.settle(Outcome::Delivered));
    assert_eq!(
        (first.now_or_never(), joined.now_or_never()),
        (Some(Outcome::Delivered), Some(Outcome::Delivered))
    );
    let (_, later) = bench.give(numbered(1), tenant("b"));
    assert_eq!(later.now_or_never(), None, "there is room again");
    bench
        .drain()
        .into_iter()
        .for_each(|batch| batch.settle(Outcome::Delivered));
}

#[test]
fn a_merged_batch_keeps_of_its_origin_what_is_true_of_all_senders() {
    let keys = vec!["x-tenant".to_owned()];
    let mut bench = Bench::of(&Config {
        metadata_keys: keys,
        ..Config::default()
    });
    let from = |client: &str, user: &str| Origin {
        client: Some(client.parse().unwrap()),
        transport: "grpc",
        metadata: vec![("x-tenant".into(), "acme".into()), ("user-agent".into(), user.into())],
        ..Origin::default()
    };
    bench.give(numbered(1), from("10.0.0.1", "python"));
    bench.give(numbered(1), from("10.0.0.2", "rust"));

    let sent = bench.drain();

    let merged = Origin {
        client: None,
        transport: "grpc",
        metadata: vec![("x-tenant".into(), "acme".into())],
        ..Origin::default()
    };
    assert_eq!(
        sent.iter().map(|batch| (*batch.origin).clone()).collect::<Vec<_>>(),
        [merged]
    );
    sent.into_iter().for_each(|batch| batch.settle(Outcome::Delivered));
}

#[test]
fn metrics_and_logs_are_sent_together_too() {
    use opentelemetry_proto::tonic::collector::{logs::v1 as logs, metrics::v1 as metrics};
    let record = opentelemetry_proto::tonic::logs::v1::LogRecord::default();
    let scope = opentelemetry_proto::tonic::logs::v1::ScopeLogs {
        log_records: vec![record; 2],
        ..Default::default()
    };
    let resource = opentelemetry_proto::tonic::logs::v1::ResourceLogs {
        scope_logs: vec![scope],
        ..Default::default()
    };
    let log = logs::ExportLogsServiceRequest {
        resource_logs: vec![resource],
    };
    let gauge = opentelemetry_proto::tonic::metrics::v1::Gauge {
        data_points: vec![Default::default(); 3],
    };
    let data = opentelemetry_proto::tonic::metrics::v1::metric::Data::Gauge(gauge);
    let metric = opentelemetry_proto::tonic::metrics::v1::Metric {
        data: Some(data),
        ..Default::default()
    };
    let scope = opentelemetry_proto::tonic::metrics::v1::ScopeMetrics {
        metrics: vec![metric],
        ..Default::default()
    };
    let resource = opentelemetry_proto::tonic::metrics::v1::ResourceMetrics {
        scope_metrics: vec![scope],
        ..Default::default()
    };
    let metric = metrics::ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    };
    for (signal, bytes, items) in [
        (Signal::Logs, log.encode_to_vec(), 2),
        (Signal::Metrics, metric.encode_to_vec(), 3),
    ] {
        let payload = Payload::parse(signal, bytes.clone().into(), &Limits::default())
            .unwrap()
            .payload;
        assert_eq!(payload.items(), items);
        let mut bench = Bench::of(&Config::default());

        let (_, first) = bench.give(payload.clone(), Origin::default());
        let (_, second) = bench.give(payload, Origin::default());
        let mut sent = bench.drain();

        let batch = sent.pop().unwrap();
        assert_eq!((batch.payload.signal(), batch.payload.items()), (signal, 2 * items));
        assert_eq!(*batch.payload.bytes(), [bytes.clone(), bytes].concat());
        batch.settle(Outcome::Delivered);
        assert_eq!(
            (first.now_or_never(), second.now_or_never()),
            (Some(Outcome::Delivered), Some(Outcome::Delivered))
        );
    }
}

#[test]
fn the_metrics_say_what_was_sent_and_why() {
    let mut bench = Bench::of(&Config {
        send_batch_size: 3,
        ..Config::default()
    });
    let mut sent = bench.give(numbered(3), Origin::default()).0;
    bench.give(numbered(1), Origin::default());
    let waiting = bench.metrics();
    sent.extend(bench.idle());
    bench.give(numbered(2), Origin::default());
    sent.extend(bench.drain());

    let page = bench.metrics();

    assert!(
        waiting.contains("otelcol_processor_batch_metadata_cardinality{component=\"batch\"} 1\n"),
        "{waiting}"
    );
    for line in [
        "otelcol_processor_batch_metadata_cardinality{component=\"batch\"} 0\n",
        "otelcol_processor_batch_batch_size_trigger_send{component=\"batch\"} 1\n",
        "inferscope_processor_batch_idle_trigger_send{component=\"batch\"} 1\n",
        "otelcol_processor_batch_timeout_trigger_send{component=\"batch\"} 1\n",
        "otelcol_processor_batch_batch_send_size_sum{component=\"batch\"} 6\n",
        "otelcol_processor_batch_batch_send_size_count{component=\"batch\"} 3\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }
    sent.into_iter().for_each(|batch| batch.settle(Outcome::Delivered));
}
