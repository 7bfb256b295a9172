//! What a client's certificate calls it.
//!
//! The handshake has checked that the certificate leads to one of ours and that the client has its key; here its names
//! are only read. Names that cannot be read are no names, and never somebody else's.

use std::sync::Arc;

use pipeline::{Identity, Method, Subject};
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Names of one certificate that are looked at; a certificate with more is made for something else.
const NAMES_MAX: usize = 16;

/// Longest name that is looked at: what a URI may have in a SPIFFE certificate.
const NAME_BYTES_MAX: usize = 2_048;

/// DER, `SEQUENCE`.
const SEQUENCE: u8 = 0x30;
/// DER, `SET`.
const SET: u8 = 0x31;
/// DER, `OBJECT IDENTIFIER`.
const OBJECT: u8 = 0x06;
/// DER, `UTF8String` and `PrintableString`: what common names are written in (RFC 5280 section 4.1.2.4).
const TEXTS: [u8; 2] = [0x0c, 0x13];
/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// Who a client is, by the chain that it showed in the handshake; the first certificate is its own.
pub(super) fn identity(chain: Option<&[CertificateDer<'_>]>) -> Identity {
    let Some(own) = chain.and_then(<[_]>::first) else {
        return Identity::Unasked;
    };
    let names = EndEntityCert::try_from(own).map_or_else(|_| Vec::new(), |it| names(&it));
    Identity::Known(Arc::new(Subject {
        method: Method::Certificate,
        names,
    }))
}

/// URIs, then host names; the common name only where there are none, as for servers (RFC 6125 section 6.4.4).
fn names(certificate: &EndEntityCert<'_>) -> Vec<String> {
    let alternative = certificate.valid_uri_names().chain(certificate.valid_dns_names());
    let fitting = alternative.filter(|name| (1..=NAME_BYTES_MAX).contains(&name.len()));
    let names: Vec<String> = fitting.take(NAMES_MAX).map(str::to_owned).collect();
    if !names.is_empty() {
        return names;
    }
    common_name(certificate.subject()).into_iter().collect()
}

/// The last common name of a subject, which is the most specific one. `subject` is what stands in its outer sequence.
fn common_name(mut subject: &[u8]) -> Option<String> {
    let mut found = None;
    while !subject.is_empty() {
        let (mut set, rest) = expect(SET, subject)?;
        subject = rest;
        while !set.is_empty() {
            let (pair, more) = expect(SEQUENCE, set)?;
            set = more;
            let (kind, value) = expect(OBJECT, pair)?;
            let (tag, text, _) = element(value)?;
            if kind == COMMON_NAME && TEXTS.contains(&tag) && text.len() <= NAME_BYTES_MAX {
                found = std::str::from_utf8(text).ok().map(str::to_owned);
            }
        }
    }
    found.filter(|name| !name.is_empty())
}

/// The content of an element of this kind, and what follows it.
fn expect(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(der)?;
    (found == tag).then_some((content, rest))
}

/// The first element: its tag, its content, and what follows. Lengths have at most two bytes here.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (length, content) = match *der {
        [_, length @ ..=0x7f, ..] => (usize::from(length), der.get(2..)?),
        [_, 0x81, length, ..] => (usize::from(length), der.get(3..)?),
        [_, 0x82, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), der.get(4..)?),
        _ => return None,
    };
    Some((*der.first()?, content.get(..length)?, content.get(length..)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(common_name: &str, alternative: Vec<SanType>) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "Acme");
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.subject_alt_names = alternative;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn read(certificate: &CertificateDer<'_>) -> Vec<String> {
        identity(Some(std::slice::from_ref(certificate))).names().to_vec()
    }

    #[test]
    fn uris_come_before_host_names_and_hide_the_common_name() {
        let dns = SanType::DnsName("agent.acme.example".try_into().unwrap());
        let uri = SanType::URI("spiffe://acme/agent".try_into().unwrap());

        assert_eq!(
            read(&certificate("beta", vec![dns, uri])),
            ["spiffe://acme/agent", "agent.acme.example"]
        );
    }

    #[test]
    fn a_certificate_without_alternative_names_is_called_by_its_common_name() {
        assert_eq!(read(&certificate("acme-agent", Vec::new())), ["acme-agent"]);
        let long = "x".repeat(200);
        assert_eq!(read(&certificate(&long, Vec::new())), [long], "a length of two bytes");
    }

    #[test]
    fn without_a_certificate_nobody_was_asked_and_one_that_cannot_be_read_has_no_name() {
        assert_eq!(identity(None), Identity::Unasked);
        let garbage = CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]);

        let found = identity(Some(std::slice::from_ref(&garbage)));

        assert!(found.was_asked() && found.names().is_empty(), "{found:?}");
    }

    proptest! {
        #[test]
        fn any_subject_is_read_without_a_panic(subject in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = common_name(&subject);
        }
    }
}
