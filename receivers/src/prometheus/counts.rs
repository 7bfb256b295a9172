//! What the receiver counts, under the Collector's names where it has them.

use std::time::{Duration, UNIX_EPOCH};

use pipeline::Outcome;
use pipeline::telemetry::{Counter, Gauge, MetricAbout, OwnSpan, SpanValue, Telemetry};

use super::report::Course;
use super::table::{Tally, Untold};
use crate::taken::{ACCEPTED_POINTS, REFUSED_POINTS};

const fn about(name: &'static str, help: &'static str, unit: &'static str) -> MetricAbout {
    MetricAbout { name, help, unit }
}

const SCRAPED: MetricAbout = about(
    "otelcol_scraper_scraped_metric_points",
    "Data points that pages were turned into.",
    "{datapoint}",
);
const ERRORED: MetricAbout = about(
    "otelcol_scraper_errored_metric_points",
    "Data points that are missing: of a scrape that failed those of the scrape before, and those that could not be told.",
    "{datapoint}",
);
const FAILED: MetricAbout = about(
    "otelcol_receiver_failed_metric_points",
    "Data points lost by a fault of ours.",
    "{datapoint}",
);
const REQUESTS: MetricAbout = about(
    "otelcol_receiver_requests",
    "Batches handed to the pipelines, by outcome: success, refused or failure.",
    "{request}",
);
const FAILURES: MetricAbout = about(
    "inferscope_scrape_failures",
    "Scrapes that failed, by job and reason.",
    "{scrape}",
);
const LEFT_OUT: MetricAbout = about(
    "inferscope_scrape_left_out",
    "Samples and points of good pages that were left out, by job and reason.",
    "{item}",
);
const TARGETS: MetricAbout = about(
    "inferscope_scrape_targets",
    "Targets that are scraped now, by job.",
    "{target}",
);
const UNFOUND: MetricAbout = about(
    "inferscope_discovery_failures",
    "Lists of targets that could not be had, by job, mechanism and reason.",
    "{refresh}",
);
const UNUSED_SPANS: MetricAbout = about(
    "inferscope_scrape_unused_spans",
    "Scrapes of engines for which request spans could not be used, by job and reason: ambiguous (they may be of several \
     targets), unmatched (nothing says of which target they are), series (they may belong to several series of the target).",
    "{scrape}",
);

/// All of them, for the component table.
pub(crate) const ALL: &[MetricAbout] = &[
    SCRAPED,
    ERRORED,
    ACCEPTED_POINTS,
    REFUSED_POINTS,
    FAILED,
    REQUESTS,
    FAILURES,
    LEFT_OUT,
    TARGETS,
    UNFOUND,
    UNUSED_SPANS,
];

/// What one job counts.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    pub(super) scraped: Counter,
    pub(super) errored: Counter,
    pub(super) targets: Gauge,
    accepted: Counter,
    refused: Counter,
    failed: Counter,
    /// Requests by outcome: success, refused, failure.
    requests: [Counter; 3],
    telemetry: Telemetry,
}

impl Counts {
    pub(super) fn new(telemetry: &Telemetry, job: &str) -> Self {
        let receiver = telemetry.with("transport", "http");
        let job = telemetry.with("scraper", job);
        Self {
            scraped: job.counter(SCRAPED),
            errored: job.counter(ERRORED),
            targets: job.gauge(TARGETS),
            accepted: receiver.counter(ACCEPTED_POINTS),
            refused: receiver.counter(REFUSED_POINTS),
            failed: receiver.counter(FAILED),
            requests: ["success", "refused", "failure"]
                .map(|outcome| receiver.with("outcome", outcome).counter(REQUESTS)),
            telemetry: job,
        }
    }

    /// Whose job it is, for logs.
    pub(super) fn receiver(&self) -> &str {
        self.telemetry.label("receiver").unwrap_or_default()
    }

    /// The name of the job, for logs.
    pub(super) fn job(&self) -> &str {
        self.telemetry.label("scraper").unwrap_or_default()
    }

    /// A scrape failed.
    pub(super) fn failure(&self, reason: &'static str) {
        // Failures are rare, so the counter is looked up and not kept.
        self.telemetry.with("reason", reason).counter(FAILURES).add(1);
    }

    /// A list of targets could not be had; the targets of the list before stay.
    pub(super) fn unfound(&self, mechanism: &'static str, reason: &'static str) {
        let labelled = self.telemetry.with("mechanism", mechanism).with("reason", reason);
        labelled.counter(UNFOUND).add(1);
    }

    /// Request spans could not be used for a page.
    pub(super) fn unused_spans(&self, reason: &'static str) {
        self.telemetry.with("reason", reason).counter(UNUSED_SPANS).add(1);
    }

    /// What a good page had that could not be told.
    pub(super) fn left_out(&self, tally: &Tally, untold: &Untold) {
        let reasons = [
            ("duplicate", tally.duplicates),
            ("misplaced", tally.misplaced),
            ("without_count", untold.without_count),
            ("odd_buckets", untold.odd_buckets),
            ("time", untold.time),
        ];
        for (reason, items) in reasons.into_iter().filter(|(_, items)| *items > 0) {
            self.telemetry.with("reason", reason).counter(LEFT_OUT).add(items);
        }
    }

    /// How a batch ended.
    pub(super) fn ended(&self, outcome: &Outcome, points: u64) {
        let [success, refused, failure] = &self.requests;
        let (counter, requests) = match outcome {
            Outcome::Delivered | Outcome::Durable | Outcome::Queued => (&self.accepted, success),
            Outcome::Rejected(_) | Outcome::Retry { .. } => (&self.refused, refused),
            Outcome::Lost => (&self.failed, failure),
        };
        counter.add(points);
        requests.add(1);
    }

    /// Tells of one scrape as a span, where the configuration asks for own spans. `at` is when it began, in milliseconds
    /// since 1970; `points` are those of the last good page.
    pub(super) fn span(&self, at: i64, course: &Course, url: &str, points: u64, why: Option<&str>) {
        let Some(spans) = self.telemetry.spans() else {
            return;
        };
        let receiver = self.telemetry.label("receiver").unwrap_or_default();
        let attributes = vec![
            ("receiver", SpanValue::Text(receiver)),
            (
                "scraper",
                SpanValue::Text(self.telemetry.label("scraper").unwrap_or_default()),
            ),
            ("format", SpanValue::Text("metrics")),
            (
                "scraped_metric_points",
                SpanValue::Number(if course.up { points } else { 0 }),
            ),
            ("url.full", SpanValue::Text(url)),
            ("inferscope.scrape.samples", SpanValue::Number(course.scraped)),
            ("inferscope.scrape.up", SpanValue::Truth(course.up)),
        ];
        spans.record(OwnSpan {
            name: format!("scraper/{receiver}/ScrapeMetrics"),
            began: UNIX_EPOCH + Duration::from_millis(u64::try_from(at).unwrap_or(0)),
            took: Duration::try_from_secs_f64(course.seconds).unwrap_or_default(),
            attributes,
            error: why,
        });
    }
}
