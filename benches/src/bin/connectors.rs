//! Connectors that count spans:
//! `connectors <span_metrics|span_metrics_exponential|span_metrics_dimensions|llm_metrics|llm_both|observe> <spans>`
//!
//! The request is parsed beforehand and every stream is known: what is measured is what one more span costs. `llm_metrics`
//! and `llm_both`, which is both connectors with their defaults, get requests that `llm_phases` has decomposed: a
//! request span with five phases below it counts as one. `observe` is one measurement in an exponential histogram by
//! itself.

use std::alloc::System;
use std::sync::Arc;
use std::task::{Context, Waker};

use benches::{Task, request};
use bytes::Bytes;
use config::{Diagnostics, Kind, Section, Signal};
use pipeline::component::{Component, Conduit, Connector, Outlets, Processor, Stage};
use pipeline::payload::{BatchContext, Limits, Payload, Traces, Walk};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use pipeline::{Batch, Credit, Origin, Receipt};
use processors::aggregation::{BUCKETS_MAX, ExponentialHistogram, SCALE_MAX};
use processors::llm_metrics::LlmMetrics;
use processors::llm_phases::LlmPhases;
use processors::span_metrics::SpanMetrics;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let task = Task::from_args("span_metrics");
    let yaml = match task.what.as_str() {
        "observe" => return observe(&task),
        "span_metrics_exponential" => "{histogram: {unit: s, exponential: {}}, exemplars: {enabled: true}}",
        "span_metrics_dimensions" => {
            "dimensions: [{name: gen_ai.response.model}, {name: tenant.id}, {name: host.name}]"
        }
        _ => "{}",
    };
    let world = World::system();
    let conduits: Vec<_> = match task.what.as_str() {
        "llm_metrics" => [connected::<LlmMetrics>(&world, "{}"), None],
        "llm_both" => [
            connected::<LlmMetrics>(&world, "{}"),
            connected::<SpanMetrics>(&world, "{}"),
        ],
        _ => [connected::<SpanMetrics>(&world, yaml), None],
    }
    .into_iter()
    .flatten()
    .collect();
    let bytes = Bytes::from(request(task.spans));
    let Ok(parsed) = Traces::parse(bytes, &Limits::default()) else {
        return;
    };
    let mut traces = parsed.payload;
    if task.what.starts_with("llm_") {
        traces = decomposed(&world, &traces).unwrap_or_default();
    }
    let origin = Origin::own();
    task.measure(ALLOCATOR, || {
        let mut counted = 0;
        for conduit in &conduits {
            let credit = Credit::none(&world.budget);
            let payload = Payload::Traces(traces.clone());
            let batch = Batch::new(payload, Arc::clone(&origin), Receipt::unheard(), credit);
            let polled = conduit
                .consume(batch)
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            counted += u64::from(polled.is_ready());
        }
        counted
    });
}

/// What `llm_phases` makes of requests.
fn decomposed(world: &World, traces: &Traces) -> Option<Traces> {
    let setup = setup(world, LlmPhases::ABOUT.name, Kind::Processor, Signal::Traces);
    let Ok(Stage::Spans(stage)) = LlmPhases::build(&processors::llm_phases::Config::default(), &setup) else {
        return None;
    };
    let origin = Origin::own();
    let context = BatchContext {
        now: setup.outside.clock.now(),
        origin: &origin,
    };
    Walk::new().run(traces, &mut [stage], 0, &context).left
}

/// A connector with this configuration and nothing behind it; flushes are not what is measured.
fn connected<C: Connector>(world: &World, yaml: &str) -> Option<Arc<dyn Conduit>> {
    let section = Section::from_yaml("bench.yaml", yaml).ok()?;
    let config = config::decode(&section, &mut Diagnostics::new())?;
    let setup = setup(world, C::ABOUT.name, Kind::Connector, Signal::Traces);
    let connection = C::build(&config, &setup, Outlets::default()).ok()?;
    Some(connection.conduit)
}

/// Durations over three orders of magnitude.
fn observe(task: &Task) {
    let mut histogram = ExponentialHistogram::new(BUCKETS_MAX, SCALE_MAX);
    let values: Vec<f64> = (0..task.spans).map(|it| 0.001 * f64::from(it % 1_000 + 1)).collect();
    task.measure(ALLOCATOR, || {
        for value in &values {
            histogram.observe(*value);
        }
        histogram.count()
    });
}
