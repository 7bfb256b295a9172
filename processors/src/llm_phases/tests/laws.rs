//! What holds for any batch: the bytes that come out say what a plain computation on structs says.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message;

use super::harness::{Harness, key_value, spans as spans_of, structs};
use crate::llm_phases::phases::{Observed, Phases};

const LATENCIES: [&str; 6] = [
    "gen_ai.latency.time_in_queue",
    "gen_ai.latency.time_in_model_prefill",
    "gen_ai.latency.time_in_model_decode",
    "gen_ai.latency.time_in_model_inference",
    "gen_ai.latency.e2e",
    "gen_ai.latency.time_to_first_token",
];

const OTHERS: [&str; 8] = [
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.completion_tokens",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.latency.time_in_queueX",
    "gen_ai.request.id",
    "",
    "http.route",
];

fn value() -> impl Strategy<Value = Option<AnyValue>> {
    let double = prop_oneof![
        20 => 0.0..0.6_f64,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(-0.0),
        1 => any::<f64>(),
    ];
    let value = prop_oneof![
        24 => double.prop_map(Value::DoubleValue),
        3 => (0..3_i64).prop_map(Value::IntValue),
        1 => any::<i64>().prop_map(Value::IntValue),
        2 => "[0-9.]{0,6}".prop_map(Value::StringValue),
        1 => any::<bool>().prop_map(Value::BoolValue),
        1 => Just(Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(Value::DoubleValue(0.1)) }] })),
        1 => Just(Value::BytesValue(vec![1, 2])),
    ];
    prop_oneof![
        30 => value.prop_map(|value| Some(AnyValue { value: Some(value) })),
        1 => Just(Some(AnyValue { value: None })),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![6 => proptest::sample::select(&LATENCIES[..]), 2 => proptest::sample::select(&OTHERS[..])];
    let attribute = (key, value()).prop_map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value,
        ..KeyValue::default()
    });
    proptest::collection::vec(attribute, 0..12)
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (
        any::<[u8; 16]>(),
        any::<[u8; 8]>(),
        proptest::option::of(any::<[u8; 8]>()),
    );
    let name = prop_oneof![3 => Just("llm_request"), 1 => Just("Load model"), 1 => Just("")];
    let times = (
        0..2_000_000_000_u64,
        prop_oneof![8 => 0..900_000_000_u64, 1 => any::<u64>()],
    );
    (ids, name, times, any::<u32>(), "[a-z=]{0,5}", attributes()).prop_map(
        |((trace, id, parent), name, (start, length), flags, trace_state, attributes)| Span {
            trace_id: nonzero(trace.to_vec()),
            span_id: nonzero(id.to_vec()),
            parent_span_id: parent.map_or_else(Vec::new, |parent| nonzero(parent.to_vec())),
            name: name.to_owned(),
            start_time_unix_nano: start,
            end_time_unix_nano: start.wrapping_add(length),
            flags,
            trace_state,
            attributes,
            ..Span::default()
        },
    )
}

fn nonzero(mut id: Vec<u8>) -> Vec<u8> {
    id[0] |= 1;
    id
}

fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = prop_oneof![
        Just("vllm.tracing.otel"),
        Just("vllm.llm_engine"),
        Just("litellm"),
        Just("off"),
    ];
    let scope = (scope, proptest::collection::vec(span(), 0..4)).prop_map(|(name, spans)| ScopeSpans {
        scope: Some(InstrumentationScope {
            name: name.to_owned(),
            ..InstrumentationScope::default()
        }),
        spans,
        ..ScopeSpans::default()
    });
    let resource = proptest::collection::vec(scope, 0..3).prop_map(|scope_spans| ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    });
    proptest::collection::vec(resource, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// The same work on structs.
fn reference(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    for resource in &mut request.resource_spans {
        let mut made = Vec::new();
        for scope in &mut resource.scope_spans {
            let name = scope.scope.as_ref().unwrap().name.clone();
            for span in scope.spans.iter_mut().filter(|span| is_request(&name, span)) {
                decompose(span, &mut made);
            }
        }
        if !made.is_empty() {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            let name = "inferscope/llm_phases".to_owned();
            let scope = Some(InstrumentationScope {
                name,
                version,
                ..InstrumentationScope::default()
            });
            resource.scope_spans.push(ScopeSpans {
                scope,
                spans: made,
                ..ScopeSpans::default()
            });
        }
    }
    request
}

fn is_request(scope: &str, span: &Span) -> bool {
    let has_latency = span
        .attributes
        .iter()
        .any(|attribute| LATENCIES.contains(&attribute.key.as_str()));
    scope != "off" && (span.name == "llm_request" || has_latency)
}

fn decompose(span: &mut Span, made: &mut Vec<Span>) {
    let usable = |key: &str| {
        span.attributes
            .iter()
            .filter(|attribute| attribute.key == key)
            .find_map(nanoseconds)
    };
    let [queue, prefill, decode, inference, e2e, ttft] = LATENCIES.map(usable);
    let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
    let phases = Phases::of(&Observed {
        start,
        end,
        queue,
        prefill,
        decode,
        inference,
        e2e,
        ttft,
    });

    let mut gained = vec![said("inferscope.decompose.status", phases.status.word())];
    for (now, before) in [("input", "prompt"), ("output", "completion")] {
        let tokens = |name: &str| {
            let key = format!("gen_ai.usage.{name}_tokens");
            span.attributes
                .iter()
                .filter(|attribute| attribute.key == key)
                .find_map(whole)
        };
        let now_key = format!("gen_ai.usage.{now}_tokens");
        let is_there = span.attributes.iter().any(|attribute| attribute.key == now_key);
        if let (false, Some(tokens)) = (is_there, tokens(before)) {
            gained.push(key_value(
                &format!("gen_ai.usage.{now}_tokens"),
                Value::IntValue(tokens),
            ));
        }
    }
    if phases.residual() > 0 {
        gained.push(key_value(
            "inferscope.decompose.residual",
            Value::DoubleValue(phases.residual() as f64 / 1e9),
        ));
    }
    if phases.overrun > 0 {
        let overrun = i64::try_from(phases.overrun).unwrap_or(i64::MAX);
        gained.push(key_value("inferscope.decompose.overrun_ns", Value::IntValue(overrun)));
    }
    for segment in phases.segments().iter().filter(|segment| segment.length() > 0) {
        made.push(Span {
            trace_id: span.trace_id.clone(),
            span_id: Vec::new(), // Checked apart.
            parent_span_id: span.span_id.clone(),
            trace_state: span.trace_state.clone(),
            flags: span.flags & 0xff | 0x100,
            name: segment.phase.word().to_owned(),
            kind: 1,
            start_time_unix_nano: segment.start,
            end_time_unix_nano: segment.end,
            attributes: vec![
                said("inferscope.phase", segment.phase.word()),
                said("inferscope.phase.source", segment.source.word()),
            ],
            ..Span::default()
        });
    }
    span.attributes.extend(gained);
}

fn said(key: &str, text: &str) -> KeyValue {
    key_value(key, Value::StringValue(text.to_owned()))
}

fn nanoseconds(attribute: &KeyValue) -> Option<i64> {
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::DoubleValue(seconds) if seconds.is_finite() => Some((seconds * 1e9).round_ties_even() as i64),
        Value::IntValue(seconds) => Some(seconds.saturating_mul(1_000_000_000)),
        _ => None,
    }
}

fn whole(attribute: &KeyValue) -> Option<i64> {
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::IntValue(tokens) => Some(*tokens),
        _ => None,
    }
}

