//! Runs spans through `llm_phases` and a desk, and reads the metrics that come out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::config::{Diagnostics, Kind, Section, Signal, Validate, decode};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::context::engine_requests::EngineRequests;
use pipeline::payload::metrics::MetricsBuilder;
use pipeline::payload::{BatchContext, Limits, Payload, SpanStage, Traces, Walk};
use pipeline::plan::World;
use pipeline::telemetry::{Suffixes, Telemetry};
use pipeline::testing::contract;
use prost::Message;
use serde::de::DeserializeOwned;

use crate::aggregation::{Aggregate, Moment};
use crate::llm_metrics::config::Config;
use crate::llm_metrics::counting::{Counting, Shared};
use crate::llm_metrics::meters::Meters;
use crate::llm_phases::LlmPhases;

pub(super) type Value = any_value::Value;

/// Desks of one connector with a clock of their own.
pub(super) struct Desks {
    desks: Vec<Counting>,
    pub(super) moment: Moment,
    pub(super) telemetry: Telemetry,
    /// What is said there about each instance.
    pub(super) requests: EngineRequests,
    pub(super) origin: Origin,
}

impl Desks {
    pub(super) fn new(yaml: &str) -> Self {
        Self::of(yaml, 1)
    }

    #[allow(clippy::disallowed_methods)] // Any moment will do to begin with.
    pub(super) fn of(yaml: &str, desks: usize) -> Self {
        let config: Config = config(yaml);
        let telemetry = Telemetry::default();
        let shared = Arc::new(Shared::new(&config, Meters::new(&telemetry)));
        let requests = EngineRequests::default();
        let desk = |_| Counting::new(Arc::clone(&shared), config.aggregation_temporality, requests.clone());
        Self {
            desks: (0..desks).map(desk).collect(),
            moment: Moment {
                now: Instant::now(),
                wall: 1_700_000_000_000_000_000,
            },
            telemetry,
            requests,
            origin: Origin::default(),
        }
    }

    pub(super) fn count(&mut self, traces: &Traces) {
        self.count_at(0, traces);
    }

    pub(super) fn count_at(&mut self, desk: usize, traces: &Traces) {
        self.desks[desk].add(&Payload::Traces(traces.clone()), &self.origin, &self.moment);
    }

    pub(super) fn count_spans(&mut self, spans: Vec<Span>) {
        self.count(&parse(&request("vllm.tracing.otel", spans).encode_to_vec()));
    }

    /// What is sent at the next flush.
    pub(super) fn flush(&mut self) -> Metrics {
        let (first, others) = self.desks.split_first_mut().unwrap();
        for other in others {
            first.absorb(other, &self.moment);
        }
        self.told(Counting::flush)
    }

    /// What is sent last, when the process stops.
    pub(super) fn end(&mut self) -> Metrics {
        self.told(Counting::end)
    }

    fn told(&mut self, tell: impl Fn(&mut Counting, &Moment, &mut MetricsBuilder)) -> Metrics {
        let mut out = MetricsBuilder::new();
        tell(&mut self.desks[0], &self.moment, &mut out);
        let request = out.build().map(|metrics| {
            // What we send is what we would accept.
            let parsed = Payload::parse(Signal::Metrics, metrics.bytes().clone(), &Limits::default()).unwrap();
            assert_eq!(parsed.payload.bytes(), metrics.bytes());
            ExportMetricsServiceRequest::decode(metrics.bytes().clone()).unwrap()
        });
        Metrics::read(request.unwrap_or_default())
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.moment.now += time;
        self.moment.wall += time.as_nanos() as u64;
    }

    /// One of the connector's own metrics, as its page shows it.
    pub(super) fn own(&self, series: &str) -> u64 {
        let page = self.telemetry.metrics().render(Suffixes::none());
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is not in\n{page}"))
            .parse()
            .unwrap()
    }
}

/// Metrics by `name{label=value,…}`, the labels in alphabetical order and without the instance.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Metrics {
    pub(super) points: BTreeMap<String, Point>,
    /// When series began that did so with a point that says nothing.
    pub(super) began: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Point {
    Count(i64),
    Exponential(ExponentialHistogramDataPoint),
    Explicit(HistogramDataPoint),
    Ended,
}

impl Point {
    /// Whether it says that nothing was counted.
    fn is_nothing(&self) -> bool {
        match self {
            Self::Count(count) => *count == 0,
            Self::Exponential(point) => point.count == 0 && point.sum == Some(0.0),
            Self::Explicit(point) => point.count == 0 && point.sum == Some(0.0),
            Self::Ended => false,
        }
    }
}

