//! A table that is scraped by hand, and an independent reader of what it tells.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint};
use pipeline::payload::scrape::Scrape;
use pipeline::payload::{Limits, Metrics, Payload};
use prost::Message;

use super::super::super::labels::Labels;
use super::super::*;

/// The wall time of the first scrape, in nanoseconds.
pub(super) const NOW: u64 = 1_795_316_006_871_000_000;
/// The same in milliseconds.
pub(super) const MILLISECONDS: i64 = 1_795_316_006_871;
pub(super) const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;

pub(super) fn target() -> SeriesRules {
    SeriesRules {
        target: [("job", "vllm"), ("instance", "10.0.0.7:8000"), ("pod", "vllm-a-0")]
            .into_iter()
            .collect(),
        resource: Labels::default(),
        scheme: "http",
        honor_labels: false,
        honor_timestamps: true,
        track_timestamps: false,
        relabel: Arc::from([]),
        external: Arc::default(),
        samples_max: 0,
        labels_max: 0,
        name_bytes_max: 0,
        value_bytes_max: 0,
        dialect: None,
    }
}

/// A table with what it told last.
pub(super) struct Rig {
    pub(super) table: Table,
    pub(super) rules: SeriesRules,
    pub(super) now: u64,
    pub(super) untold: Untold,
}

impl Rig {
    pub(super) fn new(rules: SeriesRules) -> Self {
        Self {
            table: Table::new(),
            rules,
            now: NOW,
            untold: Untold::default(),
        }
    }

    pub(super) fn scrape(&mut self, page: &str) -> Told {
        self.scrape_as(page, Format::Text)
    }

    pub(super) fn scrape_as(&mut self, page: &str, format: Format) -> Told {
        let page = Bytes::copy_from_slice(page.as_bytes());
        self.table.read(&page, format, &self.rules).unwrap();
        self.now += SECOND;
        let (scrape, untold) = self.table.tell((self.now / MILLISECOND) as i64);
        self.untold = untold;
        self.table.forget_the_past(&page, format, &self.rules);
        Told::of(scrape)
    }

    pub(super) fn fail(&mut self) -> Told {
        self.now += SECOND;
        Told::of(self.table.end_all((self.now / MILLISECOND) as i64))
    }
}

/// What was told, read by an independent decoder.
pub(super) struct Told(pub(super) ExportMetricsServiceRequest);

impl Told {
    pub(super) fn of(scrape: Scrape) -> Self {
        let points = scrape.points;
        let Some(metrics) = Metrics::scraped([scrape]) else {
            return Self(ExportMetricsServiceRequest::default());
        };
        assert_eq!(metrics.points(), points);
        let parsed = Metrics::parse(metrics.bytes().clone(), &Limits::default()).unwrap();
        assert_eq!((parsed.rejected.items, parsed.payload.points()), (0, points));
        let payload = Payload::Metrics(metrics);
        Self(ExportMetricsServiceRequest::decode(payload.bytes().clone()).unwrap())
    }

    pub(super) fn metrics(&self) -> Vec<&Metric> {
        let scopes = self
            .0
            .resource_metrics
            .iter()
            .flat_map(|resource| &resource.scope_metrics);
        scopes.flat_map(|scope| &scope.metrics).collect()
    }

    pub(super) fn metric(&self, name: &str) -> &Metric {
        let found: Vec<_> = self
            .metrics()
            .into_iter()
            .filter(|metric| metric.name == name)
            .collect();
        assert_eq!(found.len(), 1, "{name} in {:?}", self.names());
        found[0]
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.metrics().into_iter().map(|metric| metric.name.as_str()).collect()
    }

    pub(super) fn numbers(&self, name: &str) -> &[NumberDataPoint] {
        match self.metric(name).data.as_ref().unwrap() {
            Data::Gauge(gauge) => &gauge.data_points,
            Data::Sum(sum) => &sum.data_points,
            other => panic!("{name} is {other:?}"),
        }
    }

    pub(super) fn histogram(&self, name: &str) -> &HistogramDataPoint {
        match self.metric(name).data.as_ref().unwrap() {
            Data::Histogram(histogram) => &histogram.data_points[0],
            other => panic!("{name} is {other:?}"),
        }
    }

    pub(super) fn summary(&self, name: &str) -> &SummaryDataPoint {
        match self.metric(name).data.as_ref().unwrap() {
            Data::Summary(summary) => &summary.data_points[0],
            other => panic!("{name} is {other:?}"),
        }
    }

    pub(super) fn kind(&self, name: &str) -> String {
        text(&self.metric(name).metadata, "prometheus.type").unwrap()
    }
}

pub(super) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()? {
        AnyValue {
            value: Some(Value::StringValue(text)),
        } => Some(text.clone()),
        other => panic!("{key} is {other:?}"),
    }
}

pub(super) fn is_stale(flags: u32) -> bool {
    flags & 1 != 0
}

pub(super) fn only(points: &[NumberDataPoint]) -> f64 {
    assert_eq!(points.len(), 1);
    match points[0].value {
        Some(Number::AsDouble(value)) => value,
        other => panic!("{other:?}"),
    }
}

pub(super) fn capture(name: &str) -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/engines/vllm-0.32.0/metrics/"
    );
    std::fs::read_to_string(format!("{path}metrics-{name}.prom")).unwrap()
}
