//! What is pushed by OTLP, and what happens when nobody takes it.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::telemetry::Suffixes;
use prost::Message;

use super::inbox::{Got, Inbox, PATIENCE};
use super::rig::{Rig, free_port, send_all};

/// Takes all signals, batches and sends them to `backend`.
fn configuration(otlp: u16, backend: &str, telemetry: &str) -> String {
    let own = free_port();
    format!(
        r#"
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
processors: {{batch: {{timeout: 10ms}}}}
exporters: {{otlp_http: {{endpoint: "http://{backend}", retry_on_failure: {{enabled: false}}}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [otlp_http]}}
    metrics: {{receivers: [otlp], processors: [batch], exporters: [otlp_http]}}
    logs: {{receivers: [otlp], processors: [batch], exporters: [otlp_http]}}
  telemetry:
    resource: {{service.name: gateway, service.instance.id: , zone: a}}
    metrics:
      readers:
        - pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {own}}}}}}}
{telemetry}
"#
    )
}

fn periodic(interval_ms: u64, otlp: &str) -> String {
    format!("        - periodic: {{interval: {interval_ms}, exporter: {{otlp: {{{otlp}}}}}}}\n")
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|it| it.value.as_ref()).and_then(|it| it.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(truth)) => truth.to_string(),
        _ => String::new(),
    }
}

