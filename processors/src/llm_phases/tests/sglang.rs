//! SGLang: its own tracing classes, driven by a script in several processes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::payload::Traces;
use proptest::prelude::*;

use super::harness::{
    Harness, attribute, captured, hex, json_lines, length, number, requests_of, spans, structs, text,
};

const CAPTURE: &str = "sglang-0.5.23-driven";

/// A name that needs no escaping: the trace ids of the capture begin differently.
const UNIFIED_17_SPANS: &str = "0000000000000000a56435bf3549ca20";
const LONG_QUEUE: &str = "056a4ad683cbf721245568a8baa397f4";
const RETRACTED: &str = "cdc5ae4f63dd3987c06e007865946898";
const ABORTED_IN_QUEUE: &str = "ca2f790d4c8520b8d94e8f5e183d2b2e";
const PAIRS: [&str; 3] = [
    "0220c8e8bface3fb4d4058b49d89d8da",
    "3c502d16db13d3885f162c3e9fc3f34c",
    "37887d4486d14d88f98f6fbf7a55e41a",
];

fn run(yaml: &str, requests: &[Vec<u8>]) -> (Harness, Vec<Traces>) {
    let mut harness = Harness::with_yaml(yaml);
    let mut out: Vec<Traces> = requests.iter().flat_map(|request| harness.send(request)).collect();
    out.extend(harness.drain());
    assert_eq!(harness.balance, 0, "every held span left");
    (harness, out)
}

fn captured_run(yaml: &str) -> Vec<Traces> {
    run(yaml, &captured(CAPTURE)).1
}

fn of_trace(all: &[Traces], trace: &str) -> Vec<(String, Span)> {
    spans(all)
        .into_iter()
        .filter(|(_, span)| hex(&span.trace_id) == trace)
        .collect()
}

fn named<'a>(all: &'a [(String, Span)], name: &str) -> Vec<&'a Span> {
    all.iter()
        .map(|(_, span)| span)
        .filter(|span| span.name == name)
        .collect()
}

fn roots(all: &[(String, Span)]) -> Vec<&Span> {
    all.iter()
        .map(|(_, span)| span)
        .filter(|span| text(span, "module") == Some("sglang::request"))
        .collect()
}

fn phase_ns(root: &Span, phase: &str) -> Option<u64> {
    number(root, &format!("inferscope.phase.{phase}.duration")).map(|seconds| (seconds * 1e9).round() as u64)
}

#[test]
fn h12_queue_and_prefill_come_from_the_stages_and_not_from_the_root() {
    let all = captured_run("emit: both");
    let trace = of_trace(&all, LONG_QUEUE);

    let waiting = named(&trace, "prefill_waiting")[0];
    assert_eq!(text(waiting, "inferscope.phase"), Some("queue"));
    assert_eq!(length(waiting) / 1_000, 150_339);
    let forward = named(&trace, "prefill_forward")[0];
    assert_eq!(text(forward, "inferscope.phase"), Some("prefill"));
    assert_eq!(length(forward) / 1_000, 32_137);
    let root = roots(&trace)[0];
    assert_eq!(phase_ns(root, "queue"), Some(length(waiting)));
    assert_eq!(phase_ns(root, "prefill"), Some(length(forward)));
    assert_eq!(text(root, "inferscope.decompose.status"), Some("skipped"));
}

#[test]
fn h13_phases_that_the_engine_made_are_annotated_and_not_doubled() {
    let before: BTreeMap<Vec<u8>, Span> = captured(CAPTURE)
        .iter()
        .flat_map(|request| spans(&[super::harness::parse(request)]))
        .filter(|(_, span)| hex(&span.trace_id) == UNIFIED_17_SPANS)
        .map(|(_, span)| (span.span_id.clone(), span))
        .collect();
    assert_eq!(before.len(), 17);

    let after = of_trace(&captured_run("{}"), UNIFIED_17_SPANS);

    assert_eq!(after.len(), 18);
    let mut phases = BTreeMap::new();
    for (scope, span) in &after {
        if scope == "inferscope/llm_phases" {
            assert_eq!(span.name, "detokenize");
            assert_eq!(text(span, "inferscope.phase.source"), Some("upper_bound"));
            continue;
        }
        let mut stripped = span.clone();
        let ours = |key: &str| {
            key.starts_with("inferscope.") || key.ends_with(".input_tokens") || key.ends_with(".output_tokens")
        };
        stripped.attributes.retain(|attribute| !ours(&attribute.key));
        assert_eq!(Some(&stripped), before.get(&span.span_id));
        if let Some(phase) = text(span, "inferscope.phase") {
            phases.insert(span.name.clone(), phase.to_owned());
        }
    }
    let expected = [
        ("api_server_dispatch", "dispatch"),
        ("decode_forward", "decode"),
        ("decode_waiting", "decode"),
        ("prefill_forward", "prefill"),
        ("prefill_waiting", "queue"),
        ("request_process", "dispatch"),
        ("tokenize", "tokenize"),
    ];
    assert_eq!(
        phases,
        expected.map(|(name, phase)| (name.to_owned(), phase.to_owned())).into()
    );
}

