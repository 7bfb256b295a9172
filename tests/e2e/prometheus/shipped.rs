//! Every query of the shipped rules and dashboards, asked of a real Prometheus that one run of the program feeds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lint::{Purpose, Query};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

use super::api::{Labels, line};
use super::server::{self, Job, Prometheus, Version};
use super::target::{Page, Target};
use crate::capture::Capture;
use crate::doors::free_port;
use crate::otlp_metrics::{gauge, now, number, request};
use crate::program::{self, Program};
use crate::wire;

/// What the program does not make: of OpenCost.
const FOREIGN: &str = "# TYPE node_gpu_hourly_cost gauge\nnode_gpu_hourly_cost{node=\"gpu-node-1\"} 2.5\n";

/// The metrics that pipelines make, and those of the program itself.
const OURS: &str = "{__name__=~\"(otelcol|inferscope|gen_ai_server|traces_span_metrics|hw)_.+\"}";

/// Labels that Prometheus adds to what it scrapes.
const ADDED: [&str; 3] = ["cluster", "__type__", "__unit__"];

/// How long all queries together may take to have an answer: rates need two points, and rules wait for rules.
const ANSWERED_MAX: Duration = Duration::from_secs(45);

/// The pages of one engine, in the order of time; the last one stays.
const ENGINE_PAGES: [&str; 3] = [
    "metrics-01-idle-before-first-request.prom",
    "metrics-02-after-sequential.prom",
    "metrics-13-final.prom",
];

/// Older than anything that Prometheus takes once it has samples of today, in nanoseconds.
const TOO_OLD: u64 = 12 * 3600 * 1_000_000_000;

/// What is asked, with those on whose behalf.
type Questions = BTreeMap<String, BTreeSet<String>>;

/// What feeds Prometheus.
struct Sources {
    program: Program,
    engine: Target,
    full: u16,
    capture: Capture,
    /// Whose metrics come from elsewhere; they are served until the end.
    _others: [Target; 2],
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Vec<Query> {
    let mut paths: Vec<PathBuf> = ["deploy/prometheus/rules", "deploy/grafana"]
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let queries: Vec<Query> = paths.iter().flat_map(|path| lint::queries_of(path).unwrap()).collect();
    assert!(queries.len() > 130, "{}", queries.len());
    queries
}

/// Grafana's variables, as a user has them who chose everything: what they name has to be there.
fn variable(name: &str) -> String {
    match name {
        "__rate_interval" => "5m".to_owned(),
        _ => ".+".to_owned(),
    }
}

/// What has to have an answer: each selector by itself, each query as a whole, and what rules record.
fn questions(queries: &[Query]) -> Questions {
    let mut questions = Questions::new();
    for query in queries {
        let file = Path::new(query.file()).file_name().unwrap().to_string_lossy();
        let whose = format!("{file}:{} {}", query.line(), query.title);
        let mut ask = |promql: String| {
            questions.entry(promql).or_default().insert(whose.clone());
        };
        let selectors = query.filled_selectors(variable).expect("it can be read");
        let whole = match &query.purpose {
            // That nothing is wrong is not to look like a wrong name.
            Purpose::Alert { .. } => query.with_bool().expect("it can be read"),
            Purpose::Variable { label: Some(label) } => {
                // Its series have the label: one without would be the same as that of `vector`.
                format!(
                    "group by ({label}) ({}) unless on ({label}) vector(1)",
                    query.filled(variable)
                )
            }
            _ => query.filled(variable),
        };
        ask(whole);
        if let Purpose::Record { name } = &query.purpose {
            ask(name.clone());
        }
        selectors.into_iter().for_each(ask);
    }
    questions
}

/// Whether there is anything to see: a line of nothing but NaN is none.
async fn has_data(prometheus: &Prometheus, promql: &str) -> bool {
    let answer = prometheus.query(promql).await;
    answer
        .values()
        .any(|value| value != "NaN" && !value.starts_with("count 0 "))
}

/// What the linter says to selectors of exactly these series.
fn lint_of_series(series: &[Labels]) -> String {
    assert!(series.len() > 300, "{}", series.len());
    let rules: Vec<serde_json::Value> = series
        .iter()
        .map(|labels| {
            let mut labels = labels.clone();
            labels.retain(|label, _| !ADDED.contains(&label.as_str()));
            let selector = line(&labels, "");
            serde_json::json!({"record": "a:b", "expr": selector})
        })
        .collect();
    let file = serde_json::json!({"groups": [{"name": "g", "rules": rules}]});
    let report = lint::lint_text("series", &file.to_string(), &lint::Options::default());
    assert!(report.unreadable.is_empty(), "{}", report.unreadable);
    report.findings.to_string()
}

/// A request of a capture as if the engine had got it once more.
fn once_more(captured: &[u8], round: u8, fails: bool) -> Vec<u8> {
    let mut request = ExportTraceServiceRequest::decode(captured).unwrap();
    let scopes = request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans);
    for span in scopes.flat_map(|scope| &mut scope.spans) {
        for id in [&mut span.trace_id, &mut span.span_id, &mut span.parent_span_id] {
            if let Some(first) = id.first_mut() {
                *first ^= round;
            }
        }
        if fails {
            span.status = Some(Status {
                code: StatusCode::Error.into(),
                ..Status::default()
            });
        }
    }
    request.encode_to_vec()
}

