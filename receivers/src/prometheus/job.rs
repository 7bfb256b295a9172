//! One job: its targets come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::HeaderValue;
use net::client::http::Getter;
use pipeline::Budget;
use pipeline::component::{BuildError, Setup, Stop};
use pipeline::context::engine_requests::EngineRequests;
use pipeline::lane::Outlet;
use pipeline::outside::Outside;
use tokio::task::JoinHandle;

use super::config::{Global, GlobalOwn, Job, Limits, Scheme, ScrapeConfig, ScrapeProtocol};
use super::counts::Counts;
use super::credentials::Credentials;
use super::discovery::{Discovery, Found, Lists};
use super::exposition::Format;
use super::labels::Labels;
use super::relabel::{self, Rule};
use super::rules::SeriesRules;
use super::scrape::Scraper;
use super::target::Target;
use crate::engines::profile::Dialect;

/// Largest page where no `body_size_limit` is set. Prometheus knows no bound; here a target that never stops sending
/// must not take the memory of the others. The largest honest pages, of kube-state-metrics, may need more: then it is
/// written down.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What the scrapers of a job share.
pub(super) struct JobRun {
    pub(super) getter: Getter,
    pub(super) accept: HeaderValue,
    pub(super) fallback: Format,
    pub(super) credentials: Credentials,
    pub(super) page_bytes_max: usize,
    pub(super) counts: Counts,
    pub(super) outlet: Outlet,
    pub(super) outside: Outside,
    pub(super) budget: Budget,
    /// `report_extra_scrape_metrics`.
    pub(super) extra: bool,
    /// What the metrics of its targets mean, where the engine is known.
    pub(super) dialect: Option<Dialect>,
    /// What request spans said of engines.
    pub(super) requests: EngineRequests,
    job: Job,
    limits: Limits,
    global: GlobalOwn,
    /// The targets of `static_configs`.
    written: Vec<Found>,
    lists: Lists,
    relabel: Vec<Rule>,
    metric_relabel: Arc<[Rule]>,
    external: Arc<Labels>,
}

/// What a job has under way.
#[derive(Default)]
struct Underway {
    scrapers: BTreeMap<Target, Running>,
    /// What was wrong with targets, the last time that they were looked at. It is logged once.
    problems: BTreeSet<String>,
}

/// A scraper that runs.
struct Running {
    stop: Stop,
    task: JoinHandle<()>,
}

impl JobRun {
    /// A job; `extra` is `report_extra_scrape_metrics`, and a dialect is what its targets speak.
    pub(super) async fn new(
        job: &ScrapeConfig,
        global: &Global,
        extra: bool,
        dialect: Option<Dialect>,
        setup: &Setup,
        outlet: Outlet,
    ) -> Result<Self, BuildError> {
        let limits = job.limits.or(&global.limits);
        let own = &job.own;
        let name = &own.job_name;
        let bad = |why: String| BuildError::new(format!("job {name}: {why}"));
        let because = |cause: BuildError| BuildError::because(format!("job {name}: {cause}"), cause);
        let redirects = job.access.own.follow_redirects.unwrap_or(false);
        let getter = job
            .access
            .get_config(may_be_https(own, redirects), redirects, own.enable_compression);
        let counts = Counts::new(&setup.telemetry, name);
        let protocols = own.scrape_protocols.as_ref().unwrap_or(&global.own.scrape_protocols);
        let page_bytes_max = limits.body_size_limit.map_or(0, |size| size.0);
        Ok(Self {
            getter: Getter::new(&getter, &setup.outside).map_err(because)?,
            written: Found::all(&own.static_configs),
            lists: Lists::new(own, &counts, setup).await.map_err(because)?,
            accept: accept(protocols),
            fallback: format(own.fallback_scrape_protocol),
            credentials: Credentials::of(&job.access.own),
            page_bytes_max: match usize::try_from(page_bytes_max) {
                Ok(0) => PAGE_BYTES_MAX,
                Ok(bytes) => bytes,
                Err(_) => usize::MAX,
            },
            counts,
            outlet,
            outside: setup.outside.clone(),
            budget: setup.budget.clone(),
            extra,
            dialect,
            requests: setup.context.engine_requests.clone(),
            relabel: relabel::rules(&own.relabel_configs).map_err(bad)?,
            metric_relabel: relabel::rules(&own.metric_relabel_configs).map_err(bad)?.into(),
            external: Arc::new(global.own.external_labels.clone().into_iter().collect()),
            job: own.clone(),
            global: global.own.clone(),
            limits,
        })
    }

