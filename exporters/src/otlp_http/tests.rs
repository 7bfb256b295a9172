#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use net::grpc::{Code, Status};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::component::ExportError;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::OtlpHttp;
use crate::testing::{
    Answer, Destination, TestTls, abandoned, config, every_metric, every_metric_request, export, exporter,
    large_traces, logs, metrics, traces,
};

fn ok() -> Answer {
    Answer::http(200)
}

fn json(body: &str) -> Answer {
    ok().with("content-type", "application/json").saying(body.to_owned())
}

fn plain(address: SocketAddr, more: &str) -> OtlpHttp {
    exporter(&format!("endpoint: http://{address}/\n{more}"))
}

#[test]
fn it_keeps_the_house_rules() {
    pipeline::testing::contract::<OtlpHttp>();
}

#[tokio::test]
async fn a_request_is_as_the_specification_says_and_carries_the_bytes_as_they_are() {
    let destination = Destination::start(|_| ok()).await;
    let exporter = plain(
        destination.address,
        "compression: none\nheaders: [{name: x-tenant, value: acme}]",
    );

    export(&exporter, &traces()).await.unwrap();
    export(&exporter, &metrics()).await.unwrap();
    export(&exporter, &logs()).await.unwrap();

    let received = destination.received();
    let paths: Vec<&str> = received.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/v1/traces", "/v1/metrics", "/v1/logs"]);
    let first = &received[0];
    assert_eq!(first.body, *traces().bytes());
    assert_eq!(
        (first.header("content-type"), first.header("content-encoding")),
        ("application/x-protobuf", "")
    );
    assert_eq!(first.header("x-tenant"), "acme");
    assert!(first.header("user-agent").starts_with("Inferscope/"));
    assert_eq!(first.authority, destination.address.to_string());
    assert_eq!(destination.connections(), 1, "requests share a connection");
}

#[tokio::test]
async fn a_signal_may_have_a_url_of_its_own() {
    let destination = Destination::start(|_| ok()).await;
    let address = destination.address;
    let exporter: OtlpHttp = exporter(&format!("traces_endpoint: http://{address}/api/otlp"));

    export(&exporter, &traces()).await.unwrap();
    let elsewhere = export(&exporter, &metrics()).await;

    assert_eq!(destination.received()[0].path, "/api/otlp");
    let Err(ExportError::Permanent { cause }) = elsewhere else {
        panic!("{elsewhere:?}")
    };
    assert!(cause.contains("metrics_endpoint"), "{cause}");
}

