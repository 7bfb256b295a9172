//! Certificates, keys, versions and suites: from what users write to what rustls takes.

use std::fs;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedCipherSuite};

use super::Tls;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{file} cannot be read; check the path and its permissions")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A file or text holds nothing that can be used.
    #[error("{place} holds no {what}; it must be PEM")]
    Empty {
        /// Where.
        place: String,
        /// What was looked for.
        what: &'static str,
    },
    /// A server without a certificate.
    #[error("a server needs its certificate: set cert_file and key_file")]
    NoIdentity,
    /// Certificate and key do not fit.
    #[error("the certificate and the key cannot be used together")]
    Identity(#[source] rustls::Error),
    /// Versions and suites do not fit.
    #[error("the chosen TLS versions and suites do not work together")]
    Settings(#[source] rustls::Error),
    /// Certificates to trust cannot be used.
    #[error("{place} cannot be used to check certificates: {why}")]
    Trust {
        /// Where.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// A key of the configuration asks for what is not built.
    #[error("{0}")]
    Unsupported(String),
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Tls {
    /// Our certificate and key, where the configuration has them.
    pub(super) fn identity(&self) -> Result<Option<Identity>, TlsError> {
        let Some((place, chain)) = pem(&self.cert_file, self.cert_pem.reveal(), "cert_pem")? else {
            return Ok(None);
        };
        let Some((key_place, key)) = pem(&self.key_file, self.key_pem.reveal(), "key_pem")? else {
            return Err(TlsError::NoIdentity);
        };
        let chain = certificates(&place, &chain)?;
        let key = PrivateKeyDer::from_pem_slice(&key);
        let key = key.map_err(|_| TlsError::Empty {
            place: key_place,
            what: "private key",
        })?;
        Ok(Some((chain, key)))
    }

    pub(super) fn provider(&self) -> Result<CryptoProvider, TlsError> {
        let mut provider = ring::default_provider();
        let chosen = suites(&self.cipher_suites)?;
        if !chosen.is_empty() {
            provider
                .cipher_suites
                .retain(|suite| suite.tls13().is_some() || chosen.contains(suite));
        }
        let groups = groups(&self.curve_preferences)?;
        if !groups.is_empty() {
            provider.kx_groups = groups;
        }
        Ok(provider)
    }

    pub(super) fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
        let lowest = version(&self.min_version)?.unwrap_or(12);
        let highest = version(&self.max_version)?.unwrap_or(13);
        let all = [(12, &TLS12), (13, &TLS13)];
        Ok(all
            .into_iter()
            .filter(|(number, _)| (lowest..=highest).contains(number))
            .map(|(_, it)| it)
            .collect())
    }
}

/// The PEM text of a key that may be a file or the text itself, with the place to name in errors.
pub(super) fn pem(file: &str, text: &str, key: &str) -> Result<Option<(String, Vec<u8>)>, TlsError> {
    if !file.is_empty() {
        let read = fs::read(file).map_err(|cause| TlsError::Unreadable {
            file: file.to_owned(),
            cause,
        })?;
        return Ok(Some((file.to_owned(), read)));
    }
    Ok((!text.is_empty()).then(|| (key.to_owned(), text.as_bytes().to_vec())))
}

pub(super) fn certificates(place: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.unwrap_or_default();
    if read.is_empty() {
        return Err(TlsError::Empty {
            place: place.to_owned(),
            what: "certificate",
        });
    }
    Ok(read)
}

/// The number of a version; None where the user leaves it open.
pub(super) fn version(text: &str) -> Result<Option<u8>, TlsError> {
    match text {
        "" => Ok(None),
        "1.2" => Ok(Some(12)),
        "1.3" => Ok(Some(13)),
        "1.0" | "1.1" => Err(TlsError::Unsupported(format!(
            "TLS {text} is broken and not built in (RFC 8996 forbids it); write \"1.2\" or \"1.3\""
        ))),
        _ => Err(TlsError::Unsupported(format!(
            "unknown TLS version {text:?}; write \"1.2\" or \"1.3\""
        ))),
    }
}

pub(super) fn suites(names: &[String]) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let known = ring::default_provider().cipher_suites;
    names.iter().map(|name| suite(name, &known)).collect()
}

fn suite(name: &str, known: &[SupportedCipherSuite]) -> Result<SupportedCipherSuite, TlsError> {
    // rustls writes TLS13_AES_128_GCM_SHA256 where IANA and the Collector write TLS_AES_128_GCM_SHA256.
    let found = known.iter().find(|suite| {
        let own = format!("{:?}", suite.suite());
        own == name || own.replacen("TLS13_", "TLS_", 1) == name
    });
    found.copied().ok_or_else(|| {
        let names: Vec<_> = known
            .iter()
            .filter(|suite| suite.tls13().is_none())
            .map(|one| one.suite())
            .collect();
        TlsError::Unsupported(format!(
            "cipher suite {name} is unknown or insecure and not built in; there are {names:?}, and those of TLS 1.3"
        ))
    })
}

pub(super) fn groups(names: &[String]) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
    names.iter().map(|name| group(name)).collect()
}

fn group(name: &str) -> Result<&'static dyn SupportedKxGroup, TlsError> {
    let wanted = match name {
        "X25519" => Some(NamedGroup::X25519),
        "P256" | "CurveP256" => Some(NamedGroup::secp256r1),
        "P384" | "CurveP384" => Some(NamedGroup::secp384r1),
        _ => None,
    };
    let groups = ring::default_provider().kx_groups;
    let found = wanted.and_then(|wanted| groups.into_iter().find(|group| group.name() == wanted));
    let help = || TlsError::Unsupported(format!("curve {name} is not built in; there are X25519, P256 and P384"));
    found.ok_or_else(help)
}
