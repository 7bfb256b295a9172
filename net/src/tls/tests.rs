use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ::config::{Diagnostics, Section};
use pipeline::outside::{Clock, ManualClock};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

fn read<T: serde::de::DeserializeOwned + ::config::Validate>(yaml: &str) -> Result<T, String> {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let read = ::config::decode(&section, &mut diagnostics);
    if diagnostics.has_errors() {
        Err(diagnostics.render(false))
    } else {
        Ok(read.unwrap())
    }
}

/// A root, and a certificate and key for `localhost` that lead to it, as PEM.
fn papers() -> (String, String, String) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &root)
        .unwrap();
    (root.pem(), certificate.pem(), key.serialize_pem())
}

fn block(lines: &[(&str, &str)]) -> String {
    lines
        .iter()
        .map(|(key, value)| format!("{key}: {}\n", serde_json::Value::from(*value)))
        .collect()
}

async fn shake(server: &ServerTls, client: &ClientTls, name: &str) -> Result<(), String> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let acceptor = TlsAcceptor::from(server.server_config().map_err(|error| error.to_string())?);
    let connector = TlsConnector::from(Arc::new(client.client_config().map_err(|error| error.to_string())?));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let (accepted, connected) = tokio::join!(acceptor.accept(far), connector.connect(name, near));
    connected.map_err(|error| error.to_string())?;
    accepted.map_err(|error| error.to_string())?;
    Ok(())
}

#[tokio::test]
async fn a_client_trusts_its_ca_and_nobody_else() {
    let (root, certificate, key) = papers();
    let server: ServerTls = read(&block(&[("cert_pem", &certificate), ("key_pem", &key)])).unwrap();
    let ours: ClientTls = read(&block(&[("ca_pem", &root)])).unwrap();
    let others: ClientTls = read(&block(&[("ca_pem", &papers().0)])).unwrap();
    let blind: ClientTls = read("insecure_skip_verify: true").unwrap();

    assert_eq!(shake(&server, &ours, "localhost").await, Ok(()));
    assert!(
        shake(&server, &ours, "elsewhere.example.com").await.is_err(),
        "the name is checked"
    );
    assert!(shake(&server, &others, "localhost").await.is_err());
    assert_eq!(shake(&server, &blind, "elsewhere.example.com").await, Ok(()));
}

#[tokio::test]
async fn versions_must_meet() {
    let (root, certificate, key) = papers();
    let server = block(&[("cert_pem", &certificate), ("key_pem", &key)]);
    let modern: ServerTls = read(&format!("{server}min_version: '1.3'\n")).unwrap();
    let client = block(&[("ca_pem", &root)]);
    let old: ClientTls = read(&format!("{client}max_version: '1.2'\n")).unwrap();

    assert!(shake(&modern, &old, "localhost").await.is_err());
    let server: ServerTls = read(&server).unwrap();
    assert_eq!(shake(&server, &old, "localhost").await, Ok(()));
}

#[tokio::test]
async fn suites_and_curves_are_those_that_were_chosen() {
    let (root, certificate, key) = papers();
    let server = block(&[("cert_pem", &certificate), ("key_pem", &key), ("max_version", "1.2")]);
    let suite = |name: &str| read::<ServerTls>(&format!("{server}cipher_suites: [{name}]\n")).unwrap();
    let client = format!("{}max_version: '1.2'\n", block(&[("ca_pem", &root)]));
    let chacha = "cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]\n";
    let client: ClientTls = read(&format!("{client}{chacha}curve_preferences: [X25519]\n")).unwrap();

    let same = suite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    let other = suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");

    assert_eq!(shake(&same, &client, "localhost").await, Ok(()));
    assert!(shake(&other, &client, "localhost").await.is_err());
}

#[test]
fn a_client_is_insecure_only_where_nothing_asks_for_tls() {
    assert!(read::<ClientTls>("insecure: true").unwrap().insecure());
    assert!(!read::<ClientTls>("{}").unwrap().insecure());
    assert!(
        !read::<ClientTls>("{ insecure: true, ca_file: x.pem }")
            .unwrap()
            .insecure()
    );
    assert_eq!(
        read::<ClientTls>("server_name_override: a")
            .unwrap()
            .server_name_override(),
        Some("a")
    );
}

#[test]
fn half_an_identity_and_both_forms_of_one_are_errors() {
    assert!(
        read::<ClientTls>("cert_file: a.pem")
            .unwrap_err()
            .contains("belong together")
    );
    assert!(
        read::<ClientTls>("key_file: a.pem")
            .unwrap_err()
            .contains("belong together")
    );
    assert!(
        read::<ClientTls>("{ ca_file: a, ca_pem: b }")
            .unwrap_err()
            .contains("keep one of them")
    );
    assert!(read::<ServerTls>("{}").unwrap_err().contains("needs its certificate"));
    assert!(
        read::<ServerTls>("{ insecure: true, cert_file: a, key_file: b }").is_err(),
        "a client's key"
    );
    assert!(read::<ClientTls>("client_ca_file: a").is_err(), "a server's key");
}

#[test]
fn errors_name_the_place_and_never_the_secret() {
    let (_, certificate, _) = papers();
    let server: ServerTls = read(&block(&[("cert_pem", &certificate), ("key_pem", "hunter2")])).unwrap();

    let error = server.server_config().unwrap_err();

    assert_eq!(error.to_string(), "key_pem holds no private key; it must be PEM");
    assert!(!format!("{error:?} {server:?}").contains("hunter2"));
}

#[test]
fn a_reload_happens_when_it_is_due_and_a_bad_one_changes_nothing() {
    let loads = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&loads);
    let start = ManualClock::new().now();
    let reloading = Reloading::new(Some(Duration::from_secs(10)), start, move || {
        let load = counted.fetch_add(1, Ordering::Relaxed);
        if load == 1 {
            Err(TlsError::NoIdentity)
        } else {
            Ok(Arc::new(load))
        }
    });
    let reloading = reloading.unwrap();
    let at = |seconds| *reloading.current(start + Duration::from_secs(seconds));

    assert_eq!((at(0), at(9)), (0, 0));
    assert_eq!(at(10), 0, "the bad one is passed over");
    assert_eq!((at(19), at(20)), (0, 2));
    assert_eq!(loads.load(Ordering::Relaxed), 3);
}

#[test]
fn a_client_ca_that_is_watched_is_read_again_within_ten_seconds() {
    let interval = |more: &str| {
        read::<ServerTls>(&format!("{{ cert_file: a, key_file: b, {more} }}"))
            .unwrap()
            .reload_interval()
    };

    assert_eq!(interval(""), None);
    assert_eq!(interval("reload_interval: 1h"), Some(Duration::from_secs(3_600)));
    assert_eq!(interval("client_ca_file_reload: true"), Some(Duration::from_secs(10)));
    assert_eq!(
        interval("client_ca_file_reload: true, reload_interval: 3s"),
        Some(Duration::from_secs(3))
    );
}
