//! Extensions: what runs beside the pipelines.

pub mod basicauth;
pub mod bearertokenauth;
mod digest;
mod followed;
pub mod health_check;
#[cfg(feature = "k8s")]
pub mod k8s;
pub mod pod_resources;

use pipeline::component::Registry;

/// Adds all extensions of this build.
pub fn register(registry: &mut Registry) {
    registry.extension::<basicauth::BasicAuth>();
    registry.extension::<bearertokenauth::BearerTokenAuth>();
    registry.extension::<health_check::HealthCheck>();
    #[cfg(feature = "k8s")]
    registry.extension::<k8s::K8s>();
    registry.extension::<pod_resources::PodResources>();
}