impl Metrics {
    fn read(request: ExportMetricsServiceRequest) -> Self {
        let mut metrics = Self::default();
        for of_resource in request.resource_metrics {
            let resource = labels(&of_resource.resource.unwrap_or_default().attributes);
            for metric in of_resource.scope_metrics.into_iter().flat_map(|it| it.metrics) {
                let key = |attributes: &[KeyValue]| {
                    let instances = attributes.iter().filter(|it| it.key == "collector.instance.id").count();
                    assert_eq!(instances, 1, "two gateways never write to one series: {attributes:?}");
                    let mut labels = [resource.clone(), labels(attributes)].concat();
                    labels.sort();
                    let labels = labels.join(",");
                    format!("{}{{{labels}}}", metric.name)
                };
                let points: Vec<(String, u64, Point)> = match metric.data.unwrap() {
                    metric::Data::Sum(sum) => {
                        assert!(sum.is_monotonic);
                        let point = |it: opentelemetry_proto::tonic::metrics::v1::NumberDataPoint| {
                            let value = match it.value {
                                Some(number_data_point::Value::AsInt(value)) => Point::Count(value),
                                None if it.flags == 1 => Point::Ended,
                                other => panic!("{other:?}"),
                            };
                            (key(&it.attributes), it.time_unix_nano, value)
                        };
                        sum.data_points.into_iter().map(point).collect()
                    }
                    metric::Data::ExponentialHistogram(histogram) => {
                        let point = |it: ExponentialHistogramDataPoint| {
                            let (key, ended) = (key(&it.attributes), it.flags == 1);
                            let time = it.time_unix_nano;
                            (key, time, if ended { Point::Ended } else { Point::Exponential(it) })
                        };
                        histogram.data_points.into_iter().map(point).collect()
                    }
                    metric::Data::Histogram(histogram) => {
                        let point = |it: HistogramDataPoint| {
                            let (key, ended) = (key(&it.attributes), it.flags == 1);
                            let time = it.time_unix_nano;
                            (key, time, if ended { Point::Ended } else { Point::Explicit(it) })
                        };
                        histogram.data_points.into_iter().map(point).collect()
                    }
                    other => panic!("{other:?}"),
                };
                let mut times = BTreeMap::new();
                for (key, time, point) in points {
                    if let Some(zero) = metrics.points.insert(key.clone(), point) {
                        assert!(zero.is_nothing(), "{key} came twice: {zero:?}");
                        let began = times[&key];
                        assert!(began < time, "{key}");
                        assert_eq!(metrics.began.insert(key.clone(), began), None, "{key} came three times");
                    }
                    times.insert(key, time);
                }
            }
        }
        metrics
    }

    /// The value of a counter; 0 where it is not there.
    pub(super) fn total(&self, key: &str) -> i64 {
        match self.points.get(key) {
            Some(Point::Count(value)) => *value,
            None => 0,
            other => panic!("{key} is {other:?}"),
        }
    }

    /// The value of a counter that is the only one with this beginning and these labels.
    pub(super) fn histogram(&self, key: &str) -> &ExponentialHistogramDataPoint {
        match self.points.get(key) {
            Some(Point::Exponential(point)) => point,
            other => panic!("{key} is {other:?}; there are {:#?}", self.keys()),
        }
    }

    pub(super) fn keys(&self) -> Vec<&str> {
        self.points.keys().map(String::as_str).collect()
    }

    /// The keys of one metric.
    pub(super) fn of<'m>(&'m self, name: &str) -> Vec<&'m str> {
        let begins = format!("{name}{{");
        self.keys().into_iter().filter(|key| key.starts_with(&begins)).collect()
    }
}

fn labels(attributes: &[KeyValue]) -> Vec<String> {
    let labels = attributes
        .iter()
        .filter(|it| it.key != "collector.instance.id")
        .map(|it| match it.value.as_ref().unwrap().value.as_ref().unwrap() {
            Value::StringValue(text) => format!("{}={text}", it.key),
            Value::BoolValue(value) => format!("{}={value}", it.key),
            Value::IntValue(value) => format!("{}={value}", it.key),
            other => format!("{}={other:?}", it.key),
        });
    labels.collect()
}

