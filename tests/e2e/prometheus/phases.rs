//! Quantiles that Prometheus reads off native histograms, against the exact ones.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;

use super::server::{Prometheus, Version};
use crate::capture::Capture;
use crate::otlp_metrics::{CUMULATIVE, Times, exponential, now, powers, request};
use crate::program;

/// The quantiles that are compared.
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// How far Prometheus' answer may be from the exact value, as a share of it.
pub(crate) const TOLERANCE: f64 = 0.02;

/// Buckets a factor of two apart are cut into 2 to the power of this: each is 1.1 % wide.
const SCALE: i32 = 6;

/// The durations of each phase in a capture, in seconds, in order; computed apart from this program.
pub(crate) struct ExactPhases(BTreeMap<&'static str, Vec<f64>>);

impl ExactPhases {
    pub(crate) fn of(capture: &Capture) -> Self {
        let mut phases = BTreeMap::<_, Vec<f64>>::new();
        for phase in capture.expected_phases().into_values().flatten() {
            let seconds = (phase.end - phase.start) as f64 / 1e9;
            phases.entry(phase.name).or_default().push(seconds);
        }
        phases
            .values_mut()
            .for_each(|durations| durations.sort_by(f64::total_cmp));
        Self(phases)
    }

    /// Between which durations a quantile is: one and the same, or two neighbours where it falls between them.
    fn quantile(&self, phase: &str, quantile: f64) -> (f64, f64) {
        let durations = &self.0[phase];
        let rank = quantile * durations.len() as f64;
        (durations[rank.ceil() as usize - 1], durations[rank.floor() as usize])
    }

    /// Each phase with the number of requests that have it.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        assert!(self.0.len() >= 5, "{:?}", self.0.keys());
        self.0.iter().map(|(phase, durations)| (*phase, durations.len()))
    }

    /// Asserts that native histograms have these quantiles; `histogram` selects that of a phase.
    pub(crate) async fn are_told_by(&self, prometheus: &Prometheus, histogram: impl Fn(&str) -> String) {
        for (phase, requests) in self.counts() {
            let series = format!("sum({})", histogram(phase));
            prometheus
                .comes_to(&format!("histogram_count({series})"), requests as f64)
                .await;
            for quantile in QUANTILES {
                let query = format!("histogram_quantile({quantile}, {series})");
                let told = prometheus
                    .number(&query)
                    .await
                    .expect("a native histogram has quantiles");
                let (lower, upper) = self.quantile(phase, quantile);
                let tolerated = lower * (1.0 - TOLERANCE)..=upper * (1.0 + TOLERANCE);
                assert!(
                    tolerated.contains(&told),
                    "{query} is {told}, and exactly {lower} to {upper}"
                );
            }
        }
    }
}

/// The durations of one phase as a histogram.
fn point(phase: &str, times: Times, durations: &[f64]) -> ExponentialHistogramDataPoint {
    // A bucket contains its upper bound (OTLP, "ExponentialHistogram").
    let bucket = |seconds: &f64| (seconds.log2() * f64::from(1 << SCALE)).ceil() as i32 - 1;
    let lowest = bucket(&durations[0]);
    let mut counts = vec![0; usize::try_from(bucket(&durations[durations.len() - 1]) - lowest).unwrap() + 1];
    for seconds in durations {
        counts[usize::try_from(bucket(seconds) - lowest).unwrap()] += 1;
    }
    powers(
        &[("phase", phase)],
        times,
        SCALE,
        (lowest, &counts),
        durations.iter().sum(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn quantiles_of_phases_survive_the_way_into_prometheus() {
    let exact = ExactPhases::of(&Capture::of("vllm-0.32.0"));
    let prometheus = Prometheus::start(Version::V3, &[]).await;
    let mut program = program::with("remote_write_2.yaml")
        .env("PROMETHEUS", prometheus.port())
        .start()
        .await;
    let times = (now() - 1_000_000_000, now());
    let points = exact.0.iter().map(|(phase, durations)| point(phase, times, durations));

    let histogram = exponential("test.phase.duration", "s", CUMULATIVE, points.collect());
    program
        .send_metrics(&request(&[("service.name", "vllm-a")], "", vec![histogram]))
        .await;

    exact
        .are_told_by(&prometheus, |phase| {
            format!("test_phase_duration_seconds{{phase={phase:?}}}")
        })
        .await;
    program.stop().await;
}
