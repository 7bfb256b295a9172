//! The page of own metrics, judged by Prometheus' own tool.

use std::fs::File;
use std::process::Command;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use crate::patience::PATIENCE;
use crate::peers::peer;
use crate::program;
use crate::wire;

fn request() -> Vec<u8> {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        name: "request".to_owned(),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans {
        spans: vec![span],
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

#[tokio::test]
async fn promtool_has_nothing_to_say_about_the_page() {
    let mut program = program::with("nop.yaml").start().await;
    program.send_http(&request()).await;
    let page = program.balances().await;
    assert_eq!(
        page.sum("otelcol_receiver_accepted_spans_total", &[("receiver", "otlp")]),
        1
    );
    let text = wire::get(program.metrics, "/metrics").await.unwrap().body;

    let file = program.folder.path().join("page.txt");
    std::fs::write(&file, &text).unwrap();
    let promtool = move || {
        let mut promtool = Command::new(peer("promtool-3.8.1"));
        promtool
            .args(["check", "metrics"])
            .stdin(File::open(file).unwrap())
            .output()
    };
    let judged = tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(promtool));
    let judged = judged.await.expect("promtool ends").unwrap().unwrap();
    program.stop().await;

    let said = String::from_utf8_lossy(&judged.stdout) + String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success() && said.is_empty(), "{said}");
}
