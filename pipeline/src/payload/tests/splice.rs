//! One walk for all stages equals one pass per stage on structs.

use super::captures::captures;
use super::generate::{key, request};
use super::reference::{Counted, Plan, PlanStage, plans};
use super::weird::{Dice, unknown};
use crate::Origin;
use crate::payload::*;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use prost::Message as _;
use std::time::Instant;

pub(super) fn traces(request: &ExportTraceServiceRequest) -> Traces {
    traces_of(request.encode_to_vec())
}

fn traces_of(bytes: Vec<u8>) -> Traces {
    let parsed = Traces::parse(bytes.into(), &Limits::default()).unwrap();
    assert_eq!(parsed.rejected, Rejected::default());
    parsed.payload
}

fn run(traces: &Traces, stages: &mut [Box<dyn SpanStage>], from: usize) -> Walked {
    run_with(&mut Walk::new(), traces, stages, from)
}

fn run_with(walk: &mut Walk, traces: &Traces, stages: &mut [Box<dyn SpanStage>], from: usize) -> Walked {
    let origin = Origin::default();
    walk.run(
        traces,
        stages,
        from,
        &BatchContext {
            now: Instant::now(),
            origin: &origin,
        },
    )
}

pub(super) fn decoded(bytes: &[u8]) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(bytes).unwrap()
}

fn spans_in(request: &ExportTraceServiceRequest) -> u32 {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len() as u32).sum()
}

/// Compares encodings, because NaN differs from itself.
pub(super) fn assert_same(left: &ExportTraceServiceRequest, right: &ExportTraceServiceRequest) {
    if left.encode_to_vec() != right.encode_to_vec() {
        assert_eq!(left, right);
    }
}

fn boxed(plans: &[Plan]) -> Vec<Box<dyn SpanStage>> {
    plans
        .iter()
        .map(|plan| Box::new(PlanStage::new(plan)) as Box<dyn SpanStage>)
        .collect()
}

fn counted(counts: &StageCounts) -> Counted {
    let dropped = counts.dropped().map(|(_, spans)| spans).sum();
    Counted {
        received: counts.received,
        dropped,
        held: counts.held,
        emitted: counts.emitted,
    }
}

/// Runs the plans both ways and compares bytes and books.
fn both_ways_agree(walk: &mut Walk, bytes: Vec<u8>, plans: &[Plan]) {
    let mut expected = decoded(&bytes);
    let traces = traces_of(bytes);
    let had_spans = !traces.is_empty();

    let walked = run_with(walk, &traces, &mut boxed(plans), 0);

    for (plan, counts) in plans.iter().zip(&walked.counts) {
        assert_eq!(counted(counts), plan.run(&mut expected), "{}", plan.name);
    }
    match walked.left {
        Some(traces) => {
            assert_same(&decoded(traces.bytes()), &expected);
            assert_eq!(traces.spans(), spans_in(&expected));
            let again = Traces::parse(traces.bytes().clone(), &Limits::default()).unwrap();
            assert_eq!((again.payload, again.rejected), (traces, Rejected::default()));
        }
        None => assert!(had_spans && spans_in(&expected) == 0),
    }
}

proptest! {
    #[test]
    fn one_walk_for_all_stages_equals_one_pass_per_stage(request in request(true), plans in plans()) {
        both_ways_agree(&mut Walk::new(), request.encode_to_vec(), &plans);
    }

    #[test]
    fn a_walk_that_is_used_again_remembers_nothing(
        first in request(true), second in request(true), plans in plans(), other in plans(),
    ) {
        let mut walk = Walk::new();
        both_ways_agree(&mut walk, first.encode_to_vec(), &plans);
        both_ways_agree(&mut walk, second.encode_to_vec(), &other);
    }

    #[test]
    fn stages_split_over_two_walks_do_the_same(request in request(true), plans in plans(), cut in 0usize..4) {
        let traces = traces(&request);
        let whole = run(&traces, &mut boxed(&plans), 0);

        let cut = cut.min(plans.len());
        let first = run(&traces, &mut boxed(&plans[..cut]), 0);
        let second = first.left.and_then(|traces| run(&traces, &mut boxed(&plans), cut).left);

        let bytes = |traces: &Option<Traces>| traces.as_ref().map(|traces| decoded(traces.bytes()).encode_to_vec());
        prop_assert_eq!(bytes(&whole.left), bytes(&second));
    }

    #[test]
    fn stages_that_only_look_leave_the_same_bytes(request in request(true), keys in prop::collection::vec(key(), 0..3)) {
        let traces = traces(&request);
        let mut stages: Vec<Box<dyn SpanStage>> = keys.into_iter().map(|key| Box::new(Look(key)) as _).collect();

        let walked = run(&traces, &mut stages, 0);

        let same = walked.left.unwrap();
        prop_assert_eq!(same.bytes().as_ptr(), traces.bytes().as_ptr());
        prop_assert_eq!(same, traces);
    }

    #[test]
    fn fields_that_nobody_knows_survive_edits(request in request(true), plans in plans(), seed in 1u64..) {
        let mut dice = Dice(seed);
        let strange = unknown(&mut dice);
        let mut bytes = request.encode_to_vec();
        bytes.extend_from_slice(&strange);
        let traces = traces_of(bytes);

        if let Some(walked) = run(&traces, &mut boxed(&plans), 0).left {
            prop_assert!(walked.bytes().ends_with(&strange));
        }
    }
}