/// The value of the measurement at this rank, from one, as far as buckets tell: the middle of its bucket.
pub(super) fn at_rank(point: &ExponentialHistogramDataPoint, rank: u64) -> f64 {
    let mut below = point.zero_count;
    if rank <= below {
        return 0.0;
    }
    let base = 2_f64.powf(2_f64.powi(-point.scale));
    let buckets = point.positive.as_ref().unwrap();
    for (at, count) in buckets.bucket_counts.iter().enumerate() {
        below += count;
        if rank <= below {
            return base.powf(f64::from(buckets.offset + at as i32) + 0.5);
        }
    }
    panic!("rank {rank} of {}", point.count);
}

pub(super) fn trace_of(exemplar: &Exemplar) -> String {
    hex(&exemplar.trace_id)
}

/// What `llm_phases` makes of requests, batch by batch, with what it holds at the end.
pub(super) fn phased(yaml: &str, requests: &[Vec<u8>]) -> Vec<Traces> {
    let world = World::system();
    let setup = contract::setup(&world, "llm_phases", Kind::Processor, Signal::Traces);
    let Ok(Stage::Spans(stage)) = LlmPhases::build(&config(yaml), &setup) else {
        panic!("llm_phases looks at spans");
    };
    let mut stages: Vec<Box<dyn SpanStage>> = vec![stage];
    let mut walk = Walk::new();
    let origin = Origin::default();
    let context = BatchContext {
        now: setup.outside.clock.now(),
        origin: &origin,
    };
    let mut out = Vec::new();
    for request in requests {
        out.extend(walk.run(&parse(request), &mut stages, 0, &context).left);
    }
    let rest = stages[0].release(context.now, true);
    out.extend(rest.map(|released| released.traces));
    out
}

pub(super) fn config<C: DeserializeOwned + Default + Validate>(yaml: &str) -> C {
    if yaml.is_empty() {
        return C::default();
    }
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = decode::<C>(&section, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    config.unwrap()
}

/// What is wrong with a configuration.
pub(super) fn complaint(yaml: &str) -> String {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let _ = decode::<Config>(&section, &mut diagnostics);
    diagnostics.render(false)
}

pub(super) fn parse(request: &[u8]) -> Traces {
    Traces::parse(Bytes::copy_from_slice(request), &Limits::default())
        .unwrap()
        .payload
}

pub(super) fn structs(traces: &Traces) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(traces.bytes().clone()).unwrap()
}

pub(super) fn spans(traces: &[Traces]) -> Vec<Span> {
    let scopes = traces
        .iter()
        .flat_map(|it| structs(it).resource_spans)
        .flat_map(|it| it.scope_spans);
    scopes.flat_map(|it| it.spans).collect()
}

pub(super) fn fixtures(engine: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/engines")
        .join(engine)
}

/// The captured export requests of an engine, in the order of arrival.
pub(super) fn captured(engine: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(fixtures(engine).join("otlp")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// The lines of a file of JSON lines beside the captures.
pub(super) fn json_lines(engine: &str, file: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(fixtures(engine).join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

pub(super) fn text(value: &str) -> Value {
    Value::StringValue(value.to_owned())
}

pub(super) const START: u64 = 1_700_000_000_000_000_000;

/// A span of one second that `llm_phases` has judged.
pub(super) fn answer(attributes: &[(&str, Value)]) -> Span {
    let mut span = bare(attributes);
    span.attributes.push(pair("inferscope.decompose.status", text("ok")));
    span
}

/// A span of one second.
pub(super) fn bare(attributes: &[(&str, Value)]) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "llm_request".to_owned(),
        start_time_unix_nano: START,
        end_time_unix_nano: START + 1_000_000_000,
        attributes: attributes.iter().map(|(key, value)| pair(key, value.clone())).collect(),
        ..Span::default()
    }
}

/// A phase of this many milliseconds.
pub(super) fn phase(word: &str, source: &str, ms: u64) -> Span {
    let mut span = bare(&[
        ("inferscope.phase", text(word)),
        ("inferscope.phase.source", text(source)),
    ]);
    span.end_time_unix_nano = START + ms * 1_000_000;
    span
}

/// An export request of spans in one scope of the service `llm`.
pub(super) fn request(scope: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    request_of(&[("service.name", text("llm"))], scope, spans)
}

/// An export request of spans in one scope under a resource.
pub(super) fn request_of(resource: &[(&str, Value)], scope: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope {
        name: scope.to_owned(),
        ..InstrumentationScope::default()
    };
    let scope = ScopeSpans {
        scope: Some(scope),
        spans,
        ..ScopeSpans::default()
    };
    let resource = Resource {
        attributes: resource.iter().map(|(key, value)| pair(key, value.clone())).collect(),
        ..Resource::default()
    };
    let resource = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource],
    }
}
