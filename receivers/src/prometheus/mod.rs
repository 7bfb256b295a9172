#![doc = include_str!("README.md")]

mod comparison;
mod config;
mod counts;
mod credentials;
mod deliver;
mod discovery;
mod exposition;
mod failure;
mod further;
mod job;
mod labels;
mod pages;
mod pod;
mod relabel;
mod report;
mod rules;
mod scrape;
mod table;
mod target;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
pub(crate) mod tests;

use std::sync::Arc;

use ::config::Signal;
use futures_util::FutureExt;
use futures_util::future::join_all;
use pipeline::component::{About, BuildError, Component, Outlets, Receiver, Service, Setup, Stability, Stop};

pub(crate) use self::config::address;
pub use self::config::{
    Access, Action, AttachMetadata, Authorization, BasicAuth, Config, FileSdConfig, Global, GlobalOwn, HttpSd,
    HttpSdConfig, Job, KubernetesSd, KubernetesSdConfig, Limits, Namespaces, PromDuration, Prometheus, RelabelConfig,
    Role, Scheme, ScrapeConfig, ScrapeProtocol, Scraping, Selector, Size, TargetGroup, TlsConfig, Ways,
};
pub(crate) use self::counts::ALL as METRICS;
use self::job::JobRun;
pub use self::pages::Pages;
use crate::engines::profile::Dialect;

/// Scrapes Prometheus pages.
pub struct PrometheusReceiver;

impl Component for PrometheusReceiver {
    const ABOUT: About = About {
        name: "prometheus",
        aliases: &[],
        summary: "Scrapes pages in Prometheus' text format and OpenMetrics, with Prometheus' own configuration",
        signals: &[Signal::Metrics],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: METRICS,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Receiver for PrometheusReceiver {
    async fn start(config: Config, setup: Setup, outlets: Outlets, stop: Stop) -> Result<Service, BuildError> {
        let what = config.config.map(|prometheus| prometheus.own).unwrap_or_default();
        scrape(&what, config.report_extra_scrape_metrics, None, &setup, outlets, stop).await
    }
}

/// Scrapes; `extra` is `report_extra_scrape_metrics`, and a dialect says what the metrics of the targets mean.
pub(crate) async fn scrape(
    what: &Scraping,
    extra: bool,
    dialect: Option<Dialect>,
    setup: &Setup,
    outlets: Outlets,
    stop: Stop,
) -> Result<Service, BuildError> {
    let mut jobs = Vec::new();
    if let Some(outlet) = &outlets.metrics {
        let further = further::jobs(what, &setup.outside.storage).await?;
        for job in what.scrape_configs.iter().chain(&further) {
            let run = JobRun::new(job, &what.global, extra, dialect, setup, outlet.clone()).await?;
            jobs.push(Arc::new(run));
        }
    }
    drop(outlets); // Only the jobs hold the way into the pipelines; it closes behind the last of them.
    let running: Vec<_> = jobs.into_iter().map(|job| job.run(stop.clone())).collect();
    Ok(join_all(running).map(|_| Ok(())).boxed())
}
