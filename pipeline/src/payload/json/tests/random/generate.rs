//! Random requests without anything to reject, as structs of `opentelemetry-proto`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(super) fn traces() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope_spans =
        (option::of(scope()), vec(span(), 0..3), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
            scope,
            spans,
            schema_url,
        });
    let resource_spans =
        (option::of(resource()), vec(scope_spans, 0..3), text()).prop_map(|(resource, scope_spans, schema_url)| {
            ResourceSpans {
                resource,
                scope_spans,
                schema_url,
            }
        });
    vec(resource_spans, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

pub(in crate::payload) fn metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let scope_metrics =
        (option::of(scope()), vec(metric(), 0..3), text()).prop_map(|(scope, metrics, schema_url)| ScopeMetrics {
            scope,
            metrics,
            schema_url,
        });
    let resource_metrics =
        (option::of(resource()), vec(scope_metrics, 0..3), text()).prop_map(|(resource, scope_metrics, schema_url)| {
            ResourceMetrics {
                resource,
                scope_metrics,
                schema_url,
            }
        });
    vec(resource_metrics, 0..3).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

pub(in crate::payload) fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let scope_logs =
        (option::of(scope()), vec(log_record(), 0..3), text()).prop_map(|(scope, log_records, schema_url)| ScopeLogs {
            scope,
            log_records,
            schema_url,
        });
    let resource_logs =
        (option::of(resource()), vec(scope_logs, 0..3), text()).prop_map(|(resource, scope_logs, schema_url)| {
            ResourceLogs {
                resource,
                scope_logs,
                schema_url,
            }
        });
    vec(resource_logs, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

/// Text with what has to be escaped, of one to four bytes a character.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z.]{1,8}",
        ".{0,6}",
        "[\\x00-\\x1f\"\\\\/\u{7f}ä日😀\u{2028}]{0,6}"
    ]
}

/// Numbers around which encodings change.
fn double() -> impl Strategy<Value = f64> {
    // One NaN of many: JSON has a word for it and no bits. Likewise no -0.0, which prost takes for a default.
    let any_number = any::<f64>().prop_map(|number| if number.is_nan() { f64::NAN } else { number + 0.0 });
    prop_oneof![
        Just(0.0),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        any_number
    ]
}

fn word() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), Just(1 << 53 | 1), any::<u64>()]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(u32::MAX), any::<u32>()]
}

fn trace_id() -> impl Strategy<Value = Vec<u8>> {
    any::<[u8; 15]>().prop_map(|id| [&id[..], &[1]].concat())
}

fn span_id() -> impl Strategy<Value = Vec<u8>> {
    any::<[u8; 7]>().prop_map(|id| [&id[..], &[1]].concat())
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        text().prop_map(any_value::Value::StringValue),
        any::<bool>().prop_map(any_value::Value::BoolValue),
        any::<i64>().prop_map(any_value::Value::IntValue),
        double().prop_map(any_value::Value::DoubleValue),
        vec(any::<u8>(), 0..8).prop_map(any_value::Value::BytesValue),
        any::<i32>().prop_map(any_value::Value::StringValueStrindex),
    ];
    let leaf = option::of(leaf).prop_map(|value| AnyValue { value });
    leaf.prop_recursive(4, 12, 3, |inner| {
        let array = vec(inner.clone(), 0..3).prop_map(|values| any_value::Value::ArrayValue(ArrayValue { values }));
        let list = vec(key_value(inner), 0..3);
        let list = list.prop_map(|values| any_value::Value::KvlistValue(KeyValueList { values }));
        prop_oneof![array, list].prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn key_value(value: impl Strategy<Value = AnyValue>) -> impl Strategy<Value = KeyValue> {
    (text(), option::of(value), prop_oneof![Just(0), any::<i32>()]).prop_map(|(key, value, key_strindex)| KeyValue {
        key,
        value,
        key_strindex,
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(key_value(any_value()), 0..3)
}

fn resource() -> impl Strategy<Value = Resource> {
    let entity = (text(), text(), vec(text(), 0..2), vec(text(), 0..2)).prop_map(
        |(schema_url, r#type, id_keys, description_keys)| EntityRef {
            schema_url,
            r#type,
            id_keys,
            description_keys,
        },
    );
    (attributes(), number(), vec(entity, 0..2)).prop_map(|(attributes, dropped_attributes_count, entity_refs)| {
        Resource {
            attributes,
            dropped_attributes_count,
            entity_refs,
        }
    })
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (text(), text(), attributes(), number()).prop_map(|(name, version, attributes, dropped_attributes_count)| {
        InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        }
    })
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (trace_id(), span_id(), prop_oneof![Just(Vec::new()), span_id()], text());
    let event = (word(), text(), attributes(), number()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    );
    let link = (trace_id(), span_id(), text(), attributes(), number(), number()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    );
    let status = (text(), -1..4).prop_map(|(message, code)| Status { message, code });
    let what = (text(), any::<i32>(), word(), word(), number());
    let within = (attributes(), vec(event, 0..2), vec(link, 0..2), option::of(status));
    (ids, what, within, (number(), number(), number())).prop_map(|(ids, what, within, dropped)| Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent_span_id: ids.2,
        trace_state: ids.3,
        name: what.0,
        kind: what.1,
        start_time_unix_nano: what.2,
        end_time_unix_nano: what.3,
        flags: what.4,
        attributes: within.0,
        events: within.1,
        links: within.2,
        status: within.3,
        dropped_attributes_count: dropped.0,
        dropped_events_count: dropped.1,
        dropped_links_count: dropped.2,
    })
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let what = (word(), word(), -1..30, text(), option::of(any_value()));
    let ids = (
        prop_oneof![Just(Vec::new()), trace_id()],
        prop_oneof![Just(Vec::new()), span_id()],
    );
    (what, attributes(), number(), number(), ids, text()).prop_map(
        |(what, attributes, dropped_attributes_count, flags, ids, event_name)| LogRecord {
            time_unix_nano: what.0,
            observed_time_unix_nano: what.1,
            severity_number: what.2,
            severity_text: what.3,
            body: what.4,
            attributes,
            dropped_attributes_count,
            flags,
            trace_id: ids.0,
            span_id: ids.1,
            event_name,
        },
    )
}

fn metric() -> impl Strategy<Value = Metric> {
    let data = prop_oneof![
        vec(number_point(), 0..3).prop_map(|data_points| metric::Data::Gauge(Gauge { data_points })),
        (vec(number_point(), 0..3), 0..4, any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                metric::Data::Sum(Sum {
                    data_points,
                    aggregation_temporality,
                    is_monotonic,
                })
            }
        ),
        (vec(histogram_point(), 0..3), 0..4).prop_map(|(data_points, aggregation_temporality)| {
            metric::Data::Histogram(Histogram {
                data_points,
                aggregation_temporality,
            })
        }),
        (vec(exponential_point(), 0..3), 0..4).prop_map(|(data_points, aggregation_temporality)| {
            metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points,
                aggregation_temporality,
            })
        }),
        vec(summary_point(), 0..3).prop_map(|data_points| metric::Data::Summary(Summary { data_points })),
    ];
    (text(), text(), text(), attributes(), option::of(data)).prop_map(|(name, description, unit, metadata, data)| {
        Metric {
            name,
            description,
            unit,
            metadata,
            data,
        }
    })
}

