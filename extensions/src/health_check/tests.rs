use std::sync::Arc;

use ::config::{Diagnostics, Kind, Section};
use pipeline::component::{Health, HealthState};
use pipeline::outside::ManualClock;
use pipeline::plan::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

fn read(yaml: &str) -> Result<Config, String> {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = ::config::decode(&section, &mut diagnostics);
    if diagnostics.has_errors() {
        Err(diagnostics.render(false))
    } else {
        Ok(config.unwrap())
    }
}

fn probe(yaml: &str, health: &Health) -> (Probe, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let probe = Probe::new(read(yaml).unwrap().response_body(), health.clone(), clock.clone());
    (probe, clock)
}

fn json(page: &Page) -> serde_json::Value {
    serde_json::from_slice(&page.body).unwrap()
}

#[test]
fn it_keeps_the_contract_of_components() {
    pipeline::testing::contract::<HealthCheck>();
}

#[test]
fn it_is_healthy_between_start_and_stop_and_names_who_is_in_trouble() {
    let health = Health::default();
    let (probe, _) = probe("{}", &health);

    assert_eq!(probe.page().status, 503, "while it starts");
    health.set_state(HealthState::Ready);
    assert_eq!(probe.page().status, 200);
    health.trouble("otlp_grpc", "no route to host");
    let limping = probe.page();
    assert_eq!(limping.status, 200, "the others work");
    assert_eq!(json(&limping)["troubles"]["otlp_grpc"], "no route to host");
    health.recovered("otlp_grpc");
    assert!(json(&probe.page()).get("troubles").is_none());
    health.set_state(HealthState::Stopping);
    assert_eq!(json(&probe.page())["state"], "stopping");
}

#[test]
fn the_answer_is_the_collectors_json() {
    let health = Health::default();
    let (probe, clock) = probe("{}", &health);
    health.set_state(HealthState::Ready);
    clock.advance(std::time::Duration::from_millis(83_500));

    let page = probe.page();

    assert_eq!(page.content_type, "application/json");
    let expected = serde_json::json!({
        "status": "Server available", "upSince": "1970-01-01T00:00:00.000Z", "uptime": "1m23.5s",
    });
    assert_eq!(json(&page), expected);
}

#[test]
fn texts_of_ones_own_take_the_place_of_the_json() {
    let health = Health::default();
    let (probe, _) = probe("response_body: { healthy: fine, unhealthy: not yet }", &health);

    assert_eq!(
        (probe.page().status.as_u16(), probe.page().body.as_ref()),
        (503, b"not yet".as_slice())
    );
    health.set_state(HealthState::Ready);
    assert_eq!(
        (probe.page().status.as_u16(), probe.page().body.as_ref()),
        (200, b"fine".as_slice())
    );
}

#[test]
fn a_path_without_a_slash_and_unknown_keys_are_errors() {
    assert!(read("path: health").unwrap_err().contains("write /health"));
    assert!(read("endpont: a:1").unwrap_err().contains("endpont"));
    assert_eq!(read("").unwrap().path(), "/");
}

#[tokio::test]
async fn it_answers_on_its_endpoint_until_it_is_stopped() {
    let world = World::system();
    let mut setup = pipeline::testing::contract::setup(&world, "health_check", Kind::Extension, Signal::Traces);
    setup.signal = None;
    world.health.set_state(HealthState::Ready);
    // A port that was free a moment ago; the answer shows that it is ours.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = read(&format!("{{ endpoint: '{free}', path: /healthz }}")).unwrap();
    let stop = Stop::new();
    let service = tokio::spawn(HealthCheck::start(config, setup, stop.clone()).await.unwrap());

    let (found, missing) = (get(free, "/healthz").await, get(free, "/").await);

    assert!(found.starts_with("HTTP/1.1 200"), "{found}");
    assert!(found.contains("Server available"), "{found}");
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
    stop.cancel();
    service.await.unwrap().unwrap();
    assert!(TcpStream::connect(free).await.is_err());
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
