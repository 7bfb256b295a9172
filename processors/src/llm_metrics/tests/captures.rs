//! Exact figures from what a running vLLM sent. The expectations come from `expected_decomposition.jsonl`, which was
//! computed apart from this program, and from the spans as they were captured.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::trace::v1::Span;

use super::harness::parse;
use super::harness::{Desks, Metrics, Value, at_rank, captured, hex, json_lines, phased, spans, trace_of};

const PHASES: [(&str, &str, &str); 5] = [
    ("frontend", "frontend", "upper_bound"),
    ("queue", "queue", "measured"),
    ("prefill", "prefill", "measured"),
    ("decode", "decode", "measured"),
    ("detokenize_egress", "detokenize", "upper_bound"),
];

/// The service of the captures.
const SERVICE: &str = "service.name=vllm-a";

fn phase_key(phase: &str, source: &str) -> String {
    format!("inferscope.request.phase.duration{{inferscope.phase.source={source},inferscope.phase={phase},{SERVICE}}}")
}

/// Lengths of each phase, of those requests that have it, in rising order.
fn expected_phases(engine: &str) -> BTreeMap<&'static str, Vec<u64>> {
    let mut lengths: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for line in json_lines(engine, "expected_decomposition.jsonl") {
        for (key, phase, _) in PHASES {
            let length = line[key][1].as_u64().unwrap() - line[key][0].as_u64().unwrap();
            if length > 0 {
                lengths.entry(phase).or_default().push(length);
            }
        }
    }
    lengths.values_mut().for_each(|lengths| lengths.sort_unstable());
    lengths
}

fn counted(engine: &str) -> Metrics {
    let mut desks = Desks::new("");
    for traces in phased("", &captured(engine)) {
        desks.count(&traces);
    }
    desks.flush()
}

/// The request spans as they were captured.
fn requests(engine: &str) -> Vec<Span> {
    let all: Vec<_> = captured(engine).iter().map(|request| parse(request)).collect();
    spans(&all)
        .into_iter()
        .filter(|span| span.name == "llm_request")
        .collect()
}

fn number(span: &Span, key: &str) -> f64 {
    let found = span.attributes.iter().find(|it| it.key == key).unwrap();
    match found.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::DoubleValue(value) => *value,
        Value::IntValue(value) => *value as f64,
        other => panic!("{key} is {other:?}"),
    }
}

fn is_near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * right.abs().max(1e-9)
}

#[test]
fn p8_every_phase_counts_the_requests_that_have_it_and_all_phases_sum_up_to_the_requests() {
    for engine in ["vllm-0.32.0", "vllm-0.32.0-engine-crash"] {
        let metrics = counted(engine);
        let mut all_phases = 0.0;

        for (phase, lengths) in expected_phases(engine) {
            let source = PHASES.iter().find(|it| it.1 == phase).unwrap().2;
            let point = metrics.histogram(&phase_key(phase, source));
            let sum: u64 = lengths.iter().sum();
            assert_eq!(point.count, lengths.len() as u64, "{engine} {phase}");
            assert!(is_near(point.sum.unwrap(), sum as f64 / 1e9), "{engine} {phase}");
            all_phases += point.sum.unwrap();
        }

        let requests = metrics.histogram(&format!("gen_ai.server.request.duration{{{SERVICE}}}"));
        assert!(is_near(all_phases, requests.sum.unwrap()), "{engine}");
        assert_eq!(
            metrics.of("inferscope.request.phase.duration").len(),
            PHASES.len(),
            "no others"
        );
    }
}

#[test]
fn p50_p95_and_p99_of_every_phase_are_within_two_percent() {
    for engine in ["vllm-0.32.0", "vllm-0.32.0-engine-crash"] {
        let metrics = counted(engine);

        for (phase, lengths) in expected_phases(engine) {
            let source = PHASES.iter().find(|it| it.1 == phase).unwrap().2;
            let point = metrics.histogram(&phase_key(phase, source));
            for quantile in [0.5, 0.95, 0.99] {
                let rank = (quantile * lengths.len() as f64).ceil() as usize;
                let exact = lengths[rank - 1] as f64 / 1e9;
                let told = at_rank(point, rank as u64);
                let error = (told - exact).abs() / exact;
                assert!(
                    error < 0.02,
                    "{engine} {phase} p{quantile}: {told} instead of {exact}, scale {}",
                    point.scale
                );
            }
        }
    }
}

