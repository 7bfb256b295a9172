//! One resource with 13 attributes, one scope, and `llm_request` spans with 14 attributes: 669 bytes each. Or, in the same
//! place, counters as an engine exports them: ten points a metric with three attributes each.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

const START: u64 = 1_767_225_600_000_000_000;

/// An encoded export request with so many spans.
pub fn request(spans: u32) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let scope = InstrumentationScope {
        name: "vllm.tracing.otel".to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: (0..spans).map(|index| span(u64::from(index), &mut random)).collect(),
        ..ScopeSpans::default()
    };
    let resource = ResourceSpans {
        resource: Some(resource()),
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource],
    }
    .encode_to_vec()
}

/// An encoded export request with so many data points, ten in each metric.
pub fn metrics_request(points: u32) -> Vec<u8> {
    let indices: Vec<u32> = (0..points).collect();
    let metric = |indices: &[u32]| Metric {
        name: "vllm:request_success".to_owned(),
        description: "Count of successfully processed requests.".to_owned(),
        unit: "{request}".to_owned(),
        data: Some(Data::Sum(Sum {
            data_points: indices.iter().map(|index| point(*index)).collect(),
            aggregation_temporality: 2,
            is_monotonic: true,
        })),
        ..Metric::default()
    };
    let scope_metrics = ScopeMetrics {
        metrics: indices.chunks(10).map(metric).collect(),
        ..ScopeMetrics::default()
    };
    let resource = ResourceMetrics {
        resource: Some(resource()),
        scope_metrics: vec![scope_metrics],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    }
    .encode_to_vec()
}

fn point(index: u32) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![
            text("engine", &index.to_string()),
            text("finished_reason", "stop"),
            text("model_name", "meta-llama/Llama-3.1-70B-Instruct"),
        ],
        start_time_unix_nano: START,
        time_unix_nano: START + 15_000_000_000,
        value: Some(Number::AsDouble(f64::from(index) + 0.5)),
        ..NumberDataPoint::default()
    }
}

fn resource() -> Resource {
    let attributes = [
        ("service.name", "vllm-llama-3-70b"),
        ("service.namespace", "inference"),
        ("service.instance.id", "0b9c2d1e-5f1a-4c0e-9f57-0a4d7f9e6c11"),
        ("service.version", "0.32.0"),
        ("telemetry.sdk.language", "python"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.version", "1.45.2"),
        ("k8s.namespace.name", "inference"),
        ("k8s.pod.name", "vllm-llama-3-70b-6d5f7c9b8d-x2x7p"),
        ("k8s.pod.uid", "f6b1a9b2-3c44-4d3e-8a5e-6f7f8c9d0e1f"),
        ("k8s.node.name", "gpu-node-17"),
        ("k8s.deployment.name", "vllm-llama-3-70b"),
        ("host.name", "gpu-node-17"),
    ];
    Resource {
        attributes: attributes.map(|(key, value)| text(key, value)).into(),
        ..Resource::default()
    }
}

fn span(index: u64, random: &mut Random) -> Span {
    let start = START + index * 1_000_000;
    Span {
        trace_id: [random.next().to_be_bytes(), random.next().to_be_bytes()].concat(),
        span_id: random.next().to_be_bytes().into(),
        parent_span_id: random.next().to_be_bytes().into(),
        name: "llm_request".to_owned(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 563_000_000,
        flags: 0x301,
        attributes: attributes(random),
        ..Span::default()
    }
}

fn attributes(random: &mut Random) -> Vec<KeyValue> {
    let jitter = random.next() as f64 / u64::MAX as f64 / 1e3;
    vec![
        text("gen_ai.response.model", "meta-llama/Llama-3.1-70B-Instruct"),
        text(
            "gen_ai.request.id",
            &format!("chatcmpl-{:016x}{:016x}", random.next(), random.next()),
        ),
        double("gen_ai.request.temperature", 0.7),
        double("gen_ai.request.top_p", 0.95),
        int("gen_ai.request.max_tokens", 1_024),
        int("gen_ai.request.n", 1),
        int("gen_ai.usage.prompt_tokens", 1_204),
        int("gen_ai.usage.completion_tokens", 148),
        double("gen_ai.latency.time_in_queue", 0.010),
        double("gen_ai.latency.time_to_first_token", 0.125 + jitter),
        double("gen_ai.latency.e2e", 0.560 + jitter),
        double("gen_ai.latency.time_in_model_prefill", 0.100),
        double("gen_ai.latency.time_in_model_decode", 0.400),
        text("tenant.id", "acme-research"),
    ]
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

fn int(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

fn double(key: &str, value: f64) -> KeyValue {
    pair(key, Value::DoubleValue(value))
}

/// Xorshift: ids have to look random and be the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
