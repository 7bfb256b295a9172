//! A1 with everything in its place: senders that the real authenticators know, and what the pipelines then say of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)] // Real sockets and a real file.

mod agent_and_gateway;
mod handshakes;
mod warnings;

use std::path::Path;
use std::time::Duration;

use pipeline::plan::{Running, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cli::ConfigurationArguments;
use crate::source::{self, Read};

fn configuration(port: u16, authenticator: &str, out: &Path) -> String {
    format!(
        "
extensions:
  bearertokenauth: {{identities: {{acme: token-of-acme, someone: token-of-someone}}}}
  basicauth: {{htpasswd: {{inline: \"acme:password-of-acme\\nsomeone:password-of-someone\"}}}}
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{port}', include_metadata: true, {authenticator}}}}}}}
processors:
  tenant: {{connection: {{acme: acme}}}}
exporters:
  file: {{path: '{}'}}
service:
  extensions: [bearertokenauth, basicauth]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [tenant], exporters: [file]}}}}
",
        out.display()
    )
}

fn read(yaml: &str) -> Read {
    let arguments = ConfigurationArguments {
        locations: vec![format!("yaml:{yaml}")],
        sets: Vec::new(),
        feature_gates: Vec::new(),
    };
    source::read(&arguments, &source::registry())
}

/// The program with this configuration, and what it counts.
async fn start(yaml: &str) -> (Running, World) {
    let read = read(yaml);
    let plan = read
        .plan
        .unwrap_or_else(|| panic!("{}", read.diagnostics.render(false)));
    let world = World::system();
    let running = Running::start(&plan, &source::registry(), world.clone()).await.unwrap();
    (running, world)
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A span that claims to be of the tenant `beta` at one of four places: what stands in its resource, what in itself, and
/// the header beside it.
const PLACES: [(&str, &str, &str); 4] = [
    (CLAIM, "", ""),
    ("", CLAIM, ""),
    ("", "", "x-tenant-id: beta\r\n"),
    ("", "", "x-scope-orgid: beta\r\n"),
];

const CLAIM: &str = r#"{"key":"tenant.id","value":{"stringValue":"beta"}}"#;

async fn send(port: u16, credentials: &str, (resource, span, header): (&str, &str, &str)) -> String {
    let body = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{resource}]}},"scopeSpans":[{{"spans":[{{
            "traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"a","kind":1,
            "startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{span}]}}]}}]}}]}}"#
    );
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\nconnection: close\r\n{credentials}{header}content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Sends the claims with these credentials; the answers, and every tenant that is written down.
async fn try_out(authenticator: &str, credentials: &str) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.json");
    let port = free_port();
    let (running, _) = start(&configuration(port, authenticator, &out)).await;
    let mut answers = Vec::new();
    for place in PLACES {
        answers.push(send(port, credentials, place).await);
    }
    running.stop(Duration::from_secs(10)).await;
    let text = std::fs::read_to_string(&out).unwrap_or_default();
    let mut tenants = Vec::new();
    for line in text.lines() {
        let batch: serde_json::Value = serde_json::from_str(line).unwrap();
        collect(&batch, &mut tenants);
    }
    (answers, tenants)
}

fn collect(value: &serde_json::Value, tenants: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(all) => all.iter().for_each(|it| collect(it, tenants)),
        serde_json::Value::Object(map) if map.get("key").is_some_and(|key| key == "tenant.id") => {
            tenants.push(map["value"]["stringValue"].as_str().unwrap().to_owned());
        }
        serde_json::Value::Object(map) => map.values().for_each(|it| collect(it, tenants)),
        _ => {}
    }
}

const BEARER: &str = "auth: {authenticator: bearertokenauth}";
const BASIC: &str = "auth: {authenticator: basicauth}";

#[tokio::test(flavor = "multi_thread")]
async fn a1_who_shows_a_token_or_a_password_is_the_tenant_of_its_name_whatever_it_claims() {
    for (authenticator, credentials) in [
        (BEARER, "authorization: Bearer token-of-acme\r\n"),
        (BASIC, "authorization: Basic YWNtZTpwYXNzd29yZC1vZi1hY21l\r\n"),
    ] {
        let (answers, tenants) = try_out(authenticator, credentials).await;

        assert!(answers.iter().all(|it| it.starts_with("HTTP/1.1 200")), "{answers:?}");
        assert!(
            tenants.len() >= PLACES.len() && tenants.iter().all(|it| it == "acme"),
            "{tenants:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_who_is_known_but_not_listed_is_nobody_whatever_it_claims() {
    for (authenticator, credentials) in [
        (BEARER, "authorization: Bearer token-of-someone\r\n"),
        (BASIC, "authorization: Basic c29tZW9uZTpwYXNzd29yZC1vZi1zb21lb25l\r\n"),
    ] {
        let (answers, tenants) = try_out(authenticator, credentials).await;

        assert!(answers.iter().all(|it| it.starts_with("HTTP/1.1 200")), "{answers:?}");
        assert!(
            tenants.len() >= PLACES.len() && tenants.iter().all(|it| it == "unknown"),
            "{tenants:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_who_shows_nothing_or_the_wrong_thing_sends_nothing() {
    for (authenticator, credentials, challenge) in [
        (BEARER, "", "www-authenticate: Bearer\r\n"),
        (
            BEARER,
            "authorization: Bearer token-of-beta\r\n",
            "www-authenticate: Bearer\r\n",
        ),
        (
            BASIC,
            "authorization: Basic YWNtZTp3cm9uZw==\r\n",
            "www-authenticate: Basic realm=",
        ),
        (
            BASIC,
            "authorization: Bearer token-of-acme\r\n",
            "www-authenticate: Basic realm=",
        ),
    ] {
        let (answers, tenants) = try_out(authenticator, credentials).await;

        assert!(answers.iter().all(|it| it.starts_with("HTTP/1.1 401")), "{answers:?}");
        assert!(answers.iter().all(|it| it.contains(challenge)), "{answers:?}");
        assert!(tenants.is_empty(), "{tenants:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_authenticator_a_claim_counts_as_one() {
    let (_, tenants) = try_out("", "").await;

    // What one span claims is not its resource's.
    let claimed = tenants.iter().filter(|it| *it == "beta").count();
    assert_eq!(claimed, PLACES.len(), "{tenants:?}");
    assert!(tenants.iter().all(|it| it == "beta" || it == "unknown"), "{tenants:?}");
}

#[test]
fn an_authenticator_that_will_not_run_is_found_before_anything_starts() {
    let read = read(&configuration(
        4318,
        "auth: {authenticator: basicauth/other}",
        Path::new("out.json"),
    ));

    let said = read.diagnostics.render(false);
    assert!(read.plan.is_none());
    assert!(said.contains("no extension basicauth/other runs"), "{said}");
}

#[test]
fn an_extension_that_knows_no_senders_is_found_before_anything_starts() {
    let yaml = configuration(4318, "auth: {authenticator: health_check}", Path::new("out.json"))
        .replace("extensions:\n", "extensions:\n  health_check: {}\n")
        .replace("extensions: [", "extensions: [health_check, ");
    let read = read(&yaml);

    let said = read.diagnostics.render(false);
    assert!(read.plan.is_none());
    assert!(said.contains("`health_check` does not authenticate senders"), "{said}");
    assert!(said.contains("use bearertokenauth or basicauth"), "{said}");
}

#[test]
fn a_receiver_that_stands_in_no_pipeline_needs_no_authenticator() {
    let unused = "receivers:\n  otlp/unused: {protocols: {grpc: {auth: {authenticator: basicauth/other}}}}\n";
    let yaml = configuration(4318, BASIC, Path::new("out.json")).replace("receivers:\n", unused);
    assert!(yaml.contains("otlp/unused"));
    let read = read(&yaml);

    assert!(read.plan.is_some(), "{}", read.diagnostics.render(false));
}