#[test]
fn h5_and_h6_requests_count_once_their_prompts_once_and_their_answers_all() {
    let metrics = counted("vllm-0.32.0");
    let spans = requests("vllm-0.32.0");

    // Siblings share everything that names a request; two prompts of one body do not.
    let mut prompts: BTreeMap<(String, String, String), f64> = BTreeMap::new();
    for span in &spans {
        let id = span.attributes.iter().find(|it| it.key == "gen_ai.request.id").unwrap();
        let key = (
            hex(&span.trace_id),
            hex(&span.parent_span_id),
            format!("{:?}", id.value),
        );
        prompts.insert(key, number(span, "gen_ai.usage.prompt_tokens"));
    }
    let output: f64 = spans
        .iter()
        .map(|span| number(span, "gen_ai.usage.completion_tokens"))
        .sum();
    assert_eq!(
        (spans.len(), prompts.len()),
        (45, 41),
        "two requests have three answers each"
    );
    assert_eq!(
        metrics.total(&format!("inferscope.requests{{outcome=ok,{SERVICE}}}")),
        41
    );
    assert_eq!(
        metrics.total(&format!(
            "inferscope.request.tokens{{gen_ai.token.type=input,{SERVICE}}}"
        )),
        prompts.values().sum::<f64>() as i64
    );
    assert_eq!(
        metrics.total(&format!(
            "inferscope.request.tokens{{gen_ai.token.type=output,{SERVICE}}}"
        )),
        output as i64
    );
    assert_eq!(
        metrics
            .histogram(&format!("gen_ai.server.request.duration{{{SERVICE}}}"))
            .count,
        45
    );
}

#[test]
fn h5_of_three_answers_to_one_prompt_the_prompt_counts_once() {
    let of_b02 = |span: &Span| {
        span.attributes
            .iter()
            .any(|it| format!("{it:?}").contains("cmpl-b02-n3-stream-0"))
    };
    let mut desks = Desks::new("");

    desks.count_spans(requests("vllm-0.32.0").into_iter().filter(of_b02).collect());

    let metrics = desks.flush();
    assert_eq!(metrics.total("inferscope.requests{outcome=ok,service.name=llm}"), 1);
    assert_eq!(
        metrics.total("inferscope.request.tokens{gen_ai.token.type=input,service.name=llm}"),
        32
    );
    assert_eq!(
        metrics.total("inferscope.request.tokens{gen_ai.token.type=output,service.name=llm}"),
        36
    );
    assert_eq!(desks.own("inferscope_connector_llm_metrics_sibling_answers"), 2);
}

#[test]
fn h6_two_prompts_of_one_body_are_two_requests() {
    let of_b03 = |span: &Span| {
        span.attributes
            .iter()
            .any(|it| format!("{it:?}").contains("b03-two-prompts"))
    };
    let mut desks = Desks::new("");

    desks.count_spans(requests("vllm-0.32.0").into_iter().filter(of_b03).collect());

    let metrics = desks.flush();
    assert_eq!(metrics.total("inferscope.requests{outcome=ok,service.name=llm}"), 2);
    assert_eq!(
        metrics.total("inferscope.request.tokens{gen_ai.token.type=input,service.name=llm}"),
        25
    );
    assert_eq!(
        metrics.total("inferscope.request.tokens{gen_ai.token.type=output,service.name=llm}"),
        20
    );
}

