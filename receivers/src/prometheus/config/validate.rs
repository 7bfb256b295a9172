//! What must hold between the keys.

use std::collections::BTreeSet;
use std::time::Duration;

use config::{Report, Validate};

use super::not_built::NotBuilt;
use super::{Config, GlobalOwn, Job, Prometheus, ScrapeConfig, ScrapeProtocol};

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        match &self.config {
            Some(prometheus) => report.within("config", |report| prometheus.validate(report)),
            None => report.help(
                "config",
                "there is nothing to scrape",
                "write Prometheus' configuration below `config:`, with a list `scrape_configs`",
            ),
        }
        if self.trim_metric_suffixes {
            report.reject(
                "trim_metric_suffixes",
                "names are kept as they stand on the page\ndelete this key; the exporter decides about suffixes",
            );
        }
        if self.use_start_time_metric {
            report.reject(
                "use_start_time_metric",
                "start times come from `_created` series\ndelete this key; the Collector has removed it as well",
            );
        }
        report.without_effect("start_time_metric_regex", "start times come from `_created` series");
        if report.has("target_allocator") {
            report.reject(
                "target_allocator",
                "target allocators are not available yet\nuse file_sd_configs",
            );
        }
        report.without_effect("api_server", "there is no such server here");
    }
}

impl Validate for Prometheus {
    fn validate(&self, report: &mut Report<'_>) {
        NotBuilt::validate(report);
        let global = &self.own.global;
        report.within("global", |report| {
            global.not_built.validate(report);
            protocols("scrape_protocols", Some(&global.own.scrape_protocols), report);
            positive("scrape_interval", global.own.scrape_interval.get(), report);
            positive("scrape_timeout", global.own.scrape_timeout.get(), report);
        });
        for (index, file) in self.own.scrape_config_files.iter().enumerate() {
            if !is_pattern(file) {
                report.reject(
                    &format!("scrape_config_files::{index}"),
                    "the path of a file is needed; it may have one `*` in its last part",
                );
            }
        }
        if self.own.scrape_configs.is_empty() && self.own.scrape_config_files.is_empty() {
            report.reject("scrape_configs", "there is nothing to scrape; write a job with targets");
        }
        let mut names = BTreeSet::new();
        for (index, job) in self.own.scrape_configs.iter().enumerate() {
            report.within(&format!("scrape_configs::{index}"), |report| {
                job.validate(report);
                if let Some(problem) = job.own.overlap(&global.own) {
                    report.reject("scrape_timeout", problem);
                }
                if !job.own.job_name.is_empty() && !names.insert(&job.own.job_name) {
                    report.reject(
                        "job_name",
                        format!("{:?} is the name of another job as well", job.own.job_name),
                    );
                }
            });
        }
    }
}

impl Validate for ScrapeConfig {
    fn validate(&self, report: &mut Report<'_>) {
        self.not_built.validate(report);
        self.access.validate(report);
        self.own.validate(report);
    }
}

impl Validate for Job {
    fn validate(&self, report: &mut Report<'_>) {
        if self.job_name.is_empty() {
            report.reject("job_name", "a job needs a name");
        }
        protocols("scrape_protocols", self.scrape_protocols.as_deref(), report);
        if self.fallback_scrape_protocol == ScrapeProtocol::PrometheusProto {
            report.reject("fallback_scrape_protocol", NO_PROTOBUF);
        }
        for (key, duration) in [
            ("scrape_interval", self.scrape_interval),
            ("scrape_timeout", self.scrape_timeout),
        ] {
            if let Some(duration) = duration {
                positive(key, duration.get(), report);
            }
        }
        for (index, group) in self.static_configs.iter().enumerate() {
            for (at, target) in group.targets.iter().enumerate() {
                if let Err(problem) = address(target) {
                    report.reject(&format!("static_configs::{index}::targets::{at}"), problem);
                }
            }
        }
        for (index, files) in self.file_sd_configs.iter().enumerate() {
            report.within(&format!("file_sd_configs::{index}"), |report| files.validate(report));
        }
        for (index, server) in self.http_sd_configs.iter().enumerate() {
            report.within(&format!("http_sd_configs::{index}"), |report| server.validate(report));
        }
        for (index, cluster) in self.kubernetes_sd_configs.iter().enumerate() {
            report.within(&format!("kubernetes_sd_configs::{index}"), |report| {
                cluster.validate(report);
            });
        }
        let lists = [
            ("relabel_configs", &self.relabel_configs),
            ("metric_relabel_configs", &self.metric_relabel_configs),
        ];
        for (key, rules) in lists {
            for (index, rule) in rules.iter().enumerate() {
                report.within(&format!("{key}::{index}"), |report| rule.validate(report));
            }
        }
    }
}

impl Job {
    /// What is wrong with the timeout: Prometheus refuses one beyond the interval, because two scrapes of one target
    /// would overlap.
    pub fn overlap(&self, global: &GlobalOwn) -> Option<String> {
        let interval = self.scrape_interval.unwrap_or(global.scrape_interval);
        let timeout = self.scrape_timeout.filter(|timeout| *timeout > interval)?;
        Some(format!(
            "{timeout} is longer than the scrape_interval, which is {interval}"
        ))
    }
}

const NO_PROTOBUF: &str = "the protobuf format is not available yet\nwrite OpenMetricsText1.0.0 or PrometheusText0.0.4";

fn protocols(key: &str, protocols: Option<&[ScrapeProtocol]>, report: &mut Report<'_>) {
    let Some(protocols) = protocols else { return };
    if protocols.is_empty() {
        report.reject(key, "at least one format is needed");
    }
    // A list that begins with protobuf is what Prometheus is told for native histograms; targets speak text as well.
    if protocols == [ScrapeProtocol::PrometheusProto] {
        report.reject(key, NO_PROTOBUF);
    } else if protocols.contains(&ScrapeProtocol::PrometheusProto) {
        report.notice(
            key,
            "the protobuf format is not available yet; the others of this list are asked for",
        );
    }
}

pub(super) fn positive(key: &str, duration: Duration, report: &mut Report<'_>) {
    if duration.is_zero() {
        report.reject(key, "must be longer than 0s");
    }
}

/// Whether this names files: a path whose last part may have one `*`.
pub(super) fn is_pattern(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    !folder.contains('*') && !name.is_empty() && name.matches('*').count() <= 1
}

/// A target is `host:port`; scheme and path have keys of their own.
pub(crate) fn address(target: &str) -> Result<(), String> {
    if target.contains("://") || target.contains('/') {
        return Err(format!(
            "{target:?} is not host:port\nwrite the scheme in `scheme` and the path in `metrics_path`"
        ));
    }
    if target.is_empty() {
        return Err("a target is missing\nwrite host:port".to_owned());
    }
    Ok(())
}
