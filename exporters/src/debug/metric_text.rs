//! Every field of every data point, in the Collector's layout.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint, exemplar,
    number_data_point,
};

use super::detailed::Lines;
use super::value::{hex, time};
use crate::printable::printable;

pub(super) fn metrics(request: &ExportMetricsServiceRequest) -> String {
    let mut lines = Lines::default();
    for (index, resource) in request.resource_metrics.iter().enumerate() {
        lines.add(&format!("ResourceMetrics #{index}"));
        lines.resource(resource.resource.as_ref(), &resource.schema_url);
        for (index, scope) in resource.scope_metrics.iter().enumerate() {
            lines.scope("ScopeMetrics", index, scope.scope.as_ref(), &scope.schema_url);
            for (index, metric) in scope.metrics.iter().enumerate() {
                lines.add(&format!("Metric #{index}"));
                one_metric(&mut lines, metric);
            }
        }
    }
    lines.into_text()
}

fn one_metric(lines: &mut Lines, metric: &Metric) {
    let kind = match &metric.data {
        None => "Empty",
        Some(Data::Gauge(_)) => "Gauge",
        Some(Data::Sum(_)) => "Sum",
        Some(Data::Histogram(_)) => "Histogram",
        Some(Data::ExponentialHistogram(_)) => "ExponentialHistogram",
        Some(Data::Summary(_)) => "Summary",
    };
    lines.add("Descriptor:");
    lines.add(&format!("     -> Name: {}", printable(&metric.name)));
    lines.add(&format!("     -> Description: {}", printable(&metric.description)));
    lines.add(&format!("     -> Unit: {}", printable(&metric.unit)));
    lines.add(&format!("     -> DataType: {kind}"));
    lines.attributes("", "Metadata", &metric.metadata);
    match &metric.data {
        None => {}
        Some(Data::Gauge(gauge)) => numbers(lines, &gauge.data_points),
        Some(Data::Sum(sum)) => {
            lines.add(&format!("     -> IsMonotonic: {}", sum.is_monotonic));
            temporality(lines, sum.aggregation_temporality);
            numbers(lines, &sum.data_points);
        }
        Some(Data::Histogram(data)) => {
            temporality(lines, data.aggregation_temporality);
            data.data_points
                .iter()
                .enumerate()
                .for_each(|(index, point)| histogram(lines, index, point));
        }
        Some(Data::ExponentialHistogram(data)) => {
            temporality(lines, data.aggregation_temporality);
            data.data_points
                .iter()
                .enumerate()
                .for_each(|(index, point)| exponential(lines, index, point));
        }
        Some(Data::Summary(data)) => {
            data.data_points
                .iter()
                .enumerate()
                .for_each(|(index, point)| summary(lines, index, point));
        }
    }
}

fn temporality(lines: &mut Lines, temporality: i32) {
    let name = match temporality {
        0 => "Unspecified",
        1 => "Delta",
        2 => "Cumulative",
        _ => "Unknown",
    };
    lines.add(&format!("     -> AggregationTemporality: {name}"));
}

fn times(lines: &mut Lines, start: u64, end: u64) {
    lines.add(&format!("StartTimestamp: {}", time(start)));
    lines.add(&format!("Timestamp: {}", time(end)));
}

fn numbers(lines: &mut Lines, points: &[NumberDataPoint]) {
    for (index, point) in points.iter().enumerate() {
        lines.add(&format!("NumberDataPoints #{index}"));
        lines.attributes("", "Data point attributes", &point.attributes);
        times(lines, point.start_time_unix_nano, point.time_unix_nano);
        match point.value {
            None => {}
            Some(number_data_point::Value::AsInt(value)) => lines.add(&format!("Value: {value}")),
            Some(number_data_point::Value::AsDouble(value)) => lines.add(&format!("Value: {value:.6}")),
        }
        exemplars(lines, &point.exemplars);
    }
}

