//! Runs one processor over one request, as a lane does.

use config::{Diagnostics, Kind, Section, Signal, Validate};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::payload::{BatchContext, ItemStage, Limits, Logs, Metrics, SpanStage, Traces, Walk};
use pipeline::plan::World;
use pipeline::testing::contract;
use prost::Message;

/// A processor's configuration, or what is wrong with it.
pub(crate) fn decoded<C: serde::de::DeserializeOwned + Validate>(yaml: &str) -> Result<C, String> {
    let section = Section::from_yaml("actions.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = config::decode(&section, &mut diagnostics);
    config.ok_or_else(|| diagnostics.render(false))
}

/// The stage that the processor makes of this configuration.
pub(crate) fn stage<P: Processor>(config: &P::Config) -> [Box<dyn SpanStage>; 1] {
    let world = World::system();
    let setup = contract::setup(&world, P::ABOUT.name, Kind::Processor, Signal::Traces);
    match P::build(config, &setup) {
        Ok(Stage::Spans(stage)) => [stage],
        Ok(_) => panic!("{} does not look at spans", P::ABOUT.name),
        Err(error) => panic!("{error}"),
    }
}

/// The request as payload.
pub(crate) fn traces(request: &ExportTraceServiceRequest) -> Traces {
    let parsed = Traces::parse(request.encode_to_vec().into(), &Limits::default()).unwrap();
    assert!(parsed.rejected.is_nothing(), "{}", parsed.rejected);
    parsed.payload
}

/// What comes out of the stage, still encoded.
pub(crate) fn walk_bytes(stage: &mut [Box<dyn SpanStage>; 1], traces: &Traces, origin: &Origin) -> Traces {
    Walk::new()
        .run(traces, stage, 0, &context(origin))
        .left
        .expect("no span was dropped")
}

/// What comes out of the stage.
pub(crate) fn walk(
    stage: &mut [Box<dyn SpanStage>; 1],
    request: &ExportTraceServiceRequest,
    origin: &Origin,
) -> ExportTraceServiceRequest {
    let out = walk_bytes(stage, &traces(request), origin);
    ExportTraceServiceRequest::decode(out.bytes().clone()).expect("the output is a request")
}

/// What the processor makes of a request.
pub(crate) fn run<P: Processor>(
    config: &P::Config,
    request: &ExportTraceServiceRequest,
    origin: &Origin,
) -> ExportTraceServiceRequest {
    walk(&mut stage::<P>(config), request, origin)
}

/// The stage that the processor makes of this configuration for metrics or logs.
pub(crate) fn item_stage<P: Processor>(config: &P::Config, signal: Signal) -> [Box<dyn ItemStage>; 1] {
    let world = World::system();
    let setup = contract::setup(&world, P::ABOUT.name, Kind::Processor, signal);
    match P::build(config, &setup) {
        Ok(Stage::Items(stage)) => [stage],
        Ok(_) => panic!("{} does not look at items", P::ABOUT.name),
        Err(error) => panic!("{error}"),
    }
}

/// The request as payload.
pub(crate) fn metrics(request: &ExportMetricsServiceRequest) -> Metrics {
    let parsed = Metrics::parse(request.encode_to_vec().into(), &Limits::default()).unwrap();
    assert!(parsed.rejected.is_nothing(), "{}", parsed.rejected);
    parsed.payload
}

/// The request as payload.
pub(crate) fn logs(request: &ExportLogsServiceRequest) -> Logs {
    let parsed = Logs::parse(request.encode_to_vec().into(), &Limits::default()).unwrap();
    assert!(parsed.rejected.is_nothing(), "{}", parsed.rejected);
    parsed.payload
}

fn context(origin: &Origin) -> BatchContext<'_> {
    BatchContext {
        now: World::system().outside.clock.now(),
        origin,
    }
}

/// What comes out of the processor, still encoded.
pub(crate) fn metrics_bytes<P: Processor>(config: &P::Config, metrics: &Metrics, origin: &Origin) -> Metrics {
    let mut stage = item_stage::<P>(config, Signal::Metrics);
    let walked = Walk::new().run_metrics(metrics, &mut stage, 0, &context(origin));
    walked.left.expect("no point was dropped")
}

/// What the processor makes of a request.
pub(crate) fn run_metrics<P: Processor>(
    config: &P::Config,
    request: &ExportMetricsServiceRequest,
    origin: &Origin,
) -> ExportMetricsServiceRequest {
    let out = metrics_bytes::<P>(config, &metrics(request), origin);
    ExportMetricsServiceRequest::decode(out.bytes().clone()).expect("the output is a request")
}

/// What the processor makes of a request.
pub(crate) fn run_logs<P: Processor>(
    config: &P::Config,
    request: &ExportLogsServiceRequest,
    origin: &Origin,
) -> ExportLogsServiceRequest {
    let mut stage = item_stage::<P>(config, Signal::Logs);
    let walked = Walk::new().run_logs(&logs(request), &mut stage, 0, &context(origin));
    let out = walked.left.expect("no record was dropped");
    ExportLogsServiceRequest::decode(out.bytes().clone()).expect("the output is a request")
}

pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

pub(crate) fn span(name: &str, attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: name.to_owned(),
        attributes,
        ..Span::default()
    }
}

/// One span from a resource with these attributes.
pub(crate) fn resource_with(attributes: &[(&str, Value)]) -> ExportTraceServiceRequest {
    let attributes = attributes
        .iter()
        .map(|(key, value)| attribute(key, value.clone()))
        .collect();
    let resource = Some(Resource {
        attributes,
        ..Resource::default()
    });
    let scope = ScopeSpans {
        spans: vec![span("s", Vec::new())],
        ..ScopeSpans::default()
    };
    let spans = ResourceSpans {
        resource,
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![spans],
    }
}

/// One point of a gauge.
pub(crate) fn one_point() -> Metrics {
    let gauge = Gauge {
        data_points: vec![NumberDataPoint::default()],
    };
    let metric = Metric {
        name: "vllm:num_requests_running".to_owned(),
        data: Some(Data::Gauge(gauge)),
        ..Metric::default()
    };
    let scope = ScopeMetrics {
        metrics: vec![metric],
        ..ScopeMetrics::default()
    };
    let resource = ResourceMetrics {
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    metrics(&ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    })
}
