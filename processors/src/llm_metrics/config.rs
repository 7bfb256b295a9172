//! What users write.

use std::collections::BTreeSet;

use config::{Duration, Report, Validate};
use pipeline::payload::names;
use serde::Deserialize;

use super::dictionary::{Fact, Word, dictionary};
use crate::aggregation::AggregationTemporality;
use crate::llm_names::NEVER_LABELS;

/// Metrics of requests to LLMs, made from their spans and those of their phases.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often what was counted is sent.
    pub metrics_flush_interval: Duration,
    /// A series to which nothing was added for this long ends; 0s for never.
    pub metrics_expiration: Duration,
    /// Whether values count from the beginning or from one flush to the next.
    pub aggregation_temporality: AggregationTemporality,
    /// Sets of labels of one service that have series of their own; 0 for any number.
    pub aggregation_cardinality_limit: u32,
    /// Services whose requests are counted apart.
    pub resource_metrics_cache_size: u32,
    /// Attributes of a resource that name the model, where the span does not; the first that is there.
    pub model_attributes: Vec<String>,
    /// Further attributes, of the span or else of its resource, that become labels.
    pub dimensions: Vec<Dimension>,
    /// Tenants that have series of their own; the others share one.
    pub tenants_max: u32,
    /// How durations are counted.
    pub histograms: Histograms,
    /// Where the time in phases is read.
    pub phases_from: PhasesFrom,
    /// Measurements that are sent with the trace in which they were made.
    pub exemplars: ExemplarsConfig,
    /// What a good answer is: the first entry that fits the request.
    pub objectives: Vec<Objective>,
    /// The attribute that names the class of limits for a request, of the span or else of its resource.
    pub tenant_class_attribute: String,
    /// Whether requests that were given up count in goodput, as bad.
    pub count_aborts: bool,
    /// What is remembered so that a request of several answers is counted once.
    pub recent_requests: RecentConfig,
}

/// An attribute that becomes a label.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dimension {
    /// Its key.
    pub name: String,
    /// The value where neither the span nor its resource has one; without a default, the label is left out.
    pub default: Option<String>,
}

/// How durations are counted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Histograms {
    /// `gen_ai.server.request.duration`.
    pub request_duration: Shape,
    /// `gen_ai.server.time_to_first_token`.
    pub time_to_first_token: Shape,
    /// `gen_ai.server.time_per_output_token`.
    pub time_per_output_token: Shape,
    /// `inferscope.request.phase.duration`.
    pub phase_duration: Shape,
}

/// The buckets of one histogram.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// Buckets that follow the values, or fixed ones.
    pub kind: ShapeKind,
    /// Most buckets of an exponential histogram; none for the default of the metric.
    pub max_size: Option<u16>,
    /// Upper bounds of fixed buckets, in seconds; none for the defaults of the metric.
    pub buckets: Vec<f64>,
}

/// How buckets are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShapeKind {
    /// They follow the values.
    Exponential,
    /// They are fixed.
    Explicit,
}

/// Where the time in phases is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhasesFrom {
    /// From the spans of phases.
    Spans,
    /// From attributes of the request.
    Attributes,
}

/// Measurements that are sent with the trace in which they were made.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExemplarsConfig {
    /// Whether there are any.
    pub enabled: bool,
    /// Most of one point.
    pub max_per_data_point: u16,
}

/// Limits for requests of some models and tenant classes. 0s is no limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objective {
    /// The models; `*` stands for any characters.
    pub model: String,
    /// The tenant classes; `*` stands for any characters.
    pub tenant_class: String,
    /// Longest time to the first token.
    pub ttft: Duration,
    /// Longest time per token after it.
    pub tpot: Duration,
    /// Longest time of the whole request.
    pub e2e: Duration,
}

/// What is remembered so that a request of several answers is counted once.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecentConfig {
    /// Most requests.
    pub requests_max: u32,
    /// For how long.
    pub window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // Prometheus commonly scrapes every 15 s, and rules over one minute need four points.
            metrics_flush_interval: Duration::from_secs(15),
            // Longer than the five minutes after which Prometheus itself takes a silent series for gone.
            metrics_expiration: Duration::from_secs(15 * 60),
            aggregation_temporality: AggregationTemporality::Cumulative,
            // A set of labels has some 20 series, so these are as many as a busy Prometheus takes from one target.
            aggregation_cardinality_limit: 1_000,
            resource_metrics_cache_size: 1_000,
            model_attributes: vec![
                names::GEN_AI_REQUEST_MODEL.to_owned(),
                names::K8S_POD_LABEL_LLM_D_MODEL.to_owned(),
            ],
            dimensions: Vec::new(),
            // As many rows as a table of tenants may have that somebody reads.
            tenants_max: 500,
            histograms: Histograms::default(),
            phases_from: PhasesFrom::Spans,
            exemplars: ExemplarsConfig::default(),
            objectives: vec![Objective::default()],
            tenant_class_attribute: names::INFERSCOPE_TENANT_CLASS.to_owned(),
            count_aborts: false,
            recent_requests: RecentConfig::default(),
        }
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            kind: ShapeKind::Exponential,
            max_size: None,
            buckets: Vec::new(),
        }
    }
}

impl Default for ExemplarsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            // The Collector's.
            max_per_data_point: 5,
        }
    }
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            model: "*".to_owned(),
            tenant_class: "*".to_owned(),
            // What feels immediate, and faster than anybody reads.
            ttft: Duration::from_millis(200),
            tpot: Duration::from_millis(50),
            e2e: Duration::ZERO,
        }
    }
}

impl Default for RecentConfig {
    fn default() -> Self {
        Self {
            // 200 requests a second for the whole window, in 3 MiB.
            requests_max: 65_536,
            // The answers to one prompt end this far apart at most, unless one is very long.
            window: Duration::from_secs(5 * 60),
        }
    }
}

