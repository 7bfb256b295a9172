//! Runs the stage over requests of a node whose devices the test samples.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::config::{Diagnostics, Section, decode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::context::Context;
use pipeline::context::gpus::{About, Devices, Fast, Gpu, Mig, Slow};
use pipeline::payload::{BatchContext, Limits, SpanStage, Traces, Walk};
use pipeline::telemetry::{Suffixes, Telemetry};
use pipeline::{Budget, Origin};
use prost::Message;

use crate::gpu_context::Config;
use crate::gpu_context::meters::Meters;
use crate::gpu_context::stage::GpuStage;

pub(super) const MS: u64 = 1_000_000;
pub(super) const S: u64 = 1_000 * MS;
pub(super) const T0: u64 = 1_795_000_000 * S;

/// What a span says, by key.
pub(super) type Said = BTreeMap<String, Value>;

/// A node with its stage.
pub(super) struct Node {
    pub(super) context: Context,
    telemetry: Telemetry,
    stages: Vec<Box<dyn SpanStage>>,
    walk: Walk,
    pub(super) client: Option<IpAddr>,
    now: Instant,
    held: u64,
}

impl Node {
    pub(super) fn new(devices: Vec<About>, yaml: &str) -> Self {
        let context = Context::default();
        context.gpus.publish(Devices {
            list: devices.into_iter().map(Gpu::new).collect(),
            ..Devices::default()
        });
        let telemetry = Telemetry::default();
        let stage = GpuStage::new(
            &config(yaml),
            context.clone(),
            Meters::new(&telemetry),
            &Budget::default(),
        );
        Self {
            context,
            telemetry,
            stages: vec![Box::new(stage)],
            walk: Walk::new(),
            client: None,
            #[allow(clippy::disallowed_methods)] // Any moment will do to begin with.
            now: Instant::now(),
            held: 0,
        }
    }

    pub(super) fn gpu(&self, uuid: &str) -> Arc<Gpu> {
        Arc::clone(self.context.gpus.devices().by_uuid(uuid).unwrap())
    }

    /// Spans that come out at once, by name.
    pub(super) fn send(&mut self, request: &ExportTraceServiceRequest) -> BTreeMap<String, Said> {
        let traces = parse(request);
        let origin = Origin {
            client: self.client,
            ..Origin::default()
        };
        let context = BatchContext {
            now: self.now,
            origin: &origin,
        };
        let walked = self.walk.run(&traces, &mut self.stages, 0, &context);
        self.held += walked.counts[0].held;
        walked.left.iter().flat_map(said).collect()
    }

    /// Spans that come out after some time.
    pub(super) fn wait(&mut self, time: Duration) -> BTreeMap<String, Said> {
        self.now += time;
        self.release(false)
    }

    pub(super) fn release(&mut self, everything: bool) -> BTreeMap<String, Said> {
        let stage = self.stages.first_mut().unwrap();
        let is_due = everything || stage.wake_at().is_some_and(|at| at <= self.now);
        let Some(released) = is_due.then(|| stage.release(self.now, everything)).flatten() else {
            return BTreeMap::new();
        };
        self.held -= released.counts.received;
        said(&released.traces).into_iter().collect()
    }

    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// An own counter.
    pub(super) fn counted(&self, line: &str) -> u64 {
        let page = self.telemetry.metrics().render(Suffixes::none());
        let found = page
            .lines()
            .find_map(|of_page| of_page.strip_prefix(line)?.strip_prefix(' '));
        found
            .unwrap_or_else(|| panic!("no {line} in\n{page}"))
            .parse::<f64>()
            .unwrap() as u64
    }
}

