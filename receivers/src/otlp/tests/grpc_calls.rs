use std::time::Duration;

use bytes::Bytes;
use config::Signal;
use http::StatusCode;
use net::codec::Encoding;
use net::grpc::Code;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::Outcome;
use prost::Message;

use super::rig::{self, BOTH, LOGS, METRICS, Rig, TRACES, call, framed, packed, span};

#[tokio::test]
async fn spans_arrive_as_the_bytes_that_were_sent_and_the_answer_follows_the_outcome() {
    let mut rig = Rig::start(BOTH).await;
    let message = rig::request(vec![span("one"), span("two")]);

    let calling = rig::calling(rig.grpc(), TRACES, vec![], framed(false, &message));
    let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();

    assert_eq!(batch.payload.bytes(), &message);
    assert_eq!((batch.origin.transport, batch.payload.items()), ("grpc", 2));
    assert!(batch.origin.client.is_some_and(|client| client.is_loopback()));
    assert_eq!(batch.credit.bytes(), message.len() as u64);
    assert!(!calling.is_finished(), "answered before the outcome was known");
    batch.settle(Outcome::Delivered);
    let answer = calling.await.unwrap();
    assert_eq!((answer.status().code, answer.http), (Code::Ok, StatusCode::OK));
    assert_eq!(answer.message, [0; 5].as_slice(), "an empty ExportTraceServiceResponse");
    assert_eq!(rig.world.budget.used(), 0, "memory is still charged");
}

#[tokio::test]
async fn metrics_of_every_kind_arrive_as_the_bytes_that_were_sent() {
    let mut rig = Rig::start(BOTH).await;
    let message = rig::every_metric().1.encode_to_vec();

    let calling = rig::calling(rig.grpc(), METRICS, vec![], framed(false, &message));
    let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();

    assert_eq!(batch.payload.bytes(), &message);
    assert_eq!((batch.payload.signal(), batch.payload.items()), (Signal::Metrics, 6));
    batch.settle(Outcome::Delivered);
    assert_eq!(calling.await.unwrap().status().code, Code::Ok);
}

#[tokio::test]
async fn gzip_and_zstd_are_taken_and_charged_by_what_they_unfold_to() {
    let mut rig = Rig::start(BOTH).await;
    let message = rig::request(vec![span(&"long".repeat(1_000)); 20]);

    for (encoding, name) in [(Encoding::Gzip, "gzip"), (Encoding::Zstd, "zstd")] {
        let body = framed(true, &packed(encoding, &message));
        let calling = rig::calling(rig.grpc(), TRACES, vec![("grpc-encoding", name)], body);
        let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();

        assert_eq!(batch.payload.bytes(), &message, "{name}");
        assert_eq!(batch.credit.bytes(), message.len() as u64, "{name}");
        batch.settle(Outcome::Delivered);
        assert_eq!(calling.await.unwrap().status().code, Code::Ok, "{name}");
    }
}

#[tokio::test]
async fn an_uncompressed_message_is_taken_even_where_an_encoding_is_declared() {
    let rig = Rig::with(BOTH, Outcome::Queued).await;

    let body = framed(false, &rig::request(vec![span("one")]));
    let answer = call(rig.grpc(), TRACES, &[("grpc-encoding", "gzip")], body).await;

    assert_eq!(answer.status().code, Code::Ok);
}

#[tokio::test]
async fn an_empty_request_succeeds_without_entering_the_pipeline() {
    let mut rig = Rig::start(BOTH).await;

    for path in [TRACES, METRICS] {
        let answer = call(rig.grpc(), path, &[], framed(false, b"")).await;
        assert_eq!(answer.status().code, Code::Ok);
    }

    assert!(rig.batches.as_mut().unwrap().try_recv().is_err());
}

