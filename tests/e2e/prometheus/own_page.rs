//! The page of own metrics, read by a real Prometheus.

use std::collections::BTreeSet;

use super::api::Labels;
use super::promtool::promtool;
use super::server::{self, Job, Version};
use crate::metrics_page::MetricsPage;
use crate::otlp_metrics::{gauge, now, number, request};
use crate::patience::{PATIENCE, until};
use crate::program;
use crate::wire;

const JOB: &str = "inferscope";

/// What Prometheus adds to the labels on the page.
const ADDED: [&str; 5] = ["job", "instance", "cluster", "__type__", "__unit__"];

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_all_of_the_page_of_own_metrics() {
    let setting = server::prometheus(Version::V3);
    let program = program::with("remote_write.yaml").env("PROMETHEUS", setting.port);
    let job = Job {
        name: JOB,
        port: program.metrics(),
        path: "/metrics",
    };
    let prometheus = setting.start(&[job]).await;
    let mut program = program.start().await;

    let points = (0..5).map(|at| number(&[("at", &at.to_string())], (0, now()), 1.0));
    program
        .send_metrics(&request(
            &[("service.name", "s")],
            "",
            vec![gauge("g", "", points.collect())],
        ))
        .await;

    let accepted = "sum(otelcol_receiver_accepted_metric_points_total{job=\"inferscope\"})";
    until("Prometheus counts what was sent", PATIENCE, || async {
        (prometheus.number(accepted).await == Some(5.0)).then_some(())
    })
    .await;
    until("everything was sent on", PATIENCE, || async {
        let sent = prometheus
            .number("sum(otelcol_exporter_sent_metric_points_total)")
            .await;
        (sent == Some(10.0)).then_some(())
    })
    .await;
    let page = wire::get(program.metrics, "/metrics")
        .await
        .expect("the page of own metrics answers")
        .body;
    promtool(&["check", "metrics"], &page);
    let page = MetricsPage::read(std::str::from_utf8(&page).unwrap());
    let known: BTreeSet<Labels> = prometheus
        .series("{job=\"inferscope\"}")
        .await
        .into_iter()
        .map(bare)
        .collect();
    for (name, labels) in page.series() {
        let mut labels = labels.clone();
        labels.insert("__name__".to_owned(), name.to_owned());
        assert!(
            known.contains(&bare(labels.clone())),
            "{labels:?} is on the page and not in Prometheus"
        );
    }
    let untyped = prometheus
        .query("{job=\"inferscope\", __type__=\"\", __name__!~\"up|scrape_.*\"}")
        .await;
    assert!(untyped.is_empty(), "the page does not say what these are: {untyped:#?}");
    let types = prometheus.types().await;
    assert_eq!(types["otelcol_receiver_accepted_metric_points_total"], "counter");
    assert_eq!(types["inferscope_component_held_items"], "gauge");
    program.stop().await;
}

/// Without what Prometheus adds, and bounds as numbers, as it writes them.
fn bare(mut labels: Labels) -> Labels {
    labels.retain(|key, _| !ADDED.contains(&key.as_str()));
    if let Some(bound) = labels.get_mut("le").filter(|bound| *bound != "+Inf") {
        *bound = format!("{:?}", bound.parse::<f64>().unwrap());
    }
    labels
}
