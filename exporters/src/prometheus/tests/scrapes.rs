//! Over real sockets.

use std::net::SocketAddr;

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use net::codec::{Encoding, decompress};
use pipeline::component::Exporter;

use super::otlp::*;
use super::*;
use crate::testing::{PATIENCE, export, exporter, setup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

async fn ask(address: SocketAddr, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let asked = client.request(request.body(Empty::new()).unwrap());
    let response = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
    let (head, body) = response.into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}

async fn scrape(address: SocketAddr, headers: &[(&str, &str)]) -> Answer {
    ask(address, Method::GET, "/metrics", headers).await
}

fn payload() -> Payload {
    let points = (0..100).map(|number| point(&[("pod", &number.to_string())], 1, f64::from(number)));
    of_service(vec![gauge("vllm:num_requests_running", "", points.collect())])
}

#[tokio::test]
async fn what_is_exported_is_scraped() {
    let prometheus = exporter::<Prometheus>("{endpoint: 'localhost:0', enable_open_metrics: true}");
    let address = prometheus.address().unwrap();
    assert_eq!(
        scrape(address, &[]).await.status,
        StatusCode::OK,
        "before there is anything"
    );
    export(&prometheus, &payload()).await.unwrap();

    let text = scrape(address, &[]).await;
    let open = scrape(address, &[("accept", UTF8)]).await;
    let head = ask(address, Method::HEAD, "/metrics", &[]).await;

    assert_eq!(text.status, StatusCode::OK);
    assert_eq!(text.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(text.headers["vary"], "Accept, Accept-Encoding");
    assert_eq!(
        open.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
    );
    let rules = |is_open| oracle::Rules {
        is_open,
        has_utf8: is_open,
    };
    for (answer, is_open) in [(text, false), (open, true)] {
        let page = oracle::read(&String::from_utf8(answer.body).unwrap(), rules(is_open));
        assert_eq!(page.family("vllm:num_requests_running").samples.len(), 100);
    }
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    prometheus.stop().await;
}

#[tokio::test]
async fn a_page_is_compressed_for_who_accepts_that() {
    let prometheus = exporter::<Prometheus>("endpoint: localhost:0");
    let address = prometheus.address().unwrap();
    export(&prometheus, &payload()).await.unwrap();
    let plain = scrape(address, &[]).await.body;

    for (name, encoding) in [("gzip", Encoding::Gzip), ("zstd", Encoding::Zstd)] {
        let packed = scrape(address, &[("accept-encoding", name)]).await;

        assert_eq!(packed.headers["content-encoding"], name);
        assert!(packed.body.len() * 5 < plain.len());
        let unpacked = decompress(encoding, &packed.body, 1 << 20, &mut |_| Ok(())).unwrap();
        assert_eq!(unpacked, plain);
    }
    prometheus.stop().await;
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let prometheus = exporter::<Prometheus>("endpoint: localhost:0\nresponse_headers: {x-room: a}");
    let address = prometheus.address().unwrap();

    let elsewhere = ask(address, Method::GET, "/", &[]).await;
    let posted = ask(address, Method::POST, "/metrics", &[]).await;

    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    assert_eq!(elsewhere.headers["x-room"], "a");
    assert_eq!(
        String::from_utf8(elsewhere.body).unwrap(),
        "the metrics are at /metrics\n"
    );
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(posted.headers["allow"], "GET, HEAD");
    prometheus.stop().await;
}

#[tokio::test]
async fn a_port_in_use_says_what_to_do_and_a_stopped_exporter_gives_it_back() {
    let first = exporter::<Prometheus>("endpoint: 127.0.0.1:0");
    let address = first.address().unwrap();
    let again = config::<Prometheus>(&format!("endpoint: {address}")).unwrap();

    let problem = Prometheus::build(&again, &setup("prometheus"))
        .err()
        .unwrap()
        .to_string();
    assert!(problem.contains("another process listens there"), "{problem}");

    first.stop().await;
    let second = Prometheus::build(&again, &setup("prometheus")).unwrap();
    assert_eq!(scrape(address, &[]).await.status, StatusCode::OK);
    drop(first);
    second.stop().await;
}

#[tokio::test]
async fn an_exporter_that_is_dropped_closes_its_port() {
    let dropped = exporter::<Prometheus>("endpoint: 127.0.0.1:0");
    let address = dropped.address().unwrap();
    drop(dropped);

    let closed = async { while tokio::net::TcpStream::connect(address).await.is_ok() {} };

    tokio::time::timeout(PATIENCE, closed).await.unwrap();
}

#[tokio::test]
async fn it_serves_over_tls_and_turns_away_who_speaks_plain_text() {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let prometheus = exporter::<Prometheus>(&format!(
        "endpoint: localhost:0\ntls: {{cert_file: {}, key_file: {}}}",
        cert_file.display(),
        key_file.display()
    ));
    let address = prometheus.address().unwrap();
    export(&prometheus, &payload()).await.unwrap();

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let mut stream = connector
        .connect("localhost".try_into().unwrap(), stream)
        .await
        .unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut page = Vec::new();
    // The end of a connection without a closing word of TLS is an end as well.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut page))
        .await
        .unwrap();
    let mut plain = tokio::net::TcpStream::connect(address).await.unwrap();
    plain.write_all(request).await.unwrap();
    let mut refused = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut refused))
        .await
        .unwrap();

    assert!(String::from_utf8_lossy(&page).contains("vllm:num_requests_running{"));
    assert!(!String::from_utf8_lossy(&refused).contains("vllm"));
    prometheus.stop().await;
}

#[tokio::test]
async fn other_signals_are_refused() {
    let prometheus = exporter::<Prometheus>("endpoint: localhost:0");

    let refused = export(&prometheus, &crate::testing::traces()).await;

    assert_eq!(refused, Err(ExportError::permanent("Prometheus takes metrics only")));
    prometheus.stop().await;
}