#[tokio::test]
async fn every_bad_call_gets_the_code_that_says_what_to_do() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let good = rig::request(vec![span("one")]);
    let gzip = ("grpc-encoding", "gzip");
    let cases: Vec<(&str, &str, Vec<(&str, &str)>, Vec<u8>, Code)> = vec![
        (
            "not protobuf",
            TRACES,
            vec![],
            framed(false, b"\xff\xff\xff"),
            Code::InvalidArgument,
        ),
        (
            "cut off inside",
            TRACES,
            vec![],
            framed(false, &good[..good.len() - 1]),
            Code::InvalidArgument,
        ),
        ("no message", TRACES, vec![], vec![], Code::InvalidArgument),
        ("half a prefix", TRACES, vec![], vec![0, 0, 0], Code::InvalidArgument),
        (
            "shorter than it says",
            TRACES,
            vec![],
            vec![0, 0, 0, 0, 9, 1],
            Code::InvalidArgument,
        ),
        (
            "two messages",
            TRACES,
            vec![],
            [framed(false, &good), framed(false, &good)].concat(),
            Code::InvalidArgument,
        ),
        (
            "a flag of 2",
            TRACES,
            vec![],
            vec![2, 0, 0, 0, 0],
            Code::InvalidArgument,
        ),
        (
            "compressed, but how",
            TRACES,
            vec![],
            framed(true, &packed(Encoding::Gzip, &good)),
            Code::InvalidArgument,
        ),
        (
            "no gzip",
            TRACES,
            vec![gzip],
            framed(true, &good),
            Code::InvalidArgument,
        ),
        (
            "snappy",
            TRACES,
            vec![("grpc-encoding", "snappy")],
            framed(true, &good),
            Code::Unimplemented,
        ),
        (
            "unknown method",
            "/a.b.C/Export",
            vec![],
            framed(false, &good),
            Code::Unimplemented,
        ),
        ("no pipeline", LOGS, vec![], framed(false, b""), Code::Unimplemented),
        (
            "larger than 4 MiB",
            TRACES,
            vec![],
            framed(false, &vec![0; 4 * 1024 * 1024 + 1]),
            Code::ResourceExhausted,
        ),
    ];

    for (name, path, headers, body, code) in cases {
        let answer = call(rig.grpc(), path, &headers, body).await;
        assert_eq!(answer.status().code, code, "{name}: {:?}", answer.status());
        assert_eq!(
            answer.status().retry_after,
            None,
            "{name}: sending it again cannot help"
        );
        assert!(!answer.status().message.is_empty(), "{name}");
        assert_eq!(answer.headers["grpc-accept-encoding"], "identity,gzip,zstd", "{name}");
    }
    let answer = call(rig.grpc(), TRACES, &[], framed(false, &good)).await;
    assert_eq!(answer.status().code, Code::Ok, "a good call works afterwards");
    assert_eq!(rig.world.budget.used(), 0);
    assert!(
        rig.metrics()
            .contains("otelcol_receiver_requests{receiver=\"otlp\",transport=\"grpc\",outcome=\"failure\"} 13")
    );
}

#[tokio::test]
async fn what_the_pipeline_says_is_told_with_a_delay_where_trying_again_can_help() {
    let asked = Duration::from_millis(7_500);
    let cases = [
        (Outcome::Delivered, Code::Ok, None),
        (Outcome::Durable, Code::Ok, None),
        (Outcome::Rejected("no such tenant".into()), Code::InvalidArgument, None),
        (
            Outcome::retry("queue full"),
            Code::Unavailable,
            Some(Duration::from_secs(1)),
        ),
        (
            Outcome::Retry {
                after: Some(asked),
                cause: "later".into(),
            },
            Code::Unavailable,
            Some(asked),
        ),
        (Outcome::Lost, Code::Unavailable, Some(Duration::from_secs(1))),
    ];

    for (outcome, code, retry_after) in cases {
        let rig = Rig::with(BOTH, outcome.clone()).await;
        let answer = call(rig.grpc(), TRACES, &[], framed(false, &rig::request(vec![span("one")]))).await;
        assert_eq!(
            (answer.status().code, answer.status().retry_after),
            (code, retry_after),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn without_memory_a_call_is_refused_before_its_body_is_kept() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    rig.world.budget.set_limit(120_000);
    let held = rig.world.budget.admit(60_000).unwrap();

    let refused = call(
        rig.grpc(),
        TRACES,
        &[],
        framed(false, &rig::request(vec![span(&"x".repeat(100_000))])),
    )
    .await;
    let small = call(rig.grpc(), TRACES, &[], framed(false, &rig::request(vec![span("x")]))).await;

    assert_eq!(refused.status().code, Code::Unavailable);
    assert_eq!(refused.status().retry_after, Some(Duration::from_secs(1)));
    assert!(
        refused.status().message.contains("memory limit reached"),
        "{}",
        refused.status().message
    );
    assert_eq!(small.status().code, Code::Ok);
    drop(held);
    assert_eq!((rig.world.budget.used(), rig.world.budget.refused()), (0, 1));
}

#[tokio::test]
async fn a_call_that_can_never_fit_into_memory_is_not_told_to_come_back() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    rig.world.budget.set_limit(1_000);

    let message = rig::request(vec![span(&"x".repeat(100_000))]);
    let refused = call(rig.grpc(), TRACES, &[], framed(false, &message)).await;

    assert_eq!(refused.status().code, Code::ResourceExhausted);
    assert_eq!(refused.status().retry_after, None);
    assert!(refused.status().message.contains("send smaller batches"));
}

#[tokio::test]
async fn a_bad_span_is_rejected_alone() {
    let mut rig = Rig::start(BOTH).await;
    let bad = Span {
        trace_id: vec![0; 16],
        ..span("bad")
    };
    let message = rig::request(vec![span("good"), bad]);

    let calling = rig::calling(rig.grpc(), TRACES, vec![], framed(false, &message));
    let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();
    let items = batch.payload.items();
    batch.settle(Outcome::Delivered);
    let answer = calling.await.unwrap();

    assert_eq!((items, answer.status().code), (1, Code::Ok));
    let response = ExportTraceServiceResponse::decode(answer.message.slice(5..)).unwrap();
    let partial = response.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("trace id"), "{}", partial.error_message);
    let page = rig.metrics();
    assert!(
        page.contains("otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 1"),
        "{page}"
    );
    assert!(
        page.contains("otelcol_receiver_failed_spans{receiver=\"otlp\",transport=\"grpc\"} 1"),
        "{page}"
    );
    assert!(page.contains("reason=\"trace_id\"} 1"), "{page}");
}