#[test]
fn h14_a_retracted_attempt_is_marked_and_counts_once() {
    let all = captured_run("emit: both");
    let trace = of_trace(&all, RETRACTED);
    let root = roots(&trace)[0];

    let retracted: Vec<&str> = trace
        .iter()
        .filter(|(_, span)| attribute(span, "inferscope.phase.retracted") == Some(&AnyValue::BoolValue(true)))
        .map(|(_, span)| span.name.as_str())
        .collect();
    assert_eq!(
        BTreeSet::from_iter(retracted),
        BTreeSet::from(["prefill_forward", "decode_waiting", "decode_forward"])
    );
    for (_, span) in &trace {
        let both = attribute(span, "inferscope.phase.retracted").is_some() && text(span, "inferscope.phase").is_some();
        assert!(!both, "a retracted stage has no phase that a sum could find");
    }
    assert_eq!(phase_ns(root, "prefill").unwrap() / 1_000, 43_879);
    let outermost = named(&trace, "decode_forward").into_iter().map(length).max().unwrap();
    assert_eq!(outermost / 1_000, 125_711);
    let waited = named(&trace, "decode_waiting");
    let first = waited
        .iter()
        .find(|span| text(span, "inferscope.phase") == Some("decode"))
        .unwrap();
    assert_eq!(phase_ns(root, "decode"), Some(outermost + length(first)));
    let sum: u64 = ["tokenize", "dispatch", "queue", "prefill", "decode", "detokenize"]
        .iter()
        .filter_map(|phase| phase_ns(root, phase))
        .sum();
    assert!(sum <= length(root), "{sum} > {}", length(root));
}

#[test]
fn h15_a_request_aborted_in_the_queue_has_an_inferred_queue() {
    let all = captured_run("{}");
    let trace = of_trace(&all, ABORTED_IN_QUEUE);
    let root = roots(&trace)[0];
    let processed = named(&trace, "request_process")[0];
    let scheduler = trace
        .iter()
        .find(|(_, span)| text(span, "thread_label") == Some("Scheduler"))
        .unwrap();

    let made: Vec<&Span> = trace
        .iter()
        .filter(|(scope, _)| scope == "inferscope/llm_phases")
        .map(|(_, span)| span)
        .collect();

    assert_eq!(made.len(), 1, "a queue, and no detokenize after a failure");
    assert_eq!(
        (made[0].name.as_str(), &made[0].parent_span_id),
        ("queue", &root.span_id)
    );
    assert_eq!(made[0].start_time_unix_nano, processed.end_time_unix_nano);
    assert_eq!(made[0].end_time_unix_nano, scheduler.1.end_time_unix_nano);
    assert_eq!(text(made[0], "inferscope.phase.source"), Some("inferred"));
}

/// Everything that came out, whatever the order and however often: resource, scope and span of each.
fn content(all: &[Traces]) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut content: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for resource in all.iter().flat_map(|traces| structs(traces).resource_spans) {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let told = format!("{:?} {:?} {span:?}", resource.resource, scope.scope);
                content
                    .entry((hex(&span.trace_id), hex(&span.span_id)))
                    .or_default()
                    .insert(told);
            }
        }
    }
    content
}

/// What comes out of the capture as it arrived.
fn expected() -> &'static [Traces] {
    static EXPECTED: OnceLock<Vec<Traces>> = OnceLock::new();
    EXPECTED.get_or_init(|| captured_run("emit: both"))
}

