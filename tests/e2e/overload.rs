//! More than the program may hold, while its destination answers nobody.

use std::collections::HashSet;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::destination::Destination;
use crate::load::{Load, load};
use crate::patience::{PATIENCE, until};
use crate::program;
use crate::wire::{self, Answer, GrpcConnection};

/// `memory_limiter::limit_mib` in `configs/destination.yaml`, and a tenth.
const MEMORY_MAX: u64 = 128 * 1024 * 1024 * 11 / 10;

/// Senders at once, half of them over gRPC and half over HTTP.
const SENDERS: usize = 8;

/// Requests of one sender. All of them together are three times the limit.
const REQUESTS: usize = 48;

/// Spans of a request and the length of a text in each: 1 MiB.
const SPANS: usize = 1_000;
const PADDING: usize = 1_000;

/// What senders heard.
#[derive(Default)]
struct Heard {
    accepted: Vec<Vec<u8>>,
    refused: Vec<Vec<u8>>,
    refusals: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_hangs_costs_bounded_memory_and_no_accepted_span() {
    let destination = Destination::hanging().await;
    let mut program = program::with("destination.yaml")
        .env("DESTINATION", destination.port)
        .start()
        .await;

    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        match number % 2 {
            0 => senders.spawn(send_grpc(program.grpc)),
            _ => senders.spawn(send_http(program.http)),
        };
    }
    let mut heard = Heard::default();
    for other in senders.join_all().await {
        heard.accepted.extend(other.accepted);
        heard.refused.extend(other.refused);
        heard.refusals += other.refusals;
    }

    assert!(!heard.accepted.is_empty(), "nothing was accepted");
    assert!(
        heard.refusals > SENDERS,
        "only {} requests were refused: that is no overload",
        heard.refusals
    );
    let peak = program.process.peak_bytes();
    assert!(
        peak < MEMORY_MAX,
        "{peak} bytes were resident; {MEMORY_MAX} is the most"
    );

    destination.recover();

    let accepted: HashSet<Vec<u8>> = heard.accepted.into_iter().collect();
    let all = || async { (destination.arrived().len() >= accepted.len()).then_some(()) };
    until("everything that was accepted arrives", 2 * PATIENCE, all).await;
    program.balances().await;
    let arrived = destination.arrived();
    assert!(
        accepted.iter().all(|id| arrived.get(id) == Some(&1)),
        "an accepted span arrived twice or not at all"
    );
    assert!(
        heard.refused.iter().all(|id| !arrived.contains_key(id)),
        "a refused span arrived"
    );
    let probe = program.send_grpc(&load(1, 0).bytes).await;
    assert_eq!(probe.grpc_status(), Some(wire::OK));
    program.stop().await;
    let peak_mib = peak / 1024 / 1024;
    eprintln!(
        "{} spans accepted, {} requests refused, at most {peak_mib} MiB resident",
        accepted.len(),
        heard.refusals
    );
}

async fn send_grpc(port: u16) -> Heard {
    let mut heard = Heard::default();
    let mut connection = GrpcConnection::open(port).await.unwrap();
    for _ in 0..REQUESTS {
        let load = load(SPANS, PADDING);
        let answer = connection.export(&load.bytes).await.unwrap();
        let accepted = answer.grpc_status() == Some(wire::OK);
        assert!(
            accepted || answer.grpc_status() == Some(14),
            "neither OK nor UNAVAILABLE: {answer:?}"
        );
        heard.note(load, accepted, &answer);
    }
    heard
}

async fn send_http(port: u16) -> Heard {
    let mut heard = Heard::default();
    for _ in 0..REQUESTS {
        let load = load(SPANS, PADDING);
        let answer = wire::post(
            port,
            "/v1/traces",
            &[("content-type", "application/x-protobuf")],
            &load.bytes,
        )
        .await;
        let accepted = answer.status == 200;
        assert!(accepted || answer.status == 503, "neither 200 nor 503: {answer:?}");
        heard.note(load, accepted, &answer);
    }
    heard
}

impl Heard {
    fn note(&mut self, load: Load, accepted: bool, answer: &Answer) {
        if accepted {
            self.accepted.extend(load.ids);
            return;
        }
        let delay = answer.retry_delay().expect("a refusal says when to try again");
        assert!(
            delay > Duration::ZERO && delay <= Duration::from_secs(60),
            "try again after {delay:?}"
        );
        self.refused.extend(load.ids);
        self.refusals += 1;
    }
}
