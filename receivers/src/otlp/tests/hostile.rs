//! Input that wants to hurt.

use std::time::Duration;

use net::codec::Encoding;
use net::grpc::Code;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::Outcome;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::rig::{self, BOTH, Rig, TRACES, call, framed, packed, post, send, span};

/// A request of this many spans without anything in them: two bytes each.
fn empty_spans(count: usize) -> Vec<u8> {
    let spans = [0x12_u8, 0x00].repeat(count);
    let mut request = Vec::new();
    for tag in [0x12_u8, 0x0a] {
        let inner = if request.is_empty() {
            spans.clone()
        } else {
            std::mem::take(&mut request)
        };
        request.push(tag);
        prost::encoding::encode_varint(inner.len() as u64, &mut request);
        request.extend_from_slice(&inner);
    }
    request
}

#[tokio::test]
async fn a_small_gzip_of_two_million_spans_is_refused_without_being_unfolded() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let message = empty_spans(1_900_000);
    assert!(
        ExportTraceServiceRequest::decode(empty_spans(3).as_slice()).is_ok(),
        "the bomb is a valid request"
    );

    for (encoding, name) in [(Encoding::Gzip, "gzip"), (Encoding::Zstd, "zstd")] {
        let bomb = rig::packed_hard(encoding, &message);
        assert!(bomb.len() < 5_000, "{name}: {} bytes", bomb.len());

        let answer = call(rig.grpc(), TRACES, &[("grpc-encoding", name)], framed(true, &bomb)).await;
        let headers = [("content-type", "application/x-protobuf"), ("content-encoding", name)];
        let response = send(rig.http(), false, post("/v1/traces", &headers, bomb)).await;

        assert_eq!(answer.status().code, Code::ResourceExhausted, "{name}");
        assert_eq!(answer.status().retry_after, None, "{name}");
        assert_eq!(response.status(), 413, "{name}");
    }
    assert_eq!(rig.world.budget.used(), 0);
}

#[tokio::test]
async fn the_same_spans_without_compression_are_counted_and_rejected() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;

    let headers = [("content-type", "application/x-protobuf")];
    let response = send(rig.http(), false, post("/v1/traces", &headers, empty_spans(1_900_000))).await;

    assert_eq!(response.status(), 200);
    let answer = rig.metrics();
    assert!(
        answer.contains("otelcol_receiver_failed_spans{receiver=\"otlp\",transport=\"http\"} 1900000"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_gibibyte_of_zeros_is_refused() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    // A gzip file may have many members; none of them says how long the whole is.
    let bomb = packed(Encoding::Gzip, &vec![0_u8; 1024 * 1024]).repeat(1_024);

    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")];
    let response = send(rig.http(), false, post("/v1/traces", &headers, bomb)).await;

    assert_eq!(response.status(), 413);
    assert_eq!(rig.world.budget.used(), 0);
}

#[tokio::test]
async fn two_hundred_connections_that_never_finish_a_request_delay_nobody() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let mut slow = Vec::new();
    for index in 0..200 {
        let mut stream = TcpStream::connect(rig.addresses[index % 2]).await.unwrap();
        let begun: &[u8] = match index % 4 {
            0 | 1 => b"POST /v1/traces HTTP/1.1\r\nhost: a\r\nx-slow: ",
            2 => b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{",
            _ => b"PRI * HT",
        };
        stream.write_all(begun).await.unwrap();
        slow.push(stream);
    }

    let begun = Instant::now();
    let answer = call(rig.grpc(), TRACES, &[], framed(false, &rig::request(vec![span("one")]))).await;

    assert_eq!(answer.status().code, Code::Ok);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    drop(slow);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_after_the_header_timeout() {
    let yaml = "protocols: { http: { endpoint: '127.0.0.1:0', read_header_timeout: 100ms } }";
    let rig = Rig::with(yaml, Outcome::Delivered).await;

    for begun in [
        &b""[..],
        b"POST /v1/",
        b"POST /v1/traces HTTP/1.1\r\nhost: a\r\nx-slow: ",
    ] {
        let mut stream = TcpStream::connect(rig.http()).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "still open after {begun:?}");
    }
}

#[tokio::test]
async fn a_hundred_gone_clients_leave_no_memory_behind() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    for _ in 0..100 {
        let mut stream = TcpStream::connect(rig.http()).await.unwrap();
        let head =
            b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10000\r\n\r\n{";
        stream.write_all(head).await.unwrap();
    }

    rig::eventually("giving the memory back", || rig.world.budget.used() == 0).await;
}

#[tokio::test]
async fn nothing_that_is_not_http_kills_the_listener() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let mut garbage = vec![0_u8; 4_096];
    for (index, byte) in garbage.iter_mut().enumerate() {
        *byte = u8::try_from(index * 7_919 % 251).unwrap();
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();

    for bytes in [
        garbage.clone(),
        [preface, garbage].concat(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
    ] {
        let mut stream = TcpStream::connect(rig.grpc()).await.unwrap();
        // The other side may close while we still write.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest))
            .await
            .unwrap();
    }

    let answer = call(rig.grpc(), TRACES, &[], framed(false, &rig::request(vec![span("one")]))).await;
    assert_eq!(answer.status().code, Code::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_read_beside_the_others() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let body = rig::request(vec![span(&"x".repeat(1_000)); 10_000]);

    let request = post("/v1/traces", &[("content-type", "application/x-protobuf")], body);
    let response = send(rig.http(), true, request).await;

    assert_eq!(response.status(), 200, "{response:?}");
    assert!(
        rig.metrics()
            .contains("otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"http\"} 10000")
    );
}