/// More labels than this nobody can read, and every span is searched for each.
const DIMENSIONS_MAX: usize = 16;

/// Fewer buckets cannot hold every value.
const BUCKETS_MIN: u16 = 4;

/// More buckets than this cost more than they tell: at 1,000 the error is below one in a thousand.
const BUCKETS_MAX: u16 = 1_000;

/// Labels that series have without being asked for.
const OWN_LABELS: [&str; 9] = [
    names::SERVICE_NAME,
    names::GEN_AI_REQUEST_MODEL,
    names::GEN_AI_RESPONSE_MODEL,
    names::GEN_AI_OPERATION_NAME,
    names::GEN_AI_PROVIDER_NAME,
    names::GEN_AI_TOKEN_TYPE,
    names::INFERSCOPE_PHASE,
    names::INFERSCOPE_PHASE_SOURCE,
    names::ERROR_TYPE,
];

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        if self.metrics_flush_interval.is_zero() {
            report.reject("metrics_flush_interval", "must be longer than zero, such as 15s");
        }
        let expires = !self.metrics_expiration.is_zero();
        if expires && self.metrics_expiration < self.metrics_flush_interval {
            report.reject(
                "metrics_expiration",
                "must not be shorter than metrics_flush_interval, or series would end before they are sent",
            );
        }
        if self.resource_metrics_cache_size == 0 {
            report.reject("resource_metrics_cache_size", "must be at least 1");
        }
        if self.tenant_class_attribute.is_empty() {
            report.reject("tenant_class_attribute", "must name an attribute");
        }
        let dictionary = dictionary(names::INFERSCOPE_TENANT_CLASS);
        let known = dictionary.find(self.tenant_class_attribute.as_bytes());
        if known.is_some_and(|known| known.fact != Fact::Text(Word::TenantClass)) {
            report.reject(
                "tenant_class_attribute",
                "this attribute says something else about a request; name another",
            );
        }
        if self.exemplars.enabled && self.exemplars.max_per_data_point == 0 {
            report.reject(
                "exemplars::max_per_data_point",
                "must be at least 1; write exemplars::enabled: false for none",
            );
        }
        if self.recent_requests.requests_max == 0 {
            report.reject("recent_requests::requests_max", "must be at least 1");
        }
        if self.recent_requests.window.is_zero() {
            report.reject("recent_requests::window", "must be longer than zero, such as 5m");
        }
        self.validate_dimensions(report);
        self.histograms.validate(report);
        for (index, objective) in self.objectives.iter().enumerate() {
            for (key, pattern) in [("model", &objective.model), ("tenant_class", &objective.tenant_class)] {
                if pattern.is_empty() {
                    report.reject(
                        &format!("objectives::{index}::{key}"),
                        "must not be empty; write \"*\" for any",
                    );
                }
            }
        }
    }
}

impl Config {
    fn validate_dimensions(&self, report: &mut Report<'_>) {
        if self.dimensions.len() > DIMENSIONS_MAX {
            let problem = format!(
                "{} dimensions are too many; the most is {DIMENSIONS_MAX}",
                self.dimensions.len()
            );
            report.reject("dimensions", problem);
        }
        let mut seen = BTreeSet::new();
        for (index, dimension) in self.dimensions.iter().enumerate() {
            let path = format!("dimensions::{index}::name");
            let name = dimension.name.as_str();
            if name.is_empty() {
                report.reject(&path, "must name an attribute");
            } else if OWN_LABELS.contains(&name) {
                report.reject(&path, format!("{name:?} is on the series already; remove the entry"));
            } else if NEVER_LABELS.contains(&name) {
                report.reject(
                    &path,
                    format!(
                        "{name:?} is another for every request or user; exemplars lead from a series to its traces"
                    ),
                );
            } else if !seen.insert(name) {
                report.reject(&path, format!("{name:?} is listed twice"));
            }
        }
    }
}

impl Histograms {
    fn validate(&self, report: &mut Report<'_>) {
        let shapes = [
            ("request_duration", &self.request_duration),
            ("time_to_first_token", &self.time_to_first_token),
            ("time_per_output_token", &self.time_per_output_token),
            ("phase_duration", &self.phase_duration),
        ];
        for (key, shape) in shapes {
            report.within(&format!("histograms::{key}"), |report| shape.validate(report));
        }
    }
}

impl Shape {
    fn validate(&self, report: &mut Report<'_>) {
        if self
            .max_size
            .is_some_and(|most| !(BUCKETS_MIN..=BUCKETS_MAX).contains(&most))
        {
            report.reject("max_size", format!("must be from {BUCKETS_MIN} to {BUCKETS_MAX}"));
        }
        if self.kind == ShapeKind::Explicit && self.max_size.is_some() {
            report.help(
                "max_size",
                "explicit buckets are as many as there are",
                "write kind: exponential, or remove this key",
            );
        }
        if self.kind == ShapeKind::Exponential && !self.buckets.is_empty() {
            report.help(
                "buckets",
                "an exponential histogram finds its buckets by itself",
                "write kind: explicit, or remove this key",
            );
        }
        if self.buckets.len() > usize::from(BUCKETS_MAX) {
            report.reject("buckets", format!("must be at most {BUCKETS_MAX}"));
        }
        let ascends = self
            .buckets
            .windows(2)
            .all(|pair| matches!(pair, [low, high] if low < high));
        if !ascends || !self.buckets.iter().all(|bound| bound.is_finite() && *bound > 0.0) {
            report.reject(
                "buckets",
                "must be numbers of seconds above zero, each greater than the one before it",
            );
        }
    }
}
