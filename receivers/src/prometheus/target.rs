//! Targets: what is scraped, where and how often.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use http::Uri;
use md5::{Digest, Md5};

use super::config::{GlobalOwn, Job, PromDuration};
use super::discovery::Found;
use super::labels::{ADDRESS, INSTANCE, JOB, Labels};
use super::pod;
use super::relabel::{self, Rule};

/// Names that relabelling may look at and change, and that say how a target is scraped.
const SCHEME: &str = "__scheme__";
const PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM: &str = "__param_";

/// What is scraped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Target {
    /// Where the page is.
    pub(super) url: String,
    /// What all its series get; `job` and `instance` are among them.
    pub(super) labels: Labels,
    /// How often.
    pub(super) interval: Duration,
    /// How long a scrape may take.
    pub(super) timeout: Duration,
    /// What its resource says of the pod behind it, as far as discovery knows.
    pub(super) resource: Labels,
}

impl Target {
    /// A target of a job; None where relabelling drops it.
    fn of(found: &Found, job: &Job, global: &GlobalOwn, rules: &[Rule]) -> Result<Option<Self>, String> {
        let interval = job.scrape_interval.unwrap_or(global.scrape_interval);
        // Prometheus: a global timeout beyond the job's own interval is cut.
        let timeout = job
            .scrape_timeout
            .unwrap_or_else(|| global.scrape_timeout.min(interval));
        let mut labels = found.labels();
        let resource = pod::attributes(&labels);
        let mut default = |name: &str, value: &str| {
            if labels.get(name).is_empty() {
                labels.set(name, value);
            }
        };
        default(JOB, &job.job_name);
        default(SCHEME, job.scheme.name());
        default(PATH, &job.metrics_path);
        default(INTERVAL, &interval.to_string());
        default(TIMEOUT, &timeout.to_string());
        for (name, values) in &job.params {
            if let Some(first) = values.first() {
                default(&format!("{PARAM}{name}"), first);
            }
        }
        if !relabel::apply(rules, &mut labels) {
            return Ok(None);
        }
        let duration = |name: &str| -> Result<Duration, String> {
            let read: PromDuration = labels.get(name).parse().map_err(|why| format!("{name}: {why}"))?;
            if read.get().is_zero() {
                return Err(format!("{name} must be longer than 0s"));
            }
            Ok(read.get())
        };
        let (interval, timeout) = (duration(INTERVAL)?, duration(TIMEOUT)?);
        if timeout > interval {
            return Err(format!("{TIMEOUT} is longer than {INTERVAL}"));
        }
        let url = url(&labels, &job.params)?;
        let address = labels.get(ADDRESS).to_owned();
        labels.retain(|name| !name.starts_with("__"));
        if labels.get(INSTANCE).is_empty() {
            labels.set(INSTANCE, address);
        }
        Ok(Some(Self {
            url,
            labels,
            interval,
            timeout,
            resource,
        }))
    }

    /// All targets that were found, each once, and what is wrong with the others.
    pub(super) fn all<'a>(
        all: impl Iterator<Item = &'a Found>,
        job: &Job,
        global: &GlobalOwn,
        rules: &[Rule],
    ) -> (Vec<Self>, Vec<String>) {
        let (mut targets, mut problems) = (Vec::new(), Vec::new());
        for found in all {
            match Self::of(found, job, global, rules) {
                Ok(target) => targets.extend(target),
                Err(why) => problems.push(format!("{}: {why}", found.address())),
            }
        }
        targets.sort_unstable();
        // Several containers of a pod may lead to one page.
        targets.dedup_by(|one, other| one.is_scraped_as(other));
        (targets, problems)
    }

    /// Whether both are one to whoever looks at their series.
    fn is_scraped_as(&self, other: &Self) -> bool {
        let identity = |it: &Self| (it.interval, it.timeout);
        self.url == other.url && self.labels == other.labels && identity(self) == identity(other)
    }

    /// How long after a multiple of the interval this target's turn is. It is the same after a restart, and targets
    /// are spread evenly.
    pub(super) fn offset(&self) -> Duration {
        let mut digest = Md5::new();
        digest.update(self.url.as_bytes());
        for (name, value) in self.labels.iter() {
            digest.update([0xff]);
            digest.update(name.as_bytes());
            digest.update([0xff]);
            digest.update(value.as_bytes());
        }
        let digest: [u8; 16] = digest.finalize().into();
        let interval = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX);
        let number = u128::from_be_bytes(digest) % u128::from(interval.max(1));
        Duration::from_nanos(u64::try_from(number).unwrap_or_default())
    }

    /// How long from this moment (since 1970) to the target's next turn.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let interval = self.interval.as_nanos().max(1);
        let into = now.as_nanos() % interval;
        let wait = (self.offset().as_nanos() + interval - into) % interval;
        Duration::from_nanos(u64::try_from(wait).unwrap_or_default())
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.url.starts_with("https:") {
            "https"
        } else {
            "http"
        }
    }
}

fn url(labels: &Labels, params: &BTreeMap<String, Vec<String>>) -> Result<String, String> {
    let address = labels.get(ADDRESS);
    if address.is_empty() {
        return Err("relabelling left no address".to_owned());
    }
    if address.contains(['/', '@', ' ', '?', '#']) {
        return Err(format!("{address:?} is not host:port"));
    }
    let scheme = labels.get(SCHEME);
    if !matches!(scheme, "http" | "https") {
        return Err(format!("the scheme {scheme:?} is neither http nor https"));
    }
    let path = labels.get(PATH);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut url = format!("{scheme}://{address}{slash}{}", escaped(path, b"/:@!$&'()*+,;="));
    let mut separator = '?';
    for (name, values) in query(labels, params) {
        for value in values {
            // Writing to a String cannot fail.
            let _ = write!(url, "{separator}{}={}", escaped(&name, b""), escaped(&value, b""));
            separator = '&';
        }
    }
    url.parse::<Uri>().map_err(|why| format!("{url} is not a URL: {why}"))?;
    Ok(url)
}

/// The parameters of the job, the first of each as relabelling left it.
fn query(labels: &Labels, params: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let mut query = params.clone();
    for (label, value) in labels.iter() {
        let Some(name) = label.strip_prefix(PARAM) else {
            continue;
        };
        let values = query.entry(name.to_owned()).or_default();
        match values.first_mut() {
            Some(first) => value.clone_into(first),
            None => values.push(value.to_owned()),
        }
    }
    query
}

/// Percent-encoding of everything but unreserved letters (RFC 3986) and those named.
fn escaped(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
