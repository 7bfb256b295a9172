//! An exporter of the SDK that says once when its destination goes away and once when it is back, and counts failures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use pipeline::telemetry::{Counter, MetricAbout, Telemetry};

/// Own telemetry is lost when its destination is away: it is not worth holding memory for.
pub(in crate::own) const FAILURES: MetricAbout = MetricAbout {
    name: "inferscope_own_telemetry_export_failures",
    help: "Pushes of own metrics or spans that failed; what they held is lost.",
    unit: "{request}",
};

/// An exporter with its failures.
#[derive(Debug)]
pub struct Told<E> {
    exporter: E,
    what: &'static str,
    failures: Counter,
    is_away: AtomicBool,
}

impl<E> Told<E> {
    /// `what` it sends, for the log and the label.
    pub fn new(exporter: E, what: &'static str, own: &Telemetry) -> Self {
        Self {
            exporter,
            what,
            failures: own.with("signal", what).counter(FAILURES),
            is_away: AtomicBool::new(false),
        }
    }

    fn tell(&self, result: OTelSdkResult) -> OTelSdkResult {
        let was_away = self.is_away.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Ok(()) if was_away => tracing::info!(what = self.what, "own telemetry is pushed again"),
            Ok(()) => {}
            Err(error) => {
                self.failures.add(1);
                if was_away {
                    tracing::debug!(what = self.what, %error, "own telemetry could not be pushed again");
                } else {
                    tracing::warn!(what = self.what, %error, "own telemetry could not be pushed and is lost until its destination answers");
                }
            }
        }
        result
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Told<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.tell(self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.tell(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
