//! The pages and the spans that a running vLLM gave, in one process: what they say about requests together.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::api::Exemplar;
use super::server::{self, Prometheus, Version};
use super::target::{Page, Target};
use crate::capture::{Capture, hex};
use crate::doors::free_port;
use crate::patience::{PATIENCE, until};
use crate::program;
use crate::wire;

/// Histograms of the engine, with the attribute that its spans tell the same of.
const HISTOGRAMS: [(&str, &str); 3] = [
    (
        "vllm:time_to_first_token_seconds_bucket",
        "gen_ai.latency.time_to_first_token",
    ),
    ("vllm:e2e_request_latency_seconds_bucket", "gen_ai.latency.e2e"),
    (
        "vllm:request_decode_time_seconds_bucket",
        "gen_ai.latency.time_in_model_decode",
    ),
];

/// When the capture's second page was scraped; 36 requests finished between it and the last one.
const SECOND_PAGE: u64 = 1_795_316_010_747_206_318;
const FINISHED: usize = 36;

/// The requests that ended after the second page as if they had ended just now, in their order, with what each says by
/// the id of its trace.
struct Sent {
    requests: Vec<Vec<u8>>,
    spans: BTreeMap<String, Vec<Span>>,
}

impl Sent {
    fn now() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let mut spans: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        let mut requests = Vec::new();
        for request in &Capture::of("vllm-0.32.0").requests {
            let mut request = ExportTraceServiceRequest::decode(request.as_slice()).unwrap();
            for scope in request.resource_spans.iter_mut().flat_map(|it| &mut it.scope_spans) {
                scope
                    .spans
                    .retain(|span| span.name == "llm_request" && span.end_time_unix_nano > SECOND_PAGE);
                for span in &mut scope.spans {
                    // The capture took a minute, and this takes a tenth of a second.
                    let ended = now - 100_000_000 + (span.end_time_unix_nano - SECOND_PAGE) / 1_000;
                    span.start_time_unix_nano = ended - (span.end_time_unix_nano - span.start_time_unix_nano);
                    span.end_time_unix_nano = ended;
                    spans.entry(hex(&span.trace_id)).or_default().push(span.clone());
                }
            }
            requests.push(request.encode_to_vec());
        }
        assert_eq!(spans.values().flatten().count(), FINISHED);
        Self { requests, spans }
    }
}

fn seconds(span: &Span, key: &str) -> f64 {
    let found = span.attributes.iter().find(|it| it.key == key).unwrap();
    match found.value.as_ref().unwrap().value {
        Some(Value::DoubleValue(seconds)) => seconds,
        ref other => panic!("{key} is {other:?}"),
    }
}

/// The last page of the capture, as if so many more requests had finished.
fn last_page(more: u32) -> Page {
    let line = "vllm:request_success_total{engine=\"0\",finished_reason=\"length\",model_name=\"tiny-llama\"} ";
    let page = Page::of_vllm("metrics-13-final.prom");
    let finished = page.number(line);
    page.with(
        &format!("{line}{finished:?}\n"),
        &format!("{line}{:?}\n", finished + f64::from(more)),
    )
}

/// The bounds of the bucket that an exemplar is in.
async fn bounds(prometheus: &Prometheus, exemplar: &Exemplar) -> (f64, f64) {
    let name = &exemplar.series["__name__"];
    let all = prometheus.series(&format!("{name}{{protocol=\"1.0\"}}")).await;
    let bound = |le: &String| le.parse::<f64>().unwrap();
    let upper = bound(&exemplar.series["le"]);
    let below = all.iter().map(|labels| bound(&labels["le"])).filter(|it| *it < upper);
    (below.fold(f64::NEG_INFINITY, f64::max), upper)
}

async fn exemplars_are_told(prometheus: &Prometheus, sent: &Sent) {
    for (histogram, key) in HISTOGRAMS {
        for protocol in ["1.0", "2.0"] {
            let selector = format!("{histogram}{{protocol={protocol:?}}}");
            let found = until(&selector, PATIENCE, || async {
                let found = prometheus.exemplars(&selector).await;
                (found.len() > 2).then_some(found)
            })
            .await;
            for exemplar in found {
                let spans = sent.spans.get(&exemplar.labels["trace_id"]);
                let mut spans = spans.into_iter().flatten();
                let span = spans.find(|span| hex(&span.span_id) == exemplar.labels["span_id"]);
                let span = span.unwrap_or_else(|| panic!("it was never sent: {exemplar:?}"));
                let value: f64 = exemplar.value.parse().unwrap();
                assert!((value - seconds(span, key)).abs() < 1e-9, "{exemplar:?}");
                assert_eq!(exemplar.time, (span.end_time_unix_nano / 1_000_000) as i64);
                let (above, until) = bounds(prometheus, &exemplar).await;
                assert!(above < value && value <= until, "{above} {value} {until}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engines_histograms_get_the_traces_of_its_requests_and_lost_spans_are_seen() {
    let target = Target::showing(Page::of_vllm("metrics-02-after-sequential.prom")).await;
    let setting = server::prometheus(Version::V3);
    let page = free_port();
    let program = program::with("engine_requests.yaml")
        .env("TARGET", target.port)
        .env("PROMETHEUS", setting.port)
        .env("PAGE", page);
    let prometheus = setting.start(&[]).await;
    let mut program = program.start().await;
    target.was_scraped(&["/metrics"]).await;

    let sent = Sent::now();
    for request in &sent.requests {
        let answer = program.send_http(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    target.show(last_page(0));

    exemplars_are_told(&prometheus, &sent).await;
    let of_v2 = |name: &str| format!("inferscope_engine_requests_{name}{{protocol=\"2.0\"}}");
    prometheus.comes_to(&of_v2("traced_total"), FINISHED as f64).await;
    prometheus.comes_to(&of_v2("completeness_ratio"), 1.0).await;
    // Two clients went away after their first token.
    prometheus
        .comes_to(&of_v2("aborted_after_first_token_total"), 2.0)
        .await;
    let wanted = [("accept", "application/openmetrics-text;version=1.0.0")];
    let shown = wire::try_send(Method::GET, page, "/metrics", &wanted, Bytes::new()).await;
    let shown = String::from_utf8(shown.unwrap().body.to_vec()).unwrap();
    let with_trace = |line: &&str| line.starts_with(HISTOGRAMS[0].0) && line.contains(" # {");
    let line = shown.lines().find(with_trace).expect("a bucket with an exemplar");
    assert!(
        sent.spans
            .keys()
            .any(|trace| line.contains(&format!("trace_id=\"{trace}\""))),
        "{line}"
    );

    // As many requests again finish, and none of their spans comes.
    target.show(last_page(FINISHED as u32));

    prometheus.comes_to(&of_v2("completeness_ratio"), 0.5).await;
    prometheus.comes_to(&of_v2("traced_total"), FINISHED as f64).await;
    program.stop().await;
}
