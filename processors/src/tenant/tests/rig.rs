//! The processor with a sender in front of it and pods around it.

use std::sync::Arc;

use config::{Kind, Signal};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::component::{Processor, Setup, Stage};
use pipeline::context::pods::{Namespace, Pod, PodMap};
use pipeline::payload::{BatchContext, Logs, Metrics, SpanStage, Traces, Walk};
use pipeline::plan::World;
use pipeline::telemetry::Suffixes;
use pipeline::testing::contract;
use pipeline::{Identity, Method, Origin, Subject};
use prost::Message;

use super::super::Tenant;
use crate::actions::tests::trial;

pub(super) use crate::actions::tests::trial::{attribute, resource_with};

pub(super) struct Rig {
    world: World,
    setup: Setup,
    config: super::Config,
    stage: [Box<dyn SpanStage>; 1],
}

impl Rig {
    pub(super) fn new(yaml: &str) -> Self {
        let world = World::system();
        let setup = contract::setup(&world, "tenant", Kind::Processor, Signal::Traces);
        let config = trial::decoded(yaml).unwrap_or_else(|problems| panic!("{problems}"));
        let Ok(Stage::Spans(stage)) = Tenant::build(&config, &setup) else {
            panic!("it does not look at spans");
        };
        Self {
            world,
            setup,
            config,
            stage: [stage],
        }
    }

    pub(super) fn publish(&self, pods: Vec<Pod>, namespaces: Vec<Namespace>) {
        let pods = pods.into_iter().map(Arc::new).collect();
        self.setup
            .context
            .pods
            .publish(PodMap::new(pods, namespaces, Vec::new()));
    }

    pub(super) fn bytes(&mut self, traces: &Traces, origin: &Origin) -> Traces {
        let context = BatchContext {
            now: self.world.outside.clock.now(),
            origin,
        };
        Walk::new()
            .run(traces, &mut self.stage, 0, &context)
            .left
            .expect("no span was dropped")
    }

    pub(super) fn run(&mut self, request: &ExportTraceServiceRequest, origin: &Origin) -> Seen {
        let out = self.bytes(&trial::traces(request), origin);
        let mut request = ExportTraceServiceRequest::decode(out.bytes().clone()).unwrap();
        let resource = request.resource_spans.remove(0);
        Seen {
            resource: resource.resource.map(|it| it.attributes).unwrap_or_default(),
            spans: resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
                .map(|span| span.attributes)
                .collect(),
        }
    }

    pub(super) fn run_metrics(&self, metrics: &Metrics, origin: &Origin) -> ExportMetricsServiceRequest {
        let mut stage = self.items(Signal::Metrics);
        let context = BatchContext {
            now: self.world.outside.clock.now(),
            origin,
        };
        let out = Walk::new().run_metrics(metrics, &mut stage, 0, &context).left.unwrap();
        ExportMetricsServiceRequest::decode(out.bytes().clone()).unwrap()
    }

    pub(super) fn run_logs(&self, logs: &Logs, origin: &Origin) -> ExportLogsServiceRequest {
        let mut stage = self.items(Signal::Logs);
        let context = BatchContext {
            now: self.world.outside.clock.now(),
            origin,
        };
        let out = Walk::new().run_logs(logs, &mut stage, 0, &context).left.unwrap();
        ExportLogsServiceRequest::decode(out.bytes().clone()).unwrap()
    }

    fn items(&self, signal: Signal) -> [Box<dyn pipeline::payload::ItemStage>; 1] {
        let setup = Setup {
            signal: Some(signal),
            ..self.setup.clone()
        };
        match Tenant::build(&self.config, &setup) {
            Ok(Stage::Items(stage)) => [stage],
            _ => panic!("it does not look at items"),
        }
    }

    /// The value of a counter of ours with this label.
    pub(super) fn counted(&self, name: &str, label: &str) -> u64 {
        let page = self.world.telemetry.metrics().render(Suffixes::none());
        let line = page
            .lines()
            .find(|line| line.starts_with(name) && line.contains(&format!("\"{label}\"")));
        let value = line.and_then(|line| line.rsplit(' ').next());
        value.map_or(0, |value| value.parse().unwrap())
    }
}

/// What came out.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) resource: Vec<KeyValue>,
    pub(super) spans: Vec<Vec<KeyValue>>,
}

impl Seen {
    /// The tenant that a reader finds for a span: its own, else that of its resource.
    pub(super) fn tenant(&self, span: usize) -> String {
        let own = text(&self.spans[span], "tenant.id");
        own.or_else(|| text(&self.resource, "tenant.id")).unwrap_or_default()
    }

    pub(super) fn on_span(&self, span: usize, key: &str) -> Option<String> {
        text(&self.spans[span], key)
    }

    /// What says the tenant of the first span, and whether it is trusted.
    pub(super) fn marks(&self) -> (String, String) {
        let mark = |key| self.on_span(0, key).unwrap_or_default();
        (mark("inferscope.tenant.source"), mark("inferscope.tenant.trusted"))
    }
}

/// The only value of a key, as text.
pub(super) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let mut values = attributes.iter().filter(|it| it.key == key);
    let value = values.next()?.value.clone()?.value?;
    assert!(values.next().is_none(), "{key} stands there twice: {attributes:?}");
    Some(match value {
        Value::StringValue(text) => text,
        Value::BoolValue(is) => is.to_string(),
        other => format!("{other:?}"),
    })
}

pub(super) fn string(value: &str) -> Value {
    Value::StringValue(value.to_owned())
}

/// One request to a model with these attributes, from a resource with those.
pub(super) fn request(resource: &[(&str, Value)], span: &[(&str, Value)]) -> ExportTraceServiceRequest {
    let mut request = resource_with(resource);
    let mut attributes = vec![attribute("gen_ai.request.id", string("cmpl-1"))];
    attributes.extend(span.iter().map(|(key, value)| attribute(key, value.clone())));
    request.resource_spans[0].scope_spans[0].spans = vec![trial::span("llm_request", attributes)];
    request
}

pub(super) fn add_span(request: &mut ExportTraceServiceRequest, span: Span) {
    request.resource_spans[0].scope_spans[0].spans.push(span);
}

/// A connection from outside that nobody authenticated.
pub(super) fn anyone() -> Origin {
    Origin {
        client: Some("203.0.113.7".parse().unwrap()),
        transport: "grpc",
        ..Origin::default()
    }
}

/// A connection that was authenticated under this name.
pub(super) fn known(method: Method, name: &str) -> Origin {
    Origin {
        identity: Identity::Known(Arc::new(Subject {
            method,
            names: vec![name.to_owned()],
        })),
        ..anyone()
    }
}

pub(super) fn with_header(origin: Origin, name: &str, value: &str) -> Origin {
    let mut origin = origin;
    origin.metadata.push((name.to_owned(), value.to_owned()));
    origin
}
