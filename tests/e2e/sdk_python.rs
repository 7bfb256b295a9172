//! The OpenTelemetry SDK for Python, which vLLM and SGLang send with: both protocols, with and without compression.

use std::process::Command;

use crate::patience::PATIENCE;
use crate::peers::peer;
use crate::process::Process;
use crate::program;
use crate::trace_file::{self, spans};

/// A request and a step in it, as often as `send.py` makes them.
const SPANS: usize = 100;

async fn arrives_complete(protocol: &str, compression: &str) {
    let mut program = program::with("file.yaml").start().await;
    let port = if protocol == "grpc" { program.grpc } else { program.http };

    let sent = program.folder.path().join("sent.json");
    let mut command = Command::new(peer("python").join("bin/python"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/send.py"));
    command
        .args([protocol, &format!("http://127.0.0.1:{port}"), compression])
        .arg(&sent);
    let mut sender = Process::start("send.py", &mut command);
    let status = sender.ends(PATIENCE).await;

    assert!(status.success(), "the SDK was not content: {status}");
    program.stop().await;
    let (sent, arrived) = (spans(&sent), spans(&program.folder.path().join("traces.json")));
    assert_eq!(sent.len(), SPANS);
    trace_file::assert_same(&sent, &arrived);
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_python_sdk_arrive_over_grpc() {
    arrives_complete("grpc", "none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_python_sdk_arrive_over_grpc_with_gzip() {
    arrives_complete("grpc", "gzip").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_python_sdk_arrive_over_http() {
    arrives_complete("http", "none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_python_sdk_arrive_over_http_with_gzip() {
    arrives_complete("http", "gzip").await;
}
