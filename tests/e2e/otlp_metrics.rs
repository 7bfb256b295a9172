//! Metrics made up by the tests, as OTLP.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
    exemplar,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use crate::load::text;

pub(crate) const CUMULATIVE: AggregationTemporality = AggregationTemporality::Cumulative;
pub(crate) const DELTA: AggregationTemporality = AggregationTemporality::Delta;

/// Names and values of attributes.
pub(crate) type Labels<'a> = &'a [(&'a str, &'a str)];

/// From when until when, in nanoseconds.
pub(crate) type Times = (u64, u64);

/// Now, in nanoseconds and whole milliseconds: Prometheus has no more.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap() * 1_000_000
}

/// One request with these metrics of one scope and one resource.
pub(crate) fn request(resource: Labels<'_>, scope: &str, metrics: Vec<Metric>) -> Vec<u8> {
    let scope = InstrumentationScope {
        name: scope.to_owned(),
        ..InstrumentationScope::default()
    };
    let resource_metrics = ResourceMetrics {
        resource: Some(Resource {
            attributes: attributes(resource),
            ..Resource::default()
        }),
        scope_metrics: vec![ScopeMetrics {
            scope: Some(scope),
            metrics,
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![resource_metrics],
    };
    request.encode_to_vec()
}

pub(crate) fn attributes(labels: Labels<'_>) -> Vec<KeyValue> {
    labels.iter().map(|(key, value)| text(key, value)).collect()
}

pub(crate) fn gauge(name: &str, unit: &str, points: Vec<NumberDataPoint>) -> Metric {
    metric(name, unit, Data::Gauge(Gauge { data_points: points }))
}

pub(crate) fn counter(name: &str, unit: &str, of: AggregationTemporality, points: Vec<NumberDataPoint>) -> Metric {
    let sum = Sum {
        data_points: points,
        aggregation_temporality: of.into(),
        is_monotonic: true,
    };
    metric(name, unit, Data::Sum(sum))
}

/// A sum that goes up and down.
pub(crate) fn up_down(name: &str, unit: &str, points: Vec<NumberDataPoint>) -> Metric {
    let sum = Sum {
        data_points: points,
        aggregation_temporality: CUMULATIVE.into(),
        is_monotonic: false,
    };
    metric(name, unit, Data::Sum(sum))
}

pub(crate) fn histogram(name: &str, unit: &str, of: AggregationTemporality, points: Vec<HistogramDataPoint>) -> Metric {
    let histogram = Histogram {
        data_points: points,
        aggregation_temporality: of.into(),
    };
    metric(name, unit, Data::Histogram(histogram))
}

pub(crate) fn exponential(
    name: &str,
    unit: &str,
    of: AggregationTemporality,
    points: Vec<ExponentialHistogramDataPoint>,
) -> Metric {
    let histogram = ExponentialHistogram {
        data_points: points,
        aggregation_temporality: of.into(),
    };
    metric(name, unit, Data::ExponentialHistogram(histogram))
}

pub(crate) fn summary(name: &str, unit: &str, points: Vec<SummaryDataPoint>) -> Metric {
    metric(name, unit, Data::Summary(Summary { data_points: points }))
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

pub(crate) fn number(labels: Labels<'_>, times: Times, value: f64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

/// The counts are those of the buckets themselves, not of all up to a bound.
pub(crate) fn buckets(
    labels: Labels<'_>,
    times: Times,
    bounds: &[f64],
    counts: &[u64],
    sum: Option<f64>,
) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        count: counts.iter().sum(),
        sum,
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    }
}

/// Positive buckets alone, from an offset on.
pub(crate) fn powers(
    labels: Labels<'_>,
    times: Times,
    scale: i32,
    (offset, counts): (i32, &[u64]),
    sum: f64,
) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        count: counts.iter().sum(),
        sum: Some(sum),
        scale,
        positive: Some(Buckets {
            offset,
            bucket_counts: counts.to_vec(),
        }),
        ..ExponentialHistogramDataPoint::default()
    }
}

/// Quantiles with their values.
pub(crate) fn quantiles(times: Times, count: u64, sum: f64, quantiles: &[(f64, f64)]) -> SummaryDataPoint {
    let quantiles = quantiles.iter().map(|(quantile, value)| ValueAtQuantile {
        quantile: *quantile,
        value: *value,
    });
    SummaryDataPoint {
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        count,
        sum,
        quantile_values: quantiles.collect(),
        ..SummaryDataPoint::default()
    }
}

/// A measurement with the trace that it was made in; the ids repeat one byte.
pub(crate) fn exemplar(value: f64, time: u64, id: u8) -> Exemplar {
    Exemplar {
        filtered_attributes: attributes(&[("user", "u")]),
        time_unix_nano: time,
        span_id: vec![id; 8],
        trace_id: vec![id; 16],
        value: Some(exemplar::Value::AsDouble(value)),
    }
}
