//! Receivers: sockets into batches. They know no processor and no exporter.

pub mod otlp;
pub mod prometheus;

use pipeline::component::Registry;

/// Adds all receivers of this build.
pub fn register(registry: &mut Registry) {
    registry.receiver::<otlp::Otlp>();
    registry.receiver::<prometheus::PrometheusReceiver>();
}
