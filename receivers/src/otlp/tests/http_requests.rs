use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use net::codec::Encoding;
use net::grpc::RpcStatus;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::Outcome;
use prost::Message;

use super::rig::{self, BOTH, Rig, packed, post, send, span};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

const ONE_SPAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
    {"traceId":"01010101010101010101010101010101","spanId":"0202020202020202","name":"one"}]}]}]}"#;
const ONE_GOOD_ONE_BAD: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
    {"traceId":"01010101010101010101010101010101","spanId":"0202020202020202","name":"good"},
    {"traceId":"5b8e","spanId":"0202020202020202","name":"bad"}]}]}]}"#;

#[tokio::test]
async fn both_formats_all_codings_and_both_versions_of_http_are_taken() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let protobuf = rig::request(vec![span("one")]);

    for http2 in [false, true] {
        for (format, message, ok) in [(PROTOBUF, protobuf.as_slice(), ""), (JSON, ONE_SPAN.as_bytes(), "{}")] {
            for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
                let headers = [format, ("content-encoding", encoding.name())];
                let response = send(
                    rig.http(),
                    http2,
                    post("/v1/traces", &headers, packed(encoding, message)),
                )
                .await;

                let what = format!("{format:?} {encoding:?} http2={http2}");
                assert_eq!(response.status(), StatusCode::OK, "{what}: {response:?}");
                assert_eq!(response.headers()["content-type"], format.1, "{what}");
                assert_eq!(response.body(), ok, "{what}");
            }
        }
    }
    let page = rig.metrics();
    assert!(
        page.contains("otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"http\"} 12"),
        "{page}"
    );
}

#[tokio::test]
async fn metrics_of_every_kind_arrive_in_both_formats() {
    let mut rig = Rig::start(BOTH).await;
    let (json, request) = rig::every_metric();
    let protobuf = request.encode_to_vec();

    for (format, body) in [(PROTOBUF, protobuf.clone()), (JSON, json.as_bytes().to_vec())] {
        let sending = tokio::spawn(send(rig.http(), false, post("/v1/metrics", &[format], body)));
        let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();

        let bytes = batch.payload.bytes().clone();
        assert_eq!(
            ExportMetricsServiceRequest::decode(bytes.clone()).unwrap(),
            request,
            "{format:?}"
        );
        assert!(format == JSON || bytes == protobuf, "protobuf is kept as it came");
        batch.settle(Outcome::Delivered);
        assert_eq!(sending.await.unwrap().status(), StatusCode::OK, "{format:?}");
    }
}

