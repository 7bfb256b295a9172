//! The Collector's gRPC client block.

use config::{Duration, Report, Unread, Validate};
use serde::{Deserialize, Deserializer};

use crate::client::{ClientAuth, Compression, CompressionParams, GrpcEndpoint, Headers};
use crate::endpoint::is_here;
use crate::tls::ClientTls;

/// Pings more often than this are an attack in the eyes of gRPC servers; gRPC's own clients raise shorter times to it.
const KEEPALIVE_TIME_MIN: Duration = Duration::from_secs(10);

/// The keys of a gRPC client, as they stand in an exporter's block beside its own.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcClientConfig {
    /// `host:port`, `dns:///host:port`, `unix:///path`, `http://…` or `https://…`.
    pub endpoint: String,
    /// TLS, which is on unless `insecure` is set.
    pub tls: ClientTls,
    /// Sent with every request.
    pub headers: Headers,
    /// The codec; unset starts with gzip and moves to zstd once the server announces it.
    pub compression: Option<Compression>,
    /// The codec's level.
    pub compression_params: CompressionParams,
    /// Pings that find dead connections.
    #[serde(deserialize_with = "config::present")]
    pub keepalive: Option<KeepaliveConfig>,
    /// How requests are spread over the addresses of `endpoint`.
    pub balancer_name: Balancer,
    /// Wait for a connection instead of failing the attempt.
    pub wait_for_ready: bool,
    /// What servers and proxies take for the name of the server.
    pub authority: String,
    read_buffer_size: Option<Unread>,
    write_buffer_size: Option<Unread>,
    /// Who shows the destination that it is we who send.
    #[serde(deserialize_with = "config::present")]
    pub auth: Option<ClientAuth>,
    middlewares: Option<Unread>,
}

/// `keepalive` of a gRPC client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepaliveConfig {
    /// A ping after this long without traffic; 0 never pings.
    pub time: Duration,
    /// Without an answer for this long the connection is dead.
    pub timeout: Duration,
    /// Ping even when nothing is under way.
    pub permit_without_stream: bool,
}

impl Default for KeepaliveConfig {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
            permit_without_stream: false,
        }
    }
}

/// How requests are spread over the addresses of one name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Balancer {
    /// A connection to every address, used in turn.
    #[default]
    RoundRobin,
    /// One connection, to the first address that answers.
    PickFirst,
}

impl<'de> Deserialize<'de> for Balancer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "round_robin" | "" => Ok(Self::RoundRobin),
            "pick_first" => Ok(Self::PickFirst),
            other => {
                let problem = format!("{other:?} is not a balancer; use `round_robin` or `pick_first`");
                Err(serde::de::Error::custom(problem))
            }
        }
    }
}

impl GrpcClientConfig {
    /// A client of a server on this machine: plain text, nothing compressed.
    pub fn local(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            tls: ClientTls::off(),
            compression: Some(Compression::None),
            ..Self::default()
        }
    }
}

impl Validate for GrpcClientConfig {
    fn validate(&self, report: &mut Report<'_>) {
        match GrpcEndpoint::parse(&self.endpoint) {
            Err(problem) => report.reject("endpoint", problem),
            Ok(_) if self.endpoint.trim().starts_with("http://") && !self.tls.insecure() => {
                report.warn(
                    "endpoint",
                    "`http://` alone does not turn TLS off, as in the Collector; set `tls: {insecure: true}` for plain text",
                );
            }
            Ok(_) => {}
        }
        report.within("tls", |report| self.tls.validate(report));
        self.headers.validate(report);
        report.within("compression_params", |report| {
            self.compression_params.validate(self.compression, report);
        });
        if let Some(keepalive) = &self.keepalive {
            report.within("keepalive", |report| keepalive.validate(report));
        }
        if !self.authority.is_empty() && self.authority.parse::<::http::uri::Authority>().is_err() {
            report.reject(
                "authority",
                format!("{:?} is not a host with or without port", self.authority),
            );
        }
        report.without_effect(
            "read_buffer_size",
            "connections read into buffers that grow and shrink by themselves",
        );
        report.without_effect(
            "write_buffer_size",
            "requests are written without being copied to a buffer",
        );
        if let Some(auth) = &self.auth {
            let endpoint = GrpcEndpoint::parse(&self.endpoint).ok();
            let is_open = endpoint
                .is_some_and(|it| self.tls.insecure() && !it.is_https() && it.host().is_some_and(|it| !is_here(it)));
            auth.check(is_open, report);
        }
        if self.middlewares.is_some() {
            report.reject("middlewares", "middlewares are not available; delete this key");
        }
    }
}

impl Validate for KeepaliveConfig {
    fn validate(&self, report: &mut Report<'_>) {
        if !self.time.is_zero() && self.time < KEEPALIVE_TIME_MIN {
            report.warn(
                "time",
                "shorter than 10s, which is used instead: servers cut off clients that ping more often",
            );
        }
        if !self.time.is_zero() && self.timeout.is_zero() {
            report.reject("timeout", "must be longer than 0: no server answers a ping at once");
        }
    }
}

impl KeepaliveConfig {
    /// How often to ping; None for never.
    pub(super) fn interval(&self) -> Option<std::time::Duration> {
        (!self.time.is_zero()).then(|| self.time.max(KEEPALIVE_TIME_MIN).get())
    }
}
