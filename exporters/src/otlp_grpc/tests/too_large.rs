//! Requests that are larger than the server takes.

use ::config::{Kind, Signal};
use pipeline::component::Exporter;
use pipeline::delivery::Driver;
use pipeline::plan::World;
use pipeline::{Batch, Origin, Outcome, Receipt};
use tokio::sync::Notify;

use super::*;
use crate::testing::{PATIENCE, parse};

#[tokio::test]
async fn a_server_that_finds_the_request_too_large_is_understood_whatever_it_is_written_in() {
    for (code, words) in [
        (
            Code::ResourceExhausted,
            "grpc: received message larger than max (5000000 vs. 4194304)",
        ),
        (
            Code::ResourceExhausted,
            "grpc: received message after decompression larger than max 4194304",
        ),
        (
            Code::ResourceExhausted,
            "gRPC message exceeds maximum size 4194304: 5000000",
        ),
        (
            Code::ResourceExhausted,
            "Received message exceeds the maximum configured message size.",
        ),
        (
            Code::OutOfRange,
            "Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes",
        ),
        (
            Code::ResourceExhausted,
            "the body is larger than 4194304 bytes; send smaller batches",
        ),
    ] {
        let destination = Destination::start(move |_| Answer::grpc(Status::new(code, words))).await;

        let result = export(&plain(destination.address, ""), &traces()).await;

        assert!(
            matches!(result, Err(ExportError::TooLarge { .. })),
            "{words}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_finds_the_request_too_large_is_understood() {
    let destination = Destination::start(|_| Answer::http(413)).await;

    let result = export(&plain(destination.address, ""), &traces()).await;

    assert!(matches!(result, Err(ExportError::TooLarge { .. })), "{result:?}");
}

#[tokio::test]
async fn a_batch_that_the_server_does_not_take_whole_arrives_in_parts() {
    const TAKES: usize = 100_000;
    let destination = Destination::start(|request| {
        let length = request.body.len();
        if length > TAKES {
            let words = format!("grpc: received message larger than max ({length} vs. {TAKES})");
            return Answer::grpc(Status::new(Code::ResourceExhausted, words));
        }
        Answer::grpc_ok()
    })
    .await;
    let world = World::system();
    let setup = pipeline::testing::contract::setup(&world, "otlp_grpc", Kind::Exporter, Signal::Traces);
    let config = config::<OtlpGrpc>(&format!(
        "{{endpoint: '{}', tls: {{insecure: true}}, compression: none, sending_queue: {{wait_for_result: true}}}}",
        destination.address
    ));
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let driver = Driver::start(
        Arc::new(OtlpGrpc::build(&config, &setup).unwrap()),
        OtlpGrpc::delivery(&config),
        Signal::Traces,
        setup,
        &world.ledger,
        Arc::new(Notify::new()),
    );
    let payload = large_traces(300_000);
    let (receipt, verdict) = Receipt::pair();
    let credit = world.budget.admit(payload.bytes().len() as u64).unwrap();
    let batch = Batch::new(payload.clone(), Origin::own(), receipt, credit);

    driver.handle().deliver(batch).await;

    let outcome = tokio::time::timeout(PATIENCE, verdict).await.unwrap();
    assert_eq!(outcome, Outcome::Delivered);
    driver.stop(tokio::time::sleep(Duration::from_secs(10))).await;
    // A gRPC message has five bytes in front of it. What the server found too large it did not take.
    let taken: Vec<usize> = destination
        .received()
        .iter()
        .map(|request| request.body.len())
        .collect();
    let spans: u32 = destination
        .received()
        .iter()
        .filter(|request| request.body.len() <= TAKES)
        .map(|request| parse(Signal::Traces, request.body[5..].to_vec()).items())
        .sum();
    assert_eq!(spans, payload.items(), "{taken:?}");
    assert_eq!(world.ledger.imbalances(), []);
    assert_eq!(world.budget.used(), 0);
}
