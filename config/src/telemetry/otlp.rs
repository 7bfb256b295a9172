//! Where own telemetry is sent: the `otlp` exporter of the declarative configuration, version 0.3.

use serde::Deserialize;

use crate::headers::Headers;
use crate::report::Report;
use crate::secret::Secret;
use crate::unread::Unread;

/// Where own metrics or spans are sent. Exactly one key may be written.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushExporter {
    /// By OTLP.
    pub otlp: Option<Otlp>,
    /// Not supported; an error says so.
    #[serde(deserialize_with = "crate::present")]
    pub console: Option<Unread>,
    /// Not supported; an error says so.
    pub zipkin: Option<Unread>,
}

/// An OTLP destination.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Otlp {
    /// Has to be written, as for the Collector.
    pub protocol: Option<Protocol>,
    /// A URL, or `host:port`, which means `https` unless `insecure` is set.
    pub endpoint: String,
    /// Sent with every request.
    pub headers: Headers,
    /// The same as `name=value,name=value`; `headers` wins.
    pub headers_list: Secret,
    /// An endpoint without a scheme is spoken to in the clear.
    pub insecure: bool,
    /// How requests are compressed.
    pub compression: Compression,
    /// Milliseconds that a request may take, with all its attempts.
    pub timeout: Option<u64>,
    /// A file with the certificates to trust, in PEM.
    pub certificate: Option<String>,
    /// A file with the certificate to show, in PEM.
    pub client_certificate: Option<String>,
    /// A file with its key, in PEM.
    pub client_key: Option<String>,
    /// Of metrics: whether numbers say what was added since the last export.
    pub temporality_preference: Option<Temporality>,
    /// Of metrics; read, buckets are explicit.
    pub default_histogram_aggregation: Option<Unread>,
}

/// How OTLP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// Over gRPC.
    #[serde(rename = "grpc")]
    Grpc,
    /// As posts of protobuf.
    #[serde(rename = "http/protobuf")]
    Http,
}

/// How a request is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip.
    Gzip,
}

/// What the numbers of counters and histograms say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Temporality {
    /// What there is since the start.
    #[default]
    Cumulative,
    /// What was added since the last export.
    Delta,
    /// The one of the two that needs no memory.
    LowMemory,
}

/// How long a request may take unless something else is written: what the SDKs have.
const TIMEOUT_MS: u64 = 10_000;

impl Otlp {
    /// The endpoint as a URL.
    pub fn url(&self) -> String {
        let endpoint = &self.endpoint;
        if endpoint.starts_with("http://") || endpoint.starts_with("https://") {
            return endpoint.clone();
        }
        let scheme = if self.insecure { "http" } else { "https" };
        format!("{scheme}://{endpoint}")
    }

    /// Host and port of the endpoint; None if it has no host or no usable port.
    pub fn address(&self) -> Option<(String, u16)> {
        let url = self.url();
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ if scheme == "https" => (authority, 443),
            _ => (authority, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| (host.to_owned(), port))
    }

    /// What follows the host in the endpoint, without a slash at its end; empty as a rule.
    pub fn path(&self) -> String {
        let url = self.url();
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        path.trim_end_matches('/').to_owned()
    }

    /// How long a request may take; `beside` is a limit that something around it has.
    pub fn timeout(&self, beside: Option<u64>) -> std::time::Duration {
        let own = self.timeout.filter(|timeout| *timeout > 0).unwrap_or(TIMEOUT_MS);
        std::time::Duration::from_millis(beside.map_or(own, |beside| own.min(beside)))
    }

    /// All headers, those of the list first, so that later ones win.
    pub fn all_headers(&self) -> Vec<(String, String)> {
        let list = self.headers_list.reveal().split(',');
        let list = list
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        let headers = &self.headers.0;
        list.chain(
            headers
                .iter()
                .map(|(name, value)| (name.clone(), value.reveal().to_owned())),
        )
        .collect()
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.protocol.is_none() {
            report.help("protocol", "the protocol is missing", "write grpc or http/protobuf");
        }
        if self.endpoint.is_empty() {
            report.help(
                "endpoint",
                "the endpoint is missing",
                "write a URL, such as http://collector:4317",
            );
        } else if self.address().is_none() {
            let help = "write a URL, such as http://collector:4317";
            report.help(
                "endpoint",
                format!("{:?} is not a URL with a host", self.endpoint),
                help,
            );
        } else if self.protocol == Some(Protocol::Grpc) && !self.path().is_empty() {
            report.help(
                "endpoint",
                "gRPC has no paths",
                "delete what follows the port, or write protocol: http/protobuf",
            );
        }
        if self.client_certificate.is_some() != self.client_key.is_some() {
            let help = "write client_certificate and client_key, or neither";
            report.help("", "a certificate to show needs its key", help);
        }
        let list = self.headers_list.reveal();
        if !list.is_empty() && list.split(',').any(|pair| !pair.contains('=')) {
            report.help("headers_list", "an entry has no `=`", "write name=value,name=value");
        }
        report.without_effect("default_histogram_aggregation", "own histograms have explicit buckets");
    }
}

impl PushExporter {
    /// Reports what metrics cannot be sent with.
    pub(super) fn validate_for_metrics(&self, report: &mut Report<'_>) {
        self.validate(report);
    }

    /// Reports what spans cannot be sent with.
    pub(super) fn validate_for_spans(&self, report: &mut Report<'_>) {
        self.validate(report);
        for key in ["temporality_preference", "default_histogram_aggregation"] {
            let path = format!("otlp::{key}");
            if report.has(&path) {
                report.help(&path, "this key is about metrics", "delete the key");
            }
        }
    }

    fn validate(&self, report: &mut Report<'_>) {
        let help = "write otlp: {protocol: grpc, endpoint: …}";
        if report.has("console") {
            report.help("console", "own telemetry is not written to standard output", help);
        }
        if report.has("zipkin") {
            report.help("zipkin", "own spans are not sent to Zipkin", help);
        }
        match &self.otlp {
            Some(otlp) => report.within("otlp", |report| otlp.validate(report)),
            None if report.has("console") || report.has("zipkin") => {}
            None => report.help("", "the exporter is missing", help),
        }
    }
}
