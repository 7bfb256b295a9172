//! Where targets come from.

use std::collections::BTreeMap;

use config::{Report, Validate};
use http::Uri;
use serde::{Deserialize, Deserializer};

use super::access::join;
use super::validate::{is_pattern, positive};
use super::{Access, PromDuration, ScrapeConfig};

/// Targets with the labels that they share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetGroup {
    /// `host:port`.
    pub targets: Vec<String>,
    /// Labels of all of them.
    pub labels: BTreeMap<String, String>,
}

/// Files that list targets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileSdConfig {
    /// Paths; the last part may have a `*`.
    pub files: Vec<String>,
    /// How often they are read.
    pub refresh_interval: PromDuration,
}

impl Default for FileSdConfig {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            refresh_interval: PromDuration::from_secs(300),
        }
    }
}

/// A server that lists targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HttpSdConfig {
    /// Where the list is.
    pub own: HttpSd,
    /// How the server is reached.
    pub access: Access,
}

/// Where a server lists targets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HttpSd {
    /// The place of the list.
    pub url: String,
    /// How often it is asked for, and how long an answer may take.
    pub refresh_interval: PromDuration,
}

impl Default for HttpSd {
    fn default() -> Self {
        Self {
            url: String::new(),
            refresh_interval: PromDuration::from_secs(60),
        }
    }
}

impl HttpSdConfig {
    /// Whether redirects are followed. They are unless it says otherwise, as in Prometheus: who lists targets says
    /// where to connect to anyway, so a redirect gives that server no power that it does not have.
    pub fn follows_redirects(&self) -> bool {
        self.access.own.follow_redirects.unwrap_or(true)
    }
}

impl ScrapeConfig {
    /// Relative paths in a job are relative to this folder.
    pub fn move_to(&mut self, folder: &str) {
        self.access.move_to(folder);
        for files in &mut self.own.file_sd_configs {
            files.files.iter_mut().for_each(|path| join(folder, path));
        }
        for server in &mut self.own.http_sd_configs {
            server.access.move_to(folder);
        }
        for cluster in &mut self.own.kubernetes_sd_configs {
            cluster.move_to(folder);
        }
    }
}

impl<'de> Deserialize<'de> for HttpSdConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (own, access) = config::parts(deserializer)?;
        Ok(Self { own, access })
    }
}

impl Validate for FileSdConfig {
    fn validate(&self, report: &mut Report<'_>) {
        if self.files.is_empty() {
            report.reject("files", "at least one path is needed");
        }
        for (index, file) in self.files.iter().enumerate() {
            let known = [".yaml", ".yml", ".json", ".YAML", ".YML", ".JSON"];
            if !is_pattern(file) || !known.iter().any(|end| file.ends_with(end)) {
                report.reject(
                    &format!("files::{index}"),
                    "the path must end with .json, .yml or .yaml and may have one `*` in its last part",
                );
            }
        }
        positive("refresh_interval", self.refresh_interval.get(), report);
    }
}

impl Validate for HttpSdConfig {
    fn validate(&self, report: &mut Report<'_>) {
        let url: Result<Uri, _> = self.own.url.parse();
        let is_http = |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
        match url {
            Ok(url) if url.authority().is_some_and(|it| it.as_str().contains('@')) => report.help(
                "url",
                "user and password do not belong into a URL, which becomes the label __meta_url",
                "write them below `basic_auth:`",
            ),
            Ok(url) if is_http(&url) => {}
            _ => report.reject("url", "a URL is needed that begins with http:// or https://"),
        }
        positive("refresh_interval", self.own.refresh_interval.get(), report);
        self.access.validate(report);
    }
}
