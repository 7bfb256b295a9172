//! What users write.

use config::{Report, Validate};
use net::server::{GrpcServer, HttpServer, Transport};
use serde::{Deserialize, Deserializer};

/// Takes OTLP over gRPC and HTTP.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The protocols to listen for; at least one.
    pub protocols: Protocols,
}

/// A protocol that is written down is on, even with nothing behind it; one that is not is off.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Protocols {
    /// Listens on `localhost:4317`.
    #[serde(deserialize_with = "config::present")]
    pub grpc: Option<GrpcServer>,
    /// Listens on `localhost:4318`.
    #[serde(deserialize_with = "config::present")]
    pub http: Option<HttpProtocol>,
}

/// The HTTP listener and its paths.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HttpProtocol {
    /// The listener.
    pub server: HttpServer,
    /// Where requests go.
    pub paths: UrlPaths,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UrlPaths {
    /// Of traces.
    pub traces_url_path: String,
    /// Of metrics.
    pub metrics_url_path: String,
    /// Of logs.
    pub logs_url_path: String,
}

impl Default for UrlPaths {
    fn default() -> Self {
        Self {
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for HttpProtocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (server, paths) = config::parts(deserializer)?;
        Ok(Self { server, paths })
    }
}

impl Config {
    /// The addresses that it listens on, for who must not send there. Sockets in the file system are none.
    pub fn endpoints(&self) -> Vec<String> {
        let Protocols { grpc, http } = &self.protocols;
        let grpc = grpc.as_ref().filter(|it| it.transport != Transport::Unix);
        let http = http.as_ref().filter(|it| it.server.transport != Transport::Unix);
        let grpc = grpc.map(|it| it.endpoint_or(super::GRPC_ENDPOINT).to_owned());
        let http = http.map(|it| it.server.endpoint_or(super::HTTP_ENDPOINT).to_owned());
        grpc.into_iter().chain(http).collect()
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        let protocols = &self.protocols;
        if protocols.grpc.is_none() && protocols.http.is_none() {
            report.help(
                "protocols",
                "no protocol is on, so nothing can be received",
                "write `grpc:` or `http:` below protocols; nothing needs to stand behind it",
            );
        }
        if let Some(grpc) = &protocols.grpc {
            report.within("protocols::grpc", |report| grpc.validate(report));
        }
        if let Some(http) = &protocols.http {
            report.within("protocols::http", |report| http.validate(report));
        }
        if let (Some(grpc), Some(http)) = (&protocols.grpc, &protocols.http) {
            let grpc = grpc.endpoint_or(super::GRPC_ENDPOINT);
            if grpc == http.server.endpoint_or(super::HTTP_ENDPOINT) && !grpc.ends_with(":0") {
                report.help(
                    "protocols::http::endpoint",
                    format!("{grpc} is the endpoint of grpc as well"),
                    "delete one of the two: each listener takes gRPC and HTTP",
                );
            }
        }
    }
}

impl Validate for HttpProtocol {
    fn validate(&self, report: &mut Report<'_>) {
        self.server.validate_guarded(report);
        let paths = &self.paths;
        let named = [
            ("traces_url_path", &paths.traces_url_path),
            ("metrics_url_path", &paths.metrics_url_path),
            ("logs_url_path", &paths.logs_url_path),
        ];
        for (index, (key, path)) in named.iter().enumerate() {
            if path.is_empty() {
                report.reject(key, "must not be empty");
            }
            if let Some((other, _)) = named.iter().take(index).find(|(_, other)| other == path) {
                report.reject(key, format!("{other} has the same path"));
            }
        }
    }
}
