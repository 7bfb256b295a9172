//! From a slow bucket to the trace of a slow request.

use super::server::Jaeger;
use super::trace::JaegerSpan;
use super::{Way, send};
use crate::capture::Capture;
use crate::patience::{PATIENCE, until};
use crate::program;
use crate::prometheus::server::{Prometheus, Version};

/// What the histograms observe, as the span of the request tells it, in seconds.
type Observed = fn(&JaegerSpan) -> f64;

const HISTOGRAMS: [(&str, Observed); 2] = [
    ("gen_ai_server_time_to_first_token_seconds", |span| {
        let tag = &span.tags["gen_ai.latency.time_to_first_token"];
        tag["float64"].as_str().unwrap().parse().unwrap()
    }),
    ("gen_ai_server_request_duration_seconds", |span| {
        span.duration_us as f64 / 1e6
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_in_prometheus_name_the_traces_that_jaeger_has() {
    let prometheus = Prometheus::start(Version::V3, &[]).await;
    let jaeger = Jaeger::start().await;
    let mut program = program::with("jaeger_metrics.yaml")
        .env("JAEGER", jaeger.otlp_grpc)
        .env("PROMETHEUS", prometheus.port())
        .start()
        .await;

    send(&program, Way::Grpc, &Capture::of("vllm-0.32.0")).await;

    for (histogram, observed) in HISTOGRAMS {
        let exemplars = until("Prometheus has exemplars", PATIENCE, || async {
            let exemplars = prometheus.exemplars(histogram).await;
            (!exemplars.is_empty()).then_some(exemplars)
        })
        .await;
        for exemplar in exemplars {
            let trace = jaeger.traces(&[exemplar.labels["trace_id"].clone()].into(), 1).await;
            let span = trace.iter().find(|span| span.span_id == exemplar.labels["span_id"]);
            let span = span.unwrap_or_else(|| panic!("{exemplar:?} names no span of {trace:?}"));
            let seconds: f64 = exemplar.value.parse().unwrap();
            // Jaeger tells durations in whole microseconds.
            assert!(
                (seconds - observed(span)).abs() <= 1e-6,
                "{exemplar:?} is not of {span:?}"
            );
        }
    }
    program.stop().await;
}
