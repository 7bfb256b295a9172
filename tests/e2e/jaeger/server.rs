//! A real Jaeger, all in one process, with its traces in memory.

use std::collections::BTreeSet;
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

/// Ends with the test.
pub(crate) struct Jaeger {
    pub(crate) otlp_grpc: u16,
    pub(crate) otlp_http: u16,
    query: u16,
    _process: Process,
}

impl Jaeger {
    pub(crate) async fn start() -> Self {
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
}