#[tokio::test]
async fn a_sender_whose_time_is_over_hears_it_and_its_batch_goes_on() {
    let mut rig = Rig::start(BOTH).await;
    let body = framed(false, &rig::request(vec![span("one")]));

    let answer = call(rig.grpc(), TRACES, &[("grpc-timeout", "50m")], body).await;

    assert_eq!(answer.status().code, Code::DeadlineExceeded);
    assert!(answer.status().retry_after.is_some());
    let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();
    assert_eq!(batch.payload.items(), 1);
    batch.settle(Outcome::Delivered);
}

#[tokio::test]
async fn what_is_no_grpc_call_is_told_by_http() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let good = framed(false, &rig::request(vec![span("one")]));

    for content_type in [
        "application/grpc+json",
        "application/grpc-web",
        "application/octet-stream",
    ] {
        let answer = call(rig.grpc(), TRACES, &[("content-type", content_type)], good.clone()).await;
        assert_eq!(answer.http, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    let proto = call(
        rig.grpc(),
        TRACES,
        &[("content-type", "application/grpc+proto;charset=x")],
        good.clone(),
    )
    .await;
    assert_eq!(proto.status().code, Code::Ok);
    let request = rig::post(TRACES, &[("content-type", "application/grpc")], good);
    let over_http1 = rig::send(rig.grpc(), false, request).await;
    assert_eq!(over_http1.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
}

#[tokio::test]
async fn metadata_is_kept_only_where_it_was_asked_for_and_never_with_credentials() {
    let yaml =
        "protocols: { grpc: { endpoint: '127.0.0.1:0', include_metadata: true }, http: { endpoint: '127.0.0.1:0' } }";
    let mut rig = Rig::start(yaml).await;
    let body = rig::request(vec![span("one")]);
    let headers = [("x-tenant", "acme"), ("authorization", "Bearer secret")];

    let calling = rig::calling(rig.grpc(), TRACES, headers.to_vec(), framed(false, &body));
    let by_grpc = rig.batches.as_mut().unwrap().recv().await.unwrap();
    let request = rig::post(
        "/v1/traces",
        &[("content-type", "application/x-protobuf"), headers[0]],
        Bytes::from(body),
    );
    let sending = tokio::spawn(rig::send(rig.http(), false, request));
    let by_http = rig.batches.as_mut().unwrap().recv().await.unwrap();

    assert_eq!(by_grpc.origin.metadata("X-Tenant").collect::<Vec<_>>(), ["acme"]);
    assert!(!format!("{:?}", by_grpc.origin).contains("secret"));
    assert!(by_http.origin.metadata.is_empty());
    by_grpc.settle(Outcome::Delivered);
    by_http.settle(Outcome::Delivered);
    calling.await.unwrap();
    sending.await.unwrap();
}
