//! The page of a real engine, scraped by the receiver that knows this engine, against what Prometheus scrapes itself.

use super::api::Labels;
use super::server::{self, Job, Version};
use super::target::{Page, Target};
use super::ways::DIRECT;
use crate::patience::{PATIENCE, until};
use crate::program;

/// The path that the receiver scrapes (`configs/engine.yaml`).
const ENGINE: &str = "/engine";

/// A metric that is the same for all engines, and the series of vLLM that it comes from.
const CANONICAL: [(&str, &str); 10] = [
    ("inferscope_engine_requests_waiting", "vllm:num_requests_waiting"),
    ("inferscope_engine_requests_running", "vllm:num_requests_running"),
    (
        "inferscope_engine_requests_finished_total{inferscope_finish_reason=\"length\"}",
        "vllm:request_success_total{finished_reason=\"length\"}",
    ),
    ("inferscope_engine_preemptions_total", "vllm:num_preemptions_total"),
    (
        "inferscope_engine_tokens_total{gen_ai_token_type=\"input\"}",
        "vllm:prompt_tokens_total",
    ),
    (
        "inferscope_engine_tokens_total{gen_ai_token_type=\"output\"}",
        "vllm:generation_tokens_total",
    ),
    (
        "inferscope_engine_request_duration_seconds_count",
        "vllm:e2e_request_latency_seconds_count",
    ),
    (
        "inferscope_engine_request_duration_seconds_sum",
        "vllm:e2e_request_latency_seconds_sum",
    ),
    (
        "inferscope_engine_time_to_first_token_seconds_bucket{le=\"0.1\"}",
        "vllm:time_to_first_token_seconds_bucket{le=\"0.1\"}",
    ),
    (
        "inferscope_engine_request_queue_duration_seconds_bucket{le=\"+Inf\"}",
        "vllm:request_queue_time_seconds_bucket{le=\"+Inf\"}",
    ),
];

/// The last page of the capture, as if three requests were waiting: on an idle engine a value that is lost looks right.
fn page() -> Page {
    let idle = "vllm:num_requests_waiting{engine=\"0\",model_name=\"tiny-llama\"} ";
    Page::of_vllm("metrics-13-final.prom").with(&format!("{idle}0.0"), &format!("{idle}3.0"))
}

/// A selector with one more matcher.
fn of_job(selector: &str, job: &str) -> String {
    match selector.split_once('{') {
        Some((name, matchers)) => format!("{name}{{job={job:?}, {matchers}"),
        None => format!("{selector}{{job={job:?}}}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_an_engine_is_in_prometheus_under_its_own_names_and_under_those_of_all_engines() {
    let target = Target::showing(page()).await;
    let setting = server::prometheus(Version::V3);
    let program = program::with("engine.yaml")
        .env("TARGET", target.port)
        .env("PROMETHEUS", setting.port);
    let job = Job {
        name: DIRECT,
        port: target.port,
        path: "/direct",
    };
    let prometheus = setting.start(&[job]).await;
    let mut program = program.start().await;
    target.was_scraped(&["/direct", ENGINE]).await;

    // Series _created become start times (the README of the receiver says so); up and scrape_* stand on no page.
    let left_out = "__name__!~\".*_created|up|scrape_.*\"";
    let of_itself = prometheus.query(&format!("{{job={DIRECT:?}, {left_out}}}")).await;
    assert!(of_itself.len() > 300, "a whole page: {}", of_itself.len());
    let missing = || async {
        let ours = prometheus.query("{job=\"vllm\"}").await;
        let mut missing = of_itself.clone();
        missing.retain(|labels, value| {
            let mut labels = labels.clone();
            labels.insert("job".to_owned(), "vllm".to_owned());
            ours.get(&labels) != Some(value)
        });
        missing
    };
    let arrives = until("every series of the page is there", 2 * PATIENCE, || async {
        missing().await.is_empty().then_some(())
    });
    if tokio::time::timeout(PATIENCE, arrives).await.is_err() {
        panic!("not there, or with another value: {:#?}", missing().await);
    }
    prometheus.comes_to("up{job=\"vllm\"}", 1.0).await;
    for (ours, theirs) in CANONICAL {
        let told = prometheus.number(&of_job(theirs, DIRECT)).await;
        let told = told.unwrap_or_else(|| panic!("{theirs} is not on the page"));
        prometheus.comes_to(&of_job(ours, "vllm"), told).await;
    }
    let waiting = prometheus.query("inferscope_engine_requests_waiting").await;
    let instance = format!("127.0.0.1:{}", target.port);
    let labels = [
        ("__name__", "inferscope_engine_requests_waiting"),
        // What Prometheus makes of the metadata of remote write 2.0.
        ("__type__", "gauge"),
        ("__unit__", "{request}"),
        ("cluster", "eu-1"),
        ("gen_ai_request_model", "tiny-llama"),
        ("inferscope_engine_name", "vllm"),
        ("inferscope_engine_rank", "0"),
        ("instance", &instance),
        ("job", "vllm"),
    ];
    let labels: Labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(waiting, [(labels, "3".to_owned())].into());
    program.stop().await;
}
