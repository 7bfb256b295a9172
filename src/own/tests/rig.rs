//! The program without its command line: a configuration that runs, and senders.

use std::time::Duration;

use config::{Collector, Diagnostics};
use pipeline::plan::{Plan, Running, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::inbox::PATIENCE;
use crate::cli::ConfigurationArguments;
use crate::own::{self, OwnTelemetry};
use crate::source;

/// A port that nobody listens on at the moment.
pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// What is wrong with a configuration, as text.
pub(super) fn problems(yaml: &str) -> String {
    read(yaml).2.render(false)
}

fn read(yaml: &str) -> (Option<Collector>, Option<Plan>, Diagnostics) {
    let arguments = ConfigurationArguments {
        locations: vec![format!("yaml:{yaml}")],
        sets: Vec::new(),
        feature_gates: Vec::new(),
    };
    let read = source::read(&arguments, &source::registry());
    (read.collector, read.plan, read.diagnostics)
}

/// A configuration that can be used.
pub(super) fn good(yaml: &str) -> (Collector, Plan) {
    let (collector, plan, diagnostics) = read(yaml);
    let text = diagnostics.render(false);
    (collector.expect(&text), plan.expect(&text))
}

/// A program that runs.
pub(super) struct Rig {
    pub(super) world: World,
    own: OwnTelemetry,
    running: Running,
}

impl Rig {
    pub(super) async fn start(yaml: &str) -> Self {
        let (collector, plan) = good(yaml);
        let world = World::system();
        let own = own::start(&collector.service.telemetry, &plan, &world).await.unwrap();
        let running = Running::start(&plan, &source::registry(), world.clone()).await.unwrap();
        Self { world, own, running }
    }

    /// Ends it as the program does: the pipelines first, then own telemetry.
    pub(super) async fn stop(self, within: Duration) {
        self.running.stop(PATIENCE).await;
        self.own.stop(within).await;
        assert_eq!(self.world.ledger.imbalances(), []);
    }
}

/// Posts OTLP/JSON and gives the status line.
pub(super) async fn post(port: u16, path: &str, json: &str) -> String {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        json.len()
    );
    let answer = exchange(port, &(head + json)).await;
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Gets a page and gives its body.
pub(super) async fn get(port: u16, path: &str) -> String {
    let answer = exchange(
        port,
        &format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"),
    )
    .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

async fn exchange(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer));
    read.await.expect("no answer in time").unwrap();
    answer
}

/// Two spans, one data point and one log record, each as a request of OTLP/JSON with its path.
pub(super) const REQUESTS: [(&str, &str); 3] = [
    (
        "/v1/traces",
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
            {"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"a","kind":1,"startTimeUnixNano":"1","endTimeUnixNano":"2"},
            {"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203332","name":"b","kind":1,"startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}"#,
    ),
    (
        "/v1/metrics",
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"timeUnixNano":"1","asDouble":1}]}}]}]}]}"#,
    ),
    (
        "/v1/logs",
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"stringValue":"a"}}]}]}]}"#,
    ),
];

/// Sends one request of each signal.
pub(super) async fn send_all(port: u16) {
    for (path, json) in REQUESTS {
        let status = post(port, path, json).await;
        assert_eq!(status, "HTTP/1.1 200 OK", "{path}");
    }
}
