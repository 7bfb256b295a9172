#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;

use config::Signal;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric,
    ResourceMetrics, ScopeMetrics, Summary, SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets,
    metric, summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use pipeline::component::{Exporter, Setup};
use pipeline::payload::Payload;
use prost::Message;

use super::Debug;
use crate::testing::{
    Log, attribute, config, every_metric, export, exporter, logs, metrics, parse, remarks, setup, traces,
};

#[test]
fn it_keeps_the_house_rules() {
    pipeline::testing::contract::<Debug>();
}

fn one_span() -> Payload {
    let span = Span {
        trace_id: vec![0x3b; 16],
        span_id: vec![0x2c; 8],
        parent_span_id: vec![0x5e; 8],
        name: "llm_request".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_699_678_143_509_369_393,
        end_time_unix_nano: 1_699_678_143_500_000_000,
        attributes: vec![
            attribute("gen_ai.request.model", "llama"),
            attribute("prompt", "a\n\u{1b}[2J"),
        ],
        events: vec![Event {
            name: "first".to_owned(),
            attributes: vec![attribute("a", "b")],
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            ..Link::default()
        }],
        status: Some(Status {
            code: 2,
            message: "aborted".to_owned(),
        }),
        ..Span::default()
    };
    let scope = InstrumentationScope {
        name: "vllm".to_owned(),
        version: "0.32".to_owned(),
        ..Default::default()
    };
    let scope = ScopeSpans {
        scope: Some(scope),
        spans: vec![span],
        ..ScopeSpans::default()
    };
    let resource = Resource {
        attributes: vec![attribute("service.name", "vllm")],
        ..Resource::default()
    };
    let resource = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![scope],
        schema_url: "https://opentelemetry.io/schemas/1.4.0".to_owned(),
    };
    parse(
        Signal::Traces,
        ExportTraceServiceRequest {
            resource_spans: vec![resource],
        }
        .encode_to_vec(),
    )
}

