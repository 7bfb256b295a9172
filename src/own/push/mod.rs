//! Own metrics and spans pushed by OTLP, with the OpenTelemetry SDK.
//!
//! The SDK runs a thread for each reader and each span processor. It is started only where the configuration asks for
//! it; nothing of it runs otherwise.

mod bridge;
mod destination;
mod http;
mod spans;
mod told;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use config::Telemetry;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use pipeline::plan::World;
use pipeline::telemetry::Watch;

use super::resource::{Identity, SCOPE, VERSION};
use bridge::Bridge;
use spans::Spans;
use told::Told;

#[cfg(test)]
pub(super) use told::FAILURES;

/// What pushes own telemetry.
#[derive(Default)]
pub struct Push {
    meters: Option<SdkMeterProvider>,
    tracers: Option<SdkTracerProvider>,
}

impl Push {
    /// Starts what the configuration asks for. It does not wait for a destination.
    pub fn start(telemetry: &Telemetry, identity: &Identity, world: &World) -> anyhow::Result<Self> {
        let attributes = identity.attributes();
        let attributes = attributes.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let resource = Resource::builder_empty().with_attributes(attributes).build();
        let scope = InstrumentationScope::builder(SCOPE).with_version(VERSION).build();
        let meters = meters(telemetry, resource.clone(), world)?;
        if let Some(meters) = &meters {
            let meter = meters.meter_with_scope(scope.clone());
            let metrics = world.telemetry.metrics();
            let bridge: Arc<dyn Watch> = Arc::new(Bridge::new(meter, metrics.clone()));
            metrics.watch(&bridge);
        }
        let tracers = tracers(telemetry, resource, world)?;
        if let Some(tracers) = &tracers {
            let spans = Spans::new(tracers.tracer_with_scope(scope));
            world.telemetry.metrics().set_spans(Arc::new(spans));
        }
        Ok(Self { meters, tracers })
    }

    /// Pushes what there is to say and ends, or leaves it behind when that takes too long.
    pub async fn stop(&mut self, within: Duration) {
        let (meters, tracers) = (self.meters.take(), self.tracers.take());
        if meters.is_none() && tracers.is_none() {
            return;
        }
        let (ended, told) = tokio::sync::oneshot::channel();
        // A thread of its own: the SDK waits where it stands, and nobody waits for this thread when time is up.
        std::thread::spawn(move || {
            let spans = tracers.map(|tracers| tracers.shutdown_with_timeout(within));
            let metrics = meters.map(|meters| meters.shutdown_with_timeout(within));
            let all_well = [spans, metrics].into_iter().flatten().all(|result| result.is_ok());
            let _ = ended.send(all_well); // Nobody listens any more when time was up.
        });
        match tokio::time::timeout(within, told).await {
            Ok(Ok(true)) => {}
            Ok(_) => tracing::warn!("the last own metrics or spans could not be pushed"),
            Err(_) => tracing::warn!(
                within_s = within.as_secs_f64(),
                "the last own metrics or spans were not pushed in time"
            ),
        }
    }
}

fn meters(telemetry: &Telemetry, resource: Resource, world: &World) -> anyhow::Result<Option<SdkMeterProvider>> {
    let readers = telemetry.metrics.periodic();
    let mut builder = SdkMeterProvider::builder().with_resource(resource);
    let mut any = false;
    for periodic in readers {
        let Some(otlp) = &periodic.exporter.otlp else { continue };
        let exporter = destination::metrics(otlp, otlp.timeout(periodic.timeout), &world.outside)
            .with_context(|| format!("cannot push own metrics to {}", otlp.endpoint))?;
        let exporter = Told::new(exporter, "metrics", &world.telemetry);
        let interval = Duration::from_millis(periodic.interval);
        builder = builder.with_reader(PeriodicReader::builder(exporter).with_interval(interval).build());
        any = true;
    }
    Ok(any.then(|| builder.build()))
}

fn tracers(telemetry: &Telemetry, resource: Resource, world: &World) -> anyhow::Result<Option<SdkTracerProvider>> {
    let sampler = match telemetry.traces.share() {
        share if share <= 0.0 => return Ok(None),
        share if share >= 1.0 => Sampler::AlwaysOn,
        share => Sampler::TraceIdRatioBased(share),
    };
    let mut builder = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler);
    let mut any = false;
    for batch in telemetry.traces.batches() {
        let Some(otlp) = &batch.exporter.otlp else { continue };
        let exporter = destination::spans(otlp, otlp.timeout(batch.export_timeout), &world.outside)
            .with_context(|| format!("cannot push own spans to {}", otlp.endpoint))?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(batch.max_queue_size)
            .with_max_export_batch_size(batch.max_export_batch_size)
            .with_scheduled_delay(Duration::from_millis(batch.schedule_delay))
            .build();
        let processor = BatchSpanProcessor::builder(Told::new(exporter, "spans", &world.telemetry));
        builder = builder.with_span_processor(processor.with_batch_config(config).build());
        any = true;
    }
    Ok(any.then(|| builder.build()))
}
