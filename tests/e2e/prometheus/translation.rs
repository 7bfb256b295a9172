//! OTLP metrics of every kind, written with either protocol, and what Prometheus makes of them.

use std::collections::BTreeSet;

use super::api::{Labels, line};
use super::server::{Prometheus, Version};
use crate::otlp_metrics::{
    CUMULATIVE, DELTA, buckets, counter, exemplar, exponential, gauge, histogram, now, number, powers, quantiles,
    request, summary, up_down,
};
use crate::patience::{PATIENCE, until};
use crate::program;

const RESOURCE: [(&str, &str); 4] = [
    ("service.namespace", "prod"),
    ("service.name", "engine"),
    ("service.instance.id", "i-1"),
    ("host.name", "node-a"),
];

/// From one request to the next, in nanoseconds.
const STEP: u64 = 1_000_000_000;

/// What counts from the start on.
fn cumulative(start: u64, time: u64) -> Vec<u8> {
    let times = (start, time);
    let model = [("model.name", "m")];
    let mut tokens = number(&model, times, 100.0);
    tokens.exemplars = vec![exemplar(3.0, time, 0xa1)];
    let mut ttft = buckets(&model, times, &[0.1, 2.5], &[1, 2, 1], Some(4.5));
    ttft.exemplars = vec![exemplar(0.25, time, 0xb2), exemplar(9.5, time, 0xc3)];
    // The powers of the square root of two: two from 1 on, none, one from 2 on; one from -1 down; one that is nearly zero.
    let mut sizes = powers(&[], times, 1, (0, &[2, 0, 1]), 4.5);
    sizes.negative = powers(&[], times, 1, (-1, &[1]), 0.0).positive;
    (sizes.count, sizes.zero_count, sizes.zero_threshold) = (5, 1, 0.0009765625);
    let metrics = vec![
        gauge("queue.depth", "{request}", vec![number(&model, times, 7.0)]),
        gauge("gpu.utilization", "1", vec![number(&[], times, 0.5)]),
        counter("llm.tokens", "{token}", CUMULATIVE, vec![tokens]),
        up_down(
            "memory.usage",
            "By",
            vec![number(&[("a.b", "1"), ("a_b", "2")], times, -5.0)],
        ),
        histogram("ttft", "s", CUMULATIVE, vec![ttft]),
        histogram(
            "no.sum",
            "",
            CUMULATIVE,
            vec![buckets(&[], times, &[0.5], &[1, 1], None)],
        ),
        exponential("message.size", "By", CUMULATIVE, vec![sizes]),
        // A power that Prometheus does not know becomes one that it does.
        exponential(
            "fine",
            "",
            CUMULATIVE,
            vec![powers(&[], times, 9, (0, &[1, 2, 4]), 7.0)],
        ),
        summary(
            "rpc",
            "ms",
            vec![quantiles(times, 3, 6.0, &[(0.5, 1.5), (0.99, f64::NAN)])],
        ),
    ];
    request(&RESOURCE, "scope", metrics)
}

/// What counts from the request before on; the requests begin with 1.
fn deltas(start: u64, at: u64) -> Vec<u8> {
    let times = (start + (at - 1) * STEP, start + at * STEP);
    let metrics = vec![
        counter("requests", "{request}", DELTA, vec![number(&[], times, at as f64)]),
        histogram(
            "itl",
            "ms",
            DELTA,
            vec![buckets(&[], times, &[2.5], &[at, 1], Some(10.0))],
        ),
        exponential("e2e", "s", DELTA, vec![powers(&[], times, 0, (0, &[at, 1]), 1.5)]),
    ];
    request(&RESOURCE, "scope", metrics)
}

