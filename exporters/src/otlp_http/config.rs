//! The configuration: the HTTP client's keys, and the exporter's beside them.

use config::{Duration, Report, Signal, Validate};
use http::Uri;
use net::client::http::HttpClientConfig;
use pipeline::delivery::{Delivery, RetryOnFailure, SendingQueue};
use serde::{Deserialize, Deserializer};

use crate::http_url::http_url;

/// What users write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `endpoint`, `tls`, `headers`, `compression` and the other keys of an HTTP client.
    pub(super) client: HttpClientConfig,
    /// The keys beside them.
    pub(super) own: Own,
}

/// The keys that are not the HTTP client's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Own {
    /// Where traces go, if not to `endpoint` + `/v1/traces`.
    pub traces_endpoint: String,
    /// Where metrics go, if not to `endpoint` + `/v1/metrics`.
    pub metrics_endpoint: String,
    /// Where logs go, if not to `endpoint` + `/v1/logs`.
    pub logs_endpoint: String,
    /// Protobuf or JSON.
    pub encoding: Encoding,
    /// How long one attempt may take; 0 waits for ever.
    pub timeout: Duration,
    /// Whether and how to try again.
    pub retry_on_failure: RetryOnFailure,
    /// What waits for the destination.
    pub sending_queue: SendingQueue,
}

/// How a payload is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// The bytes as they are in memory.
    #[default]
    Proto,
    /// OTLP/JSON.
    Json,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            encoding: Encoding::Proto,
            timeout: Duration::from_secs(30),
            retry_on_failure: RetryOnFailure::default(),
            sending_queue: SendingQueue::default(),
        }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (client, own) = config::parts(deserializer)?;
        Ok(Self { client, own })
    }
}

impl Config {
    /// Queue, retry and timeout.
    pub fn delivery(&self) -> Delivery {
        Delivery {
            timeout: self.own.timeout,
            retry_on_failure: self.own.retry_on_failure.clone(),
            sending_queue: self.own.sending_queue.clone(),
        }
    }

    /// The URL for one signal; None where the configuration gives none.
    pub fn url(&self, signal: Signal) -> Option<Result<Uri, String>> {
        let own = match signal {
            Signal::Traces => &self.own.traces_endpoint,
            Signal::Metrics => &self.own.metrics_endpoint,
            Signal::Logs => &self.own.logs_endpoint,
        };
        if !own.is_empty() {
            return Some(url(own));
        }
        let base = self.client.endpoint.trim_end_matches('/');
        (!base.is_empty()).then(|| url(&format!("{base}/v1/{signal}")))
    }
}

fn url(text: &str) -> Result<Uri, String> {
    http_url(text, "write `http://host:4318` or `https://host:4318`")
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        let signals = [Signal::Traces, Signal::Metrics, Signal::Logs].into_iter();
        let urls: Vec<Uri> = signals.filter_map(|signal| self.url(signal)?.ok()).collect();
        self.client.check(&urls, report);
        report.within("retry_on_failure", |report| self.own.retry_on_failure.validate(report));
        report.within("sending_queue", |report| self.own.sending_queue.validate(report));
        let own = &self.own;
        if self.client.endpoint.is_empty() {
            if [&own.traces_endpoint, &own.metrics_endpoint, &own.logs_endpoint]
                .into_iter()
                .all(String::is_empty)
            {
                report.help(
                    "endpoint",
                    "an endpoint is required",
                    "write `endpoint: http://localhost:4318`",
                );
            }
        } else if let Err(problem) = url(&self.client.endpoint) {
            report.reject("endpoint", problem);
        } else if let Some(path) = ["/v1/traces", "/v1/metrics", "/v1/logs"]
            .into_iter()
            .find(|path| self.client.endpoint.trim_end_matches('/').ends_with(path))
        {
            report.warn(
                "endpoint",
                format!(
                    "{path} is added to it once more\nwrite it without the path, or use `traces_endpoint` and its like"
                ),
            );
        }
        for (key, endpoint) in [
            ("traces_endpoint", &own.traces_endpoint),
            ("metrics_endpoint", &own.metrics_endpoint),
            ("logs_endpoint", &own.logs_endpoint),
        ] {
            if let (false, Err(problem)) = (endpoint.is_empty(), url(endpoint)) {
                report.reject(key, problem);
            }
        }
    }
}
