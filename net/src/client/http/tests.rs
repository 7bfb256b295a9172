#![allow(clippy::unwrap_used, clippy::expect_used)]

//! What clients say of servers that refuse them. Requests that are answered are tested with the exporters that make them.

use std::collections::VecDeque;
use std::sync::Arc;

use ::config::{Diagnostics, Section};
use ::http::{HeaderMap, Uri};
use pipeline::outside::Outside;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tls::ServerTls;

/// How a server treats one connection.
#[derive(Clone, Copy)]
enum Treats {
    /// Asks for a certificate, and sends away whoever has none.
    Refuses,
    /// Closes after the handshake, without a word.
    Closes,
}

fn read<T: serde::de::DeserializeOwned + ::config::Validate>(keys: &[(&str, &str)]) -> T {
    let line = |(key, value): &(&str, &str)| format!("{key}: {}\n", serde_json::Value::from(*value));
    let yaml: String = keys.iter().map(line).collect();
    let section = Section::from_yaml("test.yaml", &yaml).unwrap();
    ::config::decode(&section, &mut Diagnostics::new()).unwrap()
}

/// Servers at `localhost` that one client trusts.
struct Servers {
    root: String,
    certificate: String,
    key: String,
}

impl Servers {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        Self {
            root: root.pem(),
            certificate: params.signed_by(&key, &root).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// Starts one that treats its connections like this, and is gone after the last.
    async fn start(&self, treats: &[Treats]) -> Uri {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let keys = [("cert_pem", self.certificate.as_str()), ("key_pem", self.key.as_str())];
        let open: ServerTls = read(&keys);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &self.root).unwrap();
        let strict: ServerTls = read(&[keys[0], keys[1], ("client_ca_file", file.path().to_str().unwrap())]);
        let (open, strict) = (open.server_config().unwrap(), strict.server_config().unwrap());
        let mut treats = VecDeque::from(treats.to_vec());
        tokio::spawn(async move {
            while let Some(treat) = treats.pop_front() {
                let (mut stream, _) = listener.accept().await.unwrap();
                match treat {
                    Treats::Refuses => {
                        let refused = TlsAcceptor::from(Arc::clone(&strict)).accept(&mut stream).await;
                        assert!(refused.is_err());
                    }
                    Treats::Closes => {
                        let mut secured = TlsAcceptor::from(Arc::clone(&open)).accept(&mut stream).await.unwrap();
                        // Not before there is a request, so that it is clear what its failure is.
                        let _ = secured.read_u8().await;
                    }
                }
                if treats.is_empty() {
                    break;
                }
            }
        });
        url.parse().unwrap()
    }

    fn getter(&self) -> Getter {
        let config = GetConfig {
            tls: read(&[("ca_pem", &self.root)]),
            https: true,
            ..GetConfig::default()
        };
        Getter::new(&config, &Outside::system()).unwrap()
    }
}

async fn failure(getter: &Getter, url: &Uri) -> String {
    getter.open(url, HeaderMap::new()).await.unwrap_err().to_string()
}

/// A URL that nobody listens at.
async fn nowhere() -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    url.parse().unwrap()
}

#[tokio::test]
async fn what_one_server_says_is_no_reason_of_anothers_failure() {
    let servers = Servers::new();
    let getter = servers.getter();
    let strict = servers.start(&[Treats::Refuses]).await;
    let silent = servers.start(&[Treats::Closes]).await;
    let away = nowhere().await;

    let refused = failure(&getter, &strict).await;
    let closed = failure(&getter, &silent).await;
    let unreachable = failure(&getter, &away).await;

    assert!(refused.contains("set tls::cert_file and tls::key_file"), "{refused}");
    assert!(!closed.contains("alert"), "{closed}");
    assert!(
        unreachable.contains("cannot connect") && !unreachable.contains("alert"),
        "{unreachable}"
    );
}

#[tokio::test]
async fn what_a_server_said_before_it_went_down_is_no_reason_afterwards() {
    let servers = Servers::new();
    let getter = servers.getter();
    let url = servers.start(&[Treats::Refuses, Treats::Closes]).await;

    let refused = failure(&getter, &url).await;
    let closed = failure(&getter, &url).await;
    let down = failure(&getter, &url).await;

    assert!(refused.contains("alert"), "{refused}");
    assert!(!closed.contains("alert"), "{closed}");
    assert!(down.contains("cannot connect") && !down.contains("alert"), "{down}");
}
