//! The OpenTelemetry SDK for Rust, which TGI and others send with: both protocols, with and without compression.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_otlp::{Compression, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter as Exporter};
use serde_json::json;

use crate::program::{self, Program};
use crate::trace_file::{self, Written, spans};

/// Requests that are made, each with a step in it.
const REQUESTS: i64 = 50;

const SERVICE: &str = "e2e-rust";
const SCOPE: &str = "e2e.send";

/// Keeps what the SDK hands out, so that the test knows what must arrive.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl Exporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

fn resource() -> Resource {
    Resource::builder_empty().with_service_name(SERVICE).build()
}

fn make_spans() -> Vec<SpanData> {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(kept.clone())
        .with_resource(resource())
        .build();
    let tracer = provider.tracer(SCOPE);
    for number in 0..REQUESTS {
        let attributes = [
            KeyValue::new("number", number),
            KeyValue::new("large", i64::MAX),
            KeyValue::new("share", 0.0625),
            KeyValue::new("even", number % 2 == 0),
            KeyValue::new("text", "ünïcode → 🚀"),
        ];
        let request = tracer
            .span_builder("request")
            .with_kind(SpanKind::Server)
            .with_attributes(attributes);
        let mut request = request.start(&tracer);
        request.add_event("first token", vec![KeyValue::new("tokens", 1)]);
        if number % 5 == 0 {
            request.set_status(Status::error("rejected"));
        }
        let inside = Context::new().with_span(request);
        tracer.start_with_context("step", &inside).end();
        inside.span().end();
    }
    provider.shutdown().unwrap();
    kept.0.lock().unwrap().split_off(0)
}

/// How a span must look in the file.
fn expectation(span: &SpanData) -> Written {
    let events = span
        .events
        .iter()
        .map(|event| (event.name.to_string(), nanos(event.timestamp)));
    let attributes = span
        .attributes
        .iter()
        .map(|pair| (pair.key.to_string(), any_value(&pair.value)));
    let parent = span.parent_span_id.to_string();
    Written {
        trace_id: span.span_context.trace_id().to_string(),
        span_id: span.span_context.span_id().to_string(),
        parent_span_id: if span.parent_span_id == opentelemetry::SpanId::INVALID {
            String::new()
        } else {
            parent
        },
        name: span.name.to_string(),
        kind: if span.span_kind == SpanKind::Server { 2 } else { 1 },
        start: nanos(span.start_time),
        end: nanos(span.end_time),
        status: if span.status == Status::Unset { 0 } else { 2 },
        attributes: attributes.collect(),
        events: events.collect(),
        service: json!({"stringValue": SERVICE}).to_string(),
        scope: SCOPE.to_owned(),
    }
}

fn any_value(value: &Value) -> String {
    let value = match value {
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::I64(number) => json!({"intValue": number.to_string()}),
        Value::F64(number) => json!({"doubleValue": number}),
        Value::String(text) => json!({"stringValue": text.as_str()}),
        other => panic!("no {other:?} was made"),
    };
    value.to_string()
}

fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
}

fn grpc(program: &Program) -> SpanExporter {
    tonic(program, None)
}

fn grpc_with_gzip(program: &Program) -> SpanExporter {
    tonic(program, Some(Compression::Gzip))
}

fn http(program: &Program) -> SpanExporter {
    hyper(program, None)
}

fn http_with_gzip(program: &Program) -> SpanExporter {
    hyper(program, Some(Compression::Gzip))
}

fn tonic(program: &Program, compression: Option<Compression>) -> SpanExporter {
    let endpoint = format!("http://127.0.0.1:{}", program.grpc);
    let builder = SpanExporter::builder().with_tonic().with_endpoint(endpoint);
    match compression {
        None => builder.build().unwrap(),
        Some(compression) => builder.with_compression(compression).build().unwrap(),
    }
}

fn hyper(program: &Program, compression: Option<Compression>) -> SpanExporter {
    let endpoint = format!("http://127.0.0.1:{}/v1/traces", program.http);
    let builder = SpanExporter::builder().with_http().with_endpoint(endpoint);
    match compression {
        None => builder.build().unwrap(),
        Some(compression) => builder.with_compression(compression).build().unwrap(),
    }
}

async fn arrives_complete(exporter: impl Fn(&Program) -> SpanExporter) {
    let mut program = program::with("file.yaml").start().await;
    let made = make_spans();

    let mut exporter = exporter(&program);
    exporter.set_resource(&resource());
    for batch in made.chunks(32) {
        exporter.export(batch.to_vec()).await.expect("the SDK is content");
    }

    program.stop().await;
    let mut sent: Vec<Written> = made.iter().map(expectation).collect();
    sent.sort();
    assert_eq!(sent.len() as i64, 2 * REQUESTS);
    trace_file::assert_same(&sent, &spans(&program.folder.path().join("traces.json")));
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_rust_sdk_arrive_over_grpc() {
    arrives_complete(grpc).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_rust_sdk_arrive_over_grpc_with_gzip() {
    arrives_complete(grpc_with_gzip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_rust_sdk_arrive_over_http() {
    arrives_complete(http).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_rust_sdk_arrive_over_http_with_gzip() {
    arrives_complete(http_with_gzip).await;
}
