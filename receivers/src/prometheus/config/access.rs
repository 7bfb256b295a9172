//! How a target is convinced that it may answer: credentials and TLS, with Prometheus' keys.

use config::{Report, Secret, Validate};
use net::tls::{ClientTls, Tls};
use serde::Deserialize;

/// User and password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BasicAuth {
    /// The user.
    pub username: String,
    /// A file with the user.
    pub username_file: String,
    /// The password.
    pub password: Secret,
    /// A file with the password.
    pub password_file: String,
}

/// A token behind a word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authorization {
    /// The word.
    #[serde(rename = "type")]
    pub scheme: String,
    /// The token.
    pub credentials: Secret,
    /// A file with the token, read for every scrape.
    pub credentials_file: String,
}

impl Default for Authorization {
    fn default() -> Self {
        Self {
            scheme: "Bearer".to_owned(),
            credentials: Secret::default(),
            credentials_file: String::new(),
        }
    }
}

/// TLS with Prometheus' keys, which are not the Collector's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificates that the target's must lead to, as text.
    pub ca: Secret,
    /// The same in a file.
    pub ca_file: String,
    /// Our certificate, as text.
    pub cert: Secret,
    /// The same in a file.
    pub cert_file: String,
    /// Its key, as text.
    pub key: Secret,
    /// The same in a file.
    pub key_file: String,
    /// The name that the target's certificate must have, where it is not the target's host.
    pub server_name: String,
    /// TLS with whoever answers.
    pub insecure_skip_verify: bool,
    /// Lowest version: `TLS12` or `TLS13`.
    pub min_version: String,
    /// Highest version.
    pub max_version: String,
}

impl TlsConfig {
    /// The same with the Collector's keys.
    pub fn client(&self) -> ClientTls {
        let tls = Tls {
            ca_file: self.ca_file.clone(),
            ca_pem: self.ca.clone(),
            cert_file: self.cert_file.clone(),
            cert_pem: self.cert.clone(),
            key_file: self.key_file.clone(),
            key_pem: self.key.clone(),
            min_version: version(&self.min_version).unwrap_or_default().to_owned(),
            max_version: version(&self.max_version).unwrap_or_default().to_owned(),
            ..Tls::default()
        };
        ClientTls::to(tls, self.server_name.clone(), self.insecure_skip_verify)
    }
}

/// Prometheus' name of a version in the Collector's.
fn version(name: &str) -> Option<&'static str> {
    match name {
        "" => Some(""),
        "TLS12" => Some("1.2"),
        "TLS13" => Some("1.3"),
        _ => None,
    }
}

impl Validate for TlsConfig {
    fn validate(&self, report: &mut Report<'_>) {
        for (key, name) in [("min_version", &self.min_version), ("max_version", &self.max_version)] {
            if version(name).is_none() {
                report.help(
                    key,
                    format!("{name:?} is not a version that is spoken here"),
                    "write TLS12 or TLS13; older versions are not safe",
                );
            }
        }
        for (text, file, key) in [
            (&self.ca, &self.ca_file, "ca"),
            (&self.cert, &self.cert_file, "cert"),
            (&self.key, &self.key_file, "key"),
        ] {
            if !text.is_empty() && !file.is_empty() {
                report.reject(key, format!("{key}_file is set as well; keep one of them"));
            }
        }
        let has_cert = !(self.cert.is_empty() && self.cert_file.is_empty());
        let has_key = !(self.key.is_empty() && self.key_file.is_empty());
        net::tls::require_both(has_cert, has_key, report);
        if self.insecure_skip_verify {
            report.warn(
                "insecure_skip_verify",
                "anybody who reaches this connection can read and change what is sent",
            );
        }
    }
}

impl Validate for BasicAuth {
    fn validate(&self, report: &mut Report<'_>) {
        if !self.username.is_empty() && !self.username_file.is_empty() {
            report.reject("username", "username_file is set as well; keep one of them");
        }
        if !self.password.is_empty() && !self.password_file.is_empty() {
            report.reject("password", "password_file is set as well; keep one of them");
        }
    }
}

impl Validate for Authorization {
    fn validate(&self, report: &mut Report<'_>) {
        if self.scheme.eq_ignore_ascii_case("basic") {
            report.help(
                "type",
                "user and password have a block of their own",
                "write them below `basic_auth:`",
            );
        }
        if self.credentials.is_empty() == self.credentials_file.is_empty() {
            report.reject("", "write either credentials or credentials_file");
        }
    }
}
