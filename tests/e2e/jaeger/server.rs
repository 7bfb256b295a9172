//! A real Jaeger, all in one process, with its traces in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::trace::JaegerSpan;
use crate::doors::free_port;
use crate::patience::{PATIENCE, until};
use crate::peers::peer;
use crate::process::Process;
use crate::wire;

/// How long Jaeger may take to start and to store what it took.
const STARTUP_MAX: Duration = Duration::from_secs(60);

/// Over how long the Monitor tab counts.
pub(crate) const MONITOR_RATE: Duration = Duration::from_secs(30);

/// What the Monitor tab shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Monitor {
    /// A quantile of the durations, in milliseconds.
    Latency(f64),
    /// Calls a second.
    Calls,
    /// The share of calls that failed.
    Errors,
}

/// Ends with the test.
pub(crate) struct Jaeger {
    pub(crate) otlp_grpc: u16,
    pub(crate) otlp_http: u16,
    query: u16,
    _process: Process,
}

impl Jaeger {
    pub(crate) async fn start() -> Self {
        Self::run(|_| {}).await
    }

    /// One whose Monitor tab shows what a Prometheus has: span metrics under the names that their connector gives them.
    pub(crate) async fn with_metrics_of(prometheus: u16) -> Self {
        Self::run(|command| {
            command.env("METRICS_STORAGE_TYPE", "prometheus");
            command.arg(format!("--prometheus.server-url=http://127.0.0.1:{prometheus}"));
            command.args([
                "--prometheus.query.normalize-calls",
                "--prometheus.query.normalize-duration",
            ]);
        })
        .await
    }

    async fn run(configure: impl FnOnce(&mut Command)) -> Self {
        let (otlp_grpc, otlp_http, query) = (free_port(), free_port(), free_port());
        let mut command = Command::new(peer("jaeger-1.76.0"));
        let ports = [
            ("--collector.otlp.grpc.host-port", otlp_grpc),
            ("--collector.otlp.http.host-port", otlp_http),
            ("--query.http-server.host-port", query),
            // Doors that the tests do not use; at their usual ports they would meet a Jaeger of the user.
            ("--query.grpc-server.host-port", free_port()),
            ("--collector.grpc-server.host-port", free_port()),
            ("--collector.http-server.host-port", free_port()),
            ("--admin.http.host-port", free_port()),
        ];
        command.args(ports.map(|(flag, port)| format!("{flag}=127.0.0.1:{port}")));
        configure(&mut command);
        let process = Process::start("jaeger", &mut command);
        let ready = || async move {
            wire::get(query, "/api/services")
                .await
                .filter(|answer| answer.status == 200)
        };
        until("Jaeger starts", STARTUP_MAX, ready).await;
        Self {
            otlp_grpc,
            otlp_http,
            query,
            _process: process,
        }
    }

    /// All spans of these traces, once there are as many as expected.
    pub(crate) async fn traces(&self, ids: &BTreeSet<String>, expected_spans: usize) -> Vec<JaegerSpan> {
        until(&format!("Jaeger has {expected_spans} spans"), PATIENCE, || async {
            let mut spans = Vec::new();
            for id in ids {
                spans.extend(self.trace(id).await?);
            }
            (spans.len() >= expected_spans).then_some(spans)
        })
        .await
    }

    async fn trace(&self, id: &str) -> Option<Vec<JaegerSpan>> {
        let answer = wire::get(self.query, &format!("/api/traces/{id}"))
            .await
            .expect("Jaeger answers");
        if answer.status == 404 {
            return None; // Not stored yet.
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let [trace] = answer["data"].as_array().unwrap().as_slice() else {
            panic!("not one trace: {answer}")
        };
        Some(JaegerSpan::all(trace))
    }

    /// What the Monitor tab would draw for a service at a time in nanoseconds: each operation, or nothing where operations
    /// are not asked for, with its value.
    pub(crate) async fn monitor(
        &self,
        of: Monitor,
        service: &str,
        by_operation: bool,
        at: u64,
    ) -> BTreeMap<String, f64> {
        let (path, more) = match of {
            Monitor::Latency(quantile) => ("latencies", format!("&quantile={quantile}")),
            Monitor::Calls => ("calls", String::new()),
            Monitor::Errors => ("errors", String::new()),
        };
        let (rate, at) = (MONITOR_RATE.as_millis(), at / 1_000_000);
        let range = format!("endTs={at}&lookback=1000&step=1000&ratePer={rate}");
        let path = format!("/api/metrics/{path}?service={service}&groupByOperation={by_operation}&{range}{more}");
        let answer = wire::get(self.query, &path).await.expect("Jaeger answers");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let metrics = answer["metrics"].as_array().into_iter().flatten();
        metrics
            .filter_map(|metric| Some((operation(metric), newest(metric)?)))
            .collect()
    }
}

fn operation(metric: &Value) -> String {
    let mut labels = metric["labels"].as_array().unwrap().iter();
    let operation = labels.find(|label| label["name"] == "operation");
    operation.map_or_else(String::new, |label| label["value"].as_str().unwrap().to_owned())
}

/// None for a series of which nothing is known yet.
fn newest(metric: &Value) -> Option<f64> {
    metric["metricPoints"].as_array()?.last()?["gaugeValue"]["doubleValue"].as_f64()
}