impl Sources {
    /// Starts everything. Prometheus scrapes the page of own metrics with either form of names, and what is not ours.
    async fn open() -> (Self, Prometheus) {
        let engine = Target::showing(Page::of_vllm(ENGINE_PAGES[0])).await;
        let devices = root().join("tests/fixtures/engines/dcgm-exporter-from-source/metrics.prom");
        let devices = Target::showing(Page::text(fs::read(devices).unwrap())).await;
        let foreign = Target::showing(Page::text(FOREIGN)).await;
        let setting = server::prometheus(Version::V3).rules(root().join("deploy/prometheus/rules"));
        let [full, plain] = [free_port(), free_port()];
        let program = program::with("shipped_queries.yaml")
            .env("PROMETHEUS", setting.port)
            .env("VLLM", engine.port)
            .env("DCGM", devices.port)
            .env("AWAY", free_port())
            .env("FULL", full)
            .env("PLAIN", plain);
        let pages = [
            ("inferscope", program.metrics()),
            ("inferscope-plain", plain),
            ("opencost", foreign.port),
        ];
        let jobs = pages.map(|(name, port)| Job {
            name,
            port,
            path: "/metrics",
        });
        let prometheus = setting.start(&jobs).await;
        let sources = Self {
            program: program.start().await,
            engine,
            full,
            capture: Capture::of("vllm-0.32.0"),
            _others: [devices, foreign],
        };
        (sources, prometheus)
    }

    /// Everything happens once more: requests are traced, one of them fails, the engine has counted on, and what finds
    /// no room or is too old comes again. Returns when the engine was scraped.
    async fn go_on(&self, round: u8) {
        let headers = [("content-type", "application/x-protobuf")];
        for (at, captured) in self.capture.requests.iter().enumerate() {
            let request = once_more(captured, round, at + 1 == self.capture.requests.len());
            let answer = self.program.send_http(&request).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            // Whether it is taken depends on what came before.
            wire::post(self.full, "/v1/traces", &headers, &request).await;
        }
        let point = |time| {
            let point = number(&[], (0, time), 1.0);
            request(&[("service.name", "s")], "", vec![gauge("g", "", vec![point])])
        };
        self.program.send_metrics(&point(now())).await;
        self.program.send_metrics(&point(now() - TOO_OLD)).await;
        wire::post(self.full, "/v1/metrics", &headers, &point(now())).await;
        let page = ENGINE_PAGES[usize::from(round).min(ENGINE_PAGES.len() - 1)];
        self.engine.show(Page::of_vllm(page));
        self.engine.was_scraped(&["/metrics"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_query_has_an_answer() {
    let queries = shipped();
    let mut open = questions(&queries);
    assert!(open.len() > 300, "{}", open.len());
    let (mut sources, prometheus) = Sources::open().await;

    let deadline = Instant::now() + ANSWERED_MAX;
    for round in 0.. {
        sources.go_on(round).await;
        let mut unanswered = Questions::new();
        for (promql, whose) in open {
            if !has_data(&prometheus, &promql).await {
                unanswered.insert(promql, whose);
            }
        }
        open = unanswered;
        if open.is_empty() || Instant::now() > deadline {
            break;
        }
    }

    assert!(open.is_empty(), "{} without an answer: {open:#?}", open.len());
    let unknown = lint_of_series(&prometheus.series(OURS).await);
    assert!(unknown.is_empty(), "the linter does not know:\n{unknown}");
    sources.program.stop().await;
}
