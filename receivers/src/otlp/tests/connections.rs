//! Ports, ages and ends.

use std::time::Duration;

use net::grpc::Code;
use pipeline::Outcome;

use super::rig::{self, BOTH, Rig, TRACES, call, call_on, connect, framed, post, send, span};

fn one_span() -> Vec<u8> {
    framed(false, &rig::request(vec![span("one")]))
}

#[tokio::test]
async fn every_port_takes_both_protocols() {
    for yaml in [
        BOTH,
        "protocols: { grpc: { endpoint: '127.0.0.1:0' } }",
        "protocols: { http: { endpoint: '127.0.0.1:0' } }",
    ] {
        let rig = Rig::with(yaml, Outcome::Delivered).await;
        for address in &rig.addresses {
            let answer = call(*address, TRACES, &[], one_span()).await;
            let request = post("/v1/traces", &[("content-type", "application/json")], "{}");
            let response = send(*address, false, request).await;
            assert_eq!(
                (answer.status().code, response.status().as_u16()),
                (Code::Ok, 200),
                "{yaml}"
            );
        }
    }
}

#[tokio::test]
async fn calls_of_one_connection_are_answered_side_by_side() {
    let mut rig = Rig::start(BOTH).await;
    let (sender, _connection) = connect(rig.grpc()).await;
    let mut calls = Vec::new();
    for _ in 0..10 {
        let mut sender = sender.clone();
        calls.push(tokio::spawn(async move {
            call_on(&mut sender, TRACES, &[], one_span()).await
        }));
    }

    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(rig.batches.as_mut().unwrap().recv().await.unwrap());
    }

    for batch in held.into_iter().rev() {
        batch.settle(Outcome::Delivered);
    }
    for call in calls {
        assert_eq!(call.await.unwrap().status().code, Code::Ok);
    }
}

#[tokio::test]
async fn an_old_connection_is_told_to_go_and_its_call_is_answered() {
    let yaml = "protocols: { grpc: { endpoint: '127.0.0.1:0', keepalive: { server_parameters: { max_connection_age: 200ms } } } }";
    let mut rig = Rig::start(yaml).await;
    let (mut sender, connection) = connect(rig.grpc()).await;

    let calling = tokio::spawn(async move { (call_on(&mut sender, TRACES, &[], one_span()).await, sender) });
    let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    batch.settle(Outcome::Delivered);
    let (answer, sender) = calling.await.unwrap();

    assert_eq!(answer.status().code, Code::Ok);
    tokio::time::timeout(Duration::from_secs(5), connection)
        .await
        .expect("the old connection stays open")
        .unwrap();
    assert!(sender.is_closed());
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let yaml = "protocols: { grpc: { endpoint: '127.0.0.1:0', keepalive: { server_parameters: { max_connection_idle: 200ms } } } }";
    let mut rig = Rig::start(yaml).await;
    let (_idle, idle_connection) = connect(rig.grpc()).await;
    let (mut busy, _busy_connection) = connect(rig.grpc()).await;
    let calling = tokio::spawn(async move { call_on(&mut busy, TRACES, &[], one_span()).await });
    let batch = rig.batches.as_mut().unwrap().recv().await.unwrap();

    tokio::time::timeout(Duration::from_secs(5), idle_connection)
        .await
        .expect("the idle one stays open")
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    batch.settle(Outcome::Delivered);

    assert_eq!(calling.await.unwrap().status().code, Code::Ok);
}

#[tokio::test]
async fn stopping_answers_what_is_under_way_and_takes_nothing_new() {
    let mut rig = Rig::start(BOTH).await;
    let by_grpc = rig::calling(rig.grpc(), TRACES, vec![], one_span());
    let first = rig.batches.as_mut().unwrap().recv().await.unwrap();
    let address = rig.http();
    let body = rig::request(vec![span("two")]);
    let request = post("/v1/traces", &[("content-type", "application/x-protobuf")], body);
    let by_http = tokio::spawn(async move { send(address, false, request).await });
    let second = rig.batches.as_mut().unwrap().recv().await.unwrap();

    rig.stop.cancel();
    for address in &rig.addresses {
        let address = *address;
        let mut refused = false;
        for _ in 0..500 {
            refused = tokio::net::TcpStream::connect(address).await.is_err();
            if refused {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(refused, "{address} still listens");
    }
    assert!(
        !rig.service.is_finished(),
        "ended before what was under way was answered"
    );
    first.settle(Outcome::Delivered);
    second.settle(Outcome::Delivered);

    assert_eq!(by_grpc.await.unwrap().status().code, Code::Ok);
    assert_eq!(by_http.await.unwrap().status(), 200);
    tokio::time::timeout(Duration::from_secs(5), rig.service)
        .await
        .expect("the receiver does not end")
        .unwrap();
    assert!(
        rig.batches.unwrap().recv().await.is_none(),
        "the receiver keeps its outlets"
    );
}

#[tokio::test]
async fn a_port_that_is_in_use_is_an_error_that_says_so() {
    let rig = Rig::with(BOTH, Outcome::Delivered).await;
    let yaml = format!("protocols: {{ grpc: {{ endpoint: '{}' }} }}", rig.grpc());
    let setup = pipeline::testing::contract::setup(&rig.world, "otlp", config::Kind::Receiver, config::Signal::Traces);

    let started = super::listen(&rig::config(&yaml), &setup).await;

    let error = started.err().expect("two listeners on one port").to_string();
    assert!(error.contains("another process listens there"), "{error}");
}

#[tokio::test]
async fn a_unix_socket_works_and_is_removed_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("otlp.sock");
    // What a killed process leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let yaml = format!(
        "protocols: {{ grpc: {{ endpoint: '{}', transport: unix }} }}",
        path.display()
    );
    let rig = Rig::with(&yaml, Outcome::Delivered).await;

    let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let answer = call_on(&mut sender, TRACES, &[], one_span()).await;

    assert_eq!(answer.status().code, Code::Ok);
    rig.stop.cancel();
    drop(sender);
    rig.service.await.unwrap();
    assert!(!path.exists());
}
