//! The processor with one span in front of it.

use config::{Kind, Signal};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::payload::{BatchContext, SpanStage, Traces, Walk};
use pipeline::plan::World;
use pipeline::telemetry::Suffixes;
use pipeline::testing::contract;
use prost::Message;

use super::super::LlmAttributes;
use crate::actions::tests::trial;

/// Attributes in their order.
pub(super) type Said = Vec<(String, Value)>;

pub(super) struct Rig {
    world: World,
    stage: [Box<dyn SpanStage>; 1],
}

impl Rig {
    pub(super) fn new(yaml: &str) -> Self {
        let world = World::system();
        let setup = contract::setup(&world, "llm_attributes", Kind::Processor, Signal::Traces);
        let config = trial::decoded(yaml).unwrap_or_else(|problems| panic!("{problems}"));
        let Ok(Stage::Spans(stage)) = LlmAttributes::build(&config, &setup) else {
            panic!("it does not look at spans");
        };
        Self { world, stage: [stage] }
    }

    pub(super) fn bytes(&mut self, traces: &Traces) -> Traces {
        let origin = Origin::default();
        let context = BatchContext {
            now: self.world.outside.clock.now(),
            origin: &origin,
        };
        let walked = Walk::new().run(traces, &mut self.stage, 0, &context);
        walked.left.expect("no span was dropped")
    }

    /// What one span says when it comes out.
    pub(super) fn run(&mut self, attributes: &[(&str, Value)]) -> Said {
        let out = self.bytes(&trial::traces(&request(attributes)));
        let mut request = ExportTraceServiceRequest::decode(out.bytes().clone()).unwrap();
        let span = request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0);
        let value = |value: Option<AnyValue>| value.unwrap().value.unwrap();
        let attributes = span.attributes.into_iter();
        attributes.map(|it| (it.key, value(it.value))).collect()
    }

    pub(super) fn conflicts(&self, attribute: &str) -> u64 {
        self.counted(&format!(
            "inferscope_normalize_conflicts{{component=\"llm_attributes\",attribute=\"{attribute}\"}}"
        ))
    }

    pub(super) fn unusable(&self, reason: &str) -> u64 {
        let name = "inferscope_processor_llm_attributes_unusable_values";
        self.counted(&format!("{name}{{component=\"llm_attributes\",reason=\"{reason}\"}}"))
    }

    fn counted(&self, series: &str) -> u64 {
        let page = self.world.telemetry.metrics().render(Suffixes::none());
        let mut lines = page.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value
            .unwrap_or_else(|| panic!("{series} is not in\n{page}"))
            .parse()
            .unwrap()
    }
}

/// One span that says this.
pub(super) fn request(attributes: &[(&str, Value)]) -> ExportTraceServiceRequest {
    let mut request = trial::resource_with(&[]);
    let attributes = attributes
        .iter()
        .map(|(key, value)| trial::attribute(key, value.clone()));
    request.resource_spans[0].scope_spans[0].spans = vec![trial::span("chat", attributes.collect())];
    request
}

pub(super) fn said(attributes: &[(&str, Value)]) -> Said {
    let owned = |(key, value): &(&str, Value)| ((*key).to_owned(), value.clone());
    attributes.iter().map(owned).collect()
}

pub(super) fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

pub(super) fn texts(texts: &[&str]) -> Value {
    let values = texts.iter().map(|it| AnyValue { value: Some(text(it)) });
    Value::ArrayValue(ArrayValue {
        values: values.collect(),
    })
}
