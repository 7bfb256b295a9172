//! What every receiver counts alike, under the Collector's names: whether the pipelines took what it gave them.

use pipeline::telemetry::MetricAbout;

const fn about(name: &'static str, help: &'static str, unit: &'static str) -> MetricAbout {
    MetricAbout { name, help, unit }
}

pub(crate) const ACCEPTED_POINTS: MetricAbout = about(
    "otelcol_receiver_accepted_metric_points",
    "Data points taken into the pipelines.",
    "{datapoint}",
);
pub(crate) const REFUSED_POINTS: MetricAbout = about(
    "otelcol_receiver_refused_metric_points",
    "Data points that the pipelines did not take.",
    "{datapoint}",
);
pub(crate) const ACCEPTED_RECORDS: MetricAbout = about(
    "otelcol_receiver_accepted_log_records",
    "Log records taken into the pipelines.",
    "{record}",
);
pub(crate) const REFUSED_RECORDS: MetricAbout = about(
    "otelcol_receiver_refused_log_records",
    "Log records that the pipelines did not take.",
    "{record}",
);
