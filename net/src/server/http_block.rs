//! The Collector's `confighttp` server block.

use std::collections::BTreeMap;
use std::time::Duration as StdDuration;

use config::{Duration, Report, Secret, Validate};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Auth, Cors, Rules, Transport, endpoint};
use crate::codec::Encoding;
use crate::tls::ServerTls;

/// Largest body after decompression, unless configured; the Collector's.
const BODY_BYTES_MAX: u64 = 20 * 1024 * 1024;

/// Codings that the Collector knows and we do not, yet.
const NOT_YET: [&str; 5] = ["snappy", "x-snappy-framed", "zlib", "deflate", "lz4"];

/// An HTTP listener as users write it. It is read as a part of a larger block (`config::parts`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct HttpServer {
    /// `host:port`, or a path for `unix`; empty means the component's default.
    pub endpoint: String,
    /// Kind of socket.
    pub transport: Transport,
    /// TLS; plain text without it.
    #[serde(deserialize_with = "config::present")]
    pub tls: Option<ServerTls>,
    /// Pages that may send; none without it.
    #[serde(deserialize_with = "config::present")]
    pub cors: Option<Cors>,
    /// Who makes sure of senders; nobody does without it.
    #[serde(deserialize_with = "config::present")]
    pub auth: Option<Auth>,
    middlewares: Option<IgnoredAny>,
    /// Bytes of a body, before and after decompression; 0 means the default.
    pub max_request_body_size: u64,
    /// Keeps request headers for `from_context` and for exporters that pass them on.
    pub include_metadata: bool,
    /// Headers to add to every answer.
    pub response_headers: BTreeMap<String, Secret>,
    /// Codings that are accepted; empty means all that are built in.
    pub compression_algorithms: Vec<String>,
    /// How long a whole request may take to arrive; zero leaves it to the minimum pace.
    pub read_timeout: Duration,
    /// How long the head of a request may take.
    pub read_header_timeout: Duration,
    /// How long the answer may take.
    pub write_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// Whether a connection stays open for the next request.
    pub keep_alives_enabled: bool,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            transport: Transport::Tcp,
            tls: None,
            cors: None,
            auth: None,
            middlewares: None,
            max_request_body_size: BODY_BYTES_MAX,
            include_metadata: false,
            response_headers: BTreeMap::new(),
            compression_algorithms: Vec::new(),
            read_timeout: Duration::ZERO,
            read_header_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            keep_alives_enabled: true,
        }
    }
}

impl HttpServer {
    /// The endpoint, or the component's own.
    pub fn endpoint_or<'a>(&'a self, default: &'a str) -> &'a str {
        if self.endpoint.is_empty() {
            default
        } else {
            &self.endpoint
        }
    }

    /// Bytes of a body, before and after decompression.
    pub fn body_bytes_max(&self) -> usize {
        let bytes = if self.max_request_body_size == 0 {
            BODY_BYTES_MAX
        } else {
            self.max_request_body_size
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Whether bodies of this coding are accepted.
    pub fn accepts(&self, encoding: Encoding) -> bool {
        let names = &self.compression_algorithms;
        names.is_empty() || names.iter().any(|name| Encoding::from_name(name) == Some(encoding))
    }

    /// The codings that are accepted, for `accept-encoding`.
    pub fn accepted(&self) -> String {
        let all = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd];
        let names: Vec<_> = all
            .into_iter()
            .filter(|one| self.accepts(*one))
            .map(Encoding::name)
            .collect();
        names.join(",")
    }

    /// The headers to add to every answer.
    pub fn headers(&self) -> HeaderMap {
        let header = |(name, value): (&String, &Secret)| {
            let name = HeaderName::try_from(name).ok()?;
            Some((name, HeaderValue::try_from(value.reveal()).ok()?))
        };
        self.response_headers.iter().filter_map(header).collect()
    }

    /// How long one request may take, from its head to its answer.
    pub fn request_max(&self) -> Option<StdDuration> {
        [self.read_timeout.limit(), self.write_timeout.limit()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The rules for its connections.
    pub fn rules(&self) -> Rules {
        Rules {
            header_max: self.read_header_timeout.limit().unwrap_or(Rules::default().header_max),
            idle_max: self.idle_timeout.limit(),
            keep_alive: self.keep_alives_enabled,
            ..Rules::default()
        }
    }
}

impl Validate for HttpServer {
    /// For a listener whose handler asks nobody who it is.
    fn validate(&self, report: &mut Report<'_>) {
        if report.has("auth") {
            report.reject(
                "auth",
                "is not available yet for this listener; use tls with client_ca_file",
            );
        }
        self.validate_rest(report);
    }
}

impl HttpServer {
    /// The same for one whose handler honours `auth` with a [`Guard`](super::Guard).
    pub fn validate_guarded(&self, report: &mut Report<'_>) {
        if let Some(auth) = &self.auth {
            auth.check(&self.endpoint, self.transport, self.tls.is_none(), report);
        }
        self.validate_rest(report);
    }

    fn validate_rest(&self, report: &mut Report<'_>) {
        if let Err(problem) = endpoint::check(&self.endpoint, self.transport) {
            report.reject("endpoint", problem);
        }
        if report.has("middlewares") {
            report.reject("middlewares", "middlewares are not available yet; delete the key");
        }
        if let Some(tls) = &self.tls {
            report.within("tls", |report| tls.validate(report));
        }
        if let Some(cors) = &self.cors {
            report.within("cors", |report| cors.validate(report));
        }
        for (index, name) in self.compression_algorithms.iter().enumerate() {
            let path = format!("compression_algorithms::{index}");
            if NOT_YET.contains(&name.as_str()) {
                report.notice(
                    &path,
                    format!("{name} is not available yet; such requests are answered with 415"),
                );
            } else if Encoding::from_name(name).is_none() {
                report.reject(&path, format!("unknown coding {name:?}; there are \"\", gzip and zstd"));
            }
        }
        for (name, value) in &self.response_headers {
            let path = format!("response_headers::{name}");
            if HeaderName::try_from(name).is_err() {
                report.reject(&path, "is not a header name");
            } else if HeaderValue::try_from(value.reveal()).is_err() {
                report.reject(&path, "the value holds characters that a header may not");
            }
        }
    }
}
