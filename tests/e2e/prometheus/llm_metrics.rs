//! What real engines sent, counted by the program, against what their spans say when somebody else counts.

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::phases::ExactPhases;
use super::server::{self, Job, Prometheus, Version};
use crate::capture::Capture;
use crate::doors::free_port;
use crate::program::{self, Program};

/// The captures that have requests.
const CAPTURES: [&str; 2] = ["vllm-0.32.0", "vllm-0.32.0-engine-crash"];

/// The limits that an answer is held to by default, in seconds.
const FIRST_TOKEN_MAX: f64 = 0.2;
const PER_TOKEN_MAX: f64 = 0.05;

/// So often that a test does not wait for it.
const OFTEN: Duration = Duration::from_secs(1);

/// So rarely that it does not happen in a test.
const NEVER: Duration = Duration::from_secs(3600);

/// How series are asked for their values.
type Of = fn(String) -> String;

const NOW: Of = |series| series;
/// The last value, also of a series that has ended since.
const LAST: Of = |series| format!("last_over_time({series}[1h])");

/// How a histogram with these labels is asked for its count.
type CountOf = fn(Of, &str, &str) -> String;

const NATIVE: CountOf = |of, histogram, labels| {
    let series = of(format!("{histogram}{{{labels}}}"));
    format!("sum(histogram_count({series}))")
};
const CLASSIC: CountOf = |of, histogram, labels| {
    let series = of(format!("{histogram}_count{{{labels}}}"));
    format!("sum({series})")
};

/// One answer of an engine, as its span tells it.
struct Answer {
    first_token: f64,
    /// None for a single token.
    per_token: Option<f64>,
}

/// What the requests of a capture amount to.
struct Exact {
    answers: Vec<Answer>,
    /// The input tokens of each request; those that share a name and a parent are one.
    requests: BTreeMap<[String; 3], f64>,
    output_tokens: f64,
    phases: ExactPhases,
    /// Those that came and those of phases.
    spans: usize,
}

impl Exact {
    fn of(capture: &Capture) -> Self {
        let (mut answers, mut requests, mut output_tokens) = (Vec::new(), BTreeMap::new(), 0.0);
        let spans = capture.spans().into_iter().map(|captured| captured.span);
        for span in spans.filter(|span| span.name == "llm_request") {
            let tokens = number(&span, "gen_ai.usage.completion_tokens");
            let decode = number(&span, "gen_ai.latency.time_in_model_decode");
            answers.push(Answer {
                first_token: number(&span, "gen_ai.latency.time_to_first_token"),
                per_token: (tokens >= 2.0).then(|| decode / (tokens - 1.0)),
            });
            let id = format!("{:?}", attribute(&span, "gen_ai.request.id"));
            let name = [format!("{:?}", span.trace_id), format!("{:?}", span.parent_span_id), id];
            requests.insert(name, number(&span, "gen_ai.usage.prompt_tokens"));
            output_tokens += tokens;
        }
        assert!(answers.len() >= requests.len() && !requests.is_empty());
        let phases = ExactPhases::of(capture);
        let made: usize = phases.counts().map(|(_, requests)| requests).sum();
        Self {
            answers,
            requests,
            output_tokens,
            phases,
            spans: capture.spans().len() + made,
        }
    }

    /// Waits until Prometheus has every count under these labels.
    async fn counts_are_told_by(&self, prometheus: &Prometheus, labels: &str, count: CountOf, of: Of) {
        let answers = self.answers.len();
        let single = self.answers.iter().filter(|answer| answer.per_token.is_none()).count();
        for (histogram, observed) in [
            ("gen_ai_server_request_duration_seconds", answers),
            ("gen_ai_server_time_to_first_token_seconds", answers),
            ("gen_ai_server_time_per_output_token_seconds", answers - single),
        ] {
            prometheus
                .comes_to(&count(of, histogram, labels), observed as f64)
                .await;
        }
        for (phase, observed) in self.phases.counts() {
            let labels = format!("{labels}, inferscope_phase={phase:?}");
            let query = count(of, "inferscope_request_phase_duration_seconds", &labels);
            prometheus.comes_to(&query, observed as f64).await;
        }
        let query = format!("sum({})", of(format!("traces_span_metrics_calls_total{{{labels}}}")));
        prometheus.comes_to(&query, self.spans as f64).await;
        let requests = self.requests.len() as f64;
        let input_tokens = self.requests.values().sum::<f64>();
        for (counter, more, value) in [
            ("inferscope_requests_total", "outcome=\"ok\"", requests),
            ("inferscope_requests_total", "outcome=~\".*\"", requests),
            (
                "inferscope_request_tokens_total",
                "gen_ai_token_type=\"input\"",
                input_tokens,
            ),
            (
                "inferscope_request_tokens_total",
                "gen_ai_token_type=\"output\"",
                self.output_tokens,
            ),
        ] {
            let series = of(format!("{counter}{{{labels}, {more}}}"));
            prometheus.comes_to(&format!("sum({series})"), value).await;
        }
        for (objective, good, value) in self.goodput() {
            let labels = format!("{labels}, objective={objective:?}, good=\"{good}\"");
            let series = of(format!("inferscope_request_goodput_total{{{labels}}}"));
            prometheus.comes_to(&format!("sum({series})"), value as f64).await;
        }
    }

