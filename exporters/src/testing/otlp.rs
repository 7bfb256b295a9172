//! OTLP requests, short to write.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pipeline::payload::{Metrics, Payload};
use prost::Message;

use super::{attribute, parse};

/// 2023-11-14T22:13:20Z in milliseconds; points are so many seconds later.
pub(crate) const EPOCH: i64 = 1_700_000_000_000;

/// Nanoseconds, `seconds` after the epoch of the tests.
pub(crate) fn at(seconds: u64) -> u64 {
    (EPOCH as u64 + seconds * 1_000) * 1_000_000
}

/// Milliseconds, likewise.
pub(crate) fn ms(seconds: i64) -> i64 {
    EPOCH + seconds * 1_000
}

pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| attribute(key, value)).collect()
}

pub(crate) const DELTA: i32 = 1;
pub(crate) const CUMULATIVE: i32 = 2;

pub(crate) fn point(pairs: &[(&str, &str)], seconds: u64, value: f64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(pairs),
        start_time_unix_nano: at(0),
        time_unix_nano: at(seconds),
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

pub(crate) fn stale(pairs: &[(&str, &str)], seconds: u64) -> NumberDataPoint {
    NumberDataPoint {
        flags: 1,
        value: None,
        ..point(pairs, seconds, 0.0)
    }
}

fn metric(name: &str, unit: &str, data: metric::Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: format!("What {name} means."),
        data: Some(data),
        ..Metric::default()
    }
}

pub(crate) fn gauge(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, unit, metric::Data::Gauge(Gauge { data_points }))
}

pub(crate) fn sum(name: &str, unit: &str, temporality: i32, monotonic: bool, points: Vec<NumberDataPoint>) -> Metric {
    let sum = Sum {
        data_points: points,
        aggregation_temporality: temporality,
        is_monotonic: monotonic,
    };
    metric(name, unit, metric::Data::Sum(sum))
}

pub(crate) fn counter(name: &str, unit: &str, points: Vec<NumberDataPoint>) -> Metric {
    sum(name, unit, CUMULATIVE, true, points)
}

pub(crate) fn buckets(
    pairs: &[(&str, &str)],
    seconds: u64,
    bounds: &[f64],
    counts: &[u64],
    sum: Option<f64>,
) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(pairs),
        start_time_unix_nano: at(0),
        time_unix_nano: at(seconds),
        count: counts.iter().sum(),
        sum,
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    }
}

pub(crate) fn histogram(name: &str, unit: &str, temporality: i32, data_points: Vec<HistogramDataPoint>) -> Metric {
    let histogram = Histogram {
        data_points,
        aggregation_temporality: temporality,
    };
    metric(name, unit, metric::Data::Histogram(histogram))
}

pub(crate) fn exponential(
    name: &str,
    unit: &str,
    temporality: i32,
    data_points: Vec<ExponentialHistogramDataPoint>,
) -> Metric {
    let histogram = ExponentialHistogram {
        data_points,
        aggregation_temporality: temporality,
    };
    metric(name, unit, metric::Data::ExponentialHistogram(histogram))
}

pub(crate) fn summary(name: &str, unit: &str, data_points: Vec<SummaryDataPoint>) -> Metric {
    metric(name, unit, metric::Data::Summary(Summary { data_points }))
}

pub(crate) fn traced(value: f64, seconds: u64, filtered: &[(&str, &str)]) -> Exemplar {
    Exemplar {
        filtered_attributes: attributes(filtered),
        time_unix_nano: at(seconds),
        span_id: vec![0xab; 8],
        trace_id: vec![0xcd; 16],
        value: Some(exemplar::Value::AsDouble(value)),
    }
}

pub(crate) fn resource(pairs: &[(&str, &str)], metrics: Vec<Metric>) -> ResourceMetrics {
    let scope = ScopeMetrics {
        scope: Some(InstrumentationScope {
            name: "tests".to_owned(),
            version: "1.2".to_owned(),
            ..InstrumentationScope::default()
        }),
        metrics,
        ..ScopeMetrics::default()
    };
    ResourceMetrics {
        resource: Some(Resource {
            attributes: attributes(pairs),
            ..Resource::default()
        }),
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    }
}

pub(crate) fn request(resource_metrics: Vec<ResourceMetrics>) -> Payload {
    let request = ExportMetricsServiceRequest { resource_metrics };
    parse(config::Signal::Metrics, request.encode_to_vec())
}

/// Metrics of one service.
pub(crate) fn of_service(metrics: Vec<Metric>) -> Payload {
    let service = [("service.name", "vllm"), ("service.instance.id", "pod-1")];
    request(vec![resource(&service, metrics)])
}

pub(crate) fn metrics_of(payload: &Payload) -> Metrics {
    match payload {
        Payload::Metrics(metrics) => metrics.clone(),
        other => panic!("{other:?}"),
    }
}
