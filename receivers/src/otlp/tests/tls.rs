//! TLS and mutual TLS with certificates of our own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use net::grpc::{Code, Status};
use pipeline::{Identity, Method, Outcome};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::rig::{self, Rig, TRACES, framed, span};

/// What clients' certificates call them.
const AGENT: &str = "spiffe://acme/agent";

/// A directory with a root (`ca.pem`) and certificates for a server and a client.
struct Papers(TempDir);

impl Papers {
    fn new() -> Self {
        let papers = Self(tempfile::tempdir().unwrap());
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(papers.path("ca.pem"), ca.pem()).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            if name == "client" {
                params.subject_alt_names.push(SanType::URI(AGENT.try_into().unwrap()));
            }
            fs::write(
                papers.path(&format!("{name}.pem")),
                params.signed_by(&key, &ca).unwrap().pem(),
            )
            .unwrap();
            fs::write(papers.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        papers
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn server_yaml(&self, more: &str) -> String {
        let (cert, key) = (self.path("server.pem"), self.path("server.key"));
        format!(
            "protocols: {{ grpc: {{ endpoint: '127.0.0.1:0', tls: {{ cert_file: '{cert}', key_file: '{key}' {more} }} }} }}"
        )
    }

    fn client(&self, with_certificate: bool) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.path("ca.pem"))).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = if with_certificate {
            let key = PrivateKeyDer::from_pem_file(self.path("client.key")).unwrap();
            builder
                .with_client_auth_cert(vec![certificate(&self.path("client.pem"))], key)
                .unwrap()
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

fn certificate(file: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(Path::new(file)).unwrap()
}

async fn call(rig: &Rig, client: ClientConfig) -> Result<Status, String> {
    let message = Bytes::from(framed(false, &rig::request(vec![span("one")])));
    let request = http::Request::post(format!("https://localhost{TRACES}")).header("content-type", "application/grpc");
    let response = send_to(rig.grpc(), client, request.body(Full::new(message)).unwrap()).await?;
    let collected = response
        .into_body()
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok(Status::read(collected.trailers().unwrap()).unwrap())
}

async fn send_to(
    address: SocketAddr,
    client: ClientConfig,
    request: http::Request<Full<Bytes>>,
) -> Result<Response<Incoming>, String> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
        .map_err(|error| error.to_string())?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn tls_speaks_http2_and_a_foreign_root_is_refused() {
    let (papers, others) = (Papers::new(), Papers::new());
    let rig = Rig::with(&papers.server_yaml(""), Outcome::Delivered).await;

    assert_eq!(call(&rig, papers.client(false)).await.unwrap().code, Code::Ok);
    assert!(call(&rig, others.client(false)).await.is_err());
}

#[tokio::test]
async fn with_client_ca_file_only_clients_with_a_certificate_get_in() {
    let (papers, others) = (Papers::new(), Papers::new());
    let client_ca = format!(", client_ca_file: '{}'", papers.path("ca.pem"));
    let rig = Rig::with(&papers.server_yaml(&client_ca), Outcome::Delivered).await;
    let mut forged = others.client(true);
    forged
        .dangerous()
        .set_certificate_verifier(Arc::clone(&verifier_of(&papers)));

    assert_eq!(call(&rig, papers.client(true)).await.unwrap().code, Code::Ok);
    assert!(call(&rig, papers.client(false)).await.is_err(), "without a certificate");
    assert!(
        call(&rig, forged).await.is_err(),
        "with a certificate of a foreign root"
    );
}

/// The identity of the next batch, which is taken.
async fn identity(rig: &mut Rig) -> Identity {
    let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();
    let identity = batch.origin.identity.clone();
    batch.settle(Outcome::Delivered);
    identity
}

#[tokio::test]
async fn the_names_in_a_clients_certificate_travel_with_what_it_sends_by_grpc_and_by_http() {
    let papers = Papers::new();
    let client_ca = format!(", client_ca_file: '{}'", papers.path("ca.pem"));
    let mut rig = Rig::start(&papers.server_yaml(&client_ca)).await;
    let http = http::Request::post("https://localhost/v1/traces").header("content-type", "application/x-protobuf");
    let http = http
        .body(Full::new(Bytes::from(rig::request(vec![span("one")]))))
        .unwrap();

    for by_grpc in [true, false] {
        let client = papers.client(true);
        let address = rig.grpc();
        let sending = async {
            if by_grpc {
                let message = Bytes::from(framed(false, &rig::request(vec![span("one")])));
                let request = http::Request::post(format!("https://localhost{TRACES}"));
                let request = request.header("content-type", "application/grpc");
                send_to(address, client, request.body(Full::new(message)).unwrap()).await
            } else {
                send_to(address, client, http.clone()).await
            }
        };
        let (sent, found) = tokio::join!(sending, identity(&mut rig));

        assert!(sent.is_ok(), "{sent:?}");
        let Identity::Known(subject) = found else {
            panic!("nobody was recognised: {found:?}");
        };
        assert_eq!(subject.method, Method::Certificate);
        assert_eq!(subject.names, [AGENT, "localhost"]);
    }
}

#[tokio::test]
async fn without_client_ca_file_nobody_is_asked_even_if_it_has_a_certificate() {
    let papers = Papers::new();
    let mut rig = Rig::start(&papers.server_yaml("")).await;
    let http = http::Request::post("https://localhost/v1/traces").header("content-type", "application/x-protobuf");
    let http = http
        .body(Full::new(Bytes::from(rig::request(vec![span("one")]))))
        .unwrap();
    let address = rig.grpc();

    let (sent, found) = tokio::join!(send_to(address, papers.client(true), http), identity(&mut rig));

    assert!(sent.is_ok(), "{sent:?}");
    assert_eq!(found, Identity::Unasked);
}

fn verifier_of(papers: &Papers) -> Arc<dyn rustls::client::danger::ServerCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&papers.path("ca.pem"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_new_certificate_is_used_after_the_reload_interval_and_a_broken_one_is_not() {
    let (papers, next) = (Papers::new(), Papers::new());
    let rig = Rig::with(&papers.server_yaml(", reload_interval: 1ms"), Outcome::Delivered).await;
    assert_eq!(call(&rig, papers.client(false)).await.unwrap().code, Code::Ok);

    fs::write(papers.path("server.pem"), "not a certificate").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(
        call(&rig, papers.client(false)).await.unwrap().code,
        Code::Ok,
        "the old one stays in force"
    );

    for file in ["server.pem", "server.key"] {
        fs::copy(next.path(file), papers.path(file)).unwrap();
    }
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(call(&rig, next.client(false)).await.unwrap().code, Code::Ok);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_an_error_at_start() {
    let papers = Papers::new();
    let yaml = papers.server_yaml("").replace("server.pem", "missing.pem");
    let rig = Rig::with(super::rig::BOTH, Outcome::Delivered).await;
    let setup = pipeline::testing::contract::setup(&rig.world, "otlp", config::Kind::Receiver, config::Signal::Traces);

    let started = super::listen(&rig::config(&yaml), &setup).await;

    let error = started.err().expect("started without its certificate").to_string();
    assert!(error.contains("missing.pem cannot be read"), "{error}");
}

#[test]
fn versions_and_suites_that_are_broken_are_refused_with_a_reason() {
    let tls = |more: &str| {
        rig::problems(&format!(
            "protocols: {{ grpc: {{ tls: {{ cert_file: a, key_file: b, {more} }} }} }}"
        ))
    };

    assert!(tls("min_version: '1.1'").contains("TLS 1.1 is broken"));
    assert!(tls("min_version: '1.3', max_version: '1.2'").contains("lies below min_version"));
    assert!(tls("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]").contains("unknown or insecure"));
    assert!(tls("curve_preferences: [P521]").contains("X25519, P256 and P384"));
    assert!(tls("cert_pem: x").contains("cert_file is set as well"));
    assert!(rig::problems("protocols: { grpc: { tls: } }").contains("needs its certificate"));
    let good =
        "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], curve_preferences: [X25519], min_version: '1.2'";
    rig::config(&format!(
        "protocols: {{ grpc: {{ tls: {{ cert_file: a, key_file: b, {good} }} }} }}"
    ));
}
