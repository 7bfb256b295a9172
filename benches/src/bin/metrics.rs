//! Metrics through the real processors: `metrics <parse|resource|attributes> <points>`
//!
//! `resource` gives the one resource ten attributes, which costs the same for ten points as for a thousand, but for the
//! copy; `attributes` gives every point one.

use benches::{Task, metrics_request};
use bytes::Bytes;
use config::{Diagnostics, Kind, Section, Signal};
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::payload::{BatchContext, ItemStage, Limits, Metrics, Walk};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use processors::attributes::Attributes;
use processors::resource::Resource;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let task = Task::from_args("resource");
    let bytes = Bytes::from(metrics_request(task.spans));
    let limits = Limits::default();
    let parse = || {
        Metrics::parse(bytes.clone(), &limits)
            .map(|parsed| parsed.payload)
            .unwrap_or_default()
    };
    let stage = match task.what.as_str() {
        "parse" => return task.measure(ALLOCATOR, || u64::from(parse().points())),
        "attributes" => stage::<Attributes>("actions", 1),
        _ => stage::<Resource>("attributes", 10),
    };
    let Some(stage) = stage else { return };
    let (metrics, mut stages) = (parse(), [stage]);
    let origin = Origin::default();
    let context = BatchContext {
        now: now(),
        origin: &origin,
    };
    let mut walk = Walk::new();
    task.measure(ALLOCATOR, || {
        let walked = walk.run_metrics(&metrics, &mut stages, 0, &context);
        walked.left.map_or(0, |metrics| metrics.bytes().len() as u64)
    });
}

/// A processor that inserts so many attributes.
fn stage<P: Processor>(key: &str, attributes: usize) -> Option<Box<dyn ItemStage>> {
    let action = |at| format!("- {{key: gpu.attribute.{at}, value: GPU-5fd4f087-86f3-7a43-b711, action: insert}}\n");
    let yaml: String = (0..attributes).map(action).collect();
    let section = Section::from_yaml("bench.yaml", &format!("{key}:\n{yaml}")).ok()?;
    let config = config::decode(&section, &mut Diagnostics::new())?;
    let world = World::system();
    let setup = setup(&world, P::ABOUT.name, Kind::Processor, Signal::Metrics);
    match P::build(&config, &setup) {
        Ok(Stage::Items(stage)) => Some(stage),
        _ => None,
    }
}

#[allow(clippy::disallowed_methods)] // No stage here looks at the time.
fn now() -> Instant {
    Instant::now()
}
