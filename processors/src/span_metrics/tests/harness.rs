//! Spans in, points out, both as prost has them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::config::{Diagnostics, Kind, Section, Signal};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use pipeline::outside::ManualClock;
use pipeline::payload::metrics::MetricsBuilder;
use pipeline::payload::{Limits, Payload};
use pipeline::plan::World;
use pipeline::telemetry::Suffixes;
use pipeline::testing::contract;
use prost::Message;

use crate::aggregation::{Aggregate, Moment};
use crate::span_metrics::Config;
use crate::span_metrics::aggregator::{Plan, SpanCounts};
use crate::span_metrics::meters::Meters;

pub(super) fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

/// A span of a trace of its own, from and to these nanoseconds.
pub(super) fn span(name: &str, start: u64, end: u64) -> Span {
    let id = name.bytes().fold(end.wrapping_add(1), |id, byte| {
        id.wrapping_mul(31).wrapping_add(byte.into())
    });
    Span {
        trace_id: [id.to_be_bytes(), (id | 1).to_be_bytes()].concat(),
        span_id: (id | 1).to_be_bytes().to_vec(),
        name: name.to_owned(),
        kind: 1,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        ..Span::default()
    }
}

pub(super) trait Say {
    fn server(self) -> Self;
    fn failed(self) -> Self;
    fn with(self, attributes: Vec<KeyValue>) -> Self;
    fn event(self, attributes: Vec<KeyValue>) -> Self;
}

impl Say for Span {
    fn server(mut self) -> Self {
        self.kind = 2;
        self
    }

    fn failed(mut self) -> Self {
        self.status = Some(Status {
            code: 2,
            message: "no".to_owned(),
        });
        self
    }

