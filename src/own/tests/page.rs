//! The page of own metrics after traffic of all signals.

use std::collections::{BTreeMap, BTreeSet};

use super::inbox::{Inbox, PATIENCE};
use super::rig::{Rig, free_port, get, send_all};

const DASHBOARD: &str = include_str!("dashboard.txt");

/// What the dashboard asks for and no page of ours can have, by the beginnings of names, with the reason.
const NOT_HERE: &[(&str, &str)] = &[
    (
        "otelcol_processor_accepted_",
        "the Collector removed it; incoming_items took its place",
    ),
    (
        "otelcol_processor_refused_",
        "the Collector removed it; a processor that refuses tells otelcol_processor_consumed_items",
    ),
    (
        "otelcol_processor_dropped_",
        "the Collector removed it; incoming_items less outgoing_items took its place",
    ),
    ("otelcol_processor_filter_", "this build has no processor filter"),
    (
        "otelcol_otelsvc_k8s_",
        "the extension k8s watches pods, and k8s_attributes counts resources under a name of its own",
    ),
];

/// The samples of a page: name and labels with the value.
struct Page {
    text: String,
    samples: BTreeMap<String, f64>,
}

impl Page {
    /// Reads a page strictly: every family has its help and its type, once and before its samples; no series comes
    /// twice; names, keys and numbers are legal.
    fn read(text: String) -> Self {
        let mut samples = BTreeMap::new();
        let (mut families, mut family) = (BTreeSet::new(), ("", ""));
        for line in text.lines() {
            if let Some(line) = line.strip_prefix("# HELP ") {
                let (name, help) = line.split_once(' ').expect("a help text");
                assert!(families.insert(name.to_owned()), "{name} comes twice");
                assert!(!help.is_empty(), "{name} has no help");
                family = (name, "");
                continue;
            }
            if let Some(line) = line.strip_prefix("# TYPE ") {
                let (name, kind) = line.split_once(' ').expect("a type");
                assert_eq!(name, family.0);
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                family.1 = kind;
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("a sample");
            let name = series.split('{').next().unwrap();
            let suffix = name
                .strip_prefix(family.0)
                .unwrap_or_else(|| panic!("{line} below {family:?}"));
            let suffixes: &[&str] = match family.1 {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(suffixes.contains(&suffix), "{line}");
            let legal = |text: &str| text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
            assert!(legal(name), "{line}");
            for pair in series
                .split_once('{')
                .map_or("", |(_, it)| it)
                .split("\",")
                .filter(|it| !it.is_empty())
            {
                assert!(legal(pair.split_once("=\"").expect("a label").0), "{line}");
            }
            let value = value.parse().expect("a number");
            assert_eq!(samples.insert(series.to_owned(), value), None, "{series} comes twice");
        }
        Self { text, samples }
    }

    fn has(&self, name: &str) -> bool {
        self.samples.keys().any(|series| series.split('{').next() == Some(name))
    }

    fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let fits = |series: &&String| {
            series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label))
        };
        let matching = self.samples.iter().filter(|(series, _)| fits(series));
        matching.map(|(_, value)| value).sum()
    }
}

/// Traffic of all signals through a batch processor and a connector, to a destination that answers and one that is not
/// there. The pages of three readers: bare names, names with suffixes, and labels that every series carries.
async fn pages_after_traffic() -> (Page, Page, Page) {
    let (otlp, gone) = (free_port(), free_port());
    let (bare, full, labelled) = (free_port(), free_port(), free_port());
    let inbox = Inbox::open().await;
    let answers = inbox.address;
    let rig = Rig::start(&format!(
        r#"
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
processors:
  batch: {{timeout: 10ms}}
exporters:
  otlp_http/answers: {{endpoint: "http://{answers}"}}
  otlp_http/gone: {{endpoint: "http://127.0.0.1:{gone}", retry_on_failure: {{enabled: false}}}}
connectors:
  forward:
service:
  pipelines:
    traces/in: {{receivers: [otlp], exporters: [forward]}}
    traces: {{receivers: [forward], processors: [batch], exporters: [otlp_http/answers, otlp_http/gone]}}
    metrics: {{receivers: [otlp], processors: [batch], exporters: [otlp_http/answers, otlp_http/gone]}}
    logs: {{receivers: [otlp], processors: [batch], exporters: [otlp_http/answers, otlp_http/gone]}}
  telemetry:
    resource: {{service.name: gateway, zone: "a\"b"}}
    metrics:
      level: detailed
      readers:
        - pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {bare}, without_units: true, without_type_suffix: true, without_scope_info: true}}}}}}
        - pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {full}, without_units: false, without_type_suffix: false}}}}}}
        - pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {labelled}, without_scope_info: false, with_resource_constant_labels: {{included: [zone]}}}}}}}}
