//! What is told about a target beside its page: `up` and its companions.

use std::sync::Arc;

use pipeline::payload::scrape::{Family, Kind, STALE, Sample, Scrape, Shape};

use super::rules::SeriesRules;
use super::table::shape_of;

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
    shape: Arc<Shape>,
    /// `report_extra_scrape_metrics`: timeout and sample limit.
    extra: Option<(f64, u64)>,
    is_told: bool,
}

/// Names and meanings, in Prometheus' words for the names; the last three are extra.
const SERIES: [(&str, &str, &str); 8] = [
    ("up", "Whether the last scrape succeeded.", ""),
    ("scrape_duration_seconds", "How long the scrape took.", "seconds"),
    ("scrape_samples_scraped", "Samples on the page.", ""),
    (
        "scrape_samples_post_metric_relabeling",
        "Samples that metric relabelling left.",
        "",
    ),
    ("scrape_series_added", "Series that the scrape before did not have.", ""),
    ("scrape_timeout_seconds", "How long a scrape may take.", "seconds"),
    ("scrape_sample_limit", "Most samples of a page; 0 for any number.", ""),
    (
        "scrape_body_size_bytes",
        "Size of the page; -1 without a page.",
        "bytes",
    ),
];

/// How many of them are always told.
const ALWAYS: usize = 5;

impl Report {
    pub(super) fn new(rules: &SeriesRules, extra: Option<(f64, u64)>) -> Self {
        let mut labels = rules.target.clone();
        rules.add_external(&mut labels);
        let count = if extra.is_some() { SERIES.len() } else { ALWAYS };
        let families = SERIES.into_iter().take(count).map(|(name, help, unit)| Family {
            name: name.to_owned(),
            kind: Kind::Gauge,
            help: help.to_owned(),
            unit: unit.to_owned(),
        });
        Self {
            shape: Arc::new(shape_of(families, &labels, rules, false)),
            extra,
            is_told: false,
        }
    }

    /// Tells how a scrape went.
    #[allow(clippy::cast_precision_loss)] // A page has fewer samples than a double can count.
    pub(super) fn tell(&mut self, now: i64, course: &Course) -> Scrape {
        let (timeout, sample_limit) = self.extra.unwrap_or_default();
        self.is_told = true;
        self.scrape(
            now,
            [
                f64::from(u8::from(course.up)),
                course.seconds,
                course.scraped as f64,
                course.kept as f64,
                course.added as f64,
                timeout,
                sample_limit as f64,
                course.bytes.map_or(-1.0, |bytes| bytes as f64),
            ],
        )
    }

    /// Tells that the target is no longer scraped.
    pub(super) fn end(&mut self, now: i64) -> Scrape {
        if std::mem::take(&mut self.is_told) {
            self.scrape(now, [STALE; SERIES.len()])
        } else {
            Scrape::new(Arc::clone(&self.shape), now)
        }
    }

    /// How many points it tells of a scrape.
    pub(super) fn points(&self) -> u64 {
        self.shape.series().len() as u64
    }

    fn scrape(&self, now: i64, values: [f64; SERIES.len()]) -> Scrape {
        let mut scrape = Scrape::new(Arc::clone(&self.shape), now);
        let numbers = (0_u32..).take(self.shape.series().len());
        scrape.samples = numbers
            .zip(values)
            .map(|(series, value)| Sample { series, value })
            .collect();
        scrape.points = u32::try_from(scrape.samples.len()).unwrap_or(u32::MAX);
        scrape
    }
}
