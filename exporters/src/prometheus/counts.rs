//! What this exporter counts beside what the delivery counts.

use std::collections::BTreeMap;

use pipeline::telemetry::{Counter, Gauge, MetricAbout, Telemetry};

use super::store::Taken;
use crate::prometheus_series::{Losses, NO_POINT};

const SERIES: MetricAbout = MetricAbout {
    name: "inferscope_prometheus_series",
    help: "Series that are kept for scrapers.",
    unit: "{series}",
};
const EXPIRED: MetricAbout = MetricAbout {
    name: "inferscope_prometheus_expired_series",
    help: "Series that were not seen for metric_expiration.",
    unit: "{series}",
};
const DROPPED: MetricAbout = MetricAbout {
    name: "inferscope_prometheus_dropped_points",
    help: "Data points that are not, or not whole, on the pages, by reason.",
    unit: "{datapoint}",
};
const COMMENTS: MetricAbout = MetricAbout {
    name: "inferscope_prometheus_dropped_comments",
    help: "Descriptions and units that are not shown because the metric has another one already.",
    unit: "{comment}",
};
const EXEMPLARS: MetricAbout = MetricAbout {
    name: "inferscope_prometheus_cut_exemplars",
    help: "Exemplars with more than 128 characters; only the ids of trace and span are left.",
    unit: "{exemplar}",
};
const REPEATED: MetricAbout = MetricAbout {
    name: "inferscope_prometheus_repeated_values",
    help: "Values that a batch held twice, for the same series and time.",
    unit: "{value}",
};
const RENAMED: MetricAbout = MetricAbout {
    name: "inferscope_prometheus_renamed_labels",
    help: "Names in hexadecimal because nothing else was left of them, and attributes whose label was needed otherwise.",
    unit: "{label}",
};
const SCRAPES: MetricAbout = MetricAbout {
    name: "inferscope_prometheus_scrapes",
    help: "Requests for the page, by what was answered.",
    unit: "{request}",
};

pub(super) const ALL: &[MetricAbout] = &[
    SERIES,
    EXPIRED,
    DROPPED,
    COMMENTS,
    EXEMPLARS,
    REPEATED,
    RENAMED,
    SCRAPES,
    net::server::REFUSED_HANDSHAKES,
];

#[derive(Debug)]
pub(super) struct Counts {
    telemetry: Telemetry,
    series: Gauge,
    expired: Counter,
    cut_exemplars: Counter,
    repeated: Counter,
    fallback_names: Counter,
    overwritten_labels: Counter,
    pub(super) text: Counter,
    pub(super) open_metrics: Counter,
    pub(super) too_many: Counter,
}

impl Counts {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let renamed = |why: &'static str| telemetry.with("reason", why).counter(RENAMED);
        let scrapes = |answer: &'static str| telemetry.with("answer", answer).counter(SCRAPES);
        Self {
            series: telemetry.gauge(SERIES),
            expired: telemetry.counter(EXPIRED),
            cut_exemplars: telemetry.counter(EXEMPLARS),
            repeated: telemetry.counter(REPEATED),
            fallback_names: renamed("no_legal_character"),
            overwritten_labels: renamed("reserved"),
            text: scrapes("text"),
            open_metrics: scrapes("openmetrics"),
            too_many: scrapes("too_many_scrapes"),
            telemetry: telemetry.clone(),
        }
    }

    /// What a batch lost on its way to series.
    pub(super) fn translated(&self, losses: &Losses) {
        for (loss, count) in &losses.reasons {
            self.dropped(loss.reason(), *count);
        }
        self.repeated.add(losses.repeated);
        self.fallback_names.add(losses.fallback_names);
        self.overwritten_labels.add(losses.overwritten_labels);
        self.cut_exemplars.add(losses.cut_exemplars);
    }

    /// What of it is not shown. Each point is counted once; gives them by reason.
    pub(super) fn taken(&self, taken: &Taken, losses: &mut Losses) -> BTreeMap<&'static str, u64> {
        let mut reasons = BTreeMap::new();
        for (point, reason) in &taken.lost {
            if *point == NO_POINT || losses.lose(*point) {
                *reasons.entry(reason.name()).or_default() += 1;
            }
        }
        for (reason, points) in &reasons {
            self.dropped(reason, *points);
        }
        for what in &taken.comments {
            self.telemetry.with("comment", *what).counter(COMMENTS).add(1);
        }
        self.series.set(i64::try_from(taken.series).unwrap_or(i64::MAX));
        self.expired.add(taken.expired);
        self.overwritten_labels.add(taken.labels);
        reasons
    }

    /// Points that scrapers without UTF-8 do not see, although others do.
    pub(super) fn hidden(&self, points: u64) {
        self.dropped("escaped_name_conflict", points);
    }

    fn dropped(&self, reason: &'static str, points: u64) {
        if points > 0 {
            self.telemetry.with("reason", reason).counter(DROPPED).add(points);
        }
    }
}
