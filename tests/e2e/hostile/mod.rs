//! Requests that nobody should send: each costs its sender an answer that says what is wrong, and nobody else anything.

mod cases;

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use crate::load::load;
use crate::program::{self, Program};
use crate::wire::{self, Answer};
use cases::{Case, Door, Heard, cases};

/// How much memory one case may take.
const GROWTH_MAX: u64 = 64 * 1024 * 1024;

/// How soon an honest sender must be answered after each case.
const PROBE_MAX: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_request_is_answered_as_it_deserves_and_harms_nobody() {
    let mut program = program::with("nop.yaml").start().await;
    probe(&program).await;
    let mut wrong = Vec::new();

    for case in cases() {
        program.process.forget_peak();
        let before = program.process.resident_bytes();
        let heard = send(&program, &case).await;
        let growth = program.process.peak_bytes().saturating_sub(before);

        wrong.extend(heard.err().map(|problem| format!("{}: {problem}", case.what)));
        if growth > GROWTH_MAX {
            wrong.push(format!("{}: memory grew by {} KiB", case.what, growth / 1024));
        }
        let asked = Instant::now();
        probe(&program).await;
        if asked.elapsed() > PROBE_MAX {
            wrong.push(format!(
                "{}: an honest sender waited {:?} afterwards",
                case.what,
                asked.elapsed()
            ));
        }
    }

    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    program.balances().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_large_requests_at_once_stay_within_the_memory_limit() {
    let mut program = program::with("limited.yaml").start().await;
    let request = load(3_800, 1_000).bytes;
    assert!(request.len() > 3_700_000 && request.len() < 4 * 1024 * 1024);

    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (port, request) = (program.grpc, request.clone());
        senders.spawn(async move { wire::export(port, &request).await.grpc_status() });
    }

    let answers = senders.join_all().await;
    assert!(
        answers.iter().all(|answer| matches!(answer, Some(wire::OK | 14))),
        "{answers:?}"
    );
    let peak = program.process.peak_bytes();
    assert!(peak < 128 * 1024 * 1024, "{peak} bytes were resident");
    probe(&program).await;
    program.stop().await;
}

/// An honest request over both protocols.
async fn probe(program: &Program) {
    let request = load(1, 10).bytes;
    assert_eq!(program.send_grpc(&request).await.grpc_status(), Some(wire::OK));
    assert_eq!(program.send_http(&request).await.status, 200);
}

async fn send(program: &Program, case: &Case) -> Result<(), String> {
    let headers: Vec<(&str, &str)> = case.headers.clone();
    let answer = match case.door {
        Door::Grpc => {
            let mut connection = wire::GrpcConnection::open(program.grpc).await?;
            connection.call(case.path, &headers, case.body.clone()).await?
        }
        Door::Http => {
            wire::try_send(
                case.method.clone(),
                program.http,
                case.path,
                &headers,
                case.body.clone(),
            )
            .await?
        }
    };
    check(&case.heard, &answer)
}

fn check(heard: &Heard, answer: &Answer) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{what}, but the answer is {answer:?}"));
    match heard {
        Heard::Code(code) => {
            if answer.status != 200 || answer.grpc_status() != Some(*code) {
                return fail(&format!("gRPC status {code} is right"));
            }
            if answer.headers.contains_key("grpc-status-details-bin") && answer.retry_delay().is_some() {
                return fail("trying again cannot help");
            }
            if *code == 12 && answer.header("grpc-accept-encoding").is_empty() {
                return fail("grpc-accept-encoding tells what is understood");
            }
        }
        Heard::Status(status) => {
            if answer.status != *status || answer.headers.contains_key("retry-after") {
                return fail(&format!("HTTP status {status} without retry-after is right"));
            }
        }
        Heard::StatusWith(status, header, value) => {
            if answer.status != *status || !answer.header(header).contains(value) {
                return fail(&format!("HTTP status {status} with {header}: {value} is right"));
            }
        }
        Heard::Rejected(rejected) => {
            let body = if answer.headers.contains_key("grpc-status") {
                answer.message()
            } else {
                answer.body.clone()
            };
            let success = answer.status == 200 && matches!(answer.grpc_status(), None | Some(wire::OK));
            let response = ExportTraceServiceResponse::decode(body).map_err(|error| error.to_string())?;
            let partial = response.partial_success.unwrap_or_default();
            if !success || partial.rejected_spans != *rejected || partial.error_message.is_empty() {
                return fail(&format!(
                    "a success in which {rejected} spans were rejected, and why, is right"
                ));
            }
        }
        Heard::Taken => {
            if answer.status != 200 || !matches!(answer.grpc_status(), None | Some(wire::OK)) {
                return fail("a success is right");
            }
        }
    }
    Ok(())
}