    /// Answers by objective and whether they met it.
    fn goodput(&self) -> Vec<(&'static str, bool, usize)> {
        let first = |answer: &Answer| Some(answer.first_token <= FIRST_TOKEN_MAX);
        let per_token = |answer: &Answer| answer.per_token.map(|seconds| seconds <= PER_TOKEN_MAX);
        let all = |answer: &Answer| Some(first(answer) != Some(false) && per_token(answer) != Some(false));
        let met: [(&str, &dyn Fn(&Answer) -> Option<bool>); 4] = [
            ("ttft", &first),
            ("tpot", &per_token),
            ("availability", &|_| Some(true)),
            ("all", &all),
        ];
        let mut told = Vec::new();
        for (objective, met) in met {
            for good in [true, false] {
                let answers = self.answers.iter().filter(|answer| met(answer) == Some(good));
                told.push((objective, good, answers.count()));
            }
        }
        told
    }
}

fn attribute<'s>(span: &'s Span, key: &str) -> &'s Value {
    let found = span.attributes.iter().find(|it| it.key == key);
    let value = found.and_then(|it| it.value.as_ref()?.value.as_ref());
    value.unwrap_or_else(|| panic!("no {key} in {span:?}"))
}

fn number(span: &Span, key: &str) -> f64 {
    match attribute(span, key) {
        Value::DoubleValue(value) => *value,
        Value::IntValue(value) => *value as f64,
        other => panic!("{key} is {other:?}"),
    }
}

/// A Prometheus with a program that counts, and sends its counts this often.
async fn opened(flush: Duration) -> (Prometheus, Program) {
    let setting = server::prometheus(Version::V3);
    let page = Job {
        name: "page",
        port: free_port(),
        path: "/metrics",
    };
    let program = program::with("llm_metrics.yaml")
        .env("PROMETHEUS", setting.port)
        .env("PAGE", page.port)
        .env("FLUSH", flush.as_secs());
    let prometheus = setting.start(&[page]).await;
    (prometheus, program.start().await)
}

async fn send(program: &Program, capture: &Capture) {
    for request in &capture.requests {
        let answer = program.send_http(request).await;
        assert_eq!(answer.status, 200);
    }
}

fn phase_of(protocol: &str) -> impl Fn(&str) -> String {
    move |phase| {
        format!("inferscope_request_phase_duration_seconds{{protocol={protocol:?}, inferscope_phase={phase:?}}}")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p50_p95_and_p99_of_every_phase_in_prometheus_are_within_two_percent_and_counts_are_exact() {
    for engine in CAPTURES {
        let capture = Capture::of(engine);
        let exact = Exact::of(&capture);
        let (prometheus, mut program) = opened(OFTEN).await;

        send(&program, &capture).await;

        for protocol in ["1.0", "2.0"] {
            exact.phases.are_told_by(&prometheus, phase_of(protocol)).await;
            let labels = format!("protocol={protocol:?}");
            exact.counts_are_told_by(&prometheus, &labels, NATIVE, NOW).await;
        }
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_requests_on_a_page_that_prometheus_scrapes_are_exact() {
    for engine in CAPTURES {
        let capture = Capture::of(engine);
        let exact = Exact::of(&capture);
        let (prometheus, mut program) = opened(OFTEN).await;

        send(&program, &capture).await;

        exact
            .counts_are_told_by(&prometheus, "protocol=\"page\"", CLASSIC, NOW)
            .await;
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_since_the_last_flush_arrives_when_the_program_is_stopped_and_then_its_series_end() {
    let capture = Capture::of(CAPTURES[0]);
    let exact = Exact::of(&capture);
    let (prometheus, mut program) = opened(NEVER).await;
    let ours = "{protocol=~\"1.0|2.0\"}";
    send(&program, &capture).await;
    assert!(prometheus.query(ours).await.is_empty(), "nothing was sent so far");

    program.stop().await;

    // Whatever Prometheus has now is all that it will ever have.
    for protocol in ["1.0", "2.0"] {
        let labels = format!("protocol={protocol:?}");
        exact.counts_are_told_by(&prometheus, &labels, NATIVE, LAST).await;
        let phase_of = phase_of(protocol);
        exact
            .phases
            .are_told_by(&prometheus, |phase| LAST(phase_of(phase)))
            .await;
        for name in [
            "inferscope_requests_total",
            "traces_span_metrics_calls_total",
            "inferscope_request_phase_duration_seconds",
        ] {
            let left = prometheus.query(&format!("{name}{{{labels}}}")).await;
            assert!(left.is_empty(), "{left:?}");
        }
    }
}
