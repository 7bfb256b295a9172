//! Random actions and random requests, small enough to meet each other often.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::Origin;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::actions::{Action, ConvertedType, Literal, Verb};

const KEYS: [&str; 8] = [
    "a",
    "b",
    "cc",
    "dd",
    "http.x",
    "http.y",
    "service.name",
    "long.key.that.nobody.names",
];
const TEXTS: [&str; 9] = ["", "x", "12", "-3.5", "1e400", "left-right", "7-é", "vllm", "true"];
const PATTERNS: [&str; 4] = ["^http\\.", "b|c", "^a$", "é"];
const EXTRACTIONS: [&str; 4] = [
    "^(?P<a>[^-]*)-(?P<fresh>.*)$",
    "(?P<cc>[0-9]+)",
    "^(?P<b>left)?-?(?P<dd>.)",
    "(?P<http_x>z)",
];

pub(crate) fn action() -> impl Strategy<Value = Action> {
    let key = select(&KEYS[..7]).prop_map(str::to_owned);
    let named = || key.clone();
    let write = select(vec![Verb::Insert, Verb::Update, Verb::Upsert]);
    let from_context = select(vec!["metadata.x-tenant", "metadata.none", "client.address", "X-Tenant"]);
    prop_oneof![
        4 => (write.clone(), named(), literal())
            .prop_map(|(verb, key, value)| Action { value: Some(value), ..of(verb, key) }),
        3 => (write.clone(), named(), named(), option::of(literal())).prop_map(|(verb, key, from, default_value)| {
            Action { from_attribute: from, default_value, ..of(verb, key) }
        }),
        1 => (write, named(), from_context, option::of(literal())).prop_map(|(verb, key, from, default_value)| {
            Action { from_context: from.to_owned(), default_value, ..of(verb, key) }
        }),
        2 => named().prop_map(|key| of(Verb::Delete, key)),
        2 => named().prop_map(|key| of(Verb::Hash, key)),
        1 => (select(vec![Verb::Delete, Verb::Hash]), option::of(named()), select(&PATTERNS[..]))
            .prop_map(|(verb, key, pattern)| Action { pattern: pattern.to_owned(), ..of(verb, key.unwrap_or_default()) }),
        2 => (named(), select(&EXTRACTIONS[..]))
            .prop_map(|(key, pattern)| Action { pattern: pattern.to_owned(), ..of(Verb::Extract, key) }),
        2 => (named(), select(vec![ConvertedType::Int, ConvertedType::Double, ConvertedType::String]))
            .prop_map(|(key, to)| Action { converted_type: Some(to), ..of(Verb::Convert, key) }),
    ]
}

fn of(verb: Verb, key: String) -> Action {
    Action {
        action: Some(verb),
        key,
        ..Action::default()
    }
}

fn literal() -> impl Strategy<Value = Literal> {
    let leaf = prop_oneof![
        select(&TEXTS[..]).prop_map(|text| Literal::Str(text.to_owned())),
        any::<i64>().prop_map(Literal::Int),
        fraction().prop_map(Literal::Double),
        any::<bool>().prop_map(Literal::Bool),
    ];
    let list = vec(leaf.clone(), 0..3).prop_map(Literal::List);
    let map = vec(leaf.clone(), 0..3).prop_map(|items| {
        Literal::Map(
            items
                .into_iter()
                .zip(KEYS)
                .map(|(item, key)| (key.to_owned(), item))
                .collect(),
        )
    });
    prop_oneof![6 => leaf, 1 => list, 1 => map]
}

/// Never whole, so that every printer of numbers agrees about them.
fn fraction() -> impl Strategy<Value = f64> {
    (-1_000_000..1_000_000i64).prop_map(|number| number as f64 + 0.25)
}

fn value() -> impl Strategy<Value = Option<AnyValue>> {
    let leaf = prop_oneof![
        4 => select(&TEXTS[..]).prop_map(|text| Value::StringValue(text.to_owned())),
        2 => any::<i64>().prop_map(Value::IntValue),
        1 => fraction().prop_map(Value::DoubleValue),
        1 => any::<bool>().prop_map(Value::BoolValue),
    ];
    let array = vec(leaf.clone(), 0..3).prop_map(|values| {
        let values = values
            .into_iter()
            .map(|value| AnyValue { value: Some(value) })
            .collect();
        Value::ArrayValue(ArrayValue { values })
    });
    let list = vec(leaf.clone(), 0..3).prop_map(|values| {
        let entry = |(value, key): (Value, &str)| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        };
        Value::KvlistValue(KeyValueList {
            values: values.into_iter().zip(KEYS).map(entry).collect(),
        })
    });
    let some = prop_oneof![8 => leaf, 1 => array, 1 => list, 1 => Just(Value::BytesValue(b"raw".to_vec()))];
    prop_oneof![
        16 => some.prop_map(|value| Some(AnyValue { value: Some(value) })),
        1 => Just(Some(AnyValue::default())),
        1 => Just(None),
    ]
}