"#
    ))
    .await;
    send_all(otlp).await;
    let page = |port| async move { Page::read(get(port, "/metrics").await) };
    let all_told = tokio::time::timeout(PATIENCE, async {
        loop {
            let page = page(bare).await;
            let done = ["spans", "metric_points", "log_records"].iter().all(|items| {
                page.sum(&format!("otelcol_exporter_sent_{items}"), &[]) > 0.0
                    && page.sum(&format!("otelcol_exporter_send_failed_{items}"), &[]) > 0.0
            });
            if done {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    all_told.await.expect("both exporters say how it ended");
    let pages = (page(bare).await, page(full).await, page(labelled).await);
    rig.stop(PATIENCE).await;
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_community_dashboard_asks_for_is_there_with_and_without_suffixes() {
    let (bare, full, _) = pages_after_traffic().await;
    let names = DASHBOARD.lines().filter(|line| !line.starts_with('#'));
    let asked: Vec<(&str, &str)> = names.map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();

    let not_here = |name: &str| NOT_HERE.iter().any(|(beginning, _)| name.starts_with(beginning));
    let (missing, here): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(name, _)| not_here(name));

    assert_eq!((here.len(), missing.len()), (29, 17));
    for (name, suffix) in here {
        assert!(bare.has(name), "{name} is not on the page without suffixes");
        assert!(
            full.has(&format!("{name}{suffix}")),
            "{name}{suffix} is not on the page with suffixes"
        );
    }
    for (name, suffix) in missing {
        // A name that appears one day must be taken off the list of those that cannot.
        assert!(
            !bare.has(name) && !full.has(&format!("{name}{suffix}")),
            "{name} is there"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_counts_what_went_through_with_the_collectors_labels() {
    let (page, _, labelled) = pages_after_traffic().await;

    let sum = |name: &str, labels: &[&str]| page.sum(name, labels);
    assert_eq!(
        sum(
            "otelcol_receiver_accepted_spans",
            &[r#"receiver="otlp""#, r#"transport="http""#]
        ),
        2.0
    );
    assert_eq!(sum("otelcol_receiver_requests", &[r#"outcome="success""#]), 3.0);
    assert_eq!(
        sum(
            "otelcol_processor_incoming_items",
            &[r#"processor="batch""#, r#"otel_signal="traces""#]
        ),
        2.0
    );
    assert_eq!(
        sum("otelcol_exporter_sent_spans", &[r#"exporter="otlp_http/answers""#]),
        2.0
    );
    let failed = [
        r#"exporter="otlp_http/gone""#,
        r#"error_type="_OTHER""#,
        r#"error_permanent="false""#,
    ];
    assert_eq!(sum("otelcol_exporter_send_failed_spans", &failed), 2.0);
    let queue = [r#"exporter="otlp_http/gone""#, r#"data_type="logs""#];
    assert_eq!(sum("otelcol_exporter_queue_capacity", &queue), 1000.0);
    assert_eq!(sum("otelcol_exporter_in_flight_requests", &queue), 0.0);
    assert_eq!(
        sum(
            "otelcol_exporter_enqueue_size_sum",
            &[r#"exporter="otlp_http/answers""#]
        ),
        4.0
    );

    let flow = |name: &str, id: &str| {
        let id = format!(r#"otelcol_component_id="{id}""#);
        sum(
            name,
            &[
                &id,
                r#"otelcol_signal="traces""#,
                r#"otelcol_component_outcome="success""#,
            ],
        )
    };
    assert_eq!(flow("otelcol_receiver_produced_items", "otlp"), 2.0);
    assert_eq!(flow("otelcol_connector_consumed_items", "forward"), 2.0);
    assert_eq!(flow("otelcol_connector_produced_items", "forward"), 2.0);
    assert_eq!(flow("otelcol_processor_consumed_items", "batch"), 2.0);
    assert_eq!(flow("otelcol_processor_produced_items", "batch"), 2.0);
    assert_eq!(flow("otelcol_exporter_consumed_items", "otlp_http/gone"), 2.0);

    assert!(sum("otelcol_process_runtime_heap_alloc_bytes", &[]) > 100_000.0);
    let mapped = sum("otelcol_process_runtime_total_sys_memory_bytes", &[]);
    assert!(mapped > sum("otelcol_process_runtime_heap_alloc_bytes", &[]));
    let info = [
        r#"service_name="gateway""#,
        "service_version=",
        "service_instance_id=",
        r#"zone="a\"b""#,
    ];
    assert_eq!(sum("target_info", &info), 1.0);

    // Labels that were asked for stand on every series but the one that carries the resource.
    for series in labelled
        .samples
        .keys()
        .filter(|series| !series.starts_with("target_info"))
    {
        for label in [
            r#"otel_scope_name="inferscope""#,
            r#"otel_scope_version=""#,
            r#"zone="a\"b""#,
        ] {
            assert!(series.contains(label), "{series}");
        }
        assert!(!series.contains("service_name="), "{series}");
    }
    assert!(!page.text.contains("otel_scope_"));
}
