//! Laws that hold for any input, tried a hundred thousand times each.
//!
//! Where a case assembles traces twice, it takes a millisecond without optimisation. Those are tried some thousand
//! times, so that the tests of this crate stay within two minutes on one core; `fuzz/targets/decompose.rs` goes on from
//! there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::payload::{SpanId, SpanView, TraceId, Traces};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use prost::Message;

use super::dice::Dice;
use super::harness::{Harness, key_value, request, spans};
use crate::llm_phases::child_id::ChildIds;
use crate::llm_phases::phase::Phase;

const MANY: u32 = 100_000;
/// Cases that assemble traces.
const ASSEMBLED: u32 = 8_000;

/// Tries a law with random seeds; the one for which it fails is named.
fn try_with_seeds(cases: u32, law: impl Fn(&mut Dice) -> TestCaseResult) {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    };
    let tried = TestRunner::new(config).run(&any::<u64>(), |seed| law(&mut Dice(seed)));
    if let Err(failure) = tried {
        panic!("{failure}");
    }
}

/// A span as it came out: its resource, its scope, and itself.
type Told = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Everything that came out, in an order of its own.
fn told(all: &[Traces]) -> Vec<Told> {
    let mut told = Vec::new();
    for resource in all.iter().flat_map(Traces::resources) {
        for scope in resource.scopes() {
            let place = (resource.resource().bytes(), scope.scope().bytes());
            told.extend(
                scope
                    .spans()
                    .map(|span| (place.0.to_vec(), place.1.to_vec(), span.bytes().to_vec())),
            );
        }
    }
    told.sort();
    told
}

fn is_made(told: &Told) -> bool {
    told.1.windows(21).any(|window| window == b"inferscope/llm_phases")
}

fn views(all: &[Told], made: bool) -> impl Iterator<Item = SpanView<'_>> {
    let wanted = all.iter().filter(move |told| is_made(told) == made);
    wanted.map(|(.., span)| SpanView::of(span))
}

/// P-1, P-2 and P-5: every made span lies inside a span of its parent's id, and no two spans of a trace share an id that
/// was made.
fn assert_children_fit(all: &[Told]) -> TestCaseResult {
    let mut parents: BTreeMap<(TraceId, SpanId), Vec<(u64, u64)>> = BTreeMap::new();
    for span in views(all, false) {
        let times = (span.start(), span.end());
        parents
            .entry((span.trace_id(), span.span_id()))
            .or_default()
            .push(times);
    }
    for child in views(all, true) {
        prop_assert!(child.start() < child.end(), "P-2 and P-10");
        prop_assert!(!child.span_id().is_zero());
        let parent = child.parent_span_id().ok_or(TestCaseError::fail("no parent"))?;
        let known = parents.get(&(child.trace_id(), parent));
        let is_inside = |(start, end): &(u64, u64)| child.start() >= *start && child.end() <= *end;
        prop_assert!(known.is_some_and(|known| known.iter().any(is_inside)), "P-1");
        prop_assert!(!parents.contains_key(&(child.trace_id(), child.span_id())), "P-5");
    }
    Ok(())
}

/// P-6: each received span is there once, beginning with the bytes that it came with; only attributes follow.
fn assert_received_unchanged(all: &[Told], received: &[Span]) -> TestCaseResult {
    let mut before: Vec<Vec<u8>> = received.iter().map(Message::encode_to_vec).collect();
    before.sort();
    before.dedup();
    for after in views(all, false) {
        let after = after.bytes();
        let at = before
            .iter()
            .position(|before| after.starts_with(before) && adds_only_attributes(before, after));
        prop_assert!(at.is_some(), "a span that did not come");
        at.map(|at| before.remove(at));
    }
    prop_assert!(before.is_empty(), "a span that did not leave");
    Ok(())
}

fn adds_only_attributes(before: &[u8], after: &[u8]) -> bool {
    let Ok(mut added) = Span::decode(&after[before.len()..]) else {
        return false;
    };
    let is_known = |key: &str| key.starts_with("inferscope.") || key.starts_with("gen_ai.usage.");
    let attributes = std::mem::take(&mut added.attributes);
    added == Span::default() && attributes.iter().all(|attribute| is_known(&attribute.key))
}

