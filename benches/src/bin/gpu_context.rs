//! The join with GPU samples: `gpu_context <pass|join|share> <spans>`
//!
//! Requests that `llm_phases` has decomposed, six spans each, on a GPU whose last ten minutes were sampled by the plan as it
//! stands. `join` writes what the device did on each of them at once; `pass` is the same walk where nobody knows the
//! sender's device; `share` lets the requests wait for their share of energy, and releases them.

use std::alloc::System;
use std::time::Instant;

use benches::{Task, request};
use bytes::Bytes;
use config::{Diagnostics, Kind, Section, Signal};
use pipeline::Origin;
use pipeline::component::{Processor, Stage};
use pipeline::context::gpus::{About, Devices, Fast, Gpu, Slow, Throttle};
use pipeline::payload::{BatchContext, Limits, SpanStage, Traces, Walk};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use processors::gpu_context::GpuContext;
use processors::llm_phases::LlmPhases;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// When the request of all benches begins, in nanoseconds since 1970, and what is sampled before it and behind it.
const START: u64 = 1_767_225_600_000_000_000;
const BEFORE_S: u64 = 500;
const BEHIND_S: u64 = 100;

fn main() {
    let task = Task::from_args("join");
    let world = World::system();
    let now = now();
    let origin = Origin::default();
    let context = BatchContext { now, origin: &origin };
    let mut walk = Walk::new();
    let parsed = Traces::parse(Bytes::from(request(task.spans)), &Limits::default());
    let (Ok(parsed), Some(phases)) = (parsed, stage::<LlmPhases>(&world, "{}")) else {
        return;
    };
    let Some(traces) = walk.run(&parsed.payload, &mut [phases], 0, &context).left else {
        return;
    };
    // Of two devices nobody knows which one is meant.
    let devices = if task.what == "pass" { 2 } else { 1 };
    world.context.gpus.publish(Devices {
        list: (0..devices).map(|_| sampled()).collect(),
        ..Devices::default()
    });
    let yaml = match task.what.as_str() {
        "share" => "{spans_max: 1000000, bytes_max: 1073741824}",
        _ => "attribution: {enabled: false}",
    };
    // Energy is shared once, so that each round of it needs a stage that has shared none.
    let fresh = if task.what == "share" { 11 } else { 1 };
    let mut stages: Vec<_> = (0..fresh)
        .filter_map(|_| Some([stage::<GpuContext>(&world, yaml)?]))
        .collect();
    let mut round = 0;
    task.measure(ALLOCATOR, || {
        round += 1;
        let at = round % stages.len().max(1);
        let Some(stages) = stages.get_mut(at) else { return 0 };
        let walked = walk.run(&traces, stages, 0, &context);
        let [stage] = stages;
        let released = stage.release(now, true);
        let bytes = |traces: Option<&Traces>| traces.map_or(0, |traces| traces.bytes().len() as u64);
        bytes(walked.left.as_ref()) + bytes(released.as_ref().map(|it| &it.traces))
    });
}

fn stage<P: Processor>(world: &World, yaml: &str) -> Option<Box<dyn SpanStage>> {
    let section = Section::from_yaml("bench.yaml", yaml).ok()?;
    let config = config::decode(&section, &mut Diagnostics::new())?;
    let setup = setup(world, P::ABOUT.name, Kind::Processor, Signal::Traces);
    match P::build(&config, &setup) {
        Ok(Stage::Spans(stage)) => Some(stage),
        _ => None,
    }
}

/// A device with samples of ten minutes, ten a second and two a second.
fn sampled() -> std::sync::Arc<Gpu> {
    let gpu = Gpu::new(About {
        uuid: "GPU-5fd4f087-86f3-7a43-b711-4771313afc50".to_owned(),
        model: "NVIDIA H100 80GB HBM3".to_owned(),
        ..About::default()
    });
    let ticks = (BEFORE_S + BEHIND_S) * 10;
    for tick in 0..=ticks {
        let time_ns = START - BEFORE_S * 1_000_000_000 + tick * 100_000_000;
        gpu.add_fast(&Fast {
            time_ns,
            energy_mj: Some(tick * 50_000),
            throttle: Throttle {
                power_cap_ns: Some(tick * 1_000_000),
                thermal_ns: Some(0),
                hardware_thermal_ns: Some(0),
                power_brake_ns: Some(0),
            },
            sm_clock_mhz: Some(1_500 + (tick % 400) as u32),
            reasons: Some(4),
            power_mw: None,
        });
        if tick % 5 == 0 {
            gpu.add_slow(&Slow {
                time_ns,
                utilization: Some(0.9),
                memory_used_bytes: Some(70 << 30),
                temperature_c: Some(61.0),
            });
        }
    }
    gpu
}

#[allow(clippy::disallowed_methods)] // Whoever waits is released at once.
fn now() -> Instant {
    Instant::now()
}
