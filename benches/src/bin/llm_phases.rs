//! The real processor: parse, `llm_phases`, write. `llm_phases <spans>`

use benches::{Task, request};
use bytes::Bytes;
use config::{Kind, Signal};
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::payload::{BatchContext, Limits, Traces, Walk};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use processors::llm_phases::{Config, LlmPhases};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let task = Task::from_args("all");
    let bytes = Bytes::from(request(task.spans));
    let setup = setup(&World::system(), "llm_phases", Kind::Processor, Signal::Traces);
    let Ok(Stage::Spans(stage)) = LlmPhases::build(&Config::default(), &setup) else {
        return;
    };
    let mut stages = [stage];
    let origin = Origin::default();
    let context = BatchContext {
        now: now(),
        origin: &origin,
    };
    let limits = Limits::default();
    let mut walk = Walk::new();
    task.measure(ALLOCATOR, || {
        let traces = Traces::parse(bytes.clone(), &limits)
            .map(|parsed| parsed.payload)
            .unwrap_or_default();
        let walked = walk.run(&traces, &mut stages, 0, &context);
        walked.traces.map_or(0, |traces| traces.bytes().len() as u64)
    });
}

#[allow(clippy::disallowed_methods)] // The stage waits for nothing here.
fn now() -> Instant {
    Instant::now()
}
