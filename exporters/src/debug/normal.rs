//! One line for each item.

use std::fmt::Write;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::value::{double, hex, pairs, plain};
use crate::printable::printable;

pub(super) fn traces(request: &ExportTraceServiceRequest) -> String {
    let mut text = String::new();
    for (index, resource) in request.resource_spans.iter().enumerate() {
        head(
            &mut text,
            "ResourceTraces",
            index,
            resource.resource.as_ref(),
            &resource.schema_url,
        );
        for (index, scope) in resource.scope_spans.iter().enumerate() {
            scope_head(&mut text, "ScopeTraces", index, scope.scope.as_ref(), &scope.schema_url);
            for span in &scope.spans {
                let ids = format!("{} {}", hex(&span.trace_id), hex(&span.span_id));
                line(
                    &mut text,
                    &format!("{} {ids}{}", printable(&span.name), behind(&span.attributes)),
                );
            }
        }
    }
    text
}

pub(super) fn logs(request: &ExportLogsServiceRequest) -> String {
    let mut text = String::new();
    for (index, resource) in request.resource_logs.iter().enumerate() {
        head(
            &mut text,
            "ResourceLog",
            index,
            resource.resource.as_ref(),
            &resource.schema_url,
        );
        for (index, scope) in resource.scope_logs.iter().enumerate() {
            scope_head(&mut text, "ScopeLog", index, scope.scope.as_ref(), &scope.schema_url);
            for record in &scope.log_records {
                line(
                    &mut text,
                    &format!("{}{}", plain(record.body.as_ref()), behind(&record.attributes)),
                );
            }
        }
    }
    text
}

pub(super) fn metrics(request: &ExportMetricsServiceRequest) -> String {
    let mut text = String::new();
    for (index, resource) in request.resource_metrics.iter().enumerate() {
        head(
            &mut text,
            "ResourceMetrics",
            index,
            resource.resource.as_ref(),
            &resource.schema_url,
        );
        for (index, scope) in resource.scope_metrics.iter().enumerate() {
            scope_head(
                &mut text,
                "ScopeMetrics",
                index,
                scope.scope.as_ref(),
                &scope.schema_url,
            );
            for metric in &scope.metrics {
                points(&mut text, metric);
            }
        }
    }
    text
}

fn points(text: &mut String, metric: &Metric) {
    let mut point = |attributes: &[KeyValue], value: String| {
        line(
            text,
            &format!("{}{{{}}} {value}", printable(&metric.name), pairs(attributes, ",")),
        );
    };
    match &metric.data {
        None => {}
        Some(Data::Gauge(gauge)) => gauge
            .data_points
            .iter()
            .for_each(|one| point(&one.attributes, number(one))),
        Some(Data::Sum(sum)) => sum
            .data_points
            .iter()
            .for_each(|one| point(&one.attributes, number(one))),
        Some(Data::Histogram(data)) => data
            .data_points
            .iter()
            .for_each(|one| point(&one.attributes, histogram(one))),
        Some(Data::ExponentialHistogram(data)) => {
            data.data_points
                .iter()
                .for_each(|one| point(&one.attributes, exponential(one)));
        }
        Some(Data::Summary(data)) => data
            .data_points
            .iter()
            .for_each(|one| point(&one.attributes, summary(one))),
    }
}

fn number(point: &NumberDataPoint) -> String {
    match point.value {
        None => String::new(),
        Some(number_data_point::Value::AsInt(value)) => value.to_string(),
        Some(number_data_point::Value::AsDouble(value)) => double(value),
    }
}

fn histogram(point: &HistogramDataPoint) -> String {
    let mut text = totals(point.count, point.sum, point.min, point.max);
    for (index, count) in point.bucket_counts.iter().enumerate() {
        // Writing to a String cannot fail. The last bucket has no upper bound.
        let _ = match point.explicit_bounds.get(index) {
            Some(bound) => write!(text, " le{}={count}", double(*bound)),
            None => write!(text, " {count}"),
        };
    }
    text
}

fn exponential(point: &ExponentialHistogramDataPoint) -> String {
    let mut text = totals(point.count, point.sum, point.min, point.max);
    let base = 2_f64.powf(2_f64.powi(point.scale.saturating_neg()));
    for (sign, buckets) in [(-1.0, &point.negative), (1.0, &point.positive)] {
        let Some(buckets) = buckets else { continue };
        for (index, count) in buckets.bucket_counts.iter().enumerate() {
            let index = f64::from(buckets.offset) + index as f64;
            let bound = sign * base.powf(index);
            let _ = write!(text, " le{}={count}", double(bound));
        }
    }
    if point.zero_count > 0 {
        let _ = write!(text, " zero_count{}={}", double(point.zero_threshold), point.zero_count);
    }
    text
}

fn summary(point: &SummaryDataPoint) -> String {
    let mut text = format!("count={} sum={:.6}", point.count, point.sum);
    for quantile in &point.quantile_values {
        let _ = write!(text, " q{}={}", double(quantile.quantile), double(quantile.value));
    }
    text
}

fn totals(count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> String {
    let mut text = format!("count={count}");
    for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
        if let Some(value) = value {
            let _ = write!(text, " {name}={}", double(value));
        }
    }
    text
}

fn head(text: &mut String, what: &str, index: usize, resource: Option<&Resource>, schema_url: &str) {
    let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
    line(
        text,
        &format!("{what} #{index}{}{}", schema(schema_url), behind(attributes)),
    );
}

fn scope_head(text: &mut String, what: &str, index: usize, scope: Option<&InstrumentationScope>, schema_url: &str) {
    let mut who = String::new();
    if let Some(scope) = scope {
        if !scope.name.is_empty() {
            who = format!(" {}", printable(&scope.name));
        }
        if !scope.version.is_empty() {
            who = format!("{who}@{}", printable(&scope.version));
        }
    }
    let attributes = scope.map_or(&[][..], |scope| &scope.attributes);
    line(
        text,
        &format!("{what} #{index}{who}{}{}", schema(schema_url), behind(attributes)),
    );
}

fn schema(url: &str) -> String {
    if url.is_empty() {
        String::new()
    } else {
        format!(" [{}]", printable(url))
    }
}

/// Attributes behind other text on a line.
fn behind(attributes: &[KeyValue]) -> String {
    if attributes.is_empty() {
        String::new()
    } else {
        format!(" {}", pairs(attributes, " "))
    }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