/// Reads everything and says nothing; deletes what is not there.
struct Look(String);

impl SpanStage for Look {
    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        assert!(resource.attr("not there").is_none());
        edit.delete("not there");
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        _ = span.attr(&self.0);
        edit.delete("not there");
        edit.append(&EncodedAttributes::new());
    }
}

/// Does what a closure says to every span.
struct Each<F>(F);

impl<F: FnMut(SpanView<'_>, &mut Edit<'_>) + Send> SpanStage for Each<F> {
    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        (self.0)(span, edit);
    }
}

fn each(traces: &Traces, act: impl FnMut(SpanView<'_>, &mut Edit<'_>) + Send + 'static) -> Walked {
    run(traces, &mut [Box::new(Each(act))], 0)
}

#[test]
fn captured_requests_go_through_stages_as_structs_do() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for capture in captures() {
        for _ in 0..20 {
            let plans = plans().new_tree(&mut runner).unwrap().current();
            both_ways_agree(&mut Walk::new(), capture.bytes.clone(), &plans);
        }
    }
}

#[test]
fn set_reaches_attributes_that_the_same_stage_appended() {
    let capture = captures().remove(0);
    let walked = each(&traces_of(capture.bytes), |_, edit| {
        edit.append(&EncodedAttributes::new().with("tenant.id", "acme").with("tier", 1i64));
        edit.set("tenant.id", "a longer name than before");
        edit.set("tier", 2i64);
        edit.insert("tier", 3i64);
    });

    for resource in walked.left.unwrap().resources() {
        for span in resource.scopes().flat_map(|scope| scope.spans()) {
            let values: Vec<_> = span
                .attrs()
                .filter(|(key, _)| *key == "tenant.id" || *key == "tier")
                .collect();
            assert_eq!(values.len(), 2);
            assert_eq!(
                span.attr("tenant.id").unwrap().as_str(),
                Some("a longer name than before")
            );
            assert_eq!(span.attr("tier").unwrap().as_i64(), Some(2));
        }
    }
}

#[test]
fn every_kind_of_value_is_written_as_it_reads_back() {
    let capture = captures().remove(0);
    let walked = each(&traces_of(capture.bytes), |_, edit| {
        edit.set("str", "größer");
        edit.set("bool", true);
        edit.set("int", -5i64);
        edit.set("double", 0.25);
        edit.set("bytes", &b"\xff\x00"[..]);
        edit.set("array", &["GPU-1", "", "GPU-2"][..]);
    });
    let copied = each(&walked.left.unwrap(), |span, edit| {
        edit.set_encoded("copy", span.raw_attrs().get("array").unwrap());
    });

    let traces = copied.left.unwrap();
    let span = traces
        .resources()
        .next()
        .unwrap()
        .scopes()
        .next()
        .unwrap()
        .spans()
        .next()
        .unwrap();
    assert_eq!(span.attr("str").unwrap().as_str(), Some("größer"));
    assert_eq!(span.attr("bool").unwrap().as_bool(), Some(true));
    assert_eq!(span.attr("int").unwrap().as_i64(), Some(-5));
    assert_eq!(span.attr("int").unwrap().as_f64(), Some(-5.0));
    assert_eq!(span.attr("double").unwrap().as_f64(), Some(0.25));
    assert_eq!(span.attr("bytes"), Some(Value::Bytes(b"\xff\x00")));
    assert_eq!(span.attr("array"), span.attr("copy"));
    let Some(Value::Array(array)) = span.attr("copy") else {
        panic!("no array")
    };
    let texts: Vec<_> = array.values().map(|value| value.as_str().unwrap()).collect();
    assert_eq!(texts, ["GPU-1", "", "GPU-2"]);
    ExportTraceServiceRequest::decode(traces.bytes().clone()).unwrap();
}

