//! Own telemetry that would come back is refused.

use pipeline::plan::World;

use super::rig::{free_port, good, problems};
use crate::own;

fn configuration(receiver: &str, metrics: &str, spans: &str) -> String {
    let own = free_port();
    format!(
        r#"
receivers: {{otlp: {{protocols: {{{receiver}}}}}}}
exporters: {{nop: }}
service:
  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}
  telemetry:
    metrics:
      readers:
        - pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {own}}}}}}}
        - periodic: {{exporter: {{otlp: {{protocol: grpc, endpoint: "{metrics}"}}}}}}
    traces:
      processors:
        - batch: {{exporter: {{otlp: {{protocol: http/protobuf, endpoint: "{spans}"}}}}}}
"#
    )
}

const ELSEWHERE: &str = "http://backend.example:4317";

#[test]
fn a_destination_that_is_our_own_receiver_is_an_error_at_its_place() {
    for (receiver, destination) in [
        ("grpc: ", "http://localhost:4317"),
        ("grpc: ", "http://127.0.0.1:4317"),
        ("http: ", "https://[::1]:4318"),
        ("http: {endpoint: '0.0.0.0:4318'}", "http://localhost:4318/v1/traces"),
        ("http: {endpoint: '[::]:9'}", "http://127.0.0.2:9"),
        ("http: {endpoint: 'gateway:9'}", "http://gateway:9"),
        ("http: {endpoint: ':80'}", "http://localhost"),
    ] {
        let text = problems(&configuration(receiver, ELSEWHERE, destination));
        assert!(
            text.contains("traces::processors::0::batch::exporter::otlp::endpoint"),
            "{destination}: {text}"
        );
        assert!(
            text.contains("come back to this process through receiver otlp"),
            "{text}"
        );
        assert!(text.contains("another collector"), "{text}");
    }
    let text = problems(&configuration("grpc: ", "http://localhost:4317", ELSEWHERE));
    assert!(
        text.contains("metrics::readers::1::periodic::exporter::otlp::endpoint"),
        "{text}"
    );
}

#[test]
fn another_port_or_another_machine_is_no_loop() {
    for (receiver, destination) in [
        ("grpc: ", "http://localhost:4318"),
        ("grpc: ", "http://backend.example:4317"),
        ("grpc: {endpoint: '192.0.2.1:4317'}", "http://localhost:4317"),
        ("grpc: {endpoint: /tmp/4317, transport: unix}", "http://localhost:4317"),
    ] {
        let text = problems(&configuration(receiver, ELSEWHERE, destination));
        assert!(!text.contains("come back"), "{destination}: {text}");
    }
}

#[tokio::test]
async fn a_name_that_turns_out_to_be_this_machine_stops_the_start() {
    // The text is neither a name that everybody knows nor an address in full, but it resolves to 127.0.0.1.
    let (collector, plan) = good(&configuration("grpc: ", "http://127.1:4317", ELSEWHERE));

    let started = own::start(&collector.service.telemetry, &plan, &World::system()).await;

    let error = format!("{:#}", started.err().expect("it is refused"));
    assert!(
        error.contains("come back to this process through receiver otlp"),
        "{error}"
    );
}
