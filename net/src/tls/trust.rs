//! Whom to trust.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::Tls;
use super::material::{TlsError, certificates, pem};

/// The certificates that servers must lead to: those of the configuration, or the system's.
pub(super) fn servers(tls: &Tls) -> Result<RootCertStore, TlsError> {
    let own = pem(&tls.ca_file, tls.ca_pem.reveal(), "ca_pem")?;
    let mut roots = RootCertStore::empty();
    if own.is_none() || tls.include_system_ca_certs_pool {
        let system = rustls_native_certs::load_native_certs();
        for problem in &system.errors {
            tracing::warn!(%problem, "a system certificate cannot be read");
        }
        // A system store holds odd certificates as a rule; those that cannot be used are left out.
        roots.add_parsable_certificates(system.certs);
    }
    if let Some((place, text)) = own {
        add(&mut roots, &place, &text)?;
    }
    Ok(roots)
}

/// A verifier that asks clients for a certificate that leads to one of those in `file`.
pub(super) fn clients(file: &str) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some((place, text)) = pem(file, "", "client_ca_file")? {
        add(&mut roots, &place, &text)?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|cause| TlsError::Trust {
        place: file.to_owned(),
        why: cause.to_string(),
    })
}

fn add(roots: &mut RootCertStore, place: &str, text: &[u8]) -> Result<(), TlsError> {
    for certificate in certificates(place, text)? {
        let problem = |cause: rustls::Error| TlsError::Trust {
            place: place.to_owned(),
            why: cause.to_string(),
        };
        roots.add(certificate).map_err(problem)?;
    }
    Ok(())
}

/// Takes every certificate, for `insecure_skip_verify`. Signatures are still checked, so that a wrong key is noticed.
#[derive(Debug)]
pub(super) struct AnyServer(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