#[test]
fn a_batch_of_which_nothing_is_left_is_none() {
    let capture = captures().remove(0);
    let traces = traces_of(capture.bytes);

    let walked = each(&traces, |_, edit| edit.drop("unwanted"));

    assert_eq!(walked.left, None);
    let dropped: Vec<_> = walked.counts[0].dropped().collect();
    assert_eq!(dropped, [("unwanted", &u64::from(traces.spans()))]);
    assert_eq!(walked.counts[0].forwarded(), 0);
}

#[test]
fn the_same_spans_in_another_order_have_the_same_children() {
    let mut request = decoded(
        &captures()
            .into_iter()
            .max_by_key(|capture| capture.bytes.len())
            .unwrap()
            .bytes,
    );
    let emitted = |request: &ExportTraceServiceRequest| {
        let mut stage: Vec<Box<dyn SpanStage>> = vec![Box::new(Each(|span: SpanView<'_>, edit: &mut Edit<'_>| {
            let attributes = EncodedAttributes::new().with("of", span.name());
            let stamp = Stamp::new(SpanKind::Internal, "queue", &attributes);
            edit.emit(&Child {
                trace_id: span.trace_id(),
                span_id: SpanId(span.start().to_be_bytes()),
                parent_span_id: span.span_id(),
                start: span.start(),
                end: span.end(),
                flags: span.flags(),
                trace_state: Text::default(),
                stamp: &stamp,
            });
        }))];
        let out = run(&traces(request), &mut stage, 0).left.unwrap();
        let mut spans: Vec<_> = decoded(out.bytes())
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .map(|span| span.encode_to_vec())
            .collect();
        spans.sort();
        spans
    };

    let before = emitted(&request);
    for scope in request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans)
    {
        scope.spans.reverse();
    }

    assert_eq!(emitted(&request), before);
}

#[test]
fn a_stage_that_panicked_leaves_nothing_behind_for_the_next_batch() {
    let traces = traces_of(captures().remove(0).bytes);
    let mut walk = Walk::new();
    let mut armed = true;
    let mut stages: Vec<Box<dyn SpanStage>> = vec![Box::new(Each(move |_: SpanView<'_>, edit: &mut Edit<'_>| {
        edit.set("half", true);
        assert!(!std::mem::take(&mut armed), "the first span is too much");
        edit.delete("half");
    }))];
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        run_with(&mut walk, &traces, &mut stages, 0);
    }));
    assert!(panicked.is_err());

    let walked = run_with(&mut walk, &traces, &mut stages, 0);

    assert_eq!(walked.counts[0].received, u64::from(traces.spans()));
    assert_eq!(walked.left.unwrap().bytes().as_ptr(), traces.bytes().as_ptr());
}

#[test]
fn one_odd_batch_does_not_keep_memory_for_ever() {
    let capture = captures().remove(0);
    let mut request = decoded(&capture.bytes);
    request.resource_spans.truncate(1);
    let traces = traces(&request);
    let mut walk = Walk::new();
    let large = "x".repeat(2 * crate::payload::walk::KEPT_BYTES_MAX);
    let mut stages: Vec<Box<dyn SpanStage>> = vec![
        Box::new(Each(move |_: SpanView<'_>, edit: &mut Edit<'_>| {
            edit.set("large", large.as_str());
        })),
        Box::new(Each(|_: SpanView<'_>, edit: &mut Edit<'_>| edit.set("large", "small"))),
    ];

    run_with(&mut walk, &traces, &mut stages, 0);

    let own = [&mut walk.here, &mut walk.next, &mut walk.made_shell];
    let levels = [walk.resource.buffer(), walk.scope.buffer()];
    let all = own.into_iter().chain(levels).chain(walk.pending.buffers());
    let kept: Vec<usize> = all.map(|buffer| buffer.capacity()).collect();
    assert!(
        kept.iter().all(|bytes| *bytes <= crate::payload::walk::KEPT_BYTES_MAX),
        "{kept:?}"
    );
}

#[test]
fn kept_spans_are_built_into_a_batch_again() {
    let capture = captures()
        .into_iter()
        .max_by_key(|capture| capture.bytes.len())
        .unwrap();
    let traces = traces_of(capture.bytes);
    let mut builder = TracesBuilder::new();
    for resource in traces.resources() {
        for scope in resource.scopes() {
            let place = Place::of(resource.resource(), scope.scope());
            scope.spans().for_each(|span| builder.push(&place, span));
        }
    }

    let built = builder.build().unwrap();

    assert_eq!(built.spans(), traces.spans());
    assert_same(&decoded(built.bytes()), &decoded(traces.bytes()));
}
