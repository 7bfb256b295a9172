//! The Collector's `configgrpc` server block.

use config::{Duration, Report, Validate};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::limits::{AGE_GRACE, PING_INTERVAL, PING_TIMEOUT, STREAMS_MAX};
use super::{Auth, Rules, Transport, endpoint};
use crate::tls::ServerTls;

/// Largest message, unless configured; gRPC's.
const MESSAGE_MIB_MAX: u64 = 4;

/// Largest value of `max_recv_msg_size_mib`: a message's length has 32 bits.
const MESSAGE_MIB_LIMIT: u64 = 2_048;

/// A gRPC listener as users write it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcServer {
    /// `host:port`, or a path for `unix`; empty means the component's default.
    pub endpoint: String,
    /// Kind of socket.
    pub transport: Transport,
    /// TLS; plain text without it.
    #[serde(deserialize_with = "config::present")]
    pub tls: Option<ServerTls>,
    /// MiB of a message, before and after decompression; 0 means 4.
    pub max_recv_msg_size_mib: u64,
    /// Requests at once on one connection; 0 means 200.
    pub max_concurrent_streams: u32,
    /// No effect; kept for the Collector's files.
    pub read_buffer_size: u64,
    /// No effect; kept for the Collector's files.
    pub write_buffer_size: u64,
    /// When connections are closed and pinged.
    pub keepalive: Keepalive,
    /// Who makes sure of senders; nobody does without it.
    #[serde(deserialize_with = "config::present")]
    pub auth: Option<Auth>,
    middlewares: Option<IgnoredAny>,
    /// Keeps request headers for `from_context` and for exporters that pass them on.
    pub include_metadata: bool,
}

/// When connections are closed and pinged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keepalive {
    /// What the server does by itself.
    pub server_parameters: ServerParameters,
    /// No effect; kept for the Collector's files.
    pub enforcement_policy: EnforcementPolicy,
}

/// What the server does by itself. Zero means gRPC's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerParameters {
    /// Closes a connection without requests after this time; never by default.
    pub max_connection_idle: Duration,
    /// Closes a connection after this time, so that clients spread over new replicas; never by default.
    pub max_connection_age: Duration,
    /// How long its requests may take then; 60 s by default.
    pub max_connection_age_grace: Duration,
    /// Asks a silent client whether it is still there; after 2 h by default.
    pub time: Duration,
    /// How long its answer may take; 20 s by default.
    pub timeout: Duration,
}

/// How often clients may ping. We answer pings and never close a connection over them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnforcementPolicy {
    /// No effect.
    pub min_time: Duration,
    /// No effect.
    pub permit_without_stream: bool,
}

impl GrpcServer {
    /// The endpoint, or the component's own.
    pub fn endpoint_or<'a>(&'a self, default: &'a str) -> &'a str {
        if self.endpoint.is_empty() {
            default
        } else {
            &self.endpoint
        }
    }

    /// Bytes of a message, before and after decompression.
    pub fn message_bytes_max(&self) -> usize {
        let mib = if self.max_recv_msg_size_mib == 0 {
            MESSAGE_MIB_MAX
        } else {
            self.max_recv_msg_size_mib
        };
        usize::try_from(mib.saturating_mul(1024 * 1024)).unwrap_or(usize::MAX)
    }

    /// The rules for its connections.
    pub fn rules(&self) -> Rules {
        let parameters = &self.keepalive.server_parameters;
        let streams_max = if self.max_concurrent_streams == 0 {
            STREAMS_MAX
        } else {
            self.max_concurrent_streams
        };
        Rules {
            streams_max,
            idle_max: parameters.max_connection_idle.limit(),
            age_max: parameters.max_connection_age.limit(),
            age_grace: parameters.max_connection_age_grace.limit().unwrap_or(AGE_GRACE),
            ping_interval: Some(parameters.time.limit().unwrap_or(PING_INTERVAL)),
            ping_timeout: parameters.timeout.limit().unwrap_or(PING_TIMEOUT),
            ..Rules::default()
        }
    }
}

impl Validate for GrpcServer {
    fn validate(&self, report: &mut Report<'_>) {
        if let Err(problem) = endpoint::check(&self.endpoint, self.transport) {
            report.reject("endpoint", problem);
        }
        if let Some(auth) = &self.auth {
            auth.check(&self.endpoint, self.transport, self.tls.is_none(), report);
        }
        if report.has("middlewares") {
            report.reject("middlewares", "middlewares are not available yet; delete the key");
        }
        if self.max_recv_msg_size_mib > MESSAGE_MIB_LIMIT {
            report.reject("max_recv_msg_size_mib", format!("must be at most {MESSAGE_MIB_LIMIT}"));
        }
        if let Some(tls) = &self.tls {
            report.within("tls", |report| tls.validate(report));
        }
        report.without_effect("read_buffer_size", "reads are as large as what arrived");
        report.without_effect("write_buffer_size", "answers are a few dozen bytes");
        report.without_effect(
            "keepalive::enforcement_policy",
            "pings are answered and never end a connection",
        );
    }
}
