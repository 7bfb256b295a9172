//! Prometheus restarts, refuses and is too busy in between: nothing is lost, nothing arrives twice.

use super::gate::{Gate, Mood};
use super::server::{Prometheus, Version};
use crate::otlp_metrics::{CUMULATIVE, counter, gauge, now, number, request};
use crate::patience::{PATIENCE, until};
use crate::program::{self, Program};

/// Series of each kind in a request.
const SERIES: usize = 50;

/// Requests in each mood of the gate.
const ROUND: usize = 20;

/// From one point to the next, in nanoseconds.
const STEP: u64 = 100_000_000;

/// How long ago the first point was made: all of them are in the past, as those of a busy sender are.
const AGO: u64 = 60_000_000_000;

/// Sends points of the same series, each later than the one before.
struct Sender {
    start: u64,
    sent: u64,
}

impl Sender {
    fn new() -> Self {
        Self {
            start: now() - AGO,
            sent: 0,
        }
    }

    async fn send_round(&mut self, program: &Program) {
        for _ in 0..ROUND {
            self.sent += 1;
            let time = self.start + self.sent * STEP;
            let names: Vec<String> = (0..SERIES).map(|at| at.to_string()).collect();
            let point = |name: &String| number(&[("series", name)], (self.start, time), self.sent as f64);
            let metrics = vec![
                gauge("level", "", names.iter().map(point).collect()),
                counter("events", "", CUMULATIVE, names.iter().map(point).collect()),
            ];
            let resource = [("service.name", "sender"), ("service.instance.id", "1")];
            program.send_metrics(&request(&resource, "", metrics)).await;
        }
    }
}

/// Waits until this many requests were spoiled: the sender has met the mood of the gate.
async fn spoils(gate: &Gate, requests: u32) {
    until("the gate spoils requests", PATIENCE, || async {
        (gate.spoiled() >= requests).then_some(())
    })
    .await;
}

async fn opened() -> (Prometheus, Gate, Program) {
    let prometheus = Prometheus::start(Version::V3, &[]).await;
    let gate = Gate::before(prometheus.port()).await;
    let program = program::with("remote_write.yaml")
        .env("PROMETHEUS", gate.port)
        .start()
        .await;
    (prometheus, gate, program)
}

/// Ends the program, then asserts that each series has every point that was sent, with its value, once.
async fn everything_is_there(prometheus: &Prometheus, mut program: Program, sent: u64) {
    let page = program.balances().await;
    assert_eq!(page.sum("inferscope_remote_write_dropped_values_total", &[]), 0);
    assert_eq!(page.sum("otelcol_exporter_send_failed_metric_points_total", &[]), 0);
    program.stop().await;
    let expected = [
        ("count_over_time", sent),
        // Values count from 1 up, and no other values have this sum.
        ("sum_over_time", sent * (sent + 1) / 2),
        ("last_over_time", sent),
    ];
    for metric in ["level", "events_total"] {
        for (function, value) in expected {
            let told = prometheus
                .query(&format!("{function}({metric}{{job=\"sender\"}}[10m])"))
                .await;
            assert_eq!(
                told.len(),
                2 * SERIES,
                "series by {function} of {metric}, by either protocol"
            );
            for (labels, told) in &told {
                assert_eq!(*told, value.to_string(), "{function} of {metric}{labels:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_r9_nothing_is_lost_when_prometheus_fails_and_when_it_is_too_busy() {
    let (prometheus, gate, program) = opened().await;
    let mut sender = Sender::new();

    for mood in [
        Mood::Answers(500),
        Mood::Answers(429),
        Mood::Answers(503),
        Mood::LosesAnswers,
    ] {
        sender.send_round(&program).await;
        gate.becomes(mood);
        sender.send_round(&program).await;
        spoils(&gate, 4).await;
        gate.becomes(Mood::Open);
    }
    sender.send_round(&program).await;

    everything_is_there(&prometheus, program, sender.sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_prometheus_starts_anew() {
    let (mut prometheus, gate, program) = opened().await;
    let mut sender = Sender::new();

    for _ in 0..2 {
        sender.send_round(&program).await;
        prometheus.stop().await;
        sender.send_round(&program).await;
        prometheus.start_again().await;
        sender.send_round(&program).await;
    }

    assert_eq!(gate.spoiled(), 0, "the gate was open");
    everything_is_there(&prometheus, program, sender.sent).await;
}