/// The series, a line each, in the order of their labels.
async fn told(prometheus: &Prometheus, protocol: &str) -> String {
    let series = prometheus.query(&format!("{{protocol={protocol:?}}}")).await;
    let lines: BTreeSet<String> = series
        .iter()
        .map(|(labels, value)| line(&without_protocol(labels), value))
        .collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// The exemplars: series, its bound, the exemplar.
async fn told_exemplars(prometheus: &Prometheus, protocol: &str) -> Vec<(String, String, String)> {
    let exemplars = prometheus.exemplars(&format!("{{protocol={protocol:?}}}")).await;
    let exemplars = exemplars.into_iter().map(|exemplar| {
        let series = &exemplar.series;
        let bound = series.get("le").cloned().unwrap_or_default();
        (
            series["__name__"].clone(),
            bound,
            line(&exemplar.labels, &exemplar.value),
        )
    });
    exemplars.collect()
}

fn without_protocol(labels: &Labels) -> Labels {
    let mut labels = labels.clone();
    labels.remove("protocol");
    labels
}

/// Without the labels that say type and unit: remote write 1.0 has neither.
fn untyped(lines: &str) -> String {
    let lines = lines.lines().map(|line| {
        let (name, labels) = line.split_once('{').expect("all series have labels");
        let labels = labels.split_inclusive(", ");
        let labels = labels.filter(|label| !label.starts_with("__type__") && !label.starts_with("__unit__"));
        format!("{name}{{{}", labels.collect::<String>())
    });
    let lines: BTreeSet<String> = lines.collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn otlp_of_every_kind_is_the_expected_series_with_either_protocol() {
    let prometheus = Prometheus::start(Version::V3, &[]).await;
    let mut program = program::with("remote_write.yaml")
        .env("PROMETHEUS", prometheus.port())
        .start()
        .await;
    let start = now() - 10 * STEP;

    program.send_metrics(&cumulative(start, start + STEP)).await;
    for at in 1..=3 {
        program.send_metrics(&deltas(start, at)).await;
    }
    program.stop().await;

    let expected = include_str!("expected/series.txt").trim_end();
    assert_eq!(told(&prometheus, "2.0").await, expected, "by 2.0");
    assert_eq!(told(&prometheus, "1.0").await, untyped(expected), "by 1.0");
    let expected = [
        ("llm_tokens_total", "", "a1", "3"),
        ("ttft_seconds_bucket", "+Inf", "c3", "9.5"),
        ("ttft_seconds_bucket", "2.5", "b2", "0.25"),
    ];
    let expected = expected.map(|(series, bound, id, value)| {
        let (span, trace) = (id.repeat(8), id.repeat(16));
        let labels = [("span_id", span.as_str()), ("trace_id", &trace), ("user", "u")];
        let labels: Labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        (series.to_owned(), bound.to_owned(), line(&labels, value))
    });
    for protocol in ["1.0", "2.0"] {
        assert_eq!(told_exemplars(&prometheus, protocol).await, expected, "by {protocol}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_without_a_value_ends_its_series() {
    let prometheus = Prometheus::start(Version::V3, &[]).await;
    let mut program = program::with("remote_write.yaml")
        .env("PROMETHEUS", prometheus.port())
        .start()
        .await;
    let start = now() - 10 * STEP;
    let batch = |time: u64, flags: u32| {
        let times = (start, time);
        let mut level = number(&[], times, 1.0);
        let mut sizes = powers(&[], times, 0, (0, &[1]), 1.0);
        let mut waits = buckets(&[], times, &[0.5], &[1, 1], Some(2.0));
        (level.flags, sizes.flags, waits.flags) = (flags, flags, flags);
        let metrics = vec![
            gauge("level", "", vec![level]),
            exponential("sizes", "", CUMULATIVE, vec![sizes]),
            histogram("waits", "", CUMULATIVE, vec![waits]),
        ];
        request(&RESOURCE, "", metrics)
    };
    let alive = "count({__name__=~\"level|sizes|waits.*\"})";

    program.send_metrics(&batch(start + STEP, 0)).await;
    until("all series are there", PATIENCE, || async {
        // Of each protocol: the gauge, the native histogram and the four series of the classic one.
        (prometheus.number(alive).await == Some(12.0)).then_some(())
    })
    .await;
    program.send_metrics(&batch(start + 2 * STEP, 1)).await;

    until("all series end", PATIENCE, || async {
        prometheus.number(alive).await.is_none().then_some(())
    })
    .await;
    program.stop().await;
}