fn totals(lines: &mut Lines, count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) {
    lines.add(&format!("Count: {count}"));
    for (name, value) in [("Sum", sum), ("Min", min), ("Max", max)] {
        if let Some(value) = value {
            lines.add(&format!("{name}: {value:.6}"));
        }
    }
}

fn histogram(lines: &mut Lines, index: usize, point: &HistogramDataPoint) {
    lines.add(&format!("HistogramDataPoints #{index}"));
    lines.attributes("", "Data point attributes", &point.attributes);
    times(lines, point.start_time_unix_nano, point.time_unix_nano);
    totals(lines, point.count, point.sum, point.min, point.max);
    for (index, bound) in point.explicit_bounds.iter().enumerate() {
        lines.add(&format!("ExplicitBounds #{index}: {bound:.6}"));
    }
    for (index, count) in point.bucket_counts.iter().enumerate() {
        lines.add(&format!("Buckets #{index}, Count: {count}"));
    }
    exemplars(lines, &point.exemplars);
}

fn exponential(lines: &mut Lines, index: usize, point: &ExponentialHistogramDataPoint) {
    lines.add(&format!("ExponentialHistogramDataPoints #{index}"));
    lines.attributes("", "Data point attributes", &point.attributes);
    times(lines, point.start_time_unix_nano, point.time_unix_nano);
    totals(lines, point.count, point.sum, point.min, point.max);
    // A bucket ends at base^(index + 1), base being 2^(2^-scale).
    let step = std::f64::consts::LN_2 * 2_f64.powi(point.scale.saturating_neg());
    let bound = |offset: i32, index: usize| ((f64::from(offset) + index as f64) * step).exp();
    if let Some(buckets) = &point.negative {
        for (index, count) in buckets.bucket_counts.iter().enumerate().rev() {
            let (lower, upper) = (bound(buckets.offset, index), bound(buckets.offset, index + 1));
            lines.add(&format!("Bucket [{:.6}, {:.6}), Count: {count}", -upper, -lower));
        }
    }
    if point.zero_count > 0 {
        lines.add(&format!("Bucket [0, 0], Count: {}", point.zero_count));
    }
    if let Some(buckets) = &point.positive {
        for (index, count) in buckets.bucket_counts.iter().enumerate() {
            let (lower, upper) = (bound(buckets.offset, index), bound(buckets.offset, index + 1));
            lines.add(&format!("Bucket ({lower:.6}, {upper:.6}], Count: {count}"));
        }
    }
    exemplars(lines, &point.exemplars);
}

fn summary(lines: &mut Lines, index: usize, point: &SummaryDataPoint) {
    lines.add(&format!("SummaryDataPoints #{index}"));
    lines.attributes("", "Data point attributes", &point.attributes);
    times(lines, point.start_time_unix_nano, point.time_unix_nano);
    totals(lines, point.count, Some(point.sum), None, None);
    for (index, quantile) in point.quantile_values.iter().enumerate() {
        let (at, value) = (quantile.quantile, quantile.value);
        lines.add(&format!("QuantileValue #{index}: Quantile {at:.6}, Value {value:.6}"));
    }
}

fn exemplars(lines: &mut Lines, exemplars: &[Exemplar]) {
    if !exemplars.is_empty() {
        lines.add("Exemplars:");
    }
    for (index, one) in exemplars.iter().enumerate() {
        lines.add(&format!("Exemplar #{index}"));
        lines.add(&format!("     -> Trace ID: {}", hex(&one.trace_id)));
        lines.add(&format!("     -> Span ID: {}", hex(&one.span_id)));
        lines.add(&format!("     -> Timestamp: {}", time(one.time_unix_nano)));
        match one.value {
            None => {}
            Some(exemplar::Value::AsInt(value)) => lines.add(&format!("     -> Value: {value}")),
            Some(exemplar::Value::AsDouble(value)) => lines.add(&format!("     -> Value: {value:.6}")),
        }
        lines.attributes("     -> ", "FilteredAttributes", &one.filtered_attributes);
    }
}
