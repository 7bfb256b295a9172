//! Why TLS with a server came to nothing, and what to do about it.
//!
//! In TLS 1.3 a client is done before the server has looked at its certificate, so the refusal comes with the first bytes
//! that it reads – or never, where it writes first and the server is gone already. What stands in the way of writing is
//! therefore looked for among what there is to read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::{AlertDescription, CertificateError, Error};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::heard::Heard;

/// A TLS connection whose errors say why.
pub(super) struct Explained<S> {
    pub(super) stream: S,
    /// Its authority.
    pub(super) server: Arc<str>,
    /// Who keeps what it says.
    pub(super) heard: Heard,
}

/// An error of TLS with its remedy, if one is known; any other as it is.
pub(super) fn explained(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner.and_then(remedy) {
        Some(remedy) => io::Error::new(error.kind(), format!("{error}; {remedy}")),
        None => error,
    }
}

fn remedy(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
                "the server asks for a certificate of ours: set tls::cert_file and tls::key_file"
            }
            AlertDescription::HandshakeFailure => {
                "the server may ask for a certificate of ours (tls::cert_file), or have no cipher in common with us"
            }
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied => {
                "the server does not take our certificate: tls::cert_file must be issued by its client_ca_file"
            }
            AlertDescription::CertificateExpired | AlertDescription::CertificateRevoked => {
                "our certificate is not in force any more: renew tls::cert_file"
            }
            AlertDescription::ProtocolVersion => "set tls::min_version and tls::max_version to what the server speaks",
            AlertDescription::UnrecognisedName => "set tls::server_name_override to a name of the server",
            _ => return None,
        },
        Error::InvalidCertificate(problem) => match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "set tls::ca_file to the authority that issued the server's certificate"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "set tls::server_name_override to a name in the server's certificate"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server has to renew its certificate; or look at the clock of this machine"
            }
            _ => return None,
        },
        Error::InvalidMessage(_) => {
            "the server does not speak TLS on this port: set tls::insecure to true if that is meant"
        }
        _ => return None,
    })
}

impl<S: AsyncRead + Unpin> Explained<S> {
    /// What the server said before it went, if it said something; else why we could not write.
    fn why(&mut self, context: &mut Context<'_>, writing: io::Error) -> io::Error {
        let mut bytes = [0; 1024];
        // The connection is over, so what is read here is missed by nobody.
        for _ in 0..16 {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(Err(said)) if said.get_ref().is_some_and(|it| it.is::<Error>()) => {
                    return self.heard.explained(&self.server, said);
                }
                _ => break,
            }
        }
        self.heard.explained(&self.server, writing)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        read.map_err(|error| self.heard.explained(&self.server, error))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        written.map_err(|error| self.why(context, error))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        written.map_err(|error| self.why(context, error))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        flushed.map_err(|error| self.why(context, error))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