/// What a push says about who it is from.
fn assert_resource(resource: Option<&Resource>) {
    let attributes = &resource.expect("a resource").attributes;
    assert_eq!(text(attributes, "service.name"), "gateway");
    assert_eq!(text(attributes, "service.version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(text(attributes, "zone"), "a");
    assert!(!attributes.iter().any(|it| it.key == "service.instance.id"));
}

fn pushed(got: &Got) -> ResourceMetrics {
    let mut request = ExportMetricsServiceRequest::decode(got.message.clone()).unwrap();
    assert_eq!(request.resource_metrics.len(), 1);
    request.resource_metrics.remove(0)
}

/// A counter: the sum of its whole numbers, its temporality and whether it only grows.
fn counter(metrics: &ResourceMetrics, name: &str) -> Option<(i64, i32, bool)> {
    let mut all = metrics.scope_metrics.iter().flat_map(|scope| &scope.metrics);
    let found = all.find(|metric| metric.name == name)?;
    let Some(metric::Data::Sum(sum)) = &found.data else {
        panic!("{name} is not a sum");
    };
    let whole = |value: Option<number_data_point::Value>| match value {
        Some(number_data_point::Value::AsInt(number)) => number,
        other => panic!("{name}: {other:?}"),
    };
    let points = sum.data_points.iter().map(|point| whole(point.value));
    Some((points.sum(), sum.aggregation_temporality, sum.is_monotonic))
}

const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_pushed_over_grpc_with_the_resource_and_the_values_of_the_page() {
    let (mut inbox, backend, otlp) = (Inbox::open().await, Inbox::open().await, free_port());
    let there = format!(
        r#"protocol: grpc, endpoint: "http://{}", compression: gzip, headers: [{{name: x-key, value: secret}}]"#,
        inbox.address
    );
    let rig = Rig::start(&configuration(
        otlp,
        &backend.address.to_string(),
        &periodic(50, &there),
    ))
    .await;

    send_all(otlp).await;
    let (got, metrics) = loop {
        let got = inbox.next().await;
        let metrics = pushed(&got);
        if counter(&metrics, "otelcol_exporter_sent_log_records").is_some_and(|(sent, ..)| sent == 1)
            && counter(&metrics, "otelcol_exporter_sent_spans").is_some_and(|(sent, ..)| sent == 2)
        {
            break (got, metrics);
        }
    };
    rig.stop(PATIENCE).await;

    assert_eq!(
        got.path,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
    );
    assert_eq!(got.headers["x-key"], "secret");
    assert_eq!(got.headers["grpc-encoding"], "gzip");
    assert_resource(metrics.resource.as_ref());
    let scope = metrics.scope_metrics[0].scope.as_ref().unwrap();
    assert_eq!(
        (scope.name.as_str(), scope.version.as_str()),
        ("inferscope", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(
        counter(&metrics, "otelcol_receiver_accepted_spans"),
        Some((2, CUMULATIVE, true))
    );
    assert_eq!(
        counter(&metrics, "otelcol.receiver.produced.items"),
        Some((4, CUMULATIVE, true))
    );
    let all = || metrics.scope_metrics.iter().flat_map(|scope| &scope.metrics);
    assert!(!all().any(|metric| metric.name == "target_info"));
    let rss = all()
        .find(|metric| metric.name == "otelcol_process_memory_rss")
        .unwrap();
    assert_eq!(rss.unit, "By");
    assert!(matches!(rss.data, Some(metric::Data::Gauge(_))));
    // The histogram has the bounds and the observations of ours.
    let sizes = all()
        .find(|metric| metric.name == "otelcol_processor_batch_batch_send_size")
        .unwrap();
    let Some(metric::Data::Histogram(sizes)) = &sizes.data else {
        panic!("not a histogram");
    };
    let [point] = sizes.data_points.as_slice() else {
        panic!("one processor, one series");
    };
    assert_eq!((point.sum, point.count, point.explicit_bounds[0]), (Some(4.0), 3, 10.0));
    assert_eq!(text(&point.attributes, "processor"), "batch");
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_pushed_over_http_and_add_up() {
    let (mut inbox, backend, otlp) = (Inbox::open().await, Inbox::open().await, free_port());
    let there = format!(
        r#"protocol: http/protobuf, endpoint: "http://{}", compression: gzip, temporality_preference: delta"#,
        inbox.address
    );
    let rig = Rig::start(&configuration(
        otlp,
        &backend.address.to_string(),
        &periodic(50, &there),
    ))
    .await;

    let (mut added, mut pushes) = (0, 0);
    for round in 1..=2 {
        send_all(otlp).await;
        while added < 2 * round {
            let got = inbox.next().await;
            assert_eq!(
                (got.path.as_str(), &got.headers["content-encoding"]),
                ("/v1/metrics", &"gzip".parse().unwrap())
            );
            if let Some((more, temporality, _)) = counter(&pushed(&got), "otelcol_receiver_accepted_spans") {
                assert_eq!(temporality, DELTA);
                added += more;
                pushes += u32::from(more > 0);
            }
        }
    }
    rig.stop(PATIENCE).await;

    assert_eq!((added, pushes), (4, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_last_is_pushed_when_the_program_ends() {
    let (mut inbox, backend, otlp) = (Inbox::open().await, Inbox::open().await, free_port());
    let there = format!(r#"protocol: http/protobuf, endpoint: "http://{}/otel""#, inbox.address);
    let rig = Rig::start(&configuration(
        otlp,
        &backend.address.to_string(),
        &periodic(3_600_000, &there),
    ))
    .await;

    send_all(otlp).await;
    rig.stop(PATIENCE).await;

    let got = inbox.next().await;
    assert_eq!(got.path, "/otel");
    assert_eq!(
        counter(&pushed(&got), "otelcol_exporter_sent_spans"),
        Some((2, CUMULATIVE, true))
    );
}

fn spans(got: &Got) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(got.message.clone()).unwrap();
    let [resource] = request.resource_spans.as_slice() else {
        panic!("one process, one resource");
    };
    assert_resource(resource.resource.as_ref());
    let scopes = resource.scope_spans.iter();
    scopes.flat_map(|scope| scope.spans.clone()).collect()
}

/// Own spans to an inbox; data goes to `backend`, and a page that is not there is scraped.
fn with_spans(otlp: u16, backend: &str, inbox: &Inbox, sampler: &str) -> String {
    let nobody = free_port();
    let traces = format!(
        r#"
    traces:
      sampler: {sampler}
      processors:
        - batch: {{schedule_delay: 20, exporter: {{otlp: {{protocol: grpc, endpoint: "http://{}"}}}}}}
"#,
        inbox.address
    );
    let page = format!(r#"scrape_interval: 100ms, static_configs: [{{targets: ["127.0.0.1:{nobody}"]}}]"#);
    let scraper = format!("receivers:\n  prometheus: {{config: {{scrape_configs: [{{job_name: engine, {page}}}]}}}}\n");
    configuration(otlp, backend, &traces)
        .replace("receivers:\n", &scraper)
        .replace("metrics: {receivers: [otlp]", "metrics: {receivers: [otlp, prometheus]")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_to_export_and_each_scrape_is_a_span() {
    let (mut inbox, otlp, gone) = (Inbox::open().await, free_port(), free_port());
    let backend = format!("127.0.0.1:{gone}");
    let rig = Rig::start(&with_spans(otlp, &backend, &inbox, "{always_on: }")).await;

    send_all(otlp).await;
    let (mut exports, mut scrapes) = (Vec::new(), Vec::new());
    while exports.is_empty() || scrapes.is_empty() {
        for span in spans(&inbox.next().await) {
            match span.name.as_str() {
                "exporter/otlp_http/traces" => exports.push(span),
                "scraper/prometheus/ScrapeMetrics" => scrapes.push(span),
                _ => {}
            }
        }
    }
    rig.stop(PATIENCE).await;

    let export = &exports[0];
    let says = |key| text(&export.attributes, key);
    assert_eq!(
        (says("exporter"), says("data_type")),
        ("otlp_http".to_owned(), "traces".to_owned())
    );
    assert_eq!(
        (says("items.sent"), says("items.failed")),
        ("0".to_owned(), "2".to_owned())
    );
    assert_eq!(
        (says("inferscope.attempt"), says("error.permanent")),
        ("1".to_owned(), "false".to_owned())
    );
    assert!(says("inferscope.payload.bytes").parse::<u32>().unwrap() > 50);
    let status = export.status.as_ref().unwrap();
    assert_eq!(status.code, 2);
    assert!(status.message.contains("cannot connect"), "{}", status.message);
    assert!(export.parent_span_id.is_empty() && export.end_time_unix_nano >= export.start_time_unix_nano);

    let scrape = &scrapes[0];
    let says = |key| text(&scrape.attributes, key);
    assert_eq!(
        (says("receiver"), says("scraper")),
        ("prometheus".to_owned(), "engine".to_owned())
    );
    assert!(says("url.full").ends_with("/metrics"));
    assert_eq!(
        (says("inferscope.scrape.up"), says("scraped_metric_points")),
        ("false".to_owned(), "0".to_owned())
    );
    assert_eq!(scrape.status.as_ref().unwrap().code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sampler_that_takes_nothing_and_no_processors_cost_no_spans() {
    let (inbox, otlp) = (Inbox::open().await, free_port());
    let backend = Inbox::open().await.address.to_string();
    let off = Rig::start(&with_spans(
        otlp,
        &backend,
        &inbox,
        "{parent_based: {root: {always_off: }}}",
    ))
    .await;
    let unasked = Rig::start(&configuration(free_port(), &backend, "")).await;

    assert!(off.world.telemetry.spans().is_none());
    assert!(unasked.world.telemetry.spans().is_none());

    off.stop(PATIENCE).await;
    unasked.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_away_costs_nothing_but_what_was_to_be_pushed() {
    let (mut backend, otlp, gone) = (Inbox::open().await, free_port(), free_port());
    // It takes connections and never answers.
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let refuses = format!(r#"protocol: http/protobuf, endpoint: "http://127.0.0.1:{gone}", timeout: 200"#);
    let hangs = format!(
        r#"protocol: grpc, endpoint: "http://{}", timeout: 200"#,
        silent.local_addr().unwrap()
    );
    let readers = periodic(20, &refuses) + &periodic(20, &hangs);
    let rig = Rig::start(&configuration(otlp, &backend.address.to_string(), &readers)).await;

    for _ in 0..10 {
        send_all(otlp).await;
        backend.next().await;
    }
    let failures = || {
        let page = rig.world.telemetry.metrics().render(Suffixes::none());
        let line = page
            .lines()
            .find(|line| line.starts_with("inferscope_own_telemetry_export_failures{"));
        line.and_then(|line| line.rsplit(' ').next())
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let counted = tokio::time::timeout(PATIENCE, async {
        while failures() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    counted.await.expect("failures are counted");

    let began = Instant::now();
    rig.stop(Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn own_telemetry_is_pushed_over_tls_to_who_shows_the_certificate_that_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("a.crt"), folder.path().join("a.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let certificate = certificate.display();
    for (protocol, trusts, arrives) in [
        ("grpc", true, true),
        ("http/protobuf", true, true),
        ("grpc", false, false),
        ("http/protobuf", false, false),
    ] {
        let (port, page, otlp) = (free_port(), free_port(), free_port());
        let receiver = Rig::start(&format!(
            r#"
receivers:
  otlp:
    protocols: {{grpc: {{endpoint: "127.0.0.1:{port}", tls: {{cert_file: "{certificate}", key_file: "{}"}}}}}}
exporters: {{nop: }}
service:
  pipelines: {{metrics: {{receivers: [otlp], exporters: [nop]}}}}
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]}}}}
"#,
            key.display()
        ))
        .await;
        let trust = if trusts {
            format!(r#", certificate: "{certificate}""#)
        } else {
            String::new()
        };
        let there = format!(r#"protocol: {protocol}, endpoint: "https://localhost:{port}"{trust}"#);
        let sender = Rig::start(&configuration(otlp, "127.0.0.1:1", &periodic(3_600_000, &there))).await;

        // The last push is the only one.
        sender.stop(PATIENCE).await;

        let text = receiver.world.telemetry.metrics().render(Suffixes::none());
        let mut lines = text
            .lines()
            .filter(|line| line.starts_with("otelcol_receiver_accepted_metric_points{"));
        assert_eq!(lines.any(|line| !line.ends_with(" 0")), arrives, "{protocol}: {text}");
        receiver.stop(PATIENCE).await;
    }
}
