//! What users write; keys and defaults are the Collector's unless the README says otherwise.

use config::{Duration, Report, Unread, Validate};
use serde::Deserialize;

use super::dimensions::{self, Reserved};
use crate::aggregation::{AggregationTemporality, BUCKETS_MAX};

/// Which spans are counted together, and how.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How durations are counted.
    pub histogram: HistogramConfig,
    /// Attributes of all metrics beside the default ones.
    pub dimensions: Vec<Dimension>,
    /// Attributes of `calls` alone.
    pub calls_dimensions: Vec<Dimension>,
    /// Default attributes that are left out.
    pub exclude_dimensions: Vec<String>,
    /// Instrumentation scopes whose names and versions become attributes.
    pub include_instrumentation_scope: Vec<String>,
    /// In front of the names of metrics, with a dot.
    pub namespace: String,
    /// Whether points count since the start or since the point before.
    pub aggregation_temporality: AggregationTemporality,
    /// How often metrics are sent.
    pub metrics_flush_interval: Duration,
    /// A resource without spans for this long leaves; 0 for never.
    pub metrics_expiration: Duration,
    /// A stream without spans for this long leaves; 0 for never.
    pub series_expiration: Duration,
    /// Resources, or services where metrics have no resource, that are remembered at once; the one idle longest leaves
    /// first.
    pub resource_metrics_cache_size: u32,
    /// The resource attributes that tell resources apart; all without it.
    pub resource_metrics_key_attributes: Vec<String>,
    /// Whether metrics have the resource that their spans had.
    pub add_resource_attributes: bool,
    /// Sets of attributes of one metric and resource that have a stream of their own; 0 for any number.
    pub aggregation_cardinality_limit: u32,
    /// The same over all resources.
    pub series_max: u32,
    /// Spans that points refer to.
    pub exemplars: ExemplarsConfig,
    /// Whether and how span events are counted.
    pub events: EventsConfig,
    /// Whether metrics say how the spans were sampled.
    pub enable_metrics_sampling_method: bool,
    /// Read and not used.
    pub dimensions_cache_size: Option<Unread>,
    /// Read and not used.
    pub metric_timestamp_cache_size: Option<Unread>,
}

/// How durations are counted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistogramConfig {
    /// Not at all.
    pub disable: bool,
    /// What they are measured in.
    pub unit: Unit,
    /// By bounds; this is the default.
    #[serde(deserialize_with = "config::present")]
    pub explicit: Option<ExplicitConfig>,
    /// By powers of a base that adapts itself.
    #[serde(deserialize_with = "config::present")]
    pub exponential: Option<ExponentialConfig>,
    /// Attributes of `duration` alone.
    pub dimensions: Vec<Dimension>,
}

/// Units of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Unit {
    /// Milliseconds.
    #[default]
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
        }
    }

    /// Nanoseconds in one of it.
    pub(super) fn nanoseconds(self) -> f64 {
        match self {
            Self::Milliseconds => 1e6,
            Self::Seconds => 1e9,
        }
    }
}

/// A histogram with bounds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExplicitConfig {
    /// Upper bounds, inclusive, in rising order.
    pub buckets: Vec<Duration>,
}

/// An exponential histogram.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExponentialConfig {
    /// Buckets at most; with fewer the error grows.
    pub max_size: u16,
}

/// One more attribute: by name, or all whose names match a pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dimension {
    /// Looked up in the span, then in its resource.
    pub name: String,
    /// What it is where neither has it; the attribute is left out without it.
    pub default: Option<String>,
    /// Pattern of names; a dot separates their parts.
    pub glob: String,
}

/// Spans that points refer to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExemplarsConfig {
    /// Whether points have them.
    pub enabled: bool,
    /// At most so many at one point.
    pub max_per_data_point: u16,
}