fn count(all: &[Traces]) -> usize {
    all.iter().map(|traces| traces.spans() as usize).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// P-7 for requests that several processes tell.
    #[test]
    fn h16_any_order_of_the_export_requests_gives_the_same(order in Just((0..20).collect::<Vec<usize>>()).prop_shuffle()) {
        let requests = captured(CAPTURE);
        let expected = expected();

        let shuffled: Vec<Vec<u8>> = order.iter().map(|at| requests[*at].clone()).collect();
        let (_, out) = run("emit: both", &shuffled);

        prop_assert_eq!(count(&out), count(expected));
        prop_assert_eq!(content(&out), content(expected));
    }

    #[test]
    fn h16_requests_that_come_twice_change_nothing(
        order in Just((0..20).chain(0..20).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let requests = captured(CAPTURE);
        let expected = content(expected());

        let twice: Vec<Vec<u8>> = order.iter().map(|at| requests[*at].clone()).collect();
        let (_, out) = run("emit: both", &twice);

        // A span that came again after its trace had left leaves again, byte for byte the same.
        prop_assert_eq!(content(&out), expected);
    }

    #[test]
    fn h16_any_split_over_batches_gives_the_same(
        order in Just((0..400).collect::<Vec<usize>>()).prop_shuffle(),
        size in 1..60_usize,
    ) {
        // Steps are folded, so that one that comes after its trace has left would show.
        const YAML: &str = "{emit: both, drop_step_spans: true}";
        let single: Vec<_> = captured(CAPTURE).iter().flat_map(|request| requests_of(request)).collect();
        let expected = captured_run(YAML);

        let mut harness = Harness::with_yaml(YAML);
        let mut out = Vec::new();
        let order: Vec<usize> = order.into_iter().filter(|at| *at < single.len()).collect();
        for batch in order.chunks(size) {
            let batch: Vec<u8> = batch.iter().flat_map(|at| single[*at].clone()).collect();
            out.extend(harness.send(&batch));
        }
        out.extend(harness.drain());

        prop_assert_eq!(order.len(), single.len(), "the order covers every span");
        prop_assert_eq!(content(&out), content(&expected));
    }
}

#[test]
fn a_whole_trace_does_not_wait() {
    let mut harness = Harness::with_yaml("{}");
    let requests = captured(CAPTURE);

    let at_once: Vec<Traces> = requests.iter().flat_map(|request| harness.send(request)).collect();

    let left = of_trace(&at_once, UNIFIED_17_SPANS);
    assert_eq!(left.len(), 18);
    let pair = of_trace(&at_once, PAIRS[0]);
    assert!(!pair.is_empty(), "both halves came");
    assert!(
        of_trace(&at_once, RETRACTED).is_empty(),
        "a retraction leaves doubt, so its trace waits"
    );
    assert!(harness.wait(Duration::from_secs(9)).is_none());
    let later: Vec<Traces> = harness.wait(Duration::from_secs(2)).into_iter().collect();
    assert!(!of_trace(&later, RETRACTED).is_empty());
    assert_eq!(harness.balance, 0);
}

#[test]
fn h17_trace_ids_with_a_zero_upper_half_are_whole() {
    let trace = of_trace(&captured_run("{}"), UNIFIED_17_SPANS);

    assert!(
        trace
            .iter()
            .all(|(_, span)| span.trace_id.len() == 16 && span.trace_id[..8] == [0; 8])
    );
    assert_eq!(
        trace
            .iter()
            .filter(|(scope, _)| scope == "inferscope/llm_phases")
            .count(),
        1
    );
}

#[test]
fn h18_prefill_and_decode_engines_make_one_request() {
    let all = captured_run("emit: both");
    for pair in PAIRS {
        let trace = of_trace(&all, pair);
        let (prefill, decode): (Vec<&Span>, Vec<&Span>) = roots(&trace)
            .into_iter()
            .partition(|root| root.name.starts_with("prefill"));
        let (prefill, decode) = (prefill[0], decode[0]);
        let of_phase = |phase: &str| {
            let with_phase = trace
                .iter()
                .filter(|(_, span)| text(span, "inferscope.phase") == Some(phase));
            with_phase
                .map(|(_, span)| (span.name.as_str(), length(span)))
                .collect::<Vec<_>>()
        };

        assert_eq!(
            of_phase("queue").iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["prefill_waiting"]
        );
        assert_eq!(
            of_phase("queue.decode")
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>(),
            ["decode_waiting"]
        );
        assert_eq!(phase_ns(decode, "queue"), Some(of_phase("queue")[0].1));
        assert_eq!(phase_ns(decode, "prefill"), Some(of_phase("prefill")[0].1));
        assert_eq!(phase_ns(decode, "queue.decode"), Some(of_phase("queue.decode")[0].1));
        assert_eq!(phase_ns(decode, "decode"), Some(of_phase("decode")[0].1));
        let transfers = of_phase("kv_transfer");
        assert_eq!(transfers.len(), 2);
        let spent: u64 = transfers.iter().map(|(_, length)| length).sum();
        let united = phase_ns(decode, "kv_transfer").unwrap();
        assert!(
            united.abs_diff(spent) <= 1,
            "they do not overlap in this capture: {united} {spent}"
        );
        assert_eq!(phase_ns(prefill, "prefill"), None, "one request, one sum");
        assert_eq!(text(prefill, "inferscope.decompose.status"), Some("skipped"));
        assert_eq!(number(decode, "gen_ai.usage.output_tokens"), Some(12.0));
    }
}

/// Every time stamp of the decode engine's spans, moved.
fn with_decode_host_shifted(by: i64) -> Vec<Vec<u8>> {
    use prost::Message;
    let mut decode_spans: BTreeSet<Vec<u8>> = BTreeSet::new();
    let requests = captured(CAPTURE);
    for (_, span) in requests
        .iter()
        .flat_map(|request| spans(&[super::harness::parse(request)]))
    {
        if span.name.starts_with("decode Req") || decode_spans.contains(&span.parent_span_id) {
            decode_spans.insert(span.span_id);
        }
    }
    // Children may come before their parents: two more rounds reach the leaves.
    for _ in 0..3 {
        for (_, span) in requests
            .iter()
            .flat_map(|request| spans(&[super::harness::parse(request)]))
        {
            if decode_spans.contains(&span.parent_span_id) {
                decode_spans.insert(span.span_id);
            }
        }
    }
    let mut moved = Vec::new();
    for request in &requests {
        let mut request = structs(&super::harness::parse(request));
        for scope in request
            .resource_spans
            .iter_mut()
            .flat_map(|resource| &mut resource.scope_spans)
        {
            for span in scope
                .spans
                .iter_mut()
                .filter(|span| decode_spans.contains(&span.span_id))
            {
                span.start_time_unix_nano = span.start_time_unix_nano.checked_add_signed(by).unwrap();
                span.end_time_unix_nano = span.end_time_unix_nano.checked_add_signed(by).unwrap();
            }
        }
        moved.push(request.encode_to_vec());
    }
    moved
}

/// How long before the end of the transfer, as the decode engine saw it, the prefill engine began to send. So much of a
/// skew causality cannot show.
fn slack(pair: &str) -> u64 {
    let requests: Vec<Traces> = captured(CAPTURE)
        .iter()
        .map(|request| super::harness::parse(request))
        .collect();
    let trace = of_trace(&requests, pair);
    let sent = named(&trace, "prefill_transfer_kv_cache")[0].start_time_unix_nano;
    named(&trace, "decode_transferred")[0].end_time_unix_nano - sent
}

/// Phases of a pair in nanoseconds, its transfer, and the skew that its decode root tells.
type PairPhases = ([Option<u64>; 8], u64, Option<f64>);

fn phases_of_pair(all: &[Traces], pair: &str) -> PairPhases {
    let trace = of_trace(all, pair);
    let is_decode = |root: &&Span| root.name.starts_with("decode");
    let decode = roots(&trace).into_iter().find(is_decode).unwrap().clone();
    let keys = [
        "tokenize",
        "dispatch",
        "bootstrap",
        "queue",
        "prefill",
        "queue.decode",
        "decode",
        "detokenize",
    ];
    (
        keys.map(|phase| phase_ns(&decode, phase)),
        phase_ns(&decode, "kv_transfer").unwrap(),
        number(&decode, "inferscope.clock_skew_ns"),
    )
}

#[test]
fn h19_a_decode_host_whose_clock_is_behind_changes_no_phase() {
    const MS: u64 = 1_000_000;
    let straight = captured_run("emit: both");
    // Which pairs show a skew is a matter of how long their transfers took: 149, 278 and 507 ms.
    for (behind, shown) in [(250 * MS, [true, false, false]), (600 * MS, [true, true, true])] {
        let moved = with_decode_host_shifted(-i64::try_from(behind).unwrap());
        let (_, skewed) = run("emit: both", &moved);

        for (pair, shown) in PAIRS.into_iter().zip(shown) {
            let (straight, transfer, no_skew) = phases_of_pair(&straight, pair);
            let (skewed, skewed_transfer, skew) = phases_of_pair(&skewed, pair);
            let is_same = |(one, two): (&Option<u64>, &Option<u64>)| one.unwrap().abs_diff(two.unwrap()) <= 1;
            assert!(straight.iter().zip(&skewed).all(is_same), "{straight:?} {skewed:?}");
            // How far two transfers overlap is what clocks that disagree cannot tell; it stays between one and both.
            let is_between = skewed_transfer <= transfer + 1 && skewed_transfer * 2 >= transfer;
            assert!(is_between, "{transfer} {skewed_transfer}");
            assert_eq!(no_skew, None, "nothing shows a skew in the capture as it is");
            let least = shown.then(|| (behind - slack(pair)) as f64);
            assert_eq!(skew, least, "{pair}: as much as causality shows, and no more");
        }
    }
}

#[test]
fn h26_a_thousand_steps_fold_into_one_span() {
    use prost::Message;
    let steps = 1_000_u64;
    let mut requests: Vec<_> = captured(CAPTURE)
        .iter()
        .map(|request| structs(&super::harness::parse(request)))
        .collect();
    for request in &mut requests {
        for scope in request
            .resource_spans
            .iter_mut()
            .flat_map(|resource| &mut resource.scope_spans)
        {
            scope.spans.retain(|span| hex(&span.trace_id) == UNIFIED_17_SPANS);
            let Some(template) = scope.spans.iter().find(|span| span.name == "decode_loop").cloned() else {
                continue;
            };
            scope.spans.retain(|span| span.name != "decode_loop");
            for step in 0..steps {
                let mut span = template.clone();
                span.span_id = (step + 1).to_be_bytes().to_vec();
                span.end_time_unix_nano = span.start_time_unix_nano + (step + 1) * 1_000;
                scope.spans.push(span);
            }
        }
    }
    let requests: Vec<Vec<u8>> = requests.iter().map(Message::encode_to_vec).collect();

    let (harness, out) = run("drop_step_spans: true", &requests);

    let trace = of_trace(&out, UNIFIED_17_SPANS);
    assert!(named(&trace, "decode_loop").is_empty());
    assert_eq!(harness.dropped.get("folded_step"), Some(&steps));
    let decode = named(&trace, "decode_forward")[0];
    assert_eq!(text(decode, "inferscope.phase"), Some("decode"));
    assert_eq!(number(decode, "inferscope.steps.count"), Some(1_000.0));
    assert_eq!(number(decode, "inferscope.steps.duration.min"), Some(0.000_001));
    assert_eq!(number(decode, "inferscope.steps.duration.max"), Some(0.001));
    assert_eq!(number(decode, "inferscope.steps.duration.p99"), Some(0.000_99));
    let (_, kept) = run("{}", &requests);
    assert_eq!(named(&of_trace(&kept, UNIFIED_17_SPANS), "decode_loop").len(), 1_000);
}

#[test]
fn chunks_of_a_prompt_fold_into_prefill() {
    let all = captured_run("drop_step_spans: true");
    let trace = of_trace(&all, "1009aecac22ae386fb856967b282e2a7");

    assert!(named(&trace, "chunked_prefill").is_empty());
    assert_eq!(
        number(named(&trace, "prefill_forward")[0], "inferscope.steps.count"),
        Some(3.0)
    );
}

#[test]
fn a_root_alone_falls_back_to_its_attributes() {
    use prost::Message;
    let mut requests: Vec<_> = captured(CAPTURE)
        .iter()
        .map(|request| structs(&super::harness::parse(request)))
        .collect();
    for scope in requests
        .iter_mut()
        .flat_map(|request| &mut request.resource_spans)
        .flat_map(|r| &mut r.scope_spans)
    {
        scope
            .spans
            .retain(|span| hex(&span.trace_id) == LONG_QUEUE && span.name.starts_with(" Req"));
    }
    let requests: Vec<Vec<u8>> = requests.iter().map(Message::encode_to_vec).collect();

    let (_, out) = run("{}", &requests);

    let trace = of_trace(&out, LONG_QUEUE);
    let root = roots(&trace)[0];
    assert_eq!(text(root, "inferscope.decompose.status"), Some("ok"));
    let made: Vec<&Span> = trace
        .iter()
        .filter(|(scope, _)| scope == "inferscope/llm_phases")
        .map(|(_, span)| span)
        .collect();
    let names: Vec<&str> = made.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names[..3], ["frontend", "queue_and_prefill", "decode"]);
    let ns = |key: &str| (number(root, key).unwrap() * 1e9).round_ties_even() as u64;
    assert_eq!(length(made[1]), ns("gen_ai.latency.time_in_model_prefill"));
    assert_eq!(length(made[2]), ns("gen_ai.latency.time_in_model_decode"));
    assert_eq!(made.iter().map(|span| length(span)).sum::<u64>(), length(root));
}