#[tokio::test]
async fn every_bad_request_gets_the_status_that_says_what_to_do() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let good = rig::request(vec![span("one")]);
    let large = vec![0_u8; 20 * 1024 * 1024 + 1];
    let cases: Vec<(&str, Request<Full<Bytes>>, StatusCode)> = vec![
        (
            "not protobuf",
            post("/v1/traces", &[PROTOBUF], "\u{7f}\u{7f}"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "not JSON",
            post("/v1/traces", &[JSON], "{\"resourceSpans\":"),
            StatusCode::BAD_REQUEST,
        ),
        ("empty JSON", post("/v1/traces", &[JSON], ""), StatusCode::BAD_REQUEST),
        (
            "JSON with more behind it",
            post("/v1/traces", &[JSON], "{} x"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "no gzip",
            post("/v1/traces", &[PROTOBUF, ("content-encoding", "gzip")], good.clone()),
            StatusCode::BAD_REQUEST,
        ),
        (
            "snappy",
            post("/v1/traces", &[JSON, ("content-encoding", "snappy")], "{}"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "gzip twice",
            post("/v1/traces", &[JSON, ("content-encoding", "gzip, gzip")], ""),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "text",
            post("/v1/traces", &[("content-type", "text/plain")], "{}"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "no content type",
            post("/v1/traces", &[], "{}"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("unknown path", post("/v2/traces", &[JSON], "{}"), StatusCode::NOT_FOUND),
        (
            "profiles",
            post("/v1development/profiles", &[PROTOBUF], ""),
            StatusCode::NOT_FOUND,
        ),
        ("no pipeline", post("/v1/logs", &[JSON], "{}"), StatusCode::NOT_FOUND),
        (
            "larger than 20 MiB",
            post("/v1/traces", &[PROTOBUF], large),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ];

    for (name, request, status) in cases {
        for http2 in [false, true] {
            let response = send(rig.http(), http2, request.clone()).await;
            assert_eq!(response.status(), status, "{name}, http2={http2}: {response:?}");
            assert!(
                !response.headers().contains_key("retry-after"),
                "{name}: sending it again cannot help"
            );
            assert_eq!(response.headers()["accept-encoding"], "identity,gzip,zstd", "{name}");
        }
    }
    assert_eq!(rig.world.budget.used(), 0);
}

#[tokio::test]
async fn the_body_of_an_error_is_a_status_in_the_format_of_the_request() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;

    let protobuf = send(rig.http(), false, post("/v1/traces", &[PROTOBUF], "\u{7f}")).await;
    let json = send(rig.http(), false, post("/v1/traces", &[JSON], "[")).await;

    let status = RpcStatus::decode(protobuf.into_body()).unwrap();
    assert_eq!(status.code, 3);
    assert_eq!(status.details[0].type_url, "type.googleapis.com/google.rpc.BadRequest");
    let status: serde_json::Value = serde_json::from_slice(json.body()).unwrap();
    assert_eq!(status["code"], 3);
    assert!(
        status["message"].as_str().unwrap().contains("line 1, column"),
        "{status}"
    );
    assert_eq!(
        status["details"][0]["fieldViolations"][0]["description"],
        status["message"]
    );
}

#[tokio::test]
async fn another_method_is_told_which_one_works() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;

    for method in [Method::GET, Method::PUT, Method::OPTIONS] {
        let mut request = post("/v1/traces", &[JSON], "");
        *request.method_mut() = method.clone();
        let response = send(rig.http(), false, request).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()["allow"], "POST", "{method}");
    }
}

#[tokio::test]
async fn empty_requests_succeed_without_entering_the_pipeline() {
    let mut rig = Rig::start(BOTH).await;

    for (headers, body) in [(PROTOBUF, ""), (JSON, "{}"), (JSON, "{\"resourceSpans\":null}")] {
        let response = send(rig.http(), false, post("/v1/traces", &[headers], body)).await;
        assert_eq!(response.status(), StatusCode::OK, "{body}");
    }

    assert!(rig.batches.as_mut().unwrap().try_recv().is_err());
}

#[tokio::test]
async fn what_the_pipeline_says_is_told_with_a_delay_where_trying_again_can_help() {
    let after = Some(std::time::Duration::from_millis(2_300));
    let cases = [
        (Outcome::Rejected("no".into()), StatusCode::BAD_REQUEST, None),
        (Outcome::retry("queue full"), StatusCode::SERVICE_UNAVAILABLE, Some("1")),
        (
            Outcome::Retry {
                after,
                cause: "later".into(),
            },
            StatusCode::SERVICE_UNAVAILABLE,
            Some("3"),
        ),
        (Outcome::Lost, StatusCode::SERVICE_UNAVAILABLE, Some("1")),
    ];

    for (outcome, status, retry_after) in cases {
        let rig = Rig::with(BOTH, outcome.clone()).await;
        let response = send(rig.http(), false, post("/v1/traces", &[JSON], ONE_SPAN)).await;
        assert_eq!(response.status(), status, "{outcome:?}");
        let told = response
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap());
        assert_eq!(told, retry_after, "{outcome:?}");
    }
}

#[tokio::test]
async fn without_memory_a_request_is_refused_and_the_answer_is_heard() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    rig.world.budget.set_limit(20 * 1024 * 1024);
    let held = rig.world.budget.admit(10 * 1024 * 1024).unwrap();

    for http2 in [false, true] {
        // Larger than all socket buffers, so the answer is heard only if the body is read.
        let body = rig::request(vec![span(&"x".repeat(15 * 1024 * 1024))]);
        let response = send(rig.http(), http2, post("/v1/traces", &[PROTOBUF], body)).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "1");
    }
    drop(held);
    assert_eq!(rig.world.budget.used(), 0);
}

