//! Connectors that count spans: `connectors <span_metrics|span_metrics_exponential|span_metrics_dimensions|observe> <spans>`
//!
//! The request is parsed beforehand and every stream is known: what is measured is what one more span costs. `observe`
//! is one measurement in an exponential histogram by itself.

use std::alloc::System;
use std::sync::Arc;
use std::task::{Context, Waker};

use benches::{Task, request};
use bytes::Bytes;
use config::{Diagnostics, Kind, Section, Signal};
use pipeline::component::{Conduit, Connector, Outlets};
use pipeline::payload::{Limits, Payload};
use pipeline::plan::World;
use pipeline::testing::contract::setup;
use pipeline::{Batch, Credit, Origin, Receipt};
use processors::aggregation::{BUCKETS_MAX, ExponentialHistogram, SCALE_MAX};
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
    let conduit = connected::<SpanMetrics>(&world, yaml);
    let bytes = Bytes::from(request(task.spans));
    let Ok(parsed) = Payload::parse(Signal::Traces, bytes, &Limits::default()) else {
        return;
    };
    let origin = Origin::own();
    task.measure(ALLOCATOR, || {
        let credit = Credit::none(&world.budget);
        let batch = Batch::new(parsed.payload.clone(), Arc::clone(&origin), Receipt::unheard(), credit);
        let counted = conduit.as_ref().map(|conduit| {
            conduit
                .consume(batch)
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
        });
        u64::from(counted.is_some_and(|it| it.is_ready()))
    });
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