/// Takes the made ids out and checks them: P-5.
fn without_made_ids(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    let mut ids = BTreeSet::new();
    for scope in request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans)
    {
        for span in &mut scope.spans {
            assert!(
                ids.insert((span.trace_id.clone(), span.span_id.clone())),
                "an id that is there already"
            );
            if scope.scope.as_ref().unwrap().name == "inferscope/llm_phases" {
                assert_eq!(span.span_id.len(), 8);
                assert_ne!(span.span_id, [0; 8]);
                span.span_id.clear();
            }
        }
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// P-1 … P-6 and P-10: attributes of any type, times in any order.
    #[test]
    fn what_comes_out_decoded_is_what_structs_would_say(request in request()) {
        let mut harness = Harness::with_yaml("engines: {sglang: {enabled: false, scopes: [\"off\"]}}");

        let out = harness.send(&request.encode_to_vec());

        let got = out.first().map(structs).unwrap_or_default();
        // NaN is no reason to differ: compare what is encoded.
        let expected = reference(request);
        prop_assert_eq!(without_made_ids(got).encode_to_vec(), expected.encode_to_vec());
        prop_assert!(harness.drain().is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// P-10 for engines whose spans wait: names and attributes that mean something to them, in any combination.
    #[test]
    fn spans_that_wait_survive_anything(
        engine in proptest::sample::select(&["sglang server", "triton-server", "tgi"][..]),
        yaml in proptest::sample::select(&["emit: both", "drop_step_spans: true", "{zero_length_phases: true}"][..]),
        spans in proptest::collection::vec(waiting_span(), 1..20),
    ) {
        let mut request = super::harness::request(engine, spans);
        if engine == "tgi" {
            let service = said("service.name", "text-generation-inference.router");
            request.resource_spans[0].resource =
                Some(opentelemetry_proto::tonic::resource::v1::Resource { attributes: vec![service], ..Default::default() });
        }
        let mut harness = Harness::with_yaml(yaml);

        let mut out = harness.send(&request.encode_to_vec());
        out.extend(harness.drain());

        prop_assert_eq!(harness.balance, 0, "every span left once");
        for (scope, span) in spans_of(&out) {
            if scope == "inferscope/llm_phases" {
                prop_assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
            }
        }
    }
}

const WAITING_NAMES: [&str; 18] = [
    " Req a",
    "prefill Req a",
    "decode Req a",
    "tokenize",
    "request_process",
    "prefill_waiting",
    "prefill_forward",
    "decode_waiting",
    "decode_forward",
    "decode_loop",
    "decode_transferred",
    "prefill_transfer_kv_cache",
    "compute",
    "Scheduler",
    "generate",
    "infer",
    "waiting",
    "send_generation",
];

/// A span of any of the engines whose spans wait, as part of one trace.
fn waiting_span() -> impl Strategy<Value = Span> {
    let durations = proptest::collection::vec(
        (
            proptest::sample::select(&["total_time", "validation_time", "queue_time", "inference_time"][..]),
            prop_oneof![
                "[0-9.]{0,6}(s|ms|ns|\u{b5}s|)".prop_map(|text| Some(AnyValue {
                    value: Some(Value::StringValue(text))
                })),
                value()
            ],
        ),
        0..4,
    );
    let times = (0..50_000_000_u64, 0..50_000_000_u64);
    (
        0..6_u8,
        0..6_u8,
        0..WAITING_NAMES.len(),
        times,
        any::<bool>(),
        durations,
    )
        .prop_map(|(id, parent, name, (start, end), flag, durations)| {
            let mut span = Span {
                trace_id: vec![1; 16],
                span_id: vec![id + 1; 8],
                parent_span_id: vec![parent + 1; 8],
                name: WAITING_NAMES[name].to_owned(),
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                ..Span::default()
            };
            for (key, value) in durations {
                span.attributes.push(KeyValue {
                    key: key.to_owned(),
                    value,
                    ..KeyValue::default()
                });
            }
            if span.name.ends_with("Req a") {
                span.attributes.push(said("module", "sglang::request"));
            }
            if flag {
                span.attributes.extend([
                    said("bootstrap_room", "0x1"),
                    said("thread_label", "Scheduler"),
                    said("triton.model_name", "m"),
                ]);
                span.status = Some(opentelemetry_proto::tonic::trace::v1::Status {
                    code: 2,
                    ..Default::default()
                });
            }
            span.events.push(opentelemetry_proto::tonic::trace::v1::span::Event {
                name: ["QUEUE_START", "COMPUTE_START", "COMPUTE_END"][name % 3].to_owned(),
                time_unix_nano: end,
                ..Default::default()
            });
            span
        })
}
