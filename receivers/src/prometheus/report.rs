//! What is told about a target beside its page: `up` and its companions.

use pipeline::payload::metrics::{MetricHead, MetricShape, MetricsBuilder, Number, PointHead};
use pipeline::payload::{EncodedAttributes, Place};

use super::exposition::Kind;
use super::labels::{INSTANCE, JOB};
use super::rules::SeriesRules;
use super::table::{metadata, place};

/// How a scrape went.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    pub(super) up: bool,
    pub(super) seconds: f64,
    /// Samples on the page.
    pub(super) scraped: u64,
    /// Samples that relabelling left.
    pub(super) kept: u64,
    /// Series that are new.
    pub(super) added: u64,
    /// Bytes of the page, decompressed; None without a page.
    pub(super) bytes: Option<u64>,
}

/// Tells about one target.
#[derive(Debug)]
pub(super) struct Report {
    place: Place,
    attributes: EncodedAttributes,
    gauge: EncodedAttributes,
    /// `report_extra_scrape_metrics`: timeout and sample limit.
    extra: Option<(f64, u64)>,
    is_told: bool,
}

/// Names and meanings, in Prometheus' words for the names; the last three are extra.
const SERIES: [(&str, &str, &str); 8] = [
    ("up", "Whether the last scrape succeeded.", ""),
    ("scrape_duration_seconds", "How long the scrape took.", "s"),
    ("scrape_samples_scraped", "Samples on the page.", ""),
    (
        "scrape_samples_post_metric_relabeling",
        "Samples that metric relabelling left.",
        "",
    ),
    ("scrape_series_added", "Series that the scrape before did not have.", ""),
    ("scrape_timeout_seconds", "How long a scrape may take.", "s"),
    ("scrape_sample_limit", "Most samples of a page; 0 for any number.", ""),
    ("scrape_body_size_bytes", "Size of the page; -1 without a page.", "By"),
];

/// How many of them are always told.
const ALWAYS: usize = 5;

impl Report {
    pub(super) fn new(rules: &SeriesRules, extra: Option<(f64, u64)>) -> Self {
        let mut labels = rules.target.clone();
        rules.add_external(&mut labels);
        let (job, instance) = (
            labels.take(JOB).unwrap_or_default(),
            labels.take(INSTANCE).unwrap_or_default(),
        );
        let mut attributes = EncodedAttributes::new();
        labels.iter().for_each(|(name, value)| attributes.push(name, value));
        Self {
            place: place(&job, &instance, rules.scheme),
            attributes,
            gauge: metadata(Kind::Gauge),
            extra,
            is_told: false,
        }
    }

    /// Tells how a scrape went.
    #[allow(clippy::cast_precision_loss)] // A page has fewer samples than a double can count.
    pub(super) fn tell(&mut self, out: &mut MetricsBuilder, now: u64, course: &Course) {
        let (timeout, sample_limit) = self.extra.unwrap_or_default();
        let values = [
            f64::from(u8::from(course.up)),
            course.seconds,
            course.scraped as f64,
            course.kept as f64,
            course.added as f64,
            timeout,
            sample_limit as f64,
            course.bytes.map_or(-1.0, |bytes| bytes as f64),
        ];
        self.points(out, now, |at| values.get(at).copied());
        self.is_told = true;
    }

    /// Tells that the target is no longer scraped.
    pub(super) fn end(&mut self, out: &mut MetricsBuilder, now: u64) {
        if std::mem::take(&mut self.is_told) {
            self.points(out, now, |_| None);
        }
    }

    fn points(&self, out: &mut MetricsBuilder, now: u64, value: impl Fn(usize) -> Option<f64>) {
        let count = if self.extra.is_some() { SERIES.len() } else { ALWAYS };
        for (at, (name, description, unit)) in SERIES.into_iter().take(count).enumerate() {
            let head = MetricHead {
                name,
                description,
                unit,
                metadata: Some(&self.gauge),
            };
            out.metric(&self.place, &head, MetricShape::Gauge);
            let value = value(at);
            let head = PointHead {
                attributes: &self.attributes,
                start: 0,
                time: now,
                has_no_value: value.is_none(),
            };
            out.number(&head, value.map(Number::Double), &[]);
        }
    }
}