/// Keys may repeat.
pub(crate) fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (select(&KEYS[..]), value());
    let attribute = attribute.prop_map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value,
        ..KeyValue::default()
    });
    vec(attribute, 0..7)
}

fn span() -> impl Strategy<Value = Span> {
    (select(vec!["generate", "warmup", "é"]), 0..7i32, attributes(), 1..9u8).prop_map(|(name, kind, attributes, id)| {
        Span {
            trace_id: vec![id; 16],
            span_id: vec![id; 8],
            name: name.to_owned(),
            kind,
            attributes,
            start_time_unix_nano: u64::from(id),
            ..Span::default()
        }
    })
}

fn scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    let scope = (select(vec!["vllm", "sglang", ""]), select(vec!["", "1", "2"]));
    option::of(scope.prop_map(|(name, version)| InstrumentationScope {
        name: name.to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    }))
}

fn resource() -> impl Strategy<Value = Option<Resource>> {
    option::of(attributes().prop_map(|attributes| Resource {
        attributes,
        ..Resource::default()
    }))
}

pub(crate) fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope_spans = (scope(), vec(span(), 0..4)).prop_map(|(scope, spans)| ScopeSpans {
        scope,
        spans,
        ..ScopeSpans::default()
    });
    let resource = (resource(), vec(scope_spans, 0..3)).prop_map(|(resource, scope_spans)| ResourceSpans {
        resource,
        scope_spans,
        ..ResourceSpans::default()
    });
    vec(resource, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// Metrics of all five kinds.
pub(crate) fn metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    macro_rules! points {
        ($all:expr, $point:ident) => {
            $all.into_iter()
                .map(|attributes| $point {
                    attributes,
                    ..$point::default()
                })
                .collect()
        };
    }
    let data = (0..5u8, vec(attributes(), 0..4)).prop_map(|(kind, all)| match kind {
        0 => Data::Gauge(Gauge {
            data_points: points!(all, NumberDataPoint),
        }),
        1 => Data::Sum(Sum {
            data_points: points!(all, NumberDataPoint),
            aggregation_temporality: 2,
            is_monotonic: true,
        }),
        2 => Data::Histogram(Histogram {
            data_points: points!(all, HistogramDataPoint),
            aggregation_temporality: 1,
        }),
        3 => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: points!(all, ExponentialHistogramDataPoint),
            aggregation_temporality: 2,
        }),
        _ => Data::Summary(Summary {
            data_points: points!(all, SummaryDataPoint),
        }),
    });
    let metric = (select(vec!["generate", "warmup", "é"]), option::of(data)).prop_map(|(name, data)| Metric {
        name: name.to_owned(),
        data,
        ..Metric::default()
    });
    let scope_metrics = (scope(), vec(metric, 0..4)).prop_map(|(scope, metrics)| ScopeMetrics {
        scope,
        metrics,
        ..ScopeMetrics::default()
    });
    let resource = (resource(), vec(scope_metrics, 0..3)).prop_map(|(resource, scope_metrics)| ResourceMetrics {
        resource,
        scope_metrics,
        ..ResourceMetrics::default()
    });
    vec(resource, 0..3).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

pub(crate) fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let record = (value(), select(vec!["", "INFO", "ERROR"]), 0..25i32, attributes()).prop_map(
        |(body, severity_text, severity_number, attributes)| LogRecord {
            body,
            severity_text: severity_text.to_owned(),
            severity_number,
            attributes,
            ..LogRecord::default()
        },
    );
    let scope_logs = (scope(), vec(record, 0..4)).prop_map(|(scope, log_records)| ScopeLogs {
        scope,
        log_records,
        ..ScopeLogs::default()
    });
    let resource = (resource(), vec(scope_logs, 0..3)).prop_map(|(resource, scope_logs)| ResourceLogs {
        resource,
        scope_logs,
        ..ResourceLogs::default()
    });
    vec(resource, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

pub(crate) fn origin() -> impl Strategy<Value = Origin> {
    (option::of(any::<[u8; 4]>()), vec(select(&TEXTS[..]), 0..3)).prop_map(|(client, tenants)| Origin {
        client: client.map(Into::into),
        transport: "grpc",
        metadata: tenants
            .into_iter()
            .map(|tenant| ("x-tenant".to_owned(), tenant.to_owned()))
            .collect(),
        ..Origin::default()
    })
}