#[tokio::test]
async fn a_request_that_can_never_fit_into_memory_is_not_told_to_come_back() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    rig.world.budget.set_limit(1_000);

    let body = rig::request(vec![span(&"x".repeat(100_000))]);
    let response = send(rig.http(), false, post("/v1/traces", &[PROTOBUF], body)).await;

    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(!response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_bad_span_is_rejected_alone_in_both_formats() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let bad = Span {
        span_id: vec![1, 2],
        ..span("bad")
    };
    let body = rig::request(vec![bad, span("good")]);

    let protobuf = send(rig.http(), false, post("/v1/traces", &[PROTOBUF], body)).await;
    let json = send(rig.http(), false, post("/v1/traces", &[JSON], ONE_GOOD_ONE_BAD)).await;

    assert_eq!((protobuf.status(), json.status()), (StatusCode::OK, StatusCode::OK));
    let partial = ExportTraceServiceResponse::decode(protobuf.into_body())
        .unwrap()
        .partial_success
        .unwrap();
    assert_eq!(partial.rejected_spans, 1);
    let answer: serde_json::Value = serde_json::from_slice(json.body()).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    assert!(
        answer["partialSuccess"]["errorMessage"]
            .as_str()
            .unwrap()
            .contains("trace id"),
        "{answer}"
    );
}

#[tokio::test]
async fn text_that_was_mended_is_a_warning_with_nothing_rejected() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let mut body = rig::request(vec![span("name")]);
    let name = body.windows(4).position(|window| window == b"name").unwrap();
    body[name] = 0xff;

    let response = send(rig.http(), false, post("/v1/traces", &[PROTOBUF], body)).await;

    let partial = ExportTraceServiceResponse::decode(response.into_body())
        .unwrap()
        .partial_success
        .unwrap();
    assert_eq!(partial.rejected_spans, 0);
    assert!(partial.error_message.contains("UTF-8"), "{}", partial.error_message);
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_clients_that_read_gzip() {
    let rig = Rig::with(BOTH, Outcome::Rejected("x".repeat(2_000).into())).await;
    let gzip = ("accept-encoding", "deflate, gzip;q=0.5");

    let compressed = send(rig.http(), false, post("/v1/traces", &[JSON, gzip], ONE_SPAN)).await;
    let plain = send(
        rig.http(),
        false,
        post("/v1/traces", &[JSON, ("accept-encoding", "gzip;q=0")], ONE_SPAN),
    )
    .await;

    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    let body = net::codec::decompress(Encoding::Gzip, compressed.body(), 100_000, &mut |_| Ok(())).unwrap();
    assert_eq!(body.as_slice(), plain.body());
}

#[tokio::test]
async fn pages_may_send_only_from_the_origins_that_are_allowed() {
    let yaml = "protocols: { http: { endpoint: '127.0.0.1:0', cors: { allowed_origins: ['https://*.example.com'], max_age: 60 } } }";
    let rig = Rig::with(yaml, Outcome::Delivered).await;
    let preflight = |origin| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let mut request = post("/v1/traces", &headers, "");
        *request.method_mut() = Method::OPTIONS;
        request
    };

    let allowed = send(rig.http(), false, preflight("https://app.example.com")).await;
    let foreign = send(rig.http(), false, preflight("https://evil.example.org")).await;
    let sent = post("/v1/traces", &[JSON, ("origin", "https://app.example.com")], ONE_SPAN);
    let sent = send(rig.http(), false, sent).await;

    assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        allowed.headers()["access-control-allow-origin"],
        "https://app.example.com"
    );
    assert_eq!(allowed.headers()["access-control-max-age"], "60");
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
    assert_eq!(sent.status(), StatusCode::OK);
    assert_eq!(sent.headers()["access-control-allow-origin"], "https://app.example.com");
}

#[tokio::test]
async fn paths_and_headers_are_those_of_the_configuration() {
    let yaml =
        "protocols: { http: { endpoint: '127.0.0.1:0', traces_url_path: spans, response_headers: { x-from: here } } }";
    let rig = Rig::with(yaml, Outcome::Delivered).await;

    let own = send(rig.http(), false, post("/spans", &[JSON], "{}")).await;
    let usual = send(rig.http(), false, post("/v1/traces", &[JSON], "{}")).await;

    assert_eq!((own.status(), usual.status()), (StatusCode::OK, StatusCode::NOT_FOUND));
    assert_eq!(own.headers()["x-from"], "here");
}

#[tokio::test]
async fn a_pipeline_that_takes_longer_than_write_timeout_costs_a_refusal_and_no_batch() {
    let yaml = "protocols: { http: { endpoint: '127.0.0.1:0', write_timeout: 50ms } }";
    let mut rig = Rig::start(yaml).await;

    let response = send(rig.http(), false, post("/v1/traces", &[JSON], ONE_SPAN)).await;

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    rig.batches
        .as_mut()
        .unwrap()
        .recv()
        .await
        .unwrap()
        .settle(Outcome::Delivered);
}
