//! How a server is reached and convinced that it may answer, with Prometheus' keys.

use config::{Report, Secret, Unread, Validate};
use net::client::http::GetConfig;
use net::tls::{ClientTls, Tls};
use serde::{Deserialize, Deserializer};

use super::not_built::{AccessNotBuilt, references};

/// How a server is reached: the keys that jobs and `http_sd_configs` share.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Access {
    /// What is written here.
    pub own: Ways,
    /// TLS in the Collector's keys, for receivers that have those; it stands in for `tls_config`.
    pub tls: Option<ClientTls>,
    not_built: AccessNotBuilt,
}

/// The keys of [`Access`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ways {
    /// User and password.
    pub basic_auth: Option<BasicAuth>,
    /// A token.
    pub authorization: Option<Authorization>,
    /// A token, in the old form.
    pub bearer_token: Secret,
    /// A file with a token, in the old form.
    pub bearer_token_file: String,
    /// TLS for `https`.
    pub tls_config: TlsConfig,
    /// Whether redirects are followed; what holds where it is not set is for the user of this block to say.
    pub follow_redirects: Option<bool>,
    /// Whether HTTP/2 is offered to servers with TLS.
    pub enable_http2: bool,
    /// An `http://` proxy; it may hold a password, so it is a secret.
    pub proxy_url: Secret,
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            bearer_token: Secret::default(),
            bearer_token_file: String::new(),
            tls_config: TlsConfig::default(),
            follow_redirects: None,
            enable_http2: true,
            proxy_url: Secret::default(),
        }
    }
}

impl Access {
    /// What a client needs that gets pages; `https` says whether some URL may need TLS.
    pub fn get_config(&self, https: bool, redirects: bool, compression: bool) -> GetConfig {
        GetConfig {
            tls: self.tls.clone().unwrap_or_else(|| self.own.tls_config.client()),
            https,
            http2: self.own.enable_http2,
            compression,
            redirects,
            proxy_url: self.own.proxy_url.clone(),
        }
    }

    /// Paths of files that are relative are so to this folder.
    pub(super) fn move_to(&mut self, folder: &str) {
        let ways = &mut self.own;
        let mut paths = vec![&mut ways.bearer_token_file];
        if let Some(basic) = &mut ways.basic_auth {
            paths.extend([&mut basic.username_file, &mut basic.password_file]);
        }
        if let Some(authorization) = &mut ways.authorization {
            paths.push(&mut authorization.credentials_file);
        }
        let tls = &mut ways.tls_config;
        paths.extend([&mut tls.ca_file, &mut tls.cert_file, &mut tls.key_file]);
        paths.into_iter().for_each(|path| join(folder, path));
    }
}

/// Puts a folder in front of a path that is relative and not empty.
pub(super) fn join(folder: &str, path: &mut String) {
    if !path.is_empty() && !path.starts_with('/') && !folder.is_empty() {
        *path = format!("{}/{path}", folder.trim_end_matches('/'));
    }
}

impl<'de> Deserialize<'de> for Access {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (own, not_built) = config::parts(deserializer)?;
        Ok(Self {
            own,
            tls: None,
            not_built,
        })
    }
}

impl Validate for Access {
    fn validate(&self, report: &mut Report<'_>) {
        self.not_built.validate(report);
        let ways = &self.own;
        report.within("tls_config", |report| ways.tls_config.validate(report));
        let all = [
            ("basic_auth", ways.basic_auth.is_some()),
            ("authorization", ways.authorization.is_some()),
            ("bearer_token", !ways.bearer_token.is_empty()),
            ("bearer_token_file", !ways.bearer_token_file.is_empty()),
        ];
        let mut used = all.into_iter().filter(|(_, used)| *used).map(|(key, _)| key);
        if let (Some(first), Some(second)) = (used.next(), used.next()) {
            report.reject(second, format!("{first} is set as well; keep one of them"));
        }
        if let Some(basic) = &ways.basic_auth {
            report.within("basic_auth", |report| basic.validate(report));
        }
        if let Some(authorization) = &ways.authorization {
            report.within("authorization", |report| authorization.validate(report));
        }
    }
}

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
    username_ref: Option<Unread>,
    password_ref: Option<Unread>,
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
    credentials_ref: Option<Unread>,
}

impl Default for Authorization {
    fn default() -> Self {
        Self {
            scheme: "Bearer".to_owned(),
            credentials: Secret::default(),
            credentials_file: String::new(),
            credentials_ref: None,
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
    ca_ref: Option<Unread>,
    cert_ref: Option<Unread>,
    key_ref: Option<Unread>,
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
        references(&["ca_ref", "cert_ref", "key_ref"], report);
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
        references(&["username_ref", "password_ref"], report);
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
        references(&["credentials_ref"], report);
        if !report.has("credentials_ref") && self.credentials.is_empty() == self.credentials_file.is_empty() {
            report.reject("", "write either credentials or credentials_file");
        }
    }
}