/// Attributes, start, time and flags, which every point has.
fn point() -> impl Strategy<Value = (Vec<KeyValue>, u64, u64, u32)> {
    (attributes(), word(), word(), number())
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let value = prop_oneof![
        double().prop_map(exemplar::Value::AsDouble),
        any::<i64>().prop_map(exemplar::Value::AsInt)
    ];
    let exemplar = (attributes(), word(), trace_id(), span_id(), option::of(value)).prop_map(
        |(filtered_attributes, time_unix_nano, trace_id, span_id, value)| Exemplar {
            filtered_attributes,
            time_unix_nano,
            trace_id,
            span_id,
            value,
        },
    );
    vec(exemplar, 0..2)
}

fn number_point() -> impl Strategy<Value = NumberDataPoint> {
    let value = prop_oneof![
        double().prop_map(number_data_point::Value::AsDouble),
        any::<i64>().prop_map(number_data_point::Value::AsInt)
    ];
    (point(), exemplars(), option::of(value)).prop_map(|(point, exemplars, value)| NumberDataPoint {
        attributes: point.0,
        start_time_unix_nano: point.1,
        time_unix_nano: point.2,
        flags: point.3,
        exemplars,
        value,
    })
}

fn histogram_point() -> impl Strategy<Value = HistogramDataPoint> {
    let extremes = (option::of(double()), option::of(double()), option::of(double()));
    (
        point(),
        word(),
        extremes,
        vec(word(), 0..4),
        vec(double(), 0..4),
        exemplars(),
    )
        .prop_map(
            |(point, count, extremes, bucket_counts, explicit_bounds, exemplars)| HistogramDataPoint {
                attributes: point.0,
                start_time_unix_nano: point.1,
                time_unix_nano: point.2,
                flags: point.3,
                count,
                sum: extremes.0,
                min: extremes.1,
                max: extremes.2,
                bucket_counts,
                explicit_bounds,
                exemplars,
            },
        )
}

fn exponential_point() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let extremes = (option::of(double()), option::of(double()), option::of(double()));
    let buckets = || {
        let buckets = (any::<i32>(), vec(word(), 0..4));
        option::of(buckets.prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }))
    };
    let zero = (word(), double());
    (
        point(),
        word(),
        extremes,
        any::<i32>(),
        zero,
        buckets(),
        buckets(),
        exemplars(),
    )
        .prop_map(|(point, count, extremes, scale, zero, positive, negative, exemplars)| {
            ExponentialHistogramDataPoint {
                attributes: point.0,
                start_time_unix_nano: point.1,
                time_unix_nano: point.2,
                flags: point.3,
                count,
                sum: extremes.0,
                min: extremes.1,
                max: extremes.2,
                scale,
                zero_count: zero.0,
                zero_threshold: zero.1,
                positive,
                negative,
                exemplars,
            }
        })
}

fn summary_point() -> impl Strategy<Value = SummaryDataPoint> {
    let quantile = (double(), double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    (point(), word(), double(), vec(quantile, 0..3)).prop_map(|(point, count, sum, quantile_values)| SummaryDataPoint {
        attributes: point.0,
        start_time_unix_nano: point.1,
        time_unix_nano: point.2,
        flags: point.3,
        count,
        sum,
        quantile_values,
    })
}
