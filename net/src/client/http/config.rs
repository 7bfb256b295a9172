//! The Collector's HTTP client block.

use ::http::Uri;
use config::{Duration, Report, Secret, Unread, Validate};
use serde::Deserialize;

use super::proxy::Proxy;
use crate::client::{ClientAuth, Compression, CompressionParams, Headers};
use crate::endpoint::is_here;
use crate::tls::ClientTls;

/// When a quiet HTTP/2 connection is pinged, unless configured. The Collector never does, and then a network that went
/// away in silence costs every attempt its whole timeout until TCP gives up.
const READ_IDLE_SECONDS: u64 = 30;

/// The keys of an HTTP client, as they stand in an exporter's block beside its own. `timeout` is the delivery's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpClientConfig {
    /// The base of the URLs that requests go to.
    pub endpoint: String,
    /// TLS for `https://` URLs.
    pub tls: ClientTls,
    /// Sent with every request.
    pub headers: Headers,
    /// The codec; unset starts with gzip and moves to zstd once the server announces it.
    pub compression: Option<Compression>,
    /// The codec's level.
    pub compression_params: CompressionParams,
    /// An `http://` proxy; it may hold a password, so it is a secret.
    pub proxy_url: Secret,
    /// Idle connections that are kept; 0 for no limit.
    pub max_idle_conns: usize,
    /// The same for each host.
    pub max_idle_conns_per_host: usize,
    /// Requests under way at once, each on a connection of its own; 0 for no limit.
    pub max_conns_per_host: usize,
    /// Idle connections close after this long; 0 for never.
    pub idle_conn_timeout: Duration,
    /// A new connection for every request.
    pub disable_keep_alives: bool,
    /// Offer HTTP/2 to TLS servers.
    pub force_attempt_http2: bool,
    /// An HTTP/2 connection without traffic is pinged after this long; 0 for never.
    pub http2_read_idle_timeout: Duration,
    /// Without an answer to a ping for this long the connection is dead; 0 means 15s.
    pub http2_ping_timeout: Duration,
    read_buffer_size: Option<Unread>,
    write_buffer_size: Option<Unread>,
    cookies: Option<Cookies>,
    /// Who shows the destination that it is we who send.
    #[serde(deserialize_with = "config::present")]
    pub auth: Option<ClientAuth>,
    middlewares: Option<Unread>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Cookies {
    enabled: bool,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            tls: ClientTls::default(),
            headers: Headers::default(),
            compression: None,
            compression_params: CompressionParams::default(),
            proxy_url: Secret::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            idle_conn_timeout: Duration::from_secs(90),
            disable_keep_alives: false,
            force_attempt_http2: true,
            http2_read_idle_timeout: Duration::from_secs(READ_IDLE_SECONDS),
            http2_ping_timeout: Duration::ZERO,
            read_buffer_size: None,
            write_buffer_size: None,
            cookies: None,
            auth: None,
            middlewares: None,
        }
    }
}

impl Validate for HttpClientConfig {
    fn validate(&self, report: &mut Report<'_>) {
        let url: Option<Uri> = self.endpoint.parse().ok();
        self.check(url.as_slice(), report);
    }
}

impl HttpClientConfig {
    /// Reports what is wrong where requests go to these URLs instead of to `endpoint`.
    pub fn check(&self, urls: &[Uri], report: &mut Report<'_>) {
        report.within("tls", |report| self.tls.validate(report));
        self.headers.validate(report);
        report.within("compression_params", |report| {
            self.compression_params.validate(self.compression, report);
        });
        if let Err(problem) = Proxy::parse(self.proxy_url.reveal()) {
            report.reject("proxy_url", problem);
        }
        report.without_effect(
            "read_buffer_size",
            "connections read into buffers that grow and shrink by themselves",
        );
        report.without_effect(
            "write_buffer_size",
            "requests are written without being copied to a buffer",
        );
        if self.cookies.as_ref().is_some_and(|cookies| cookies.enabled) {
            report.reject(
                "cookies",
                "cookies are not available; delete this key, or send a fixed `cookie` in `headers`",
            );
        }
        if let Some(auth) = &self.auth {
            let is_open = |url: &Uri| url.scheme_str() == Some("http") && url.host().is_some_and(|host| !is_here(host));
            auth.check(urls.iter().any(is_open), report);
        }
        if self.middlewares.is_some() {
            report.reject("middlewares", "middlewares are not available; delete this key");
        }
    }

    /// Idle connections kept for each host.
    pub(super) fn idle_max(&self) -> usize {
        let limits = [self.max_idle_conns, self.max_idle_conns_per_host];
        let lowest = limits
            .into_iter()
            .filter(|limit| *limit > 0)
            .min()
            .unwrap_or(usize::MAX);
        if self.disable_keep_alives { 0 } else { lowest }
    }
}