#[test]
fn h4_and_s2_a_single_token_has_no_time_per_token_and_no_decode() {
    let single = |span: &Span| {
        span.attributes
            .iter()
            .any(|it| format!("{it:?}").contains("cmpl-a07-single-token-0"))
    };
    let span = requests("vllm-0.32.0").into_iter().find(single).unwrap();
    assert_eq!(number(&span, "gen_ai.latency.time_in_model_decode"), 0.0);
    let mut desks = Desks::new("");

    desks.count_spans(vec![span]);

    let metrics = desks.flush();
    assert_eq!(metrics.of("gen_ai.server.time_per_output_token"), [""; 0]);
    assert_eq!(
        metrics
            .of("inferscope.request.goodput")
            .iter()
            .filter(|key| key.contains("tpot"))
            .count(),
        0
    );
    assert_eq!(metrics.total("inferscope.requests{outcome=ok,service.name=llm}"), 1);
}

#[test]
fn times_per_token_and_first_tokens_are_those_of_the_spans() {
    for engine in ["vllm-0.32.0", "vllm-0.32.0-engine-crash"] {
        let metrics = counted(engine);
        let spans = requests(engine);

        let first: Vec<f64> = spans
            .iter()
            .map(|span| number(span, "gen_ai.latency.time_to_first_token"))
            .collect();
        let several = spans
            .iter()
            .filter(|span| number(span, "gen_ai.usage.completion_tokens") >= 2.0);
        let per_token: Vec<f64> = several
            .map(|span| {
                let tokens = number(span, "gen_ai.usage.completion_tokens");
                number(span, "gen_ai.latency.time_in_model_decode") / (tokens - 1.0)
            })
            .collect();
        let point = metrics.histogram(&format!(
            "gen_ai.server.time_to_first_token{{inferscope.phase.source=measured,{SERVICE}}}"
        ));
        assert_eq!(point.count, first.len() as u64);
        assert!(
            (point.sum.unwrap() - first.iter().sum::<f64>()).abs() < 1e-9 * first.len() as f64,
            "to the nanosecond"
        );
        let point = metrics.histogram(&format!("gen_ai.server.time_per_output_token{{{SERVICE}}}"));
        assert_eq!(point.count, per_token.len() as u64);
        assert!((point.sum.unwrap() - per_token.iter().sum::<f64>()).abs() < 1e-9 * per_token.len() as f64);
    }
}

#[test]
fn what_is_no_request_is_seen_and_not_counted() {
    let mut desks = Desks::new("");

    for request in captured("vllm-0.32.0-startup-failure") {
        desks.count(&parse(&request));
    }

    assert_eq!(desks.flush(), Metrics::default());
    let own = |kind: &str| desks.own(&format!("inferscope_connector_llm_metrics_spans{{kind=\"{kind}\"}}"));
    assert!(own("other") > 0);
    assert_eq!((own("request"), own("phase")), (0, 0));
}

#[test]
fn a_request_that_nobody_has_decomposed_says_everything_but_its_phases() {
    let mut desks = Desks::new("");
    for request in captured("vllm-0.32.0") {
        desks.count(&parse(&request));
    }

    let bare = desks.flush();

    let mut decomposed = counted("vllm-0.32.0");
    decomposed
        .points
        .retain(|key, _| !key.starts_with("inferscope.request.phase"));
    assert_eq!(bare.keys(), decomposed.keys());
    for (key, point) in &bare.points {
        assert_eq!(Some(point), decomposed.points.get(key), "{key}");
    }
}

#[test]
fn exemplars_lead_to_the_requests() {
    let metrics = counted("vllm-0.32.0");
    let traces: BTreeSet<String> = requests("vllm-0.32.0").iter().map(|span| hex(&span.trace_id)).collect();

    for name in ["gen_ai.server.request.duration", "inferscope.request.phase.duration"] {
        for key in metrics.of(name) {
            let point = metrics.histogram(key);
            assert!(!point.exemplars.is_empty(), "{key}");
            assert!(point.exemplars.len() <= 5);
            assert!(
                point
                    .exemplars
                    .iter()
                    .all(|it| traces.contains(&trace_of(it)) && it.span_id.len() == 8)
            );
        }
    }
}
