//! The captures of real engines, and what is expected of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;

/// The phases in the order in which a request goes through them, as the expectations name them and as spans are named.
const PHASES: [(&str, &str); 5] = [
    ("frontend", "frontend"),
    ("queue", "queue"),
    ("prefill", "prefill"),
    ("decode", "decode"),
    ("detokenize_egress", "detokenize"),
];

/// The requests that one engine sent, in the order of their arrival.
pub(crate) struct Capture {
    folder: PathBuf,
    /// One `ExportTraceServiceRequest` each, byte for byte.
    pub(crate) requests: Vec<Vec<u8>>,
}

/// A span with where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    pub(crate) resource: Vec<KeyValue>,
    pub(crate) scope: InstrumentationScope,
    pub(crate) span: Span,
}

/// A phase that a request span must have as its child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) name: &'static str,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Capture {
    pub(crate) fn of(engine: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/engines")
            .join(engine);
        let entries = std::fs::read_dir(folder.join("otlp")).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let requests: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert!(!requests.is_empty(), "{} is empty", folder.display());
        Self { folder, requests }
    }

    /// All spans, in order, decoded by the reference library.
    pub(crate) fn spans(&self) -> Vec<Captured> {
        self.requests.iter().flat_map(|request| decode(request)).collect()
    }

    /// The phases of every request, by the hexadecimal id of its span; computed apart from this program.
    pub(crate) fn expected_phases(&self) -> BTreeMap<String, Vec<Expected>> {
        let Ok(lines) = std::fs::read_to_string(self.folder.join("expected_decomposition.jsonl")) else {
            return BTreeMap::new(); // This capture holds no requests.
        };
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|line| (line["span_id"].as_str().unwrap().to_owned(), phases(&line)))
            .collect()
    }

    /// The ids of the requests, as the engine named them.
    pub(crate) fn request_ids(&self) -> Vec<String> {
        let lines = std::fs::read_to_string(self.folder.join("expected_decomposition.jsonl")).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|line| line["request_id"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn phases(line: &Value) -> Vec<Expected> {
    let segments = PHASES.iter().map(|(key, name)| Expected {
        name,
        start: line[*key][0].as_u64().unwrap(),
        end: line[*key][1].as_u64().unwrap(),
    });
    segments.filter(|segment| segment.start != segment.end).collect()
}

/// The spans of one request.
pub(crate) fn decode(request: &[u8]) -> Vec<Captured> {
    let request = ExportTraceServiceRequest::decode(request).unwrap();
    let mut spans = Vec::new();
    for resource_spans in request.resource_spans {
        let resource = resource_spans.resource.unwrap_or_default().attributes;
        for scope_spans in resource_spans.scope_spans {
            let scope = scope_spans.scope.unwrap_or_default();
            for span in scope_spans.spans {
                spans.push(Captured {
                    resource: resource.clone(),
                    scope: scope.clone(),
                    span,
                });
            }
        }
    }
    spans
}

/// An id as everybody writes it.
pub(crate) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
