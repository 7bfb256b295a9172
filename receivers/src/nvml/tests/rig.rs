//! A receiver at a simulated library, in front of pipelines that take everything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::config::{Diagnostics, Kind, Section, Signal};
use inferscope_nvml_sim::Stage;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use pipeline::Outcome;
use pipeline::component::{Outlets, Receiver, Stop};
use pipeline::lane::{Backlog, LaneDoor, Outlet};
use pipeline::plan::World;
use prost::Message;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A series: its name, and its attributes as text with those of the resource that matter here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
}

impl Series {
    pub(super) fn has(&self, name: &str, parts: &[(&str, &str)]) -> bool {
        let has = |(key, value): &(&str, &str)| self.attributes.get(*key).is_some_and(|it| it == value);
        self.name == name && parts.iter().all(has)
    }
}

/// The last that was told of every series; None where it has ended.
pub(super) type State = BTreeMap<Series, Option<f64>>;

pub(super) struct Rig {
    state: Arc<Mutex<State>>,
    records: Arc<Mutex<Vec<LogRecord>>>,
    pub(super) world: World,
    stop: Stop,
    service: JoinHandle<()>,
}

/// Everything fast, so that a test takes no longer than it must.
pub(super) const FAST: &str = "collection_interval: 100ms, retry_interval: 300ms, timeout: 500ms, hostname: node-1,
    rates: {energy: 20, utilization: 10, temperature: 10, health: 5}";

impl Rig {
    /// A receiver at this library.
    pub(super) async fn at(stage: &Stage, more: &str) -> Self {
        let yaml = format!("{{library_path: '{}', {FAST}{more}}}", stage.path().display());
        Self::of::<super::super::NvmlReceiver>(&yaml).await
    }

    /// Any receiver.
    pub(super) async fn of<R: Receiver>(yaml: &str) -> Self {
        Self::within::<R>(yaml, World::system()).await
    }

    /// Any receiver, in a world that need not be the real one.
    pub(super) async fn within<R: Receiver>(yaml: &str, world: World) -> Self {
        let section = Section::from_yaml("test.yaml", yaml).unwrap();
        let mut diagnostics = Diagnostics::new();
        let config: Option<R::Config> = ::config::decode(&section, &mut diagnostics);
        let config = config.unwrap_or_else(|| panic!("{}", diagnostics.render(false)));
        let (sender, mut batches) = mpsc::channel::<pipeline::Batch>(64);
        let mut outlets = Outlets::default();
        for signal in [Signal::Metrics, Signal::Logs] {
            let door = LaneDoor::new(sender.clone(), Backlog::default());
            outlets.set(signal, Outlet::new(vec![vec![door]], world.budget.clone()));
        }
        let (state, records) = (Arc::new(Mutex::new(State::new())), Arc::new(Mutex::new(Vec::new())));
        let (heard, noted) = (Arc::clone(&state), Arc::clone(&records));
        tokio::spawn(async move {
            while let Some(batch) = batches.recv().await {
                let bytes = batch.payload.bytes().clone();
                match batch.payload.signal() {
                    Signal::Logs => noted.lock().unwrap().extend(log_records(&bytes)),
                    _ => heard.lock().unwrap().extend(points(&bytes)),
                }
                batch.settle(Outcome::Delivered);
            }
        });
        let setup = pipeline::testing::contract::setup(&world, R::ABOUT.name, Kind::Receiver, Signal::Metrics);
        let stop = Stop::new();
        let service = R::start(config, setup, outlets, stop.clone()).await.unwrap();
        let service = tokio::spawn(async move { service.await.unwrap() });
        Self {
            state,
            records,
            world,
            stop,
            service,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state.lock().unwrap().clone()
    }

    pub(super) fn records(&self) -> Vec<LogRecord> {
        self.records.lock().unwrap().clone()
    }

    /// The value of the only living series with this name and these attributes.
    pub(super) fn value(&self, name: &str, parts: &[(&str, &str)]) -> Option<f64> {
        let state = self.state();
        let mut found = state
            .iter()
            .filter(|(series, value)| value.is_some() && series.has(name, parts));
        let first = found.next().and_then(|(_, value)| *value);
        assert!(found.next().is_none(), "several {name} {parts:?}");
        first
    }

    /// The program's own metrics.
    pub(super) fn page(&self) -> String {
        let metrics = self.world.telemetry.metrics();
        metrics.render(pipeline::telemetry::Suffixes::none())
    }

    /// Waits until a condition holds.
    pub(super) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..600 {
            if condition(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "{what} did not happen in 30 seconds; {:?} {:#?}",
            self.world.health.troubles(),
            self.state()
        );
    }

    /// Waits until a series has this value.
    pub(super) async fn until_value(&self, name: &str, parts: &[(&str, &str)], wanted: f64) {
        let what = format!("{name} {parts:?} = {wanted}");
        self.until(&what, |rig| rig.value(name, parts) == Some(wanted)).await;
    }

    /// Stops the receiver and waits for its end.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), &mut self.service);
        ended.await.unwrap().unwrap();
    }
}

fn log_records(bytes: &[u8]) -> Vec<LogRecord> {
    let request = ExportLogsServiceRequest::decode(bytes).unwrap();
    let scopes = request.resource_logs.into_iter().flat_map(|it| it.scope_logs);
    scopes.flat_map(|it| it.log_records).collect()
}

fn points(bytes: &[u8]) -> State {
    let request = ExportMetricsServiceRequest::decode(bytes).unwrap();
    let mut state = State::new();
    for resource in request.resource_metrics {
        let own = attributes(&resource.resource.unwrap_or_default().attributes);
        for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
            let points: Vec<NumberDataPoint> = match metric.data.unwrap() {
                Data::Gauge(gauge) => gauge.data_points,
                Data::Sum(sum) => sum.data_points,
                other => panic!("{other:?}"),
            };
            for point in points {
                let mut of_point = attributes(&point.attributes);
                for key in ["service.name", "service.instance.id"] {
                    of_point.extend(own.get(key).map(|value| (key.to_owned(), value.clone())));
                }
                let series = Series {
                    name: metric.name.clone(),
                    attributes: of_point,
                };
                let value = match point.value {
                    Some(Value::AsDouble(value)) if point.flags & 1 == 0 => Some(value),
                    _ => None,
                };
                state.insert(series, value);
            }
        }
    }
    state
}

fn attributes(list: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.clone()?.value? {
        any_value::Value::StringValue(text) => Some(text),
        other => Some(format!("{other:?}")),
    };
    list.iter().filter_map(|it| Some((it.key.clone(), text(it)?))).collect()
}
