//! What users write.

use config::{Report, Validate};
use net::server::HttpServer;
use serde::{Deserialize, Deserializer};

/// Answers probes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    server: HttpServer,
    own: Own,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
struct Own {
    /// Where the answer stands.
    path: String,
    /// What the answer says; JSON with state and uptime unless configured.
    response_body: Option<ResponseBody>,
    /// The Collector ignores it, too; kept for its files.
    check_collector_pipeline: Option<serde::de::IgnoredAny>,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            response_body: None,
            check_collector_pipeline: None,
        }
    }
}

/// What the answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResponseBody {
    /// While everything runs.
    pub healthy: String,
    /// Otherwise.
    pub unhealthy: String,
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (server, own) = config::parts(deserializer)?;
        Ok(Self { server, own })
    }
}

impl Config {
    /// The listener; `localhost:13133` unless configured.
    pub fn server(&self) -> &HttpServer {
        &self.server
    }

    /// Where the answer stands.
    pub fn path(&self) -> &str {
        &self.own.path
    }

    /// What the answer says; None for the Collector's JSON.
    pub fn response_body(&self) -> Option<ResponseBody> {
        self.own.response_body.clone()
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        self.server.validate(report);
        if !self.own.path.starts_with('/') {
            report.help("path", "must begin with a slash", format!("write /{}", self.own.path));
        }
        report.without_effect("check_collector_pipeline", "the Collector has taken it out as well");
        for key in [
            "max_request_body_size",
            "include_metadata",
            "compression_algorithms",
            "cors",
            "response_headers",
        ] {
            report.without_effect(key, "a probe is a GET without a body");
        }
    }
}
