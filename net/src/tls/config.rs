//! The `tls` blocks of servers and clients.

use std::sync::Arc;

use config::{Duration, Report, Secret, Validate};
use rustls::{ClientConfig, ServerConfig};
use serde::{Deserialize, Deserializer};

use super::material::{self, TlsError};
use super::trust::{self, AnyServer};

/// What the blocks of servers and clients share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Certificates that the other side's must lead to.
    pub ca_file: String,
    /// The same as text.
    pub ca_pem: Secret,
    /// Trusts the system's certificates beside those of `ca_file`.
    pub include_system_ca_certs_pool: bool,
    /// Our certificate, with those between it and the root.
    pub cert_file: String,
    /// The same as text.
    pub cert_pem: Secret,
    /// The key of our certificate.
    pub key_file: String,
    /// The same as text.
    pub key_pem: Secret,
    /// Lowest version, `1.2` or `1.3`; empty means 1.2.
    pub min_version: String,
    /// Highest version; empty means the highest there is.
    pub max_version: String,
    /// TLS 1.2 suites by their IANA names; empty means all that are safe. TLS 1.3 suites cannot be chosen.
    pub cipher_suites: Vec<String>,
    /// Key exchange groups, best first: `X25519`, `P256`, `P384`; empty means all.
    pub curve_preferences: Vec<String>,
    /// How often the files are read again; zero means never.
    pub reload_interval: Duration,
}

/// The `tls` block of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerTls {
    /// The keys that clients have as well.
    pub tls: Tls,
    own: ServerOwn,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct ServerOwn {
    /// Clients must show a certificate that leads to one of these.
    client_ca_file: String,
    /// Reads `client_ca_file` again when it changes.
    client_ca_file_reload: bool,
}

/// The `tls` block of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// The keys that servers have as well.
    pub tls: Tls,
    own: ClientOwn,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct ClientOwn {
    /// No TLS at all.
    insecure: bool,
    /// TLS with whoever answers.
    insecure_skip_verify: bool,
    /// The name that the server's certificate must have, where it is not the one we connect to.
    server_name_override: String,
}

impl<'de> Deserialize<'de> for ServerTls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (tls, own) = config::parts(deserializer)?;
        Ok(Self { tls, own })
    }
}

impl<'de> Deserialize<'de> for ClientTls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (tls, own) = config::parts(deserializer)?;
        Ok(Self { tls, own })
    }
}

impl ServerTls {
    /// Reads the files and makes rustls's configuration, for HTTP/2 and HTTP/1.1.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(self.tls.provider()?));
        let builder = builder
            .with_protocol_versions(&self.tls.versions()?)
            .map_err(TlsError::Settings)?;
        let builder = match self.own.client_ca_file.as_str() {
            "" => builder.with_no_client_auth(),
            file => builder.with_client_cert_verifier(trust::clients(file)?),
        };
        let (chain, key) = self.tls.identity()?.ok_or(TlsError::NoIdentity)?;
        let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Identity)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// How often the files are to be read again; None means never.
    pub fn reload_interval(&self) -> Option<std::time::Duration> {
        // The Collector watches the file; looking every ten seconds is as good and needs no watcher.
        const CLIENT_CA_RELOAD: std::time::Duration = std::time::Duration::from_secs(10);
        let interval = self.tls.reload_interval.limit();
        if !self.own.client_ca_file_reload {
            return interval;
        }
        Some(interval.map_or(CLIENT_CA_RELOAD, |interval| interval.min(CLIENT_CA_RELOAD)))
    }
}

impl ClientTls {
    /// A client's TLS that is always on, for blocks that are written with other keys than the Collector's.
    pub fn to(tls: Tls, server_name_override: String, insecure_skip_verify: bool) -> Self {
        let own = ClientOwn {
            insecure: false,
            insecure_skip_verify,
            server_name_override,
        };
        Self { tls, own }
    }

    /// Plain text, for servers that users cannot choose, such as the kubelet's Unix socket.
    pub fn off() -> Self {
        let own = ClientOwn {
            insecure: true,
            ..ClientOwn::default()
        };
        Self {
            tls: Tls::default(),
            own,
        }
    }

