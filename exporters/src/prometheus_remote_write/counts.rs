//! What this exporter counts beside what the delivery counts: values, which are several for each data point.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use pipeline::telemetry::{Counter, MetricAbout, Telemetry};

use super::proto::{Encoded, Holds};
use crate::prometheus_series::Losses;

const SENT: MetricAbout = MetricAbout {
    name: "inferscope_remote_write_sent_values",
    help: "Samples, native histograms and exemplars that the receiver took.",
    unit: "{value}",
};
const DROPPED: MetricAbout = MetricAbout {
    name: "inferscope_remote_write_dropped_values",
    help: "Samples and native histograms that were made and did not arrive, by reason.",
    unit: "{value}",
};
const UNTRANSLATED: MetricAbout = MetricAbout {
    name: "inferscope_remote_write_dropped_points",
    help: "Data points, or parts of them, that could not become series, by reason.",
    unit: "{datapoint}",
};
const REPEATED: MetricAbout = MetricAbout {
    name: "inferscope_remote_write_repeated_values",
    help: "Values that a batch held twice, for the same series and time; one of them was sent.",
    unit: "{value}",
};
const RENAMED: MetricAbout = MetricAbout {
    name: "inferscope_remote_write_renamed_labels",
    help: "Names in hexadecimal because nothing else was left of them, and attributes whose label was needed otherwise.",
    unit: "{label}",
};
const RETRIED: MetricAbout = MetricAbout {
    name: "inferscope_remote_write_retried_requests",
    help: "Requests that have to be made again.",
    unit: "{request}",
};
const BYTES: MetricAbout = MetricAbout {
    name: "inferscope_remote_write_sent_bytes",
    help: "Bytes of accepted requests before they were compressed.",
    unit: "By",
};

pub(super) const ALL: &[MetricAbout] = &[SENT, DROPPED, UNTRANSLATED, REPEATED, RENAMED, RETRIED, BYTES];

/// Reasons in the receiver's status: as many as there are, and an end.
const REASONS_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Counts {
    telemetry: Telemetry,
    samples: Counter,
    histograms: Counter,
    exemplars: Counter,
    repeated: Counter,
    fallback_names: Counter,
    overwritten_labels: Counter,
    retried: Counter,
    bytes: Counter,
    /// By metric and reason.
    by_reason: Mutex<BTreeMap<(&'static str, String), Counter>>,
}

impl Counts {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let sent = |kind: &'static str| telemetry.with("type", kind).counter(SENT);
        let renamed = |why: &'static str| telemetry.with("reason", why).counter(RENAMED);
        Self {
            samples: sent("sample"),
            histograms: sent("histogram"),
            exemplars: sent("exemplar"),
            repeated: telemetry.counter(REPEATED),
            fallback_names: renamed("no_legal_character"),
            overwritten_labels: renamed("reserved"),
            retried: telemetry.counter(RETRIED),
            bytes: telemetry.counter(BYTES),
            by_reason: Mutex::default(),
            telemetry: telemetry.clone(),
        }
    }

    /// What a batch lost on its way to series.
    pub(super) fn translated(&self, losses: &Losses) {
        for (loss, count) in &losses.reasons {
            self.count(UNTRANSLATED, loss.reason(), *count);
        }
        self.repeated.add(losses.repeated);
        self.fallback_names.add(losses.fallback_names);
        self.overwritten_labels.add(losses.overwritten_labels);
    }

    /// Points lost because two names became one in 1.0.
    pub(super) fn renamed(&self, points: u64) {
        self.count(UNTRANSLATED, "duplicate", points);
    }

    pub(super) fn sent(&self, request: &Encoded, written: Option<Holds>) {
        let sent = request.holds;
        let written = written.unwrap_or(sent);
        self.samples.add(written.samples.min(sent.samples));
        self.histograms.add(written.histograms.min(sent.histograms));
        self.exemplars.add(written.exemplars.min(sent.exemplars));
        self.bytes.add(request.body.len() as u64);
        let missing = request.values().saturating_sub(written.values());
        self.count(DROPPED, "not_written", missing);
    }

    /// Values that the receiver will never take.
    pub(super) fn refused(&self, reason: &str, values: u64) {
        self.count(DROPPED, reason, values);
    }

    /// Values of a batch that was given up.
    pub(super) fn gave_up(&self, values: u64) {
        self.count(DROPPED, "gave_up", values);
    }

    pub(super) fn retried(&self) {
        self.retried.add(1);
    }

    fn count(&self, about: MetricAbout, reason: &str, more: u64) {
        if more == 0 {
            return;
        }
        let mut counters = self.by_reason.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counters.len() < REASONS_MAX || counters.contains_key(&(about.name, reason.to_owned()));
        let reason = if known { reason } else { "other" };
        let key = (about.name, reason.to_owned());
        let counter = counters
            .entry(key)
            .or_insert_with(|| self.telemetry.with("reason", reason).counter(about));
        counter.add(more);
    }
}
