//! What users write: a few keys for engines at known places, or Prometheus' own configuration.

use std::collections::BTreeMap;

use config::{Duration, Report, Unread, Validate};
use net::tls::ClientTls;
use serde::Deserialize;

use super::profile::{Alias, Dialect, Profile};
use super::requests::SPANS_WITHIN_MAX;
use crate::prometheus::{
    Authorization, BasicAuth, Global, Prometheus, Scheme, ScrapeConfig, Scraping, TargetGroup, address,
};

/// Scrapes engines of one kind.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// An engine: `host:port`, or the URL of its page.
    pub endpoint: String,
    /// Several engines: `host:port`.
    pub targets: Vec<String>,
    /// The path of the page.
    pub metrics_path: String,
    /// How often an engine is scraped.
    pub collection_interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
    /// Labels for all series.
    pub labels: BTreeMap<String, String>,
    /// TLS with the Collector's keys; its presence switches TLS on.
    #[serde(deserialize_with = "config::present")]
    pub tls: Option<ClientTls>,
    /// User and password.
    pub basic_auth: Option<BasicAuth>,
    /// A token.
    pub authorization: Option<Authorization>,
    /// Prometheus' own configuration, in place of the keys above.
    pub config: Option<Prometheus>,
    /// Whether the metrics of all engines are told beside the engine's own.
    pub canonical: bool,
    /// Other names under which the engine's own metrics are told as well.
    pub aliases: Vec<Alias>,
    /// How long after its end the span of a request may come, where spans are read in this process as well.
    pub spans_within: Duration,
    /// Adds `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes`.
    pub report_extra_scrape_metrics: bool,
    initial_delay: Option<Unread>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            targets: Vec::new(),
            metrics_path: "/metrics".to_owned(),
            collection_interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            labels: BTreeMap::new(),
            tls: None,
            basic_auth: None,
            authorization: None,
            config: None,
            canonical: true,
            aliases: Vec::new(),
            spans_within: Duration::from_secs(30),
            report_extra_scrape_metrics: false,
            initial_delay: None,
        }
    }
}

/// Prometheus counts in milliseconds.
const SHORTEST: std::time::Duration = std::time::Duration::from_millis(1);

/// An endpoint in its parts.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint<'a> {
    scheme: Option<Scheme>,
    address: &'a str,
    path: Option<&'a str>,
}

impl<'a> Endpoint<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some((other, _)) => return Err(format!("the scheme {other:?} is neither http nor https")),
            None => (None, text),
        };
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        address(host)?;
        Ok(Self {
            scheme,
            address: host,
            path: Some(path).filter(|path| path.len() > 1),
        })
    }
}

impl Config {
    /// What is wanted of the metrics.
    pub(super) fn dialect(&self, profile: &'static Profile) -> Dialect {
        Dialect {
            profile,
            canonical: self.canonical,
            aliases: self.aliases.iter().copied().collect(),
            spans_within: self.spans_within.get(),
        }
    }

    /// The same as a configuration of Prometheus with one job, whose name is that of the receiver.
    pub(super) fn scraping(&self, name: &str) -> Scraping {
        if let Some(prometheus) = &self.config {
            return prometheus.own.clone();
        }
        let endpoint = Endpoint::parse(&self.endpoint).ok();
        let by_tls = match &self.tls {
            Some(tls) if !tls.insecure() => Scheme::Https,
            _ => Scheme::Http,
        };
        let scheme = endpoint.as_ref().and_then(|endpoint| endpoint.scheme);
        let path = endpoint.as_ref().and_then(|endpoint| endpoint.path);
        let targets = match &endpoint {
            Some(endpoint) => vec![endpoint.address.to_owned()],
            None => self.targets.clone(),
        };
        let mut job = ScrapeConfig::default();
        job.own.job_name = name.to_owned();
        job.own.scheme = scheme.unwrap_or(by_tls);
        path.unwrap_or(&self.metrics_path).clone_into(&mut job.own.metrics_path);
        job.own.static_configs = vec![TargetGroup {
            targets,
            labels: self.labels.clone(),
        }];
        job.access.tls.clone_from(&self.tls);
        job.access.own.basic_auth.clone_from(&self.basic_auth);
        job.access.own.authorization.clone_from(&self.authorization);
        let mut global = Global::default();
        global.own.scrape_interval = self.collection_interval.get().into();
        global.own.scrape_timeout = self.timeout.get().into();
        Scraping {
            global,
            scrape_configs: vec![job],
            ..Scraping::default()
        }
    }

