//! TLS handshakes that come to nothing: counted, logged now and then, and told to the client.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pipeline::telemetry::{MetricAbout, Telemetry};
use rustls::{AlertDescription, Error};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::seldom::Seldom;

/// How long a client may take to hear why it was refused. Without that what it has sent in the meantime would reset the
/// connection, and the alert with it.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// As much of that as is read.
const FAREWELL_BYTES_MAX: u64 = 64 * 1024;

/// The metric, for the table of a component that counts with [`Server::counting`](super::Server::counting).
pub const REFUSED_HANDSHAKES: MetricAbout = MetricAbout {
    name: "inferscope_tls_refused_handshakes",
    help: "TLS handshakes that came to nothing, by reason: no_certificate, bad_certificate, refused_by_client, not_tls, \
           incompatible, broken_off, slow or other.",
    unit: "{connection}",
};

/// Why there was no handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    NoCertificate,
    BadCertificate,
    RefusedByClient,
    NotTls,
    Incompatible,
    BrokenOff,
    Slow,
    Other,
}

/// How many there are.
const REASONS: usize = Reason::Other as usize + 1;

/// Keeps count of the handshakes of one listener.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    telemetry: Option<Telemetry>,
    logged: Seldom<REASONS>,
}

impl Handshakes {
    pub(super) fn counted_by(telemetry: Telemetry) -> Self {
        Self {
            telemetry: Some(telemetry),
            logged: Seldom::default(),
        }
    }

    /// One failed.
    pub(super) fn failed(&self, client: Option<SocketAddr>, error: &io::Error, now: Instant) {
        self.note(Reason::of(error), client, error, now);
    }

    /// One took too long.
    pub(super) fn was_slow(&self, client: Option<SocketAddr>, now: Instant) {
        let error = io::Error::new(io::ErrorKind::TimedOut, "it took too long");
        self.note(Reason::Slow, client, &error, now);
    }

    fn note(&self, reason: Reason, client: Option<SocketAddr>, error: &io::Error, now: Instant) {
        if let Some(telemetry) = &self.telemetry {
            // Rare, so the counter is looked up and not kept.
            let counter = telemetry.with("reason", reason.word()).counter(REFUSED_HANDSHAKES);
            counter.add(1);
        }
        let Some(others) = self.logged.is_due(reason as usize, now) else {
            return;
        };
        let client = client.map_or_else(|| "a Unix socket".to_owned(), |it| it.ip().to_string());
        let reason_word = reason.word();
        if reason == Reason::BrokenOff {
            // Whoever looks whether the port is open does that.
            tracing::debug!(client, reason = reason_word, %error, others, "a TLS handshake came to nothing");
        } else {
            let remedy = reason.remedy();
            tracing::warn!(client, reason = reason_word, %error, others, remedy, "a TLS handshake was refused");
        }
    }
}

impl Reason {
    fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            Some(Error::NoCertificatesPresented) => Self::NoCertificate,
            Some(Error::InvalidCertificate(_)) => Self::BadCertificate,
            Some(Error::AlertReceived(AlertDescription::ProtocolVersion)) => Self::Incompatible,
            Some(Error::AlertReceived(_)) => Self::RefusedByClient,
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => Self::Incompatible,
            Some(_) => Self::Other,
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    Self::BrokenOff
                }
                _ => Self::Other,
            },
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::BadCertificate => "bad_certificate",
            Self::RefusedByClient => "refused_by_client",
            Self::NotTls => "not_tls",
            Self::Incompatible => "incompatible",
            Self::BrokenOff => "broken_off",
            Self::Slow => "slow",
            Self::Other => "other",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::NoCertificate => "give the client a certificate that client_ca_file knows",
            Self::BadCertificate => "give the client a certificate that client_ca_file knows, and that is in force",
            Self::RefusedByClient => {
                "give the client the authority that issued cert_file, and use a name that is in it"
            }
            Self::NotTls => "let the client speak TLS, or delete tls here",
            Self::Incompatible => "let both sides have a version and a cipher in common",
            Self::BrokenOff | Self::Slow | Self::Other => "see the log of the client",
        }
    }
}

/// Lets a client that was refused hear it.
pub(super) async fn farewell(mut io: impl AsyncRead + AsyncWrite + Unpin) {
    let heard = async {
        // It may be gone, and then there is nobody to tell.
        let _ = io.shutdown().await;
        let _ = tokio::io::copy(&mut (&mut io).take(FAREWELL_BYTES_MAX), &mut tokio::io::sink()).await;
    };
    let _ = tokio::time::timeout(FAREWELL_MAX, heard).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    #[test]
    fn reasons_are_told_apart() {
        let of = |error: Error| Reason::of(&io::Error::new(io::ErrorKind::InvalidData, error)).word();

        assert_eq!(of(Error::NoCertificatesPresented), "no_certificate");
        let unknown = Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        assert_eq!(of(unknown), "bad_certificate");
        assert_eq!(
            of(Error::AlertReceived(AlertDescription::UnknownCA)),
            "refused_by_client"
        );
        assert_eq!(
            of(Error::AlertReceived(AlertDescription::ProtocolVersion)),
            "incompatible"
        );
        assert_eq!(
            of(Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)),
            "not_tls"
        );
        assert_eq!(of(Error::DecryptError), "other");
        assert_eq!(Reason::of(&io::ErrorKind::UnexpectedEof.into()).word(), "broken_off");
    }
}
