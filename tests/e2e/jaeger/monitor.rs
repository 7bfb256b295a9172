//! Jaeger's Monitor tab on a Prometheus that the program writes to.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::server::{Jaeger, MONITOR_RATE, Monitor};
use crate::load::{request_of, span, text};
use crate::otlp_metrics::{CUMULATIVE, buckets, counter, histogram, now, number, request};
use crate::patience::{PATIENCE, until};
use crate::program;
use crate::prometheus::server::{Prometheus, Version};

/// From one point to the next, in seconds.
const STEP: u64 = 5;

const NANOS: u64 = 1_000_000_000;

/// Calls from one point to the next, of each operation; one in four fails.
const CALLS: [(&str, u64); 2] = [("POST /v1/chat", 20), ("GET /health", 40)];

/// The service as the connector tells it: an attribute of the points.
const SERVICE: &str = "gateway";

/// Span metrics under the names of the connector, from before the time over which Jaeger counts until now.
fn span_metrics(start: u64, at: u64) -> Vec<u8> {
    let times = (start, start + at * STEP * NANOS);
    let (mut calls, mut durations) = (Vec::new(), Vec::new());
    for (operation, rate) in CALLS {
        for (status, share) in [("STATUS_CODE_UNSET", 3), ("STATUS_CODE_ERROR", 1)] {
            let labels = [
                ("service.name", SERVICE),
                ("span.name", operation),
                ("span.kind", "SPAN_KIND_SERVER"),
                ("status.code", status),
            ];
            let count = at * rate * share / 4;
            calls.push(number(&labels, times, count as f64));
            // All between 100 and 200 ms.
            durations.push(buckets(&labels, times, &[100.0, 200.0], &[0, count, 0], None));
        }
    }
    let metrics = vec![
        counter("traces.span.metrics.calls", "", CUMULATIVE, calls),
        histogram("traces.span.metrics.duration", "ms", CUMULATIVE, durations),
    ];
    request(
        &[("service.name", "inferscope"), ("service.instance.id", "1")],
        "",
        metrics,
    )
}

fn close(told: &BTreeMap<String, f64>, expected: &[(&str, f64)]) -> bool {
    told.len() == expected.len()
        && expected.iter().all(|(operation, value)| {
            told.get(*operation)
                .is_some_and(|told| (told / value - 1.0).abs() < 0.01)
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_monitor_tab_shows_span_metrics_that_were_written_to_prometheus() {
    let prometheus = Prometheus::start(Version::V3, &[]).await;
    let jaeger = Jaeger::with_metrics_of(prometheus.port()).await;
    let mut program = program::with("remote_write_2.yaml")
        .env("PROMETHEUS", prometheus.port())
        .start()
        .await;

    let points = 2 * MONITOR_RATE.as_secs() / STEP;
    let last = now();
    let start = last - points * STEP * NANOS;
    for at in 1..=points {
        program.send_metrics(&span_metrics(start, at)).await;
    }

    let a_second = |calls: u64| calls as f64 / STEP as f64;
    let [one, other] = CALLS.map(|(operation, calls)| (operation, a_second(calls)));
    let both = ("", one.1 + other.1);
    let cases: [(Monitor, bool, &[(&str, f64)]); 5] = [
        (Monitor::Calls, false, &[both]),
        (Monitor::Calls, true, &[one, other]),
        (Monitor::Errors, false, &[("", 0.25)]),
        (Monitor::Latency(0.5), false, &[("", 150.0)]),
        (Monitor::Latency(0.95), true, &[(one.0, 195.0), (other.0, 195.0)]),
    ];
    for (of, by_operation, expected) in cases {
        until(&format!("Jaeger shows {of:?} as {expected:?}"), PATIENCE, || async {
            close(&jaeger.monitor(of, SERVICE, by_operation, last).await, expected).then_some(())
        })
        .await;
    }
    program.stop().await;
}

/// Calls with these operations and failures, each 250 ms long.
fn calls() -> Vec<u8> {
    let mut spans = Vec::new();
    for (operation, calls) in CALLS {
        for at in 0..calls {
            let status = if at % 4 == 0 {
                StatusCode::Error
            } else {
                StatusCode::Unset
            };
            spans.push(Span {
                name: operation.to_owned(),
                kind: SpanKind::Server.into(),
                status: Some(Status {
                    code: status.into(),
                    ..Status::default()
                }),
                ..span(0)
            });
        }
    }
    request_of(vec![text("service.name", SERVICE)], spans)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_monitor_tab_shows_the_spans_that_the_program_counts() {
    let prometheus = Prometheus::start(Version::V3, &[]).await;
    let jaeger = Jaeger::with_metrics_of(prometheus.port()).await;
    let mut program = program::with("jaeger_metrics.yaml")
        .env("JAEGER", jaeger.otlp_grpc)
        .env("PROMETHEUS", prometheus.port())
        .start()
        .await;
    let [one, other] = CALLS.map(|(operation, _)| operation);
    let all: u64 = CALLS.iter().map(|(_, calls)| calls).sum();

    // A rate sees what comes after the first point of a series.
    for round in 1..=3 {
        let answer = program.send_http(&calls()).await;
        assert_eq!(answer.status, 200);
        let counted = format!("sum(traces_span_metrics_calls_total{{service_name={SERVICE:?}}})");
        prometheus.comes_to(&counted, (round * all) as f64).await;
    }

    let cases: [(Monitor, bool, &[(&str, f64)]); 4] = [
        (Monitor::Errors, false, &[("", 0.25)]),
        (Monitor::Errors, true, &[(one, 0.25), (other, 0.25)]),
        // All are in the bucket from 200 to 400 ms, and Prometheus takes them for spread evenly.
        (Monitor::Latency(0.5), false, &[("", 300.0)]),
        (Monitor::Latency(0.95), true, &[(one, 390.0), (other, 390.0)]),
    ];
    for (of, by_operation, expected) in cases {
        until(&format!("Jaeger shows {of:?} as {expected:?}"), PATIENCE, || async {
            close(&jaeger.monitor(of, SERVICE, by_operation, now()).await, expected).then_some(())
        })
        .await;
    }
    // How far a rate over a few points goes beyond them is up to Prometheus; it is the same for both.
    until(
        "the second operation has twice the calls of the first",
        PATIENCE,
        || async {
            let told = jaeger.monitor(Monitor::Calls, SERVICE, true, now()).await;
            let rate = *told.get(one)?;
            (rate > 0.0 && close(&told, &[(one, rate), (other, 2.0 * rate)])).then_some(())
        },
    )
    .await;
    program.stop().await;
}