/// What the exporter writes for these batches, without the times.
async fn written(more: &str, payloads: &[Payload]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("debug.txt");
    let yaml = format!("use_internal_logger: false\noutput_paths: [{}]\n{more}", path.display());
    let debug: Debug = exporter(&yaml);
    for payload in payloads {
        export(&debug, payload).await.unwrap();
    }
    let text = fs::read_to_string(path).unwrap();
    let without_time = |line: &str| {
        let timed = line
            .get(19..25)
            .is_some_and(|rest| rest.starts_with('.') && rest.ends_with("Z\t"));
        if timed { line[25..].to_owned() } else { line.to_owned() }
    };
    text.lines().map(without_time).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn basic_verbosity_is_one_line_with_counts() {
    let text = written("", &[one_span(), metrics(), logs()]).await;

    let lines: Vec<&str> = text.lines().collect();
    let who = |signal: &str, counts: &str| {
        let who = format!(
            r#""otelcol.component.id":"debug","otelcol.component.kind":"exporter","otelcol.signal":"{signal}""#
        );
        let mut parts: Vec<String> = who.split(',').chain(counts.split(',')).map(str::to_owned).collect();
        parts.sort();
        format!("{{{}}}", parts.join(","))
    };
    assert_eq!(
        lines[0],
        format!("info\tTraces\t{}", who("traces", r#""resource spans":1,"spans":1"#))
    );
    let counts = r#""resource metrics":1,"metrics":1,"data points":1"#;
    assert_eq!(lines[1], format!("info\tMetrics\t{}", who("metrics", counts)));
    assert_eq!(
        lines[2],
        format!("info\tLogs\t{}", who("logs", r#""resource logs":1,"log records":1"#))
    );
    assert_eq!(lines.len(), 3);
}

#[tokio::test]
async fn normal_verbosity_has_a_line_for_each_item_with_control_characters_escaped() {
    let text = written("verbosity: normal", &[one_span(), metrics(), logs()]).await;

    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[1],
        "info\tResourceTraces #0 [https://opentelemetry.io/schemas/1.4.0] service.name=vllm"
    );
    assert_eq!(lines[2], "ScopeTraces #0 vllm@0.32");
    let ids = format!("{} {}", "3b".repeat(16), "2c".repeat(8));
    assert_eq!(
        lines[3],
        format!("llm_request {ids} gen_ai.request.model=llama prompt=a\\n\\u{{1b}}[2J")
    );
    assert!(lines.contains(&"vllm:num_requests_running{model=llama} 7"), "{text}");
    assert!(lines.contains(&"engine started\\nlevel=error a=b"), "{text}");
}

#[tokio::test]
async fn detailed_verbosity_shows_every_field_of_a_span() {
    let text = written("verbosity: detailed", &[one_span()]).await;

    let expected = r"
ResourceSpans #0
Resource SchemaURL: https://opentelemetry.io/schemas/1.4.0
Resource attributes:
     -> service.name: Str(vllm)
ScopeSpans #0
ScopeSpans SchemaURL: 
InstrumentationScope vllm 0.32
Span #0
    Trace ID       : 3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b
    Parent ID      : 5e5e5e5e5e5e5e5e
    ID             : 2c2c2c2c2c2c2c2c
    Name           : llm_request
    Kind           : Server
    Start time     : 2023-11-11 04:49:03.509369393 +0000 UTC
    End time       : 2023-11-11 04:49:03.5 +0000 UTC
    Status code    : Error
    Status message : aborted
Attributes:
     -> gen_ai.request.model: Str(llama)
     -> prompt: Str(a\n\u{1b}[2J)
Events:
SpanEvent #0
     -> Name: first
     -> Timestamp: 1970-01-01 00:00:00 +0000 UTC
     -> DroppedAttributesCount: 0
     -> Attributes:
          -> a: Str(b)
Links:
SpanLink #0
     -> Trace ID: 01010101010101010101010101010101
     -> ID: 0202020202020202
     -> TraceState: 
     -> DroppedAttributesCount: 0
";
    let shown = text
        .split_once("info\tResourceSpans")
        .map(|(_, shown)| format!("\nResourceSpans{shown}"))
        .unwrap();
    let (shown, who) = shown.rsplit_once("\n\t{").unwrap();
    assert_eq!(format!("{shown}\n"), expected);
    assert!(who.contains("otelcol.component.id"), "{who}");
}

#[tokio::test]
async fn detailed_verbosity_shows_log_records_and_numbers() {
    let text = written("verbosity: detailed", &[metrics(), logs()]).await;

    for line in [
        "     -> Name: vllm:num_requests_running",
        "     -> DataType: Gauge",
        "NumberDataPoints #0",
        "     -> model: Str(llama)",
        "Timestamp: 2023-11-14 22:13:20 +0000 UTC",
        "Value: 7",
        "LogRecord #0",
        "SeverityNumber: Info(9)",
        "Body: Str(engine started\\nlevel=error)",
        "Trace ID: ",
        "Flags: 0",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "{line:?} is missing in\n{text}"
        );
    }
}

/// One metric of each kind that has buckets.
fn histograms() -> Payload {
    let exemplar = Exemplar {
        value: Some(exemplar::Value::AsDouble(0.5)),
        trace_id: vec![1; 16],
        ..Exemplar::default()
    };
    let explicit = HistogramDataPoint {
        count: 5,
        sum: Some(2.5),
        explicit_bounds: vec![0.1, 1.0],
        bucket_counts: vec![1, 3, 1],
        exemplars: vec![exemplar],
        ..HistogramDataPoint::default()
    };
    let exponential = ExponentialHistogramDataPoint {
        count: 4,
        zero_count: 1,
        positive: Some(Buckets {
            offset: 1,
            bucket_counts: vec![2],
        }),
        negative: Some(Buckets {
            offset: 0,
            bucket_counts: vec![1],
        }),
        ..ExponentialHistogramDataPoint::default()
    };
    let quantile = ValueAtQuantile {
        quantile: 0.99,
        value: 3.0,
    };
    let summary = SummaryDataPoint {
        count: 2,
        sum: 4.0,
        quantile_values: vec![quantile],
        ..SummaryDataPoint::default()
    };
    let metric = |name: &str, data| Metric {
        name: name.to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    let metrics = vec![
        metric(
            "h",
            metric::Data::Histogram(Histogram {
                data_points: vec![explicit],
                aggregation_temporality: 2,
            }),
        ),
        metric(
            "e",
            metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![exponential],
                aggregation_temporality: 1,
            }),
        ),
        metric(
            "s",
            metric::Data::Summary(Summary {
                data_points: vec![summary],
            }),
        ),
    ];
    let scope = ScopeMetrics {
        metrics,
        ..ScopeMetrics::default()
    };
    let resource = ResourceMetrics {
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    parse(
        Signal::Metrics,
        ExportMetricsServiceRequest {
            resource_metrics: vec![resource],
        }
        .encode_to_vec(),
    )
}

#[tokio::test]
async fn buckets_are_shown_with_their_bounds() {
    let detailed = written("verbosity: detailed", &[histograms()]).await;
    for line in [
        "     -> AggregationTemporality: Cumulative",
        "ExplicitBounds #1: 1.000000",
        "Buckets #2, Count: 1",
        "     -> Value: 0.500000",
        "Bucket [-2.000000, -1.000000), Count: 1",
        "Bucket [0, 0], Count: 1",
        "Bucket (2.000000, 4.000000], Count: 2",
        "QuantileValue #0: Quantile 0.990000, Value 3.000000",
    ] {
        assert!(
            detailed.lines().any(|shown| shown == line),
            "{line:?} is missing in\n{detailed}"
        );
    }

    let normal = written("verbosity: normal", &[histograms()]).await;
    for line in [
        "h{} count=5 sum=2.5 le0.1=1 le1=3 1",
        "e{} count=4 le-1=1 le2=2 zero_count0=1",
        "s{} count=2 sum=4.000000 q0.99=3",
    ] {
        assert!(
            normal.lines().any(|shown| shown == line),
            "{line:?} is missing in\n{normal}"
        );
    }
}

#[tokio::test]
async fn detailed_verbosity_shows_everything_that_is_said_about_metrics_of_every_kind() {
    let text = written("verbosity: detailed", &[every_metric()]).await;

    for line in [
        "     -> service.name: Str(vllm)",
        "InstrumentationScope vllm.metrics 0.32.0",
        "     -> Name: vllm:kv_cache_usage_perc",
        "     -> Description: KV-cache usage. 1 means 100 percent usage.",
        "     -> Unit: {token}",
        "Metadata:",
        "     -> prometheus.type: Str(counter)",
        "     -> IsMonotonic: true",
        "     -> AggregationTemporality: Delta",
        "Value: 9007199254740993",
        "     -> DataType: ExponentialHistogram",
        "Exemplar #1",
        "     -> Trace ID: 5b8efff798038103d269b633813fc60c",
        "     -> FilteredAttributes:",
        "          -> request_id: Str(cmpl-1)",
        "Min: -1.500000",
        "QuantileValue #1: Quantile 1.000000, Value 0.375000",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "{line:?} is missing in\n{text}"
        );
    }
}

#[tokio::test]
async fn sampling_leaves_batches_out_and_every_signal_has_its_own() {
    let batches = [traces(), traces(), traces(), traces(), traces(), logs()];

    let text = written("sampling_initial: 1\nsampling_thereafter: 3", &batches).await;

    assert_eq!(text.matches("\tTraces\t").count(), 2);
    assert_eq!(text.matches("\tLogs\t").count(), 1);
}

#[tokio::test]
async fn by_default_the_programs_own_log_is_used() {
    let debug: Debug = exporter("verbosity: normal");

    let log = Log::listen();
    export(&debug, &one_span()).await.unwrap();
    let text = log.text();

    assert!(text.contains("INFO") && text.contains("Traces"), "{text}");
    assert!(text.contains("resource spans=1") && text.contains("spans=1"), "{text}");
    assert!(text.contains("llm_request 3b3b3b"), "{text}");
}

#[test]
fn an_output_that_cannot_be_opened_stops_the_start() {
    let read = config::<Debug>("use_internal_logger: false\noutput_paths: [/no/such/place/debug.txt]").unwrap();
    let setup: Setup = setup("debug");

    let problem = Debug::build(&read, &setup).unwrap_err().to_string();

    assert!(problem.contains("/no/such/place/debug.txt"), "{problem}");
}

#[test]
fn output_paths_without_effect_are_said_to_have_none() {
    assert!(remarks::<Debug>("output_paths: [stderr]").contains("use_internal_logger"));
    assert!(config::<Debug>("verbosity: chatty").unwrap_err().contains("detailed"));
    assert!(config::<Debug>("{use_internal_logger: false, output_paths: []}").is_err());
}