    /// Whether to connect without TLS.
    pub fn insecure(&self) -> bool {
        // As in the Collector: a `ca_file` means that TLS is wanted, whatever `insecure` says.
        self.own.insecure && self.tls.ca_file.is_empty() && self.tls.ca_pem.is_empty()
    }

    /// The name that the server's certificate must have, where it is not the one we connect to.
    pub fn server_name_override(&self) -> Option<&str> {
        Some(self.own.server_name_override.as_str()).filter(|name| !name.is_empty())
    }

    /// Reads the files and makes rustls's configuration. The protocols to negotiate (`alpn_protocols`) are the caller's.
    pub fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(self.tls.provider()?);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder
            .with_protocol_versions(&self.tls.versions()?)
            .map_err(TlsError::Settings)?;
        let builder = if self.own.insecure_skip_verify {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
        } else {
            builder.with_root_certificates(trust::servers(&self.tls)?)
        };
        match self.tls.identity()? {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(TlsError::Identity),
            None => Ok(builder.with_no_client_auth()),
        }
    }

    /// How often the files are to be read again; None means never.
    pub fn reload_interval(&self) -> Option<std::time::Duration> {
        self.tls.reload_interval.limit()
    }
}

/// A certificate is of no use without its key, nor a key without its certificate.
pub fn require_both(has_cert: bool, has_key: bool, report: &mut Report<'_>) {
    if has_cert == has_key {
        return;
    }
    let (has, lacks) = if has_cert {
        ("cert_file", "key_file")
    } else {
        ("key_file", "cert_file")
    };
    report.reject(
        has,
        format!("a certificate and its key belong together; set {lacks} too"),
    );
}

impl Validate for Tls {
    fn validate(&self, report: &mut Report<'_>) {
        for (file, pem, what) in [
            (&self.ca_file, &self.ca_pem, "ca"),
            (&self.cert_file, &self.cert_pem, "cert"),
            (&self.key_file, &self.key_pem, "key"),
        ] {
            if !file.is_empty() && !pem.is_empty() {
                report.reject(
                    &format!("{what}_pem"),
                    format!("{what}_file is set as well; keep one of them"),
                );
            }
        }
        let has_cert = !(self.cert_file.is_empty() && self.cert_pem.is_empty());
        let has_key = !(self.key_file.is_empty() && self.key_pem.is_empty());
        require_both(has_cert, has_key, report);
        for (path, version) in [("min_version", &self.min_version), ("max_version", &self.max_version)] {
            if let Err(problem) = material::version(version) {
                report.reject(path, problem.to_string());
            }
        }
        if self.versions().is_ok_and(|versions| versions.is_empty()) {
            report.reject("max_version", "lies below min_version");
        }
        if let Err(problem) = material::suites(&self.cipher_suites) {
            report.reject("cipher_suites", problem.to_string());
        }
        if let Err(problem) = material::groups(&self.curve_preferences) {
            report.reject("curve_preferences", problem.to_string());
        }
    }
}

impl Validate for ServerTls {
    fn validate(&self, report: &mut Report<'_>) {
        self.tls.validate(report);
        if self.tls.cert_file.is_empty() && self.tls.cert_pem.is_empty() {
            report.reject("", "a server needs its certificate: set cert_file and key_file");
        }
        if !self.tls.ca_file.is_empty() && self.own.client_ca_file.is_empty() {
            report.notice(
                "ca_file",
                "has no effect in a server; client_ca_file is what clients are checked against",
            );
        }
    }
}

impl Validate for ClientTls {
    fn validate(&self, report: &mut Report<'_>) {
        self.tls.validate(report);
        if self.own.insecure && !self.insecure() {
            report.notice("insecure", "has no effect, because ca_file asks for TLS");
        }
        if self.own.insecure_skip_verify && !self.insecure() {
            report.warn(
                "insecure_skip_verify",
                "anybody who reaches this connection can read and change what is sent",
            );
        }
    }
}
