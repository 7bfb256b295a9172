//! Arbitrary requests through `llm_phases`: no panic, and every child lies inside its parent.

#![no_main]

use config::{Kind, Signal};
use fuzzed::{parse, read_all, walk};
use libfuzzer_sys::fuzz_target;
use pipeline::component::{Processor, Stage};
use pipeline::payload::{SpanId, SpanView, TraceId, Traces};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use processors::llm_phases::{Config, LlmPhases};
use std::collections::HashMap;

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

    let Some(out) = walk(&traces, &mut [stage]).traces else { return };

    assert_eq!(read_all(&out), out.spans());
    let mut received: HashMap<(TraceId, SpanId), Vec<(u64, u64)>> = HashMap::new();
    for (_, span) in spans(&out).filter(|(made, _)| !made) {
        received.entry((span.trace_id(), span.span_id())).or_default().push((span.start(), span.end()));
    }
    for (_, child) in spans(&out).filter(|(made, _)| *made) {
        let parent = child.parent_span_id().expect("children have a parent");
        let parents = &received[&(child.trace_id(), parent)];
        let is_inside = |(start, end): &(u64, u64)| child.start() >= *start && child.end() <= *end;
        assert!(child.start() <= child.end());
        assert!(parents.iter().any(is_inside), "P-1: children lie inside the parent");
    }
});