    fn with(mut self, attributes: Vec<KeyValue>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    fn event(mut self, attributes: Vec<KeyValue>) -> Self {
        self.events.push(Event {
            name: "exception".to_owned(),
            attributes,
            ..Event::default()
        });
        self
    }
}

pub(super) fn traces(service: &str, spans: Vec<Span>) -> ResourceSpans {
    traces_of(vec![text("service.name", service)], spans)
}

pub(super) fn traces_of(attributes: Vec<KeyValue>, spans: Vec<Span>) -> ResourceSpans {
    let scope = InstrumentationScope {
        name: "express".to_owned(),
        version: "4.2".to_owned(),
        ..InstrumentationScope::default()
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes,
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(scope),
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

pub(super) fn batch(resource_spans: Vec<ResourceSpans>) -> Payload {
    let bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    Payload::parse(Signal::Traces, bytes.into(), &Limits::default())
        .unwrap()
        .payload
}

pub(super) fn config(yaml: &str) -> Config {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let decoded = ::config::decode::<Config>(&section, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    decoded.unwrap()
}

/// The connector's counting without lanes and timers.
pub(super) struct Counter {
    pub(super) counts: SpanCounts,
    plan: Arc<Plan>,
    pub(super) clock: ManualClock,
    world: World,
}

impl Counter {
    pub(super) fn new(yaml: &str) -> Self {
        let mut config = config(yaml);
        config.exclude_dimensions.push("collector.instance.id".to_owned());
        Self::of(&config)
    }

    /// With the attribute that says which process counted.
    pub(super) fn saying_who_counts(yaml: &str) -> Self {
        Self::of(&config(yaml))
    }

    fn of(config: &Config) -> Self {
        let world = World::system();
        let setup = contract::setup(&world, "span_metrics", Kind::Connector, Signal::Traces);
        let plan = Arc::new(Plan::of(config, Meters::of(&setup.telemetry)));
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(1000));
        Self {
            counts: SpanCounts::new(Arc::clone(&plan)),
            plan,
            clock,
            world,
        }
    }

    pub(super) fn other_desk(&self) -> SpanCounts {
        SpanCounts::new(Arc::clone(&self.plan))
    }

    pub(super) fn add(&mut self, resources: Vec<ResourceSpans>) {
        self.counts.add(
            &batch(resources),
            &pipeline::Origin::default(),
            &Moment::of(&self.clock),
        );
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) fn flush(&mut self) -> Points {
        self.told(SpanCounts::flush)
    }

    /// What is sent last, when the process stops.
    pub(super) fn end(&mut self) -> Points {
        self.told(SpanCounts::end)
    }

    fn told(&mut self, tell: impl Fn(&mut SpanCounts, &Moment, &mut MetricsBuilder)) -> Points {
        let mut out = MetricsBuilder::new();
        tell(&mut self.counts, &Moment::of(&self.clock), &mut out);
        let metrics = out.build().unwrap_or_default();
        // What leaves is what every receiver of ours would take.
        let parsed = Payload::parse(Signal::Metrics, metrics.bytes().clone(), &Limits::default()).unwrap();
        assert_eq!((parsed.rejected.items, parsed.payload.items()), (0, metrics.points()));
        Points::of(&parsed.payload)
    }

    /// One of the connector's own metrics.
    pub(super) fn own(&self, name: &str) -> f64 {
        let page = self.world.telemetry.metrics().render(Suffixes::none());
        let series = format!("inferscope_connector_span_metrics_{name}{{component=\"span_metrics\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("{name}: {page}")).parse().unwrap()
    }
}

/// What was sent, with attributes as `key=value` in the order of their keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Points(ExportMetricsServiceRequest);

impl Points {
    pub(super) fn of(payload: &Payload) -> Self {
        Self(ExportMetricsServiceRequest::decode(payload.bytes().clone()).unwrap())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.resource_metrics.is_empty()
    }

    pub(super) fn resources(&self) -> Vec<BTreeMap<String, String>> {
        let resources = self.0.resource_metrics.iter().filter_map(|it| it.resource.as_ref());
        resources
            .map(|it| it.attributes.iter().map(|it| (it.key.clone(), shown(it))).collect())
            .collect()
    }

    pub(super) fn scopes(&self) -> Vec<(String, String)> {
        let scopes = self.0.resource_metrics.iter().flat_map(|it| &it.scope_metrics);
        let scopes = scopes.filter_map(|it| it.scope.as_ref());
        scopes.map(|it| (it.name.clone(), it.version.clone())).collect()
    }

    pub(super) fn metrics<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Metric> {
        let scopes = self.0.resource_metrics.iter().flat_map(|it| &it.scope_metrics);
        scopes.flat_map(|it| &it.metrics).filter(move |it| it.name == name)
    }

    /// Kind, unit and temporality of a metric.
    pub(super) fn shape<'p>(&'p self, name: &'p str) -> (&'p str, &'p str, i32) {
        let metric = self
            .metrics(name)
            .next()
            .unwrap_or_else(|| panic!("no {name} in {self:?}"));
        let (kind, temporality) = match metric.data.as_ref().unwrap() {
            metric::Data::Sum(sum) if sum.is_monotonic => ("monotonic sum", sum.aggregation_temporality),
            metric::Data::Histogram(histogram) => ("histogram", histogram.aggregation_temporality),
            metric::Data::ExponentialHistogram(it) => ("exponential histogram", it.aggregation_temporality),
            other => panic!("{other:?}"),
        };
        (kind, &metric.unit, temporality)
    }

    /// The values of a counter by attributes, over all resources; what ended has none.
    pub(super) fn counts(&self, name: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for metric in self.metrics(name) {
            let Some(metric::Data::Sum(sum)) = &metric.data else {
                panic!("{metric:?}");
            };
            for point in &sum.data_points {
                if let Some(number_data_point::Value::AsInt(value)) = point.value {
                    *counts.entry(attributes(&point.attributes)).or_default() += value as u64;
                }
            }
        }
        counts
    }

    /// The sets of attributes that ended.
    pub(super) fn ended(&self, name: &str) -> Vec<String> {
        let flagged = |metric: &Metric| match metric.data.as_ref().unwrap() {
            metric::Data::Sum(sum) => {
                let points = sum.data_points.iter().filter(|it| it.flags == 1);
                points.map(|it| attributes(&it.attributes)).collect::<Vec<_>>()
            }
            metric::Data::Histogram(histogram) => {
                let points = histogram.data_points.iter().filter(|it| it.flags == 1);
                points.map(|it| attributes(&it.attributes)).collect()
            }
            other => panic!("{other:?}"),
        };
        let mut ended: Vec<String> = self.metrics(name).flat_map(flagged).collect();
        ended.sort();
        ended
    }

    /// Measurements in all histograms of a metric.
    pub(super) fn durations(&self, name: &str) -> u64 {
        let count = |metric: &Metric| match metric.data.as_ref().unwrap() {
            metric::Data::Histogram(histogram) => histogram.data_points.iter().map(|it| it.count).sum::<u64>(),
            metric::Data::ExponentialHistogram(it) => it.data_points.iter().map(|it| it.count).sum(),
            other => panic!("{other:?}"),
        };
        self.metrics(name).map(count).sum()
    }

    /// Bounds and buckets of the last point of a histogram with these attributes; a first one may say that it began
    /// with nothing.
    pub(super) fn histogram(&self, name: &str, of: &str) -> (Vec<f64>, Vec<u64>) {
        for metric in self.metrics(name) {
            let Some(metric::Data::Histogram(histogram)) = &metric.data else {
                panic!("{metric:?}");
            };
            if let Some(point) = histogram
                .data_points
                .iter()
                .rfind(|it| attributes(&it.attributes) == of)
            {
                return (point.explicit_bounds.clone(), point.bucket_counts.clone());
            }
        }
        panic!("no {name} with {of} in {self:?}");
    }
}

pub(super) fn attributes(attributes: &[KeyValue]) -> String {
    let mut said: Vec<String> = attributes
        .iter()
        .map(|it| format!("{}={}", it.key, shown(it)))
        .collect();
    said.sort();
    let keys: std::collections::BTreeSet<&str> = attributes.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys.len(), attributes.len(), "a key stands twice: {said:?}");
    said.join(" ")
}

fn shown(pair: &KeyValue) -> String {
    match pair.value.as_ref().and_then(|it| it.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    }
}
