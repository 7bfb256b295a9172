//! The real processors: parse, `llm_phases`, write. `llm_phases <all|enriched|named> <spans>`
//!
//! `enriched` has the processor `resource` behind it, with ten attributes; `named` has `llm_attributes` there.

use benches::{Task, request};
use bytes::Bytes;
use config::{Diagnostics, Kind, Section, Signal};
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::payload::{BatchContext, Limits, Traces, Walk};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use processors::llm_attributes::LlmAttributes;
use processors::llm_phases::{Config, LlmPhases};
use processors::resource::Resource;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let task = Task::from_args("all");
    let bytes = Bytes::from(request(task.spans));
    let world = World::system();
    let setup = |name| setup(&world, name, Kind::Processor, Signal::Traces);
    let Ok(Stage::Spans(phases)) = LlmPhases::build(&Config::default(), &setup("llm_phases")) else {
        return;
    };
    let mut stages = vec![phases];
    if task.what == "enriched" {
        let Some(Ok(Stage::Spans(resource))) = ten_attributes().map(|it| Resource::build(&it, &setup("resource")))
        else {
            return;
        };
        stages.push(resource);
    }
    if task.what == "named" {
        let Ok(Stage::Spans(attributes)) = LlmAttributes::build(&Default::default(), &setup("llm_attributes")) else {
            return;
        };
        stages.push(attributes);
    }
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
        walked.left.map_or(0, |traces| traces.bytes().len() as u64)
    });
}

fn ten_attributes() -> Option<processors::resource::Config> {
    let action = |at| format!("- {{key: gpu.attribute.{at}, value: GPU-5fd4f087-86f3-7a43-b711, action: insert}}\n");
    let yaml: String = (0..10).map(action).collect();
    let section = Section::from_yaml("bench.yaml", &format!("attributes:\n{yaml}")).ok()?;
    config::decode(&section, &mut Diagnostics::new())
}

#[allow(clippy::disallowed_methods)] // The stage waits for nothing here.
fn now() -> Instant {
    Instant::now()
}