#[test]
fn p05_ids_of_children_depend_on_nothing_but_their_place_and_never_meet() {
    try_with_seeds(MANY, |dice| {
        let trace = TraceId((u128::from(dice.next()) << 64 | u128::from(dice.next())).to_be_bytes());
        let parent = SpanId(dice.next().to_be_bytes());
        let ids: Vec<SpanId> = Phase::ALL
            .into_iter()
            .flat_map(|phase| [0, 1].map(|ordinal| ChildIds::of(trace, parent).child(phase, ordinal)))
            .collect();

        let mut distinct = [ids.as_slice(), &[parent, SpanId([0; 8])]].concat();
        distinct.sort_unstable();
        distinct.dedup();

        prop_assert_eq!(distinct.len(), ids.len() + 2);
        let at = dice.below(ids.len() as u64) as usize;
        prop_assert_eq!(
            ChildIds::of(trace, parent).child(Phase::ALL[at / 2], at as u32 % 2),
            ids[at]
        );
        Ok(())
    });
}

/// P-1, P-2, P-5, P-6, P-7 and P-10 for requests of one span.
#[test]
fn p05_p06_p07_p10_any_requests_of_one_span_leave_as_they_came_with_children_that_fit() {
    let (one, other) = (
        RefCell::new(Harness::with_yaml("{}")),
        RefCell::new(Harness::with_yaml("{}")),
    );
    try_with_seeds(MANY, |dice| {
        let scope = dice.of(&["vllm.llm_engine", "litellm"]);
        let mut spans: Vec<Span> = (0..1 + dice.below(3)).map(|_| dice.flat_span()).collect();
        let whole = request(scope, spans.clone()).encode_to_vec();
        let out = one.borrow_mut().send(&whole);
        let expected = told(&out);
        assert_received_unchanged(&expected, &spans)?;
        assert_children_fit(&expected)?;

        // A single one comes again: a retry.
        dice.shuffle(&mut spans);
        let batches = spans
            .chunks(2)
            .map(|batch| request(scope, batch.to_vec()).encode_to_vec());
        let got: Vec<Traces> = batches.flat_map(|batch| other.borrow_mut().send(&batch)).collect();

        prop_assert!(told(&got) == expected, "P-5 and P-7");
        Ok(())
    });
}

/// An engine whose spans wait, as a request of its spans.
fn of_engine(engine: &str, spans: &[Span]) -> Vec<u8> {
    let scope = if engine == "tgi" { "opentelemetry-otlp" } else { engine };
    let mut request: ExportTraceServiceRequest = request(scope, spans.to_vec());
    if engine == "tgi" {
        let service = Value::StringValue("text-generation-inference.router".to_owned());
        request.resource_spans[0].resource = Some(Resource {
            attributes: vec![key_value("service.name", service)],
            ..Resource::default()
        });
    }
    request.encode_to_vec()
}

const ENGINES: [&str; 3] = ["sglang server", "triton-server", "tgi"];

/// A few spans of one trace. The first belongs to nothing and comes first, so that no part of the trace is ever taken
/// for a whole one, which would leave before the rest comes.
fn trace(dice: &mut Dice) -> Vec<Span> {
    let trace = dice.next();
    let mut spans: Vec<Span> = (0..3 + dice.below(5)).map(|_| dice.tied_span(trace)).collect();
    spans[0].parent_span_id = vec![99; 8];
    spans[0].name = "compute".to_owned();
    spans[0].attributes.clear();
    spans[0].events = vec![opentelemetry_proto::tonic::trace::v1::span::Event {
        name: "COMPUTE_END".to_owned(),
        ..Default::default()
    }];
    spans
}

/// Everything that comes out of these batches; the harness has forgotten the trace afterwards.
fn through(harness: &RefCell<Harness>, engine: &str, batches: &[&[Span]]) -> Vec<Told> {
    let mut harness = harness.borrow_mut();
    let mut out: Vec<Traces> = batches
        .iter()
        .flat_map(|batch| harness.send(&of_engine(engine, batch)))
        .collect();
    out.extend(harness.drain());
    harness.wait(Duration::from_secs(31));
    assert_eq!(harness.balance, 0, "every span left once");
    told(&out)
}

/// P-5, P-6, P-7 and P-10 for requests of several spans: any order, any split, some spans twice.
#[test]
fn p05_p06_p07_p10_any_trace_gives_the_same_in_any_order_and_split() {
    let (one, other) = (
        RefCell::new(Harness::with_yaml("{}")),
        RefCell::new(Harness::with_yaml("{}")),
    );
    try_with_seeds(ASSEMBLED, |dice| {
        let engine = dice.of(&ENGINES);
        let mut spans = trace(dice);
        let mut expected = through(&one, engine, &[&spans]);
        let concerned = spans.clone();

        let twice = dice.below(spans.len() as u64) as usize;
        spans.push(spans[twice].clone());
        dice.shuffle(&mut spans[1..]);
        let size = 1 + dice.below(4) as usize;
        let batches: Vec<&[Span]> = spans.chunks(size).collect();
        let mut got = through(&other, engine, &batches);
        // What says nothing about an inference of Triton does not wait, and leaves twice when it was sent twice.
        got.dedup();
        expected.dedup();

        prop_assert!(got == expected, "P-7");
        assert_received_unchanged(&got, &concerned)?;
        assert_children_fit(&got)
    });
}

