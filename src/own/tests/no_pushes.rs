//! A build that cannot push says so.

use super::rig::problems;

#[test]
fn what_would_be_pushed_is_an_error_at_its_place() {
    let text = problems(
        r#"
receivers: {otlp: {protocols: {grpc: }}}
exporters: {nop: }
service:
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
  telemetry:
    metrics: {readers: [{periodic: {exporter: {otlp: {protocol: grpc, endpoint: "http://a:1"}}}}]}
"#,
    );

    assert!(
        text.contains("metrics::readers::0::periodic::exporter::otlp::endpoint"),
        "{text}"
    );
    assert!(text.contains("without the feature own-otlp"), "{text}");
}