#[tokio::test]
async fn exactly_four_statuses_are_retried() {
    for status in (300..=308).chain(400..=431).chain(500..=511) {
        let destination = Destination::start(move |_| Answer::http(status)).await;

        let result = export(&plain(destination.address, ""), &traces()).await;

        match result {
            Err(ExportError::Retry { after: None, .. }) => assert!([429, 502, 503, 504].contains(&status), "{status}"),
            Err(ExportError::TooLarge { cause }) => assert_eq!((status, cause.contains("413")), (413, true)),
            Err(ExportError::Permanent { cause }) => {
                assert_ne!(status, 413);
                assert!(![429, 502, 503, 504].contains(&status), "{status} was given up");
                assert!(cause.contains(&status.to_string()), "{cause}");
            }
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_server_says_when_in_seconds_or_as_a_date() {
    let destination = Destination::start(|_| Answer::http(503).with("retry-after", "7")).await;
    let result = export(&plain(destination.address, ""), &traces()).await;
    assert!(matches!(result, Err(ExportError::Retry { after: Some(after), .. }) if after == Duration::from_secs(7)));

    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
    let destination = Destination::start(move |_| Answer::http(429).with("retry-after", &date)).await;
    let result = export(&plain(destination.address, ""), &traces()).await;
    let Err(ExportError::Retry { after: Some(after), .. }) = result else {
        panic!("{result:?}")
    };
    assert!((90..=100).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test]
async fn the_words_of_an_error_are_told_in_every_form() {
    let status = Status::new(Code::InvalidArgument, "bad \u{1b}ids").to_rpc();
    let (protobuf, text) = (status.encode_to_vec(), "x".repeat(100_000));
    let page = ok().with("content-type", "text/html").saying("<h1>no such tenant</h1>");
    for (answer, expected) in [
        (ok().saying(protobuf), "bad \\u{1b}ids"),
        (json(r#"{"code": 3, "message": "bad ids"}"#), "bad ids"),
        (page, "<h1>no such tenant</h1>"),
        (json("not json"), "400 Bad Request"),
        (ok().with("content-type", "text/plain").saying(text), "400 Bad Request"),
    ] {
        let answer = match answer {
            Answer::Http { headers, body, .. } => Answer::Http {
                status: 400,
                headers,
                body,
            },
            other => other,
        };
        let destination = Destination::start(move |_| answer.clone()).await;

        let result = export(&plain(destination.address, ""), &traces()).await;

        let Err(ExportError::Permanent { cause }) = result else {
            panic!("{result:?}")
        };
        assert!(cause.contains(expected) && cause.len() < 2_000, "{cause}");
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let destination = Destination::start(|_| Answer::http(308).with("location", "https://new.example/v1/traces")).await;

    let result = export(&plain(destination.address, ""), &traces()).await;

    let Err(ExportError::Permanent { cause }) = result else {
        panic!("{result:?}")
    };
    assert!(cause.contains("https://new.example/v1/traces"), "{cause}");
    assert_eq!(destination.received().len(), 1);
}

#[tokio::test]
async fn a_partial_success_is_told_in_protobuf_and_in_json() {
    // partial_success { rejected_spans: 3, error_message: "bad" }
    let protobuf = ok().saying(&[0x0a, 0x07, 0x08, 0x03, 0x12, 0x03, b'b', b'a', b'd'][..]);
    for answer in [
        protobuf,
        json(r#"{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "bad"}}"#),
        json(r#"{"partialSuccess": {"rejectedSpans": 3, "errorMessage": "bad"}}"#),
    ] {
        let destination = Destination::start(move |_| answer.clone()).await;
        let expected = ExportError::Partial {
            rejected: 3,
            message: "bad".to_owned(),
        };
        assert_eq!(export(&plain(destination.address, ""), &traces()).await, Err(expected));
    }
    for answer in [
        json("{}"),
        json(""),
        json("[1]"),
        ok().saying("nonsense"),
        Answer::http(204),
    ] {
        let destination = Destination::start(move |_| answer.clone()).await;
        assert_eq!(export(&plain(destination.address, ""), &traces()).await, Ok(()));
    }
}

#[tokio::test]
async fn every_codec_arrives_as_it_was_and_is_announced() {
    let payload = large_traces(900_000);
    for (codec, header) in [("none", ""), ("gzip", "gzip"), ("zstd", "zstd")] {
        let destination = Destination::start(|_| ok()).await;
        let exporter = plain(destination.address, &format!("compression: {codec}"));

        export(&exporter, &payload).await.unwrap();

        let received = destination.received();
        assert_eq!(received[0].header("content-encoding"), header);
        assert_eq!(received[0].content(), *payload.bytes());
    }
}

#[tokio::test]
async fn an_open_codec_moves_to_zstd_and_back_as_the_server_says() {
    let destination = Destination::start(|request| match request.header("content-encoding") {
        "zstd" if request.path == "/v1/logs" => Answer::http(415),
        _ => ok().with("accept-encoding", "gzip, zstd"),
    })
    .await;
    let exporter = plain(destination.address, "");

    export(&exporter, &traces()).await.unwrap();
    export(&exporter, &traces()).await.unwrap();
    export(&exporter, &logs()).await.unwrap();
    export(&exporter, &logs()).await.unwrap();

    let codecs: Vec<String> = destination
        .received()
        .iter()
        .map(|request| request.header("content-encoding").to_owned())
        .collect();
    assert_eq!(codecs, ["gzip", "zstd", "zstd", "gzip", "gzip"]);
}

#[tokio::test]
async fn json_is_what_the_reference_reads() {
    let destination = Destination::start(|_| json("{}")).await;

    export(&plain(destination.address, "encoding: json"), &traces())
        .await
        .unwrap();

    let received = destination.received();
    assert_eq!(received[0].header("content-type"), "application/json");
    let read: ExportTraceServiceRequest = serde_json::from_slice(&received[0].content()).unwrap();
    assert_eq!(
        read,
        ExportTraceServiceRequest::decode(traces().bytes().clone()).unwrap()
    );
}

#[tokio::test]
async fn metrics_of_every_kind_leave_as_they_are_in_both_formats() {
    let destination = Destination::start(|_| ok()).await;
    for encoding in ["proto", "json"] {
        let exporter = plain(destination.address, &format!("compression: none\nencoding: {encoding}"));
        export(&exporter, &every_metric()).await.unwrap();
    }

    let received = destination.received();
    assert_eq!(received[0].body, *every_metric().bytes());
    let read: ExportMetricsServiceRequest = serde_json::from_slice(&received[1].body).unwrap();
    assert_eq!(read, every_metric_request());
}

#[tokio::test]
async fn a_destination_that_is_away_or_hangs_up_is_tried_again() {
    let destination = Destination::start(|_| Answer::HangUp).await;
    let address = destination.address;
    let exporter = plain(address, "");

    let hung_up = export(&exporter, &traces()).await;
    drop(destination);
    let away = export(&exporter, &traces()).await;

    for result in [hung_up, away] {
        let Err(ExportError::Retry { after: None, cause }) = result else {
            panic!("{result:?}")
        };
        assert!(cause.contains(&address.to_string()), "{cause}");
    }
}

#[tokio::test]
async fn a_destination_may_restart_between_two_batches() {
    let destination = Destination::start(|_| ok()).await;
    let address = destination.address;
    let exporter = plain(address, "");
    export(&exporter, &traces()).await.unwrap();

    drop(destination);
    let _ = export(&exporter, &traces()).await;
    let destination = Destination::start_at(&address.to_string(), None, |_| ok()).await;
    export(&exporter, &traces()).await.unwrap();

    assert_eq!(destination.received().len(), 1);
}

#[tokio::test]
async fn an_abandoned_request_leaves_no_connection_that_the_next_would_wait_on() {
    let destination = Destination::start(|request| {
        if request.path == "/v1/logs" {
            Answer::Silence
        } else {
            ok()
        }
    })
    .await;
    let exporter = plain(destination.address, "");

    abandoned(&exporter, &logs()).await;

    assert_eq!(export(&exporter, &traces()).await, Ok(()));
}

#[tokio::test]
async fn tls_speaks_http2_unless_told_otherwise_and_checks_the_certificate() {
    let tls = TestTls::new();
    let destination = Destination::start_at("127.0.0.1:0", Some(&tls), |_| ok()).await;
    let indented = |pem: String| pem.replace('\n', "\n    ");
    let endpoint = format!("endpoint: https://localhost:{}", destination.address.port());
    let trust = format!("{endpoint}\ntls:\n  ca_pem: |\n    {}", indented(tls.ca_pem.clone()));

    export(&exporter::<OtlpHttp>(&trust), &traces()).await.unwrap();
    export(
        &exporter::<OtlpHttp>(&format!("{trust}\nforce_attempt_http2: false")),
        &traces(),
    )
    .await
    .unwrap();
    let other = format!("{endpoint}\ntls:\n  ca_pem: |\n    {}", indented(TestTls::new().ca_pem));
    let refused = export(&exporter::<OtlpHttp>(&other), &traces()).await;

    // HTTP/1.1 names the host in a header, HTTP/2 does not.
    let received = destination.received();
    assert_eq!(
        (
            received[0].header("host").is_empty(),
            received[1].header("host").is_empty()
        ),
        (true, false)
    );
    let Err(ExportError::Retry { cause, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(cause.contains("certificate"), "{cause}");
}

#[tokio::test]
async fn a_proxy_gets_the_whole_url_and_our_credentials() {
    let proxy = Destination::start(|_| ok()).await;
    let yaml = format!(
        "endpoint: http://far.example:4318\nproxy_url: http://me:secret@{}",
        proxy.address
    );

    export(&exporter::<OtlpHttp>(&yaml), &traces()).await.unwrap();

    let received = proxy.received();
    assert_eq!(received[0].authority, "far.example:4318");
    assert_eq!(received[0].header("proxy-authorization"), "Basic bWU6c2VjcmV0");
}

#[tokio::test]
async fn https_goes_through_a_tunnel_of_the_proxy() {
    let tls = TestTls::new();
    let destination = Destination::start_at("127.0.0.1:0", Some(&tls), |_| ok()).await;
    let proxy = TunnelProxy::start(destination.address).await;
    let pem = tls.ca_pem.replace('\n', "\n    ");
    let yaml = |address| {
        format!("endpoint: https://localhost:9\nproxy_url: http://me:secret@{address}\ntls:\n  ca_pem: |\n    {pem}")
    };

    export(&exporter::<OtlpHttp>(&yaml(proxy.address)), &traces())
        .await
        .unwrap();

    let asked = proxy.asked.lock().unwrap().clone();
    assert!(asked.starts_with("CONNECT localhost:9 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: Basic bWU6c2VjcmV0\r\n"), "{asked}");
    assert_eq!(destination.received()[0].header("proxy-authorization"), "");

    // A destination in the place of the proxy knows no CONNECT.
    let plain = Destination::start(|_| Answer::http(403)).await;
    let refused = export(&exporter::<OtlpHttp>(&yaml(plain.address)), &traces()).await;
    let Err(ExportError::Retry { cause, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        cause.contains("refused a tunnel to localhost:9: HTTP/1.1 403"),
        "{cause}"
    );
}

/// A proxy that opens tunnels to one place.
struct TunnelProxy {
    address: SocketAddr,
    asked: Arc<Mutex<String>>,
    _task: JoinSet<()>,
}

impl TunnelProxy {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(String::new()));
        let (noted, mut task) = (Arc::clone(&asked), JoinSet::new());
        task.spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(client.read_u8().await.unwrap());
            }
            *noted.lock().unwrap() = String::from_utf8(request).unwrap();
            client
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await
                .unwrap();
            let mut server = TcpStream::connect(to).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        });
        Self {
            address,
            asked,
            _task: task,
        }
    }
}

#[tokio::test]
async fn without_keep_alives_every_request_has_a_connection_of_its_own() {
    let destination = Destination::start(|_| ok()).await;
    let exporter = plain(destination.address, "disable_keep_alives: true");

    export(&exporter, &traces()).await.unwrap();
    export(&exporter, &traces()).await.unwrap();

    assert_eq!(destination.connections(), 2);
}

#[tokio::test]
async fn connections_stay_below_their_limit() {
    let destination = Destination::start(|_| ok()).await;
    let exporter = plain(destination.address, "max_conns_per_host: 2");

    let payload = traces();
    let attempts = (0..20).map(|_| export(&exporter, &payload));
    let results = futures_util::future::join_all(attempts).await;

    assert!(results.into_iter().all(|result| result.is_ok()));
    assert!(destination.connections() <= 2, "{}", destination.connections());
}

#[test]
fn what_cannot_work_is_refused_when_the_file_is_read() {
    for (yaml, expected) in [
        ("{}", "an endpoint is required"),
        ("endpoint: jaeger:4318", "not an HTTP URL"),
        ("endpoint: 'http://u:p@jaeger:4318'", "put them in `headers`"),
        ("{endpoint: 'http://a:1', logs_endpoint: 'grpc://a'}", "logs_endpoint"),
        ("{endpoint: 'http://a:1', encoding: xml}", "xml"),
        (
            "{endpoint: 'http://a:1', proxy_url: 'socks5://a:1'}",
            "socks5 proxies are not available",
        ),
        (
            "{endpoint: 'http://a:1', cookies: {enabled: true}}",
            "cookies are not available",
        ),
        ("{endpoint: 'http://a:1', compresion: gzip}", "compression"),
    ] {
        let problem = config::<OtlpHttp>(yaml).expect_err(yaml);
        assert!(problem.contains(expected), "{yaml}\n{problem}");
    }
    let timeout = config::<OtlpHttp>("endpoint: http://a:1").unwrap().own.timeout;
    assert_eq!(*timeout, Duration::from_secs(30));
}
