//! `print-config`: what is printed is what was loaded, and secrets are not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod stand;

use config::{Format, Mode, print};
use stand::{World, check, untyped};

const CONFIG: &str = r#"
receivers: {otlp: {protocols: {grpc: }}}
exporters:
  otlp_http:
    endpoint: "http://${env:HOST}:4318"
    headers: {authorization: "Bearer hunter2", x-zip: "${env:ZIP}", number: "5"}
    encoding: "$${literal}"
    timeout: 10s
    sending_queue: {queue_size: 5}
  unheard_of: {password: hunter3, port: 1}
service:
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_http]}}
  telemetry:
    metrics: {readers: [{periodic: {exporter: {otlp: {headers: [{name: a, value: hunter4}]}}}}]}
"#;

fn world() -> World {
    World::default()
        .var("HOST", "collector")
        .var("ZIP", "0123")
        .file("c.yaml", CONFIG)
}

#[test]
fn the_redacted_print_shows_the_effective_values_without_secrets() {
    let document = world()
        .load(&["c.yaml"], &["exporters.otlp_http.sending_queue.queue_size=7"])
        .unwrap();
    check(&document);

    let expected = r#"receivers:
  otlp:
    protocols:
      grpc: null
exporters:
  otlp_http:
    endpoint: "http://collector:4318"
    headers:
      authorization: "[REDACTED]"
      x-zip: "[REDACTED]"
      number: "[REDACTED]"
    encoding: "$${literal}"
    timeout: 10s
    sending_queue:
      queue_size: 7
  unheard_of:
    password: "[REDACTED]"
    port: 1
service:
  pipelines:
    traces:
      receivers:
        - otlp
      exporters:
        - otlp_http
  telemetry:
    metrics:
      readers:
        -
          periodic:
            exporter:
              otlp:
                headers:
                  -
                    name: a
                    value: "[REDACTED]"
"#;
    assert_eq!(print(&document, Mode::Redacted, Format::Yaml), expected);
}

#[test]
fn the_json_print_holds_the_same_values() {
    let document = world().load(&["c.yaml"], &[]).unwrap();
    check(&document);

    let json: serde_json::Value = serde_json::from_str(&print(&document, Mode::Redacted, Format::Json)).unwrap();

    let exporter = &json["exporters"]["otlp_http"];
    assert_eq!(exporter["headers"]["authorization"], "[REDACTED]");
    assert_eq!(exporter["encoding"], "${literal}");
    assert_eq!(exporter["sending_queue"]["queue_size"], 5);
    assert_eq!(json["receivers"]["otlp"]["protocols"]["grpc"], serde_json::Value::Null);
}

#[test]
fn nothing_is_shown_of_components_that_nobody_decoded() {
    let document = world().load(&["c.yaml"], &[]).unwrap();

    let printed = print(&document, Mode::Redacted, Format::Yaml);

    assert!(
        !printed.contains("hunter2") && !printed.contains("hunter3") && !printed.contains("0123"),
        "{printed}"
    );
}

#[test]
fn the_unredacted_print_loads_to_the_same_values_and_the_same_texts() {
    let document = world()
        .load(&["c.yaml"], &["exporters.otlp_http.headers.number=\"5\""])
        .unwrap();
    check(&document);
    let printed = print(&document, Mode::Unredacted, Format::Yaml);

    let again = World::default()
        .file("p.yaml", &printed)
        .load(&["p.yaml"], &[])
        .unwrap();

    let read = |document: &config::Document| {
        let section = document.root().get("exporters").unwrap().get("otlp_http").unwrap();
        let mut diagnostics = config::Diagnostics::new();
        let exporter = config::decode::<stand::OtlpHttp>(&section, &mut diagnostics);
        exporter.unwrap_or_else(|| panic!("{diagnostics}\n{printed}"))
    };
    assert_eq!(read(&again), read(&document));
    assert_eq!(read(&again).client.headers["x-zip"].reveal(), "0123");
    assert_eq!(untyped(again.root())["service"], untyped(document.root())["service"]);
}

#[test]
fn diagnostics_show_stars_where_a_secret_is_written() {
    let text = "exporters: {otlp_http: {headers: {authorization: Bearer gehëim, x: 5}, endpont: a}}\n";
    let document = World::default().file("c.yaml", text).load(&["c.yaml"], &[]).unwrap();
    let (_, diagnostics) = check(&document);

    for rendered in [
        diagnostics.render(false),
        diagnostics.render(true),
        diagnostics.json_lines(),
    ] {
        assert!(!rendered.contains("gehëim"), "{rendered}");
        assert!(rendered.contains("endpont"), "{rendered}");
    }
}
