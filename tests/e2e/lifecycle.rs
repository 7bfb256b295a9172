//! How the program begins and ends.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::JoinSet;

use crate::capture::Capture;
use crate::destination::Destination;
use crate::load::load;
use crate::patience::{PATIENCE, until};
use crate::program::{self, Program, SHUTDOWN_MAX};
use crate::wire::{self, GrpcConnection};

/// Senders at once.
const SENDERS: usize = 4;

/// How often the program is ended under load.
const ROUNDS: usize = 5;

/// How long the load runs before the program is told to end.
const LOAD: Duration = Duration::from_millis(300);

/// How soon the second signal must work. Far above what it takes, because build machines are busy.
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_program_under_load_that_is_told_to_end_delivers_what_it_accepted() {
    for _ in 0..ROUNDS {
        let destination = Destination::open().await;
        let mut program = program::with("destination.yaml")
            .env("DESTINATION", destination.port)
            .start()
            .await;
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            senders.spawn(send_until_refused(program.grpc));
        }
        tokio::time::sleep(LOAD).await;

        program.stop().await;

        let arrived = destination.arrived();
        let accepted: Vec<Vec<u8>> = senders.join_all().await.into_iter().flatten().collect();
        assert!(
            accepted.len() > 100,
            "only {} spans were accepted: that is no load",
            accepted.len()
        );
        let lost = accepted.iter().filter(|id| !arrived.contains_key(*id)).count();
        assert_eq!(lost, 0, "of {} accepted spans", accepted.len());
        assert!(arrived.values().all(|times| *times == 1), "spans arrived twice");
    }
}

/// The ids of the spans that were accepted.
async fn send_until_refused(port: u16) -> Vec<Vec<u8>> {
    let mut accepted = Vec::new();
    let mut connection = GrpcConnection::open(port).await.unwrap();
    loop {
        let mut load = load(10, 100);
        match connection.export(&load.bytes).await {
            Ok(answer) if answer.grpc_status() == Some(wire::OK) => accepted.append(&mut load.ids),
            // The program takes its leave.
            _ => return accepted,
        }
    }
}

/// One whose destination takes requests and answers none, with accepted spans on their way.
async fn stuck_program(destination: &Destination) -> Program {
    let program = program::with("destination.yaml")
        .env("DESTINATION", destination.port)
        .start()
        .await;
    for _ in 0..20 {
        assert_eq!(
            program.send_grpc(&load(10, 100).bytes).await.grpc_status(),
            Some(wire::OK)
        );
    }
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_hangs_delays_the_end_by_the_deadline_and_the_loss_is_told() {
    let destination = Destination::hanging().await;
    let mut program = stuck_program(&destination).await;
    let told = Instant::now();

    program.process.signal(Signal::TERM);

    let health = program.health;
    let what = "the health check says that the program is not ready any more";
    let unhealthy = || async { wire::get(health, "/").await.filter(|answer| answer.status == 503) };
    until(what, PATIENCE, unhealthy).await;
    let status = program.process.ends(SHUTDOWN_MAX.saturating_sub(told.elapsed())).await;
    assert!(status.success(), "ended with {status}");
    let told = items_told_lost(&program.process.written());
    assert_eq!(told, 200, "the log tells of so many lost spans");
}

/// The sum of the items in all lines of the log that tell of a loss.
fn items_told_lost(log: &str) -> u64 {
    let lines = log.lines().filter(|line| line.contains("lost"));
    let items = lines.filter_map(|line| {
        line.split_once("\"items\":")?
            .1
            .split([',', '}'])
            .next()?
            .parse::<u64>()
            .ok()
    });
    items.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_program_at_once() {
    let destination = Destination::hanging().await;
    let mut program = stuck_program(&destination).await;

    program.process.signal(Signal::TERM);
    program.process.writes("a second signal ends at once", PATIENCE).await;
    program.process.signal(Signal::INT);

    let status = program.process.ends(AT_ONCE).await;
    assert_eq!(status.code(), Some(1));
    let told = items_told_lost(&program.process.written());
    assert_eq!(told, 200, "the log tells of so many lost spans");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_the_program_as_a_termination_does() {
    let mut program = program::with("nop.yaml").start().await;

    program.process.signal(Signal::INT);

    let status = program.process.ends(SHUTDOWN_MAX).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_mistakes_ends_the_program_and_names_each_place() {
    let (status, log) = program::with("mistakes.yaml").fail().await;

    assert_eq!(status.code(), Some(1));
    for place in ["mistakes.yaml:4:5", "mistakes.yaml:8:5", "mistakes.yaml:16:19"] {
        assert!(log.contains(place), "{place} is not named in\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_in_use_ends_the_program_and_is_named() {
    let setting = program::with("nop.yaml");
    let port = setting.grpc();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();

    let (status, log) = setting.fail().await;

    assert_eq!(status.code(), Some(1));
    assert!(
        log.contains(&format!("127.0.0.1:{port}")),
        "the address is not named in\n{log}"
    );
    assert!(log.contains("in use"), "the reason is not named in\n{log}");
    drop(taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_answers_while_everything_runs() {
    let mut program = program::with("nop.yaml").start().await;

    let answer = wire::get(program.health, "/").await.unwrap();

    assert_eq!(answer.status, 200);
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["status"], "Server available");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_span_that_came_or_was_made_is_in_the_ledger() {
    let destination = Destination::open().await;
    let mut program = program::with("phases.yaml")
        .env("DESTINATION", destination.port)
        .start()
        .await;
    let capture = Capture::of("vllm-0.32.0");
    let children: usize = capture.expected_phases().values().map(Vec::len).sum();
    let (received, made) = (capture.spans().len() as i64, children as i64);

    for request in &capture.requests {
        assert_eq!(program.send_grpc(request).await.grpc_status(), Some(wire::OK));
    }

    let page = program.balances().await;
    assert_eq!(page.sum("otelcol_receiver_accepted_spans_total", &[]), received);
    assert_eq!(page.sum("inferscope_component_made_items_total", &[]), made);
    assert_eq!(
        page.sum(
            "inferscope_component_forwarded_items_total",
            &[("component", "exporter/otlp_http")]
        ),
        received + made
    );
    assert_eq!(page.sum("otelcol_exporter_sent_spans_total", &[]), received + made);
    assert_eq!(destination.arrived().len() as i64, received + made);
    program.stop().await;
}
