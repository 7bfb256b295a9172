//! What happens to batches on their way: one folder and one line for each processor, and the connectors that need
//! nothing from outside.

pub mod actions;
pub mod aggregation;
pub mod attributes;
pub mod batch;
mod enrichment;
pub mod forward;
pub mod gpu_context;
pub mod k8s_attributes;
pub mod llm_attributes;
pub mod llm_metrics;
mod llm_names;
pub mod llm_phases;
pub mod memory_limiter;
pub mod resource;
pub mod resource_detection;
pub mod span_metrics;
pub mod tenant;

use pipeline::component::Registry;

/// Adds every component of this crate.
pub fn register(registry: &mut Registry) {
    registry.processor::<attributes::Attributes>();
    registry.processor::<batch::BatchProcessor>();
    registry.processor::<k8s_attributes::K8sAttributes>();
    registry.processor::<gpu_context::GpuContext>();
    registry.processor::<llm_attributes::LlmAttributes>();
    registry.processor::<llm_phases::LlmPhases>();
    registry.processor::<memory_limiter::MemoryLimiter>();
    registry.processor::<resource::Resource>();
    registry.processor::<resource_detection::ResourceDetection>();
    registry.processor::<tenant::Tenant>();
    registry.connector::<forward::Forward>();
    registry.connector::<llm_metrics::LlmMetrics>();
    registry.connector::<span_metrics::SpanMetrics>();
}
