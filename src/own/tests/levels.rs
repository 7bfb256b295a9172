//! `level`: how much is shown.

use pipeline::telemetry::Suffixes;

use super::inbox::PATIENCE;
use super::rig::{Rig, free_port, send_all};

async fn page_at(level: &str) -> String {
    let (otlp, own) = (free_port(), free_port());
    let rig = Rig::start(&format!(
        r#"
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
processors: {{batch: {{timeout: 10ms}}}}
exporters: {{nop: }}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [nop]}}
    metrics: {{receivers: [otlp], processors: [batch], exporters: [nop]}}
    logs: {{receivers: [otlp], processors: [batch], exporters: [nop]}}
  telemetry:
    metrics:
      level: {level}
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {own}}}}}}}}}]
"#
    ))
    .await;
    send_all(otlp).await;
    let page = rig.world.telemetry.metrics().render(Suffixes::none());
    rig.stop(PATIENCE).await;
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn each_level_shows_what_the_collector_shows_there() {
    let always = [
        "otelcol_receiver_accepted_spans",
        "otelcol_processor_incoming_items",
        "otelcol_process_uptime",
    ];
    let normal = [
        "otelcol_processor_batch_batch_send_size_count",
        "otelcol_processor_batch_metadata_cardinality",
    ];
    let detailed = [
        "otelcol_processor_batch_batch_send_size_bytes_count",
        "otelcol_exporter_enqueue_size_bytes_count",
    ];

    for (level, normal_is_there, detailed_is_there) in [
        ("basic", false, false),
        ("normal", true, false),
        ("detailed", true, true),
    ] {
        let page = page_at(level).await;
        let has = |name: &&str| page.lines().any(|line| line.starts_with(*name));
        assert!(always.iter().all(has), "{level}");
        assert_eq!(normal.iter().all(has), normal_is_there, "{level}");
        assert_eq!(normal.iter().any(has), normal_is_there, "{level}");
        assert_eq!(detailed.iter().all(has), detailed_is_there, "{level}");
        assert_eq!(detailed.iter().any(has), detailed_is_there, "{level}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_level_none_nothing_is_shown_and_nothing_listens() {
    let page = page_at("none").await;

    assert_eq!(page, "");
}
