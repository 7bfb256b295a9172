//! What happens to batches on their way: one folder and one line for each processor, and the connectors that need
//! nothing from outside.

pub mod actions;
pub mod aggregation;
pub mod attributes;
pub mod batch;
pub mod forward;
pub mod gpu_context;
pub mod llm_metrics;
pub mod llm_phases;
pub mod memory_limiter;
pub mod resource;
pub mod span_metrics;

use pipeline::component::Registry;

/// Adds every component of this crate.
pub fn register(registry: &mut Registry) {
    registry.processor::<attributes::Attributes>();
    registry.processor::<batch::BatchProcessor>();
    registry.processor::<gpu_context::GpuContext>();
    registry.processor::<llm_phases::LlmPhases>();
    registry.processor::<memory_limiter::MemoryLimiter>();
    registry.processor::<resource::Resource>();
    registry.connector::<forward::Forward>();
    registry.connector::<llm_metrics::LlmMetrics>();
    registry.connector::<span_metrics::SpanMetrics>();
}