/// P-9 for a request that two engines serve: the clock of one of them moves, and no phase of one engine changes.
#[test]
fn p09_the_clock_of_one_host_changes_no_phase_of_one_engine() {
    const STAGES: [&str; 7] = [
        "tokenize",
        "request_process",
        "prefill_bootstrap",
        "prefill_waiting",
        "prefill_forward",
        "decode_waiting",
        "decode_forward",
    ];
    let (straight, moved) = ("emit: attributes", "emit: attributes");
    let (straight, moved) = (
        RefCell::new(Harness::with_yaml(straight)),
        RefCell::new(Harness::with_yaml(moved)),
    );
    try_with_seeds(ASSEMBLED, |dice| {
        const HOST_BEGINS: u64 = 1_000_000_000_000;
        let trace = [dice.next(), 1].map(u64::to_be_bytes).concat();
        let span = |dice: &mut Dice, id: u64, parent: u64, name: &str| {
            let start = HOST_BEGINS + dice.below(1_000_000_000);
            Span {
                trace_id: trace.clone(),
                span_id: id.to_be_bytes().to_vec(),
                parent_span_id: parent.to_be_bytes().to_vec(),
                name: name.to_owned(),
                start_time_unix_nano: start,
                end_time_unix_nano: start + dice.below(1_000_000_000),
                attributes: vec![key_value("bootstrap_room", Value::StringValue("0x1".to_owned()))],
                ..Span::default()
            }
        };
        let mut spans = vec![span(dice, 1, 99, "prefill Req a"), span(dice, 2, 99, "decode Req a")];
        for root in &mut spans {
            let module = Value::StringValue("sglang::request".to_owned());
            root.attributes.push(key_value("module", module));
        }
        for id in 3..6 + dice.below(4) {
            let name = dice.of(&STAGES);
            spans.push(span(dice, id, 1 + id % 2, name));
        }
        let expected = through(&straight, "sglang server", &[&spans]);

        let by = dice.below(2_000_000_000) as i64 - 1_000_000_000;
        for span in spans
            .iter_mut()
            .filter(|span| span.span_id[7] == 2 || span.parent_span_id[7] == 2)
        {
            span.start_time_unix_nano = span.start_time_unix_nano.checked_add_signed(by).unwrap();
            span.end_time_unix_nano = span.end_time_unix_nano.checked_add_signed(by).unwrap();
        }
        let got = through(&moved, "sglang server", &[&spans]);

        let expected = durations(&expected);
        prop_assert!(
            expected.keys().any(|(_, key)| key.ends_with(".duration")),
            "sums of the pair"
        );
        prop_assert_eq!(durations(&got), expected);
        Ok(())
    });
}

/// Everything that was said about phases, by span.
fn durations(all: &[Told]) -> BTreeMap<(SpanId, String), String> {
    let mut said = BTreeMap::new();
    for span in views(all, false) {
        for (key, value) in span.attrs() {
            if key.as_str().starts_with("inferscope.phase") {
                said.insert((span.span_id(), key.as_str().to_owned()), format!("{value:?}"));
            }
        }
    }
    said
}

#[test]
fn the_random_traces_reach_every_engine_and_every_status() {
    let harness = RefCell::new(Harness::with_yaml("{}"));
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let engine = dice.of(&ENGINES);
        let spans = trace(&mut dice);
        through(&harness, engine, &[&spans]);
    }

    let count = |engine: &str, status: &str| {
        let line = format!("inferscope_processor_llm_phases_requests{{engine=\"{engine}\",status=\"{status}\"}}");
        harness.borrow().metric(&line)
    };
    for (engine, statuses) in [
        ("sglang", &["skipped", "insufficient"][..]),
        ("tgi", &["ok", "partial", "insufficient", "inconsistent"]),
        ("triton", &["partial", "insufficient"]),
    ] {
        for status in statuses {
            assert!(
                count(engine, status) > 10.0,
                "{engine} {status}: {}",
                count(engine, status)
            );
        }
    }
    assert!(spans(&harness.borrow_mut().send(&[])).is_empty());
}