    /// What happens to the series of a target.
    pub(super) fn rules(&self, target: &Target) -> SeriesRules {
        SeriesRules {
            target: target.labels.clone(),
            resource: target.resource.clone(),
            scheme: target.scheme(),
            honor_labels: self.job.honor_labels,
            honor_timestamps: self.job.honor_timestamps,
            track_timestamps: self.job.track_timestamps_staleness,
            relabel: Arc::clone(&self.metric_relabel),
            external: Arc::clone(&self.external),
            samples_max: self.limits.sample_limit.unwrap_or_default(),
            labels_max: self.limits.label_limit.unwrap_or_default(),
            name_bytes_max: self.limits.label_name_length_limit.unwrap_or_default(),
            value_bytes_max: self.limits.label_value_length_limit.unwrap_or_default(),
            dialect: self.dialect,
        }
    }

    /// Keeps a scraper for every target until it is stopped; then all series have ended.
    pub(super) async fn run(self: Arc<Self>, stop: Stop) {
        let mut underway = Underway::default();
        let mut discovery = Discovery::start(&self.lists);
        loop {
            self.follow(&discovery, &mut underway).await;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = discovery.changed() => {}
            }
        }
        drop(discovery);
        end(underway.scrapers).await;
        self.counts.targets.set(0);
    }

    /// Starts scrapers for new targets and stops those of targets that are gone.
    async fn follow(self: &Arc<Self>, discovery: &Discovery, underway: &mut Underway) {
        let name = &self.job.job_name;
        let found = self.written.iter().chain(discovery.found());
        let (wanted, problems) = Target::all(found, &self.job, &self.global, &self.relabel);
        let problems: BTreeSet<String> = problems.into_iter().collect();
        for why in problems.difference(&underway.problems) {
            tracing::warn!(receiver = self.counts.receiver(), job = %name, %why, "a target cannot be scraped");
        }
        underway.problems = problems;
        let running = &mut underway.scrapers;
        let limit = self.limits.target_limit.unwrap_or_default();
        if limit > 0 && wanted.len() as u64 > limit {
            let (receiver, targets) = (self.counts.receiver(), wanted.len());
            tracing::error!(receiver, job = %name, targets, limit, "more targets than target_limit; the old ones stay");
            return;
        }
        let gone: Vec<Target> = running
            .keys()
            .filter(|target| wanted.binary_search(target).is_err())
            .cloned()
            .collect();
        let gone = gone
            .into_iter()
            .filter_map(|target| running.remove_entry(&target))
            .collect();
        end(gone).await;
        for target in wanted {
            if running.contains_key(&target) {
                continue;
            }
            let Some(scraper) = Scraper::new(target.clone(), Arc::clone(self)) else {
                continue;
            };
            let stop = Stop::new();
            let task = tokio::spawn(scraper.run(stop.clone()));
            running.insert(target, Running { stop, task });
        }
        self.counts
            .targets
            .set(i64::try_from(running.len()).unwrap_or(i64::MAX));
    }
}

/// Stops scrapers and waits until their series have ended.
async fn end(running: BTreeMap<Target, Running>) {
    running.values().for_each(|scraper| scraper.stop.cancel());
    for (target, Running { task, .. }) in running {
        if task.await.is_err() {
            tracing::error!(target = %target.url, "the scraper of this target panicked");
        }
    }
}

/// Whether some URL of the job can be `https`: certificates are read only then.
fn may_be_https(job: &Job, redirects: bool) -> bool {
    let names_scheme = |rule: &super::config::RelabelConfig| rule.target_label.contains(['$', '_']);
    job.scheme == Scheme::Https
        || redirects
        || !job.file_sd_configs.is_empty()
        || !job.http_sd_configs.is_empty()
        || job.relabel_configs.iter().any(names_scheme)
        || job
            .static_configs
            .iter()
            .any(|group| group.labels.contains_key("__scheme__"))
}

fn format(protocol: ScrapeProtocol) -> Format {
    match protocol {
        ScrapeProtocol::OpenMetrics001 | ScrapeProtocol::OpenMetrics100 => Format::OpenMetrics,
        _ => Format::Text,
    }
}

/// The formats to ask for, best first; anything is taken in the end.
fn accept(protocols: &[ScrapeProtocol]) -> HeaderValue {
    let mut text = String::new();
    let mut weight = 9;
    for protocol in protocols {
        let name = match protocol {
            ScrapeProtocol::PrometheusProto => continue,
            ScrapeProtocol::Text004 => "text/plain;version=0.0.4",
            ScrapeProtocol::Text100 => "text/plain;version=1.0.0;escaping=allow-utf-8",
            ScrapeProtocol::OpenMetrics001 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::OpenMetrics100 => "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
        };
        text.push_str(&format!("{name};q=0.{weight},"));
        weight = (weight - 1).max(2);
    }
    text.push_str("*/*;q=0.1");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("*/*"))
}
