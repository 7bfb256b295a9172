//! What real engines sent, and other programs that read and write OTLP/JSON.

use super::{Limits, logs_from_json, metrics_from_json, read, traces_from_json, written};
use crate::payload::Traces;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use std::path::{Path, PathBuf};

/// The requests in the repository's captures.
fn captures() -> Vec<PathBuf> {
    let engines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/engines");
    let mut captures = Vec::new();
    for engine in std::fs::read_dir(engines).unwrap() {
        let Ok(requests) = std::fs::read_dir(engine.unwrap().path().join("otlp")) else {
            continue;
        };
        captures.extend(requests.map(|request| request.unwrap().path()));
    }
    captures.retain(|path| path.extension().is_some_and(|extension| extension == "pb"));
    assert!(captures.len() >= 40, "{captures:?}");
    captures
}

fn decoded(traces: &Traces) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(traces.bytes().clone()).unwrap()
}

#[test]
fn every_capture_survives_the_way_to_json_and_back() {
    for path in captures() {
        let sent = Traces::parse(std::fs::read(&path).unwrap().into(), &Limits::default())
            .unwrap()
            .payload;

        let json = written(sent.clone());
        let back = read(&json).unwrap();

        assert!(back.rejected.is_nothing());
        assert_eq!(decoded(&back.payload), decoded(&sent), "{}", path.display());
        assert_eq!(written(back.payload), json, "{}", path.display());
    }
}

#[test]
fn every_capture_in_json_is_read_by_another_program() {
    for path in captures() {
        let sent = Traces::parse(std::fs::read(&path).unwrap().into(), &Limits::default())
            .unwrap()
            .payload;

        let ours: ExportTraceServiceRequest = serde_json::from_str(&written(sent.clone())).unwrap();

        // Read from its own JSON, too, because serde_json without `float_roundtrip` misses some doubles by the last bit.
        let its_own = serde_json::to_string(&decoded(&sent)).unwrap();
        let expected: ExportTraceServiceRequest = serde_json::from_str(&its_own).unwrap();
        assert_eq!(ours, expected, "{}", path.display());
    }
}

#[test]
fn captures_that_another_program_wrote_in_json_are_what_was_sent() {
    let engines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/engines");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/payload/json/tests/captures");
    for (json, protobuf) in [
        ("vllm-0.32.0.json", "vllm-0.32.0/otlp/0017-traces-grpc.pb"),
        (
            "vllm-0.32.0-startup-failure.json",
            "vllm-0.32.0-startup-failure/otlp/0007-traces-grpc.pb",
        ),
        (
            "sglang-0.5.23-driven.json",
            "sglang-0.5.23-driven/otlp/0007-traces-grpc.pb",
        ),
    ] {
        let sent = std::fs::read(engines.join(protobuf)).unwrap();

        let parsed = traces_from_json(&std::fs::read(here.join(json)).unwrap(), &Limits::default()).unwrap();

        assert!(parsed.rejected.is_nothing(), "{json}");
        assert!(parsed.payload.spans() > 0, "{json}");
        assert_eq!(
            decoded(&parsed.payload),
            ExportTraceServiceRequest::decode(&*sent).unwrap(),
            "{json}"
        );
    }
}

/// Metrics and logs that `opentelemetry-proto` 0.33 reads rightly. It loses what it should not, mostly without a word:
/// `"NaN"` and `"Infinity"` as `doubleValue`, `asDouble`, `min` or `max`, an attribute without `key`, an empty
/// `arrayValue` or `kvlistValue`, `stringValueStrindex`, and it refuses an `entityRefs` that leaves out an empty field.
const READ_BY_ANOTHER: &[&str] = &[
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[{"asInt":"-3","flags":1}]}}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"9","asDouble":0.5}]}}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[{"attributes":[{"key":"a","value":{"bytesValue":"+/8="}},{"key":"b"},{"key":"c","value":{}}]}]}}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","unit":"s"}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"count":"3","sum":0.0,"bucketCounts":["1","2"],"explicitBounds":[0.5],"min":0.0,"max":1.0}],"aggregationTemporality":1}}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"exponentialHistogram":{"dataPoints":[{"count":"3","sum":-2.5,"scale":-10,"zeroCount":"1","positive":{"offset":-2147483648,"bucketCounts":["1","300"]},"zeroThreshold":1e-9}]}}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"summary":{"dataPoints":[{"count":"3","sum":1.5,"quantileValues":[{"quantile":0.5,"value":"-Infinity"},{}]}]}}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{"exemplars":[{"asInt":"1","spanId":"eee19b7ec3c1b174"}]}],"aggregationTemporality":2,"isMonotonic":true}}]}]}]}"#,
    r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","severityNumber":9,"body":{"stringValue":"a\nb"},"traceId":"5b8efff798038103d269b633813fc60c","eventName":"e"}]}]}]}"#,
];

#[test]
fn metrics_and_logs_in_json_are_read_by_another_program() {
    for json in READ_BY_ANOTHER {
        if json.contains("resourceMetrics") {
            let payload = metrics_from_json(json.as_bytes(), &Limits::default()).unwrap().payload;
            assert_eq!(written(payload.clone()), *json);
            let theirs: ExportMetricsServiceRequest = serde_json::from_str(json).unwrap();
            assert_eq!(
                theirs,
                ExportMetricsServiceRequest::decode(payload.bytes().clone()).unwrap(),
                "{json}"
            );
        } else {
            let payload = logs_from_json(json.as_bytes(), &Limits::default()).unwrap().payload;
            assert_eq!(written(payload.clone()), *json);
            let theirs: ExportLogsServiceRequest = serde_json::from_str(json).unwrap();
            assert_eq!(
                theirs,
                ExportLogsServiceRequest::decode(payload.bytes().clone()).unwrap(),
                "{json}"
            );
        }
    }
}

#[test]
fn metrics_of_every_kind_are_read_and_written_as_another_program_does() {
    let json = include_str!("../../../../../tests/fixtures/otlp/metrics-of-every-kind.json");
    let theirs: ExportMetricsServiceRequest = serde_json::from_str(json).unwrap();

    let read = metrics_from_json(json.as_bytes(), &Limits::default()).unwrap();

    assert!(read.rejected.is_nothing());
    assert_eq!(read.payload.points(), 6);
    let ours = ExportMetricsServiceRequest::decode(read.payload.bytes().clone()).unwrap();
    assert_eq!(ours, theirs);
    let written = written(read.payload);
    let again: ExportMetricsServiceRequest = serde_json::from_str(&written).unwrap();
    assert_eq!(again, theirs);
    let [written, came]: [serde_json::Value; 2] = [&written, json].map(|json| serde_json::from_str(json).unwrap());
    assert_eq!(written, came, "no key was lost, added or renamed");
    let from_theirs = metrics_from_json(&serde_json::to_vec(&theirs).unwrap(), &Limits::default()).unwrap();
    let from_theirs = ExportMetricsServiceRequest::decode(from_theirs.payload.bytes().clone()).unwrap();
    assert_eq!(from_theirs, theirs);
}
