//! What the tests of this crate share: payloads, setups and a destination that answers as told.

pub(crate) mod credentials;
mod destination;
pub(crate) mod otlp;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use config::{Diagnostics, Kind, Section, Signal};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use pipeline::Origin;
use pipeline::component::{Component, Export, ExportError, Exporter, Setup};
use pipeline::payload::{Limits, Payload};
use pipeline::plan::World;
use prost::Message;

pub(crate) use destination::{Answer, Destination, Received, TestTls};

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A request that a vLLM sent.
pub(crate) fn traces() -> Payload {
    let captured = include_bytes!("../../../tests/fixtures/engines/sglang-0.5.23-driven/otlp/0004-traces-grpc.pb");
    parse(Signal::Traces, captured.to_vec())
}

pub(crate) fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue {
        value: Some(any_value::Value::StringValue(value.to_owned())),
    });
    KeyValue {
        key: key.to_owned(),
        value,
        ..KeyValue::default()
    }
}

pub(crate) fn metrics_request() -> ExportMetricsServiceRequest {
    let point = NumberDataPoint {
        attributes: vec![attribute("model", "llama")],
        time_unix_nano: 1_700_000_000_000_000_000,
        value: Some(number_data_point::Value::AsInt(7)),
        ..NumberDataPoint::default()
    };
    let data = Some(metric::Data::Gauge(Gauge {
        data_points: vec![point],
    }));
    let metric = Metric {
        name: "vllm:num_requests_running".to_owned(),
        data,
        ..Metric::default()
    };
    let scope = Some(InstrumentationScope {
        name: "scrape".to_owned(),
        ..InstrumentationScope::default()
    });
    let scope = ScopeMetrics {
        scope,
        metrics: vec![metric],
        ..ScopeMetrics::default()
    };
    let resource = ResourceMetrics {
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    }
}

pub(crate) fn metrics() -> Payload {
    parse(Signal::Metrics, metrics_request().encode_to_vec())
}

/// Metrics of every kind with everything that can be said about them.
pub(crate) fn every_metric_request() -> ExportMetricsServiceRequest {
    let json = include_str!("../../../tests/fixtures/otlp/metrics-of-every-kind.json");
    serde_json::from_str(json).unwrap()
}

pub(crate) fn every_metric() -> Payload {
    parse(Signal::Metrics, every_metric_request().encode_to_vec())
}

pub(crate) fn logs() -> Payload {
    let body = attribute("", "engine started\nlevel=error").value;
    let record = LogRecord {
        body,
        severity_number: 9,
        attributes: vec![attribute("a", "b")],
        ..LogRecord::default()
    };
    let scope = ScopeLogs {
        log_records: vec![record],
        ..ScopeLogs::default()
    };
    let resource = ResourceLogs {
        scope_logs: vec![scope],
        ..ResourceLogs::default()
    };
    parse(
        Signal::Logs,
        ExportLogsServiceRequest {
            resource_logs: vec![resource],
        }
        .encode_to_vec(),
    )
}

pub(crate) fn parse(signal: Signal, bytes: Vec<u8>) -> Payload {
    Payload::parse(signal, bytes.into(), &Limits::default())
        .unwrap()
        .payload
}

/// About this many bytes of traces, by repeating a captured request.
pub(crate) fn large_traces(bytes: usize) -> Payload {
    let one = traces();
    let parts = vec![one.clone(); bytes / one.bytes().len() + 1];
    Payload::concat(&parts).unwrap()
}

pub(crate) fn setup(name: &str) -> Setup {
    pipeline::testing::contract::setup(&World::system(), name, Kind::Exporter, Signal::Traces)
}

/// The configuration that this text is, or what is wrong with it.
pub(crate) fn config<E: Component>(yaml: &str) -> Result<E::Config, String> {
    let section = Section::from_yaml("test.yaml", yaml).map_err(|problems| problems.render(false))?;
    let mut diagnostics = Diagnostics::new();
    let decoded = config::decode::<E::Config>(&section, &mut diagnostics);
    decoded
        .filter(|_| !diagnostics.has_errors())
        .ok_or_else(|| diagnostics.render(false))
}

/// What is said about a configuration that is accepted.
pub(crate) fn remarks<E: Component>(yaml: &str) -> String {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    assert!(
        config::decode::<E::Config>(&section, &mut diagnostics).is_some(),
        "{}",
        diagnostics.render(false)
    );
    diagnostics.render(false)
}

pub(crate) fn exporter<E: Exporter>(yaml: &str) -> E {
    exporter_in::<E>(yaml, &setup(E::ABOUT.name))
}

pub(crate) fn exporter_in<E: Exporter>(yaml: &str, setup: &Setup) -> E {
    let config = config::<E>(yaml).unwrap_or_else(|problems| panic!("{problems}"));
    E::build(&config, setup).unwrap()
}

/// One attempt, as the delivery driver makes it.
pub(crate) async fn export<E: Exporter>(exporter: &E, payload: &Payload) -> Result<(), ExportError> {
    let export = Export {
        payload: payload.clone(),
        origin: Origin::own(),
    };
    tokio::time::timeout(PATIENCE, exporter.export(export))
        .await
        .expect("the attempt should end by itself")
}

/// One attempt that the driver's timeout ends.
pub(crate) async fn abandoned<E: Exporter>(exporter: &E, payload: &Payload) {
    let export = Export {
        payload: payload.clone(),
        origin: Origin::own(),
    };
    let attempt = tokio::time::timeout(Duration::from_millis(200), exporter.export(export)).await;
    assert!(attempt.is_err(), "the attempt should have been waiting: {attempt:?}");
}

/// Collects what the program's log would show, of this thread and as long as it is held.
pub(crate) struct Log {
    shown: Shown,
    _guard: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn listen() -> Self {
        let shown = Shown::default();
        let writer = shown.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            shown,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.shown.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