    fn validate_engines(&self, report: &mut Report<'_>) {
        if self.endpoint.is_empty() && self.targets.is_empty() {
            report.help(
                "endpoint",
                "there is nothing to scrape",
                "write `endpoint: host:port`, a list `targets`, or Prometheus' configuration below `config:`",
            );
        }
        if !self.endpoint.is_empty() {
            if !self.targets.is_empty() {
                report.reject("targets", "endpoint is set as well; write all engines below targets");
            }
            match Endpoint::parse(&self.endpoint) {
                Err(problem) => report.reject("endpoint", problem),
                Ok(endpoint) if endpoint.path.is_some() && report.has("metrics_path") => {
                    report.reject("metrics_path", "endpoint has a path as well; keep one of them");
                }
                Ok(_) => {}
            }
        }
        for (index, target) in self.targets.iter().enumerate() {
            if let Err(problem) = address(target) {
                report.reject(&format!("targets::{index}"), problem);
            }
        }
        for (key, duration) in [
            ("collection_interval", self.collection_interval),
            ("timeout", self.timeout),
        ] {
            if duration.get() < SHORTEST {
                report.reject(key, "must be at least 1ms, as in Prometheus");
            }
        }
        if self.timeout.get() > self.collection_interval.get() {
            report.reject(
                "timeout",
                format!(
                    "{} is longer than the collection_interval, which is {}",
                    self.timeout, self.collection_interval
                ),
            );
        }
        if let Some(tls) = &self.tls {
            report.within("tls", |report| tls.validate(report));
        }
        if let Some(basic) = &self.basic_auth {
            report.within("basic_auth", |report| basic.validate(report));
        }
        if let Some(authorization) = &self.authorization {
            report.within("authorization", |report| authorization.validate(report));
            if self.basic_auth.is_some() {
                report.reject("authorization", "basic_auth is set as well; keep one of them");
            }
        }
    }
}

/// Keys for engines at known places, which Prometheus' configuration has keys of its own for.
const SHORT_FORM: [&str; 9] = [
    "endpoint",
    "targets",
    "metrics_path",
    "collection_interval",
    "timeout",
    "labels",
    "tls",
    "basic_auth",
    "authorization",
];

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        report.without_effect("initial_delay", "scrapes are spread over the interval from the start");
        if self.spans_within.get() > SPANS_WITHIN_MAX {
            report.reject("spans_within", format!("must be at most {SPANS_WITHIN_MAX:?}"));
        }
        let Some(prometheus) = &self.config else {
            return self.validate_engines(report);
        };
        report.within("config", |report| prometheus.validate(report));
        for key in SHORT_FORM {
            if report.has(key) {
                report.reject(key, "config is set as well\nwrite it in the jobs below config");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_or_a_url() {
        let parts = |scheme, address, path| Ok(Endpoint { scheme, address, path });

        assert_eq!(Endpoint::parse("a:1"), parts(None, "a:1", None));
        assert_eq!(Endpoint::parse("http://a:1"), parts(Some(Scheme::Http), "a:1", None));
        assert_eq!(Endpoint::parse("https://a:1/"), parts(Some(Scheme::Https), "a:1", None));
        assert_eq!(Endpoint::parse("a:1/m"), parts(None, "a:1", Some("/m")));
        assert!(Endpoint::parse("ftp://a:1").is_err());
        assert!(Endpoint::parse("http:///m").is_err());
    }
}
