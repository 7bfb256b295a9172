//! Runs the stage over requests and shows what came out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ::config::{Diagnostics, Section, decode};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::Origin;
use pipeline::payload::{BatchContext, Limits, SpanStage, Traces, Walk};
use pipeline::telemetry::Telemetry;
use prost::Message;

use crate::llm_phases::config::Config;
use crate::llm_phases::meters::Meters;
use crate::llm_phases::stage::PhaseStage;

/// A stage with a clock of its own.
pub(super) struct Harness {
    stages: Vec<Box<dyn SpanStage>>,
    walk: Walk,
    pub(super) now: Instant,
    pub(super) telemetry: Telemetry,
    /// `received + emitted - dropped - held` of everything so far.
    pub(super) balance: i64,
    pub(super) dropped: BTreeMap<&'static str, u64>,
}

impl Harness {
    pub(super) fn new(config: &Config) -> Self {
        Self::telling(config, Telemetry::default())
    }

    /// Another lane of the same processor: they share their metrics.
    pub(super) fn beside(&self, yaml: &str) -> Self {
        Self::telling(&config(yaml), self.telemetry.clone())
    }

    #[allow(clippy::disallowed_methods)] // Any moment will do to begin with.
    fn telling(config: &Config, telemetry: Telemetry) -> Self {
        let stage = PhaseStage::new(config, Meters::new(&telemetry), &pipeline::Budget::default());
        Self {
            stages: vec![Box::new(stage)],
            walk: Walk::new(),
            now: Instant::now(),
            telemetry,
            balance: 0,
            dropped: BTreeMap::new(),
        }
    }

    pub(super) fn with_yaml(yaml: &str) -> Self {
        Self::new(&config(yaml))
    }

    /// What the stage passes on at once, and what it lets go right after.
    pub(super) fn send(&mut self, request: &[u8]) -> Vec<Traces> {
        let traces = parse(request);
        let origin = Origin::default();
        let context = BatchContext {
            now: self.now,
            origin: &origin,
        };
        let walked = self.walk.run(&traces, &mut self.stages, 0, &context);
        for counts in &walked.counts {
            self.balance += i64::try_from(counts.held).unwrap();
            for (reason, spans) in counts.dropped() {
                *self.dropped.entry(reason).or_default() += spans;
            }
        }
        let mut out: Vec<Traces> = walked.left.into_iter().collect();
        out.extend(self.release(false));
        out
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, time: Duration) -> Option<Traces> {
        self.now += time;
        self.release(false)
    }

    /// The lane ends.
    pub(super) fn drain(&mut self) -> Option<Traces> {
        self.release(true)
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.stages.first().unwrap().wake_at()
    }

    fn release(&mut self, everything: bool) -> Option<Traces> {
        let stage = self.stages.first_mut().unwrap();
        let due = everything || stage.wake_at().is_some_and(|wake_at| wake_at <= self.now);
        let released = due.then(|| stage.release(self.now, everything)).flatten()?;
        self.balance -= i64::try_from(released.counts.received).unwrap();
        for (reason, spans) in released.counts.dropped() {
            *self.dropped.entry(reason).or_default() += spans;
        }
        (released.traces.spans() > 0).then_some(released.traces)
    }

    /// The value of an own metric: the line of the page that begins so.
    pub(super) fn metric(&self, line: &str) -> f64 {
        let page = self.telemetry.metrics().render(pipeline::telemetry::Suffixes::none());
        let found = page
            .lines()
            .find_map(|of_page| of_page.strip_prefix(line)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {line} in\n{page}")).parse().unwrap()
    }
}

pub(super) fn config(yaml: &str) -> Config {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = decode::<Config>(&section, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    config.unwrap()
}

pub(super) fn parse(request: &[u8]) -> Traces {
    Traces::parse(Bytes::copy_from_slice(request), &Limits::default())
        .unwrap()
        .payload
}

pub(super) fn structs(traces: &Traces) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(traces.bytes().clone()).unwrap()
}

/// Spans with the name of their scope, in order.
pub(super) fn spans(all: &[Traces]) -> Vec<(String, Span)> {
    let mut spans = Vec::new();
    for resource in all.iter().flat_map(|traces| structs(traces).resource_spans) {
        for scope in resource.scope_spans {
            let name = scope.scope.unwrap_or_default().name;
            spans.extend(scope.spans.into_iter().map(|span| (name.clone(), span)));
        }
    }
    spans
}

/// Made spans under a parent, in order.
pub(super) fn made_under(all: &[Traces], parent: &[u8]) -> Vec<Span> {
    let made = |(scope, span): &(String, Span)| scope == "inferscope/llm_phases" && span.parent_span_id == parent;
    spans(all).into_iter().filter(made).map(|(_, span)| span).collect()
}

pub(super) fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a any_value::Value> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

pub(super) fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    match attribute(span, key)? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

pub(super) fn number(span: &Span, key: &str) -> Option<f64> {
    match attribute(span, key)? {
        any_value::Value::DoubleValue(number) => Some(*number),
        any_value::Value::IntValue(number) => Some(*number as f64),
        _ => None,
    }
}

pub(super) fn key_value(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

pub(super) fn length(span: &Span) -> u64 {
    span.end_time_unix_nano - span.start_time_unix_nano
}

/// A request span of vLLM that lasts 563 ms.
pub(super) fn request_span(attributes: &[(&str, any_value::Value)]) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        parent_span_id: vec![3; 8],
        name: "llm_request".to_owned(),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_563_000_000,
        attributes: attributes
            .iter()
            .map(|(key, value)| key_value(key, value.clone()))
            .collect(),
        ..Span::default()
    }
}

/// An export request of spans in one scope.
pub(super) fn request(scope: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope {
        name: scope.to_owned(),
        ..InstrumentationScope::default()
    };
    let scope = ScopeSpans {
        scope: Some(scope),
        spans,
        ..ScopeSpans::default()
    };
    let resource = ResourceSpans {
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource],
    }
}

/// One span through a stage of its own.
pub(super) fn alone(yaml: &str, scope: &str, span: Span) -> (Harness, Vec<Traces>) {
    let mut harness = Harness::with_yaml(yaml);
    let out = harness.send(&request(scope, vec![span]).encode_to_vec());
    (harness, out)
}

pub(super) fn fixtures(engine: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/engines")
        .join(engine)
}

/// The captured export requests of an engine, in the order of arrival.
pub(super) fn captured(engine: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(fixtures(engine).join("otlp"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// A request for every single span of a request, each with its resource and scope.
pub(super) fn requests_of(request: &[u8]) -> Vec<Vec<u8>> {
    let mut single = Vec::new();
    for resource in structs(&parse(request)).resource_spans {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let scope = ScopeSpans {
                    spans: vec![span.clone()],
                    ..scope.clone()
                };
                let resource = ResourceSpans {
                    scope_spans: vec![scope],
                    ..resource.clone()
                };
                single.push(
                    ExportTraceServiceRequest {
                        resource_spans: vec![resource],
                    }
                    .encode_to_vec(),
                );
            }
        }
    }
    single
}

/// The lines of a file of JSON lines beside the captures.
pub(super) fn json_lines(engine: &str, file: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(fixtures(engine).join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
