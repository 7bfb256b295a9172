//! Inferscope as a user runs it: configuration files, environment variables, sockets and signals.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::doors::free_port;
use crate::metrics_page::MetricsPage;
use crate::patience::{PATIENCE, until};
use crate::process::Process;
use crate::released;
use crate::wire::{self, Answer};

/// What Kubernetes gives is 30 s; the program takes at most 20 s, and half a second for the rest.
pub(crate) const SHUTDOWN_MAX: Duration = Duration::from_millis(20_500);

/// A running Inferscope with its own ports and its own folder.
pub(crate) struct Program {
    pub(crate) process: Process,
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    pub(crate) health: u16,
    pub(crate) metrics: u16,
    pub(crate) folder: TempDir,
}

/// How a program is started.
pub(crate) struct Setting {
    command: Command,
    grpc: u16,
    http: u16,
    health: u16,
    metrics: u16,
    folder: TempDir,
}

/// A program with the doors of `configs/doors.yaml` and what `config`, another file there, says.
pub(crate) fn with(config: &str) -> Setting {
    let folder = tempfile::tempdir().unwrap();
    let configs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/configs");
    let (grpc, http, health, metrics) = (free_port(), free_port(), free_port(), free_port());
    let mut command = Command::new(released::program());
    command.current_dir(folder.path());
    command.arg("--config").arg(format!("{configs}/doors.yaml"));
    command.arg("--config").arg(format!("{configs}/{config}"));
    for (name, port) in [("GRPC", grpc), ("HTTP", http), ("HEALTH", health), ("METRICS", metrics)] {
        command.env(name, port.to_string());
    }
    Setting {
        command,
        grpc,
        http,
        health,
        metrics,
        folder,
    }
}

impl Setting {
    /// Sets a variable that the configuration refers to.
    pub(crate) fn env(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.command.env(name, value.to_string());
        self
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(mut self) -> Program {
        let mut process = Process::start("inferscope", &mut self.command);
        process.writes("everything is ready", PATIENCE).await;
        let Self {
            grpc,
            http,
            health,
            metrics,
            folder,
            ..
        } = self;
        Program {
            process,
            grpc,
            http,
            health,
            metrics,
            folder,
        }
    }

    /// Starts it where it cannot run; gives how it ended and what it wrote.
    pub(crate) async fn fail(mut self) -> (ExitStatus, String) {
        let mut process = Process::start("inferscope", &mut self.command);
        let status = process.ends(PATIENCE).await;
        (status, process.written())
    }

    pub(crate) fn grpc(&self) -> u16 {
        self.grpc
    }

    /// Where the page of own metrics is going to be.
    pub(crate) fn metrics(&self) -> u16 {
        self.metrics
    }
}

impl Program {
    /// Sends one request over gRPC, uncompressed.
    pub(crate) async fn send_grpc(&self, request: &[u8]) -> Answer {
        wire::export(self.grpc, request).await
    }

    /// Sends one protobuf request over HTTP/1.1, uncompressed.
    pub(crate) async fn send_http(&self, request: &[u8]) -> Answer {
        wire::post(
            self.http,
            "/v1/traces",
            &[("content-type", "application/x-protobuf")],
            request,
        )
        .await
    }

    /// Sends metrics over HTTP/1.1 and insists that all of them are taken.
    pub(crate) async fn send_metrics(&self, request: &[u8]) {
        let headers = [("content-type", "application/x-protobuf")];
        let answer = wire::post(self.http, "/v1/metrics", &headers, request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.is_empty(), "a partial success: {answer:?}");
    }

    /// Its page of own metrics.
    pub(crate) async fn metrics(&self) -> MetricsPage {
        let answer = wire::get(self.metrics, "/metrics")
            .await
            .expect("the page of own metrics answers");
        assert_eq!(answer.status, 200);
        MetricsPage::read(std::str::from_utf8(&answer.body).unwrap())
    }

    /// Waits until no component holds anything, then checks that nothing entered one without leaving it.
    pub(crate) async fn balances(&self) -> MetricsPage {
        let page = until("all components are at rest", 2 * PATIENCE, || async {
            let page = self.metrics().await;
            (page.held() == 0 && page.imbalances().is_empty()).then_some(page)
        });
        let Ok(page) = tokio::time::timeout(PATIENCE, page).await else {
            panic!("{:?}", self.metrics().await.imbalances());
        };
        assert_eq!(page.sum("inferscope_panics_total", &[]), 0);
        page
    }

    /// Ends it as Kubernetes does; gives how it ended.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.ends(SHUTDOWN_MAX).await
    }

    /// Ends it and insists that it ends well.
    pub(crate) async fn stop(&mut self) {
        let status = self.terminate().await;
        assert!(status.success(), "ended with {status}");
        let log = self.process.written();
        assert!(!log.contains("panicked"), "something panicked");
    }
}
