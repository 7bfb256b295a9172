//! Runs one processor over one request, as a lane does.

use config::{Diagnostics, Kind, Section, Signal, Validate};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::payload::{BatchContext, Limits, SpanStage, Traces, Walk};
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
    let context = BatchContext {
        now: World::system().outside.clock.now(),
        origin,
    };
    Walk::new()
        .run(traces, stage, 0, &context)
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
