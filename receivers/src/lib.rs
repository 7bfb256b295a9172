//! Receivers: sockets into batches. They know no processor and no exporter.

pub mod engines;
pub mod nvml;
pub mod otlp;
pub mod prometheus;
mod taken;

use pipeline::component::Registry;

/// Adds all receivers of this build.
pub fn register(registry: &mut Registry) {
    registry.receiver::<otlp::Otlp>();
    registry.receiver::<nvml::NvmlReceiver>();
    registry.receiver::<prometheus::PrometheusReceiver>();
    registry.receiver::<engines::EngineReceiver<engines::Vllm>>();
    registry.receiver::<engines::EngineReceiver<engines::Sglang>>();
    registry.receiver::<engines::EngineReceiver<engines::Tgi>>();
    registry.receiver::<engines::EngineReceiver<engines::Triton>>();
    registry.receiver::<engines::EngineReceiver<engines::RayServe>>();
    registry.receiver::<engines::EngineReceiver<engines::Dcgm>>();
}