/// The script slept for known times and took stamps around every call; clocks of several processes agree to a
/// millisecond or two.
#[test]
fn driven_phases_match_the_scripted_plan() {
    let all = captured_run("emit: both");
    let everything: Vec<(String, Span)> = spans(&all);
    let mut seen = 0;
    for line in json_lines(CAPTURE, "ground_truth.jsonl") {
        let rid = line["rid"].as_str().unwrap();
        let plan = &line["plan"];
        let Some(root) = everything
            .iter()
            .map(|(_, span)| span)
            .find(|span| text(span, "gen_ai.request.id").or(text(span, "rid")) == Some(rid))
        else {
            assert!(
                line["traceparent"]
                    .as_str()
                    .is_some_and(|parent| parent.ends_with("-00")),
                "{rid} was sampled"
            );
            continue;
        };
        seen += 1;
        let below = |name: &str| {
            let in_trace = everything
                .iter()
                .map(|(_, span)| span)
                .filter(|span| span.trace_id == root.trace_id);
            in_trace
                .filter(|span| span.name == name)
                .map(|span| length(span) as f64 / 1e9)
                .next()
        };
        let near = |got: Option<f64>, from: &str, to: &str| {
            let (Some(from), Some(to)) = (line[from].as_f64(), line[to].as_f64()) else {
                return;
            };
            let got = got.unwrap_or_else(|| panic!("{rid}: nothing between {from} and {to}"));
            assert!(
                (got - (to - from)).abs() < 0.002,
                "{rid} {from}..{to}: {got} is not {}",
                to - from
            );
        };
        let sum = |phase: &str| number(root, &format!("inferscope.phase.{phase}.duration"));
        if line["engine"] == "unified" && line["result"] == "ok" {
            near(sum("tokenize"), "created", "tokenize_finish");
            near(sum("queue"), "sched_queue_start", "sched_forward_entry");
            near(sum("prefill"), "sched_forward_entry", "sched_prefill_finished");
            if plan["out"].as_i64() > Some(1) {
                near(sum("decode"), "sched_prefill_finished", "sched_completion");
            }
            near(sum("detokenize"), "sched_completion", "finished");
            assert!(sum("queue").unwrap() >= plan["queue"].as_f64().unwrap(), "{rid} slept");
            assert!(
                sum("prefill").unwrap() >= plan["prefill"].as_f64().unwrap(),
                "{rid} slept"
            );
        }
        if line["engine"] == "decode" {
            near(sum("queue.decode"), "sched_queue_start", "sched_forward_entry");
            near(sum("decode"), "sched_prefill_finished", "sched_completion");
            assert!(
                sum("kv_transfer").unwrap() >= 0.02 + plan["transfer"].as_f64().unwrap(),
                "{rid} slept twice"
            );
            assert!(
                below("prefill_forward").unwrap() >= plan["prefill"].as_f64().unwrap(),
                "{rid}'s other half slept"
            );
        }
    }
    assert_eq!(seen, 16, "all but the unsampled one");
}
