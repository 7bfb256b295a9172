//! Arbitrary requests through `llm_phases`, until nothing waits in it: no panic, no span lost, and every child lies inside
//! its parent.

#![no_main]

use config::{Kind, Signal};
use fuzzed::{assert_clean, parse, read_all, walk};
use libfuzzer_sys::fuzz_target;
use pipeline::component::{Processor, Stage};
use pipeline::payload::{SpanId, SpanView, TraceId, Traces};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use processors::llm_phases::{Config, LlmPhases};
use std::collections::HashMap;
use std::time::Instant;

fn spans(traces: &Traces) -> impl Iterator<Item = (bool, SpanView<'_>)> {
    traces.resources().flat_map(|resource| resource.scopes()).flat_map(|scope| {
        let made = scope.scope().name() == "inferscope/llm_phases";
        scope.spans().map(move |span| (made, span))
    })
}

fuzz_target!(|data: &[u8]| {
    let Some(traces) = parse(data) else { return };
    let setup = setup(&World::system(), "llm_phases", Kind::Processor, Signal::Traces);
    let Ok(Stage::Spans(stage)) = LlmPhases::build(&Config::default(), &setup) else { return };
    if spans(&traces).any(|(made, _)| made) {
        return; // Somebody else's children: no law of ours holds for them.
    }

    let mut stages = [stage];
    let walked = walk(&traces, &mut stages);
    let held: u64 = walked.counts.iter().map(|counts| counts.held).sum();
    let dropped: u64 = walked.counts.iter().flat_map(|counts| counts.dropped()).map(|(_, spans)| spans).sum();
    // The lane ends: what waits for the rest of its trace is judged with what is there.
    let released = stages[0].release(Instant::now(), true);
    let let_go = released.as_ref().map_or(0, |released| released.counts.received);
    assert_eq!(let_go, held, "every held span leaves");
    assert!(stages[0].release(Instant::now(), true).is_none(), "and leaves once");

    let out: Vec<Traces> = walked.traces.into_iter().chain(released.map(|released| released.traces)).collect();
    for traces in &out {
        assert_clean(traces);
        assert_eq!(read_all(traces), traces.spans());
    }
    let received = out.iter().flat_map(spans).filter(|(made, _)| !made).count() ;
    assert_eq!(received as u64 + dropped, u64::from(traces.spans()), "nothing is lost, nothing doubled");
    assert_children_fit(&out);
});

/// P-1: children lie inside their parent, wherever that left: at once or later.
fn assert_children_fit(out: &[Traces]) {
    let mut received: HashMap<(TraceId, SpanId), Vec<(u64, u64)>> = HashMap::new();
    for (_, span) in out.iter().flat_map(spans).filter(|(made, _)| !made) {
        received.entry((span.trace_id(), span.span_id())).or_default().push((span.start(), span.end()));
    }
    for (_, child) in out.iter().flat_map(spans).filter(|(made, _)| *made) {
        let parent = child.parent_span_id().expect("children have a parent");
        let parents = &received[&(child.trace_id(), parent)];
        let is_inside = |(start, end): &(u64, u64)| child.start() >= *start && child.end() <= *end;
        assert!(child.start() <= child.end());
        assert!(parents.iter().any(is_inside), "P-1: children lie inside the parent");
    }
}