/// Whether and how span events are counted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Whether they are.
    pub enabled: bool,
    /// Attributes of `events` alone, looked up in the span, then in the event, then in the resource.
    pub dimensions: Vec<Dimension>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            histogram: HistogramConfig::default(),
            dimensions: Vec::new(),
            calls_dimensions: Vec::new(),
            exclude_dimensions: Vec::new(),
            include_instrumentation_scope: Vec::new(),
            namespace: "traces.span.metrics".to_owned(),
            aggregation_temporality: AggregationTemporality::Cumulative,
            metrics_flush_interval: Duration::from_secs(60),
            metrics_expiration: Duration::ZERO,
            series_expiration: Duration::ZERO,
            resource_metrics_cache_size: 1000,
            resource_metrics_key_attributes: Vec::new(),
            // Resources that differ only in what Prometheus does not see would write into one series there.
            add_resource_attributes: false,
            // What the SDKs allow for a metric: a service with more kinds of spans has names with ids in them.
            aggregation_cardinality_limit: 2000,
            // About 70 MB of state, and two million series in Prometheus: more than one process is ever meant to make.
            series_max: 100_000,
            exemplars: ExemplarsConfig::default(),
            events: EventsConfig::default(),
            enable_metrics_sampling_method: false,
            dimensions_cache_size: None,
            metric_timestamp_cache_size: None,
        }
    }
}

impl Default for ExplicitConfig {
    fn default() -> Self {
        let bounds = [
            2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1_000, 1_400, 2_000, 5_000, 10_000, 15_000,
        ];
        Self {
            buckets: bounds.map(Duration::from_millis).into(),
        }
    }
}

impl Default for ExponentialConfig {
    fn default() -> Self {
        Self { max_size: BUCKETS_MAX }
    }
}

impl Default for ExemplarsConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            max_per_data_point: 5,
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        self.validate_dimensions(report);
        self.histogram.validate(report);
        if self.metrics_flush_interval.is_zero() {
            report.reject(
                "metrics_flush_interval",
                "must be more than 0, or nothing could ever be sent",
            );
        }
        if self.resource_metrics_cache_size == 0 {
            report.reject("resource_metrics_cache_size", "must be at least 1");
        }
        for (index, name) in self.exclude_dimensions.iter().enumerate() {
            if !dimensions::DEFAULTS.contains(&name.as_str()) {
                let problem = format!(
                    "{name:?} is no default dimension, so there is nothing to leave out; they are {}",
                    dimensions::DEFAULTS.join(", ")
                );
                report.warn(&format!("exclude_dimensions::{index}"), problem);
            }
        }
        if !self.add_resource_attributes {
            report.without_effect(
                "resource_metrics_key_attributes",
                "add_resource_attributes is false, so resources of one service are one anyway",
            );
        }
        report.without_effect(
            "dimensions_cache_size",
            "the Collector deprecates it; aggregation_cardinality_limit bounds memory",
        );
        report.without_effect(
            "metric_timestamp_cache_size",
            "the start of a stream is kept with the stream",
        );
    }
}

impl Config {
    fn validate_dimensions(&self, report: &mut Report<'_>) {
        let reserved = Reserved::of(self);
        let shared = &self.dimensions[..];
        let own = [
            ("dimensions", &[][..], shared),
            ("calls_dimensions", shared, &self.calls_dimensions[..]),
            ("histogram::dimensions", shared, &self.histogram.dimensions[..]),
            ("events::dimensions", shared, &self.events.dimensions[..]),
        ];
        for (path, beside, list) in own {
            dimensions::validate(list, path, beside, &reserved, report);
        }
        if self.events.enabled && self.events.dimensions.is_empty() {
            report.help(
                "events",
                "events are to be counted, and no attribute of theirs tells them apart",
                "list some below `events::dimensions`, such as `- name: exception.type`",
            );
        }
    }
}

impl HistogramConfig {
    fn validate(&self, report: &mut Report<'_>) {
        if self.explicit.is_some() && self.exponential.is_some() {
            report.help(
                "histogram::exponential",
                "a histogram is either explicit or exponential",
                "delete one of the two blocks",
            );
        }
        let buckets = self.explicit.iter().flat_map(|it| it.buckets.windows(2).enumerate());
        for (index, pair) in buckets {
            if pair.first() >= pair.last() {
                let path = format!("histogram::explicit::buckets::{}", index + 1);
                report.reject(&path, "must be more than the bound before it");
            }
        }
        if self
            .exponential
            .as_ref()
            .is_some_and(|it| !(4..=BUCKETS_MOST).contains(&it.max_size))
        {
            let problem = format!("must be between 4 and {BUCKETS_MOST}");
            report.reject("histogram::exponential::max_size", problem);
        }
    }
}

/// More buckets than this buy nothing: at 4096, five orders of magnitude have an error of 0.2 percent.
const BUCKETS_MOST: u16 = 4096;
