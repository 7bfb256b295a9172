//! What users write: the Collector's `prometheus` receiver, and below `config` Prometheus' own configuration.

mod access;
mod discovery;
mod duration;
mod kubernetes;
mod not_built;
mod relabel;
mod size;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod validate;

use std::collections::BTreeMap;

use config::Unread;
use serde::{Deserialize, Deserializer};

pub use access::{Access, Authorization, BasicAuth, TlsConfig, Ways};
pub use discovery::{FileSdConfig, HttpSd, HttpSdConfig, TargetGroup};
pub use duration::PromDuration;
pub use kubernetes::{AttachMetadata, KubernetesSd, KubernetesSdConfig, Namespaces, Role, Selector};
use not_built::{GlobalNotBuilt, JobNotBuilt, NotBuilt};
pub use relabel::{Action, RelabelConfig};
pub use size::Size;
pub(crate) use validate::address;

/// Scrapes Prometheus pages.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Prometheus' own configuration.
    pub config: Option<Prometheus>,
    /// Adds `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes`.
    pub report_extra_scrape_metrics: bool,
    trim_metric_suffixes: bool,
    use_start_time_metric: bool,
    start_time_metric_regex: Option<Unread>,
    target_allocator: Option<Unread>,
    api_server: Option<Unread>,
}

/// Prometheus' own configuration, as far as it is about scraping.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prometheus {
    /// What is written here.
    pub own: Scraping,
    not_built: NotBuilt,
}

/// The part of Prometheus' configuration that is about scraping.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Scraping {
    /// What holds for all jobs that do not say otherwise.
    pub global: Global,
    /// The jobs.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// Files with further jobs; the last part of a path may have a `*`.
    pub scrape_config_files: Vec<String>,
}

/// What holds for all jobs that do not say otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Global {
    /// What only stands here.
    pub own: GlobalOwn,
    /// What jobs may set as well.
    pub limits: Limits,
    not_built: GlobalNotBuilt,
}

/// What holds for all jobs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct GlobalOwn {
    /// How often a target is scraped.
    pub scrape_interval: PromDuration,
    /// How long a scrape may take.
    pub scrape_timeout: PromDuration,
    /// The formats to ask for, best first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Labels that every series gets that does not have them.
    pub external_labels: BTreeMap<String, String>,
}

impl Default for GlobalOwn {
    fn default() -> Self {
        Self {
            scrape_interval: PromDuration::from_secs(60),
            scrape_timeout: PromDuration::from_secs(10),
            scrape_protocols: vec![
                ScrapeProtocol::OpenMetrics100,
                ScrapeProtocol::OpenMetrics001,
                ScrapeProtocol::Text100,
                ScrapeProtocol::Text004,
            ],
            external_labels: BTreeMap::new(),
        }
    }
}

/// How much a target may say. None takes the global limit, and that one none; 0 is no limit.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Largest page, before and after decompression.
    pub body_size_limit: Option<Size>,
    /// Most samples of one page.
    pub sample_limit: Option<u64>,
    /// Most targets of one job.
    pub target_limit: Option<u64>,
    /// Most labels of one series.
    pub label_limit: Option<u64>,
    /// Longest name of a label.
    pub label_name_length_limit: Option<u64>,
    /// Longest value of a label.
    pub label_value_length_limit: Option<u64>,
}

/// The formats of pages, in Prometheus' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ScrapeProtocol {
    /// Protocol buffers.
    PrometheusProto,
    /// The text format, version 0.0.4.
    #[serde(rename = "PrometheusText0.0.4")]
    Text004,
    /// The text format, version 1.0.0.
    #[serde(rename = "PrometheusText1.0.0")]
    Text100,
    /// OpenMetrics 0.0.1.
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetrics001,
    /// OpenMetrics 1.0.0.
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetrics100,
}

/// `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear.
    #[default]
    Http,
    /// With TLS.
    Https,
}

/// One job: targets that are scraped alike.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScrapeConfig {
    /// What only stands here.
    pub own: Job,
    /// What may be global as well.
    pub limits: Limits,
    /// How its targets are reached.
    pub access: Access,
    not_built: JobNotBuilt,
}

/// One job: targets that are scraped alike.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Job {
    /// The name of the job; unique.
    pub job_name: String,
    /// How often a target is scraped.
    pub scrape_interval: Option<PromDuration>,
    /// How long a scrape may take.
    pub scrape_timeout: Option<PromDuration>,
    /// The path of the page.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Parameters of the URL.
    pub params: BTreeMap<String, Vec<String>>,
    /// Whether a page's labels win over the target's.
    pub honor_labels: bool,
    /// Whether a page's timestamps count.
    pub honor_timestamps: bool,
    /// Whether a series with its own timestamps gets a stale marker when it vanishes.
    pub track_timestamps_staleness: bool,
    /// Targets that are written here.
    pub static_configs: Vec<TargetGroup>,
    /// Targets that are written in files.
    pub file_sd_configs: Vec<FileSdConfig>,
    /// Targets that a server lists.
    pub http_sd_configs: Vec<HttpSdConfig>,
    /// Targets that are objects of a Kubernetes cluster.
    pub kubernetes_sd_configs: Vec<KubernetesSdConfig>,
    /// Changes the labels of targets, or drops targets.
    pub relabel_configs: Vec<RelabelConfig>,
    /// Changes the labels of series, or drops series.
    pub metric_relabel_configs: Vec<RelabelConfig>,
    /// The formats to ask for, best first.
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// The format of a page whose content type says none.
    pub fallback_scrape_protocol: ScrapeProtocol,
    /// Whether targets may compress.
    pub enable_compression: bool,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            job_name: String::new(),
            scrape_interval: None,
            scrape_timeout: None,
            metrics_path: "/metrics".to_owned(),
            scheme: Scheme::Http,
            params: BTreeMap::new(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            static_configs: Vec::new(),
            file_sd_configs: Vec::new(),
            http_sd_configs: Vec::new(),
            kubernetes_sd_configs: Vec::new(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            scrape_protocols: None,
            fallback_scrape_protocol: ScrapeProtocol::Text004,
            enable_compression: true,
        }
    }
}

impl Limits {
    /// A job's limits, with the global ones where it sets none.
    pub fn or(&self, global: &Self) -> Self {
        Self {
            body_size_limit: self.body_size_limit.or(global.body_size_limit),
            sample_limit: self.sample_limit.or(global.sample_limit),
            target_limit: self.target_limit.or(global.target_limit),
            label_limit: self.label_limit.or(global.label_limit),
            label_name_length_limit: self.label_name_length_limit.or(global.label_name_length_limit),
            label_value_length_limit: self.label_value_length_limit.or(global.label_value_length_limit),
        }
    }
}

impl Scheme {
    /// As in a URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl<'de> Deserialize<'de> for Prometheus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (own, not_built) = config::parts(deserializer)?;
        Ok(Self { own, not_built })
    }
}

impl<'de> Deserialize<'de> for Global {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (own, limits, not_built) = config::parts(deserializer)?;
        Ok(Self { own, limits, not_built })
    }
}

impl<'de> Deserialize<'de> for ScrapeConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (own, limits, access, not_built) = config::parts(deserializer)?;
        Ok(Self {
            own,
            limits,
            access,
            not_built,
        })
    }
}