pub(super) fn config(yaml: &str) -> Config {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = decode::<Config>(&section, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    config.unwrap()
}

pub(super) fn about(uuid: &str) -> About {
    About {
        uuid: uuid.to_owned(),
        model: "NVIDIA H100".to_owned(),
        ..About::default()
    }
}

pub(super) fn instance(uuid: &str, parent: &str) -> About {
    let mig = Mig {
        parent: parent.to_owned(),
        gpu_instance: Some(3),
        ..Mig::default()
    };
    About {
        mig: Some(mig),
        ..about(uuid)
    }
}

/// Samples a device that draws so much power and uses so much memory, for some time.
pub(super) fn sample(gpu: &Gpu, from: u64, to: u64, watts: u64, memory: u64) {
    for time_ns in (from..=to).step_by(100 * MS as usize) {
        gpu.add_fast(&Fast {
            time_ns,
            energy_mj: Some(watts * (time_ns - T0) / MS),
            sm_clock_mhz: Some(1_500),
            reasons: Some(0x1 | 0x4),
            ..Fast::default()
        });
    }
    sample_memory(gpu, from, to, memory);
}

pub(super) fn sample_memory(gpu: &Gpu, from: u64, to: u64, memory: u64) {
    for time_ns in (from..=to).step_by(500 * MS as usize) {
        gpu.add_slow(&Slow {
            time_ns,
            utilization: Some(0.5),
            memory_used_bytes: Some(memory),
            temperature_c: Some(60.0),
        });
    }
}

/// A request with its phases as `llm_phases` leaves them, of a sender that says this about itself.
pub(super) fn request_of(resource: &str, from: u64, to: u64) -> ExportTraceServiceRequest {
    request(resource, 1, from, from + (to - from) / 4, to, (100, 51))
}

/// Of that number, with its first token and tokens.
pub(super) fn request(
    resource: &str,
    number: u16,
    from: u64,
    first: u64,
    to: u64,
    tokens: (i64, i64),
) -> ExportTraceServiceRequest {
    let id = |ordinal: u8| {
        let [high, low] = number.to_be_bytes();
        vec![high, low, ordinal, 1, 1, 1, 1, 1]
    };
    let span = |ordinal: u8, name: &str, start, end, attributes| Span {
        trace_id: number.to_be_bytes().repeat(8),
        span_id: id(ordinal),
        parent_span_id: if ordinal == 0 { Vec::new() } else { id(0) },
        name: format!("{name}{number}"),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        ..Span::default()
    };
    let about_request = vec![
        text("inferscope.decompose.status", "ok"),
        int("gen_ai.usage.input_tokens", tokens.0),
        int("gen_ai.usage.output_tokens", tokens.1),
    ];
    let spans = vec![
        span(0, "request", from, to, about_request),
        span(1, "prefill", from, first, vec![text("inferscope.phase", "prefill")]),
        span(2, "decode", first, to, vec![text("inferscope.phase", "decode")]),
        span(3, "other", from, to, Vec::new()),
    ];
    let attributes = resource.split_whitespace().map(|pair| {
        let (key, value) = pair.split_once('=').unwrap();
        text(key, value)
    });
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: attributes.collect(),
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, text: &str) -> KeyValue {
    value(key, Value::StringValue(text.to_owned()))
}

fn int(key: &str, int: i64) -> KeyValue {
    value(key, Value::IntValue(int))
}

pub(super) fn parse(request: &ExportTraceServiceRequest) -> Traces {
    Traces::parse(request.encode_to_vec().into(), &Limits::default())
        .unwrap()
        .payload
}

fn said(traces: &Traces) -> Vec<(String, Said)> {
    let request = ExportTraceServiceRequest::decode(traces.bytes().clone()).unwrap();
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans);
    let spans = scopes.flat_map(|scope| scope.spans);
    spans
        .map(|span| {
            let keys = span.attributes.len();
            let said: Said = span
                .attributes
                .into_iter()
                .map(|it| (it.key, it.value.unwrap().value.unwrap()))
                .collect();
            assert_eq!(said.len(), keys, "a key comes twice in {}", span.name);
            (span.name, said)
        })
        .collect()
}

/// The number under a key, without the beginning that all have in common.
pub(super) fn number(said: &Said, key: &str) -> Option<f64> {
    match said.get(&format!("inferscope.gpu.{key}"))? {
        Value::DoubleValue(value) => Some(*value),
        Value::IntValue(value) => Some(*value as f64),
        other => panic!("{key}: {other:?}"),
    }
}

pub(super) fn texts(said: &Said, key: &str) -> Vec<String> {
    let Some(Value::ArrayValue(ArrayValue { values })) = said.get(&format!("inferscope.gpu.{key}")) else {
        return Vec::new();
    };
    let text = |it: &AnyValue| match it.value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        other => panic!("{key}: {other:?}"),
    };
    values.iter().map(text).collect()
}

#[track_caller]
pub(super) fn assert_close(one: Option<f64>, two: f64) {
    let one = one.unwrap();
    assert!((one - two).abs() <= 1e-6 * two.abs().max(1.0), "{one} is not {two}");
}
