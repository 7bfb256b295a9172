//! What a driver counts, under the Collector's names.

use config::Signal;

use crate::component::Setup;
use crate::telemetry::{Counter, MetricAbout};

/// What became of the items that an exporter was given.
pub(super) struct Counts {
    pub(super) sent: Counter,
    pub(super) send_failed: Counter,
    pub(super) enqueue_failed: Counter,
}

impl Counts {
    pub(super) fn new(signal: Signal, setup: &Setup) -> Self {
        let (sent, send_failed, enqueue_failed) = names(signal);
        Self {
            sent: setup.telemetry.counter(sent),
            send_failed: setup.telemetry.counter(send_failed),
            enqueue_failed: setup.telemetry.counter(enqueue_failed),
        }
    }
}

const fn names(signal: Signal) -> (MetricAbout, MetricAbout, MetricAbout) {
    const fn trio(names: [&'static str; 3], unit: &'static str) -> (MetricAbout, MetricAbout, MetricAbout) {
        let [sent, failed, enqueue] = names;
        (
            MetricAbout {
                name: sent,
                help: "Items that the destination accepted.",
                unit,
            },
            MetricAbout {
                name: failed,
                help: "Items that could not be delivered.",
                unit,
            },
            MetricAbout {
                name: enqueue,
                help: "Items that were refused because the sending queue was full or, at the end, closed.",
                unit,
            },
        )
    }
    match signal {
        Signal::Traces => trio(
            [
                "otelcol_exporter_sent_spans",
                "otelcol_exporter_send_failed_spans",
                "otelcol_exporter_enqueue_failed_spans",
            ],
            "{span}",
        ),
        Signal::Metrics => trio(
            [
                "otelcol_exporter_sent_metric_points",
                "otelcol_exporter_send_failed_metric_points",
                "otelcol_exporter_enqueue_failed_metric_points",
            ],
            "{datapoint}",
        ),
        Signal::Logs => trio(
            [
                "otelcol_exporter_sent_log_records",
                "otelcol_exporter_send_failed_log_records",
                "otelcol_exporter_enqueue_failed_log_records",
            ],
            "{record}",
        ),
    }
}
