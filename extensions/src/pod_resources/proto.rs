//! The messages of the kubelet's PodResources service (`v1`), as far as they say who was given which device.
//!
//! CPUs, memory and NUMA nodes are left out: unknown fields are skipped. Field numbers are those of the published
//! `k8s.io/kubelet/pkg/apis/podresources/v1/api.proto`; the first field of a dynamic resource has been taken out there.

use prost::Message;

/// Answers with every pod of the node.
pub(super) const LIST: &str = "/v1.PodResourcesLister/List";
/// Answers with what the node has.
pub(super) const GET_ALLOCATABLE: &str = "/v1.PodResourcesLister/GetAllocatableResources";

/// The answer of [`LIST`]; its request has no field.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ListResponse {
    /// Every pod, also those without devices.
    #[prost(message, repeated, tag = "1")]
    pub(super) pod_resources: Vec<PodResources>,
}

/// The answer of [`GET_ALLOCATABLE`]; its request has no field.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AllocatableResponse {
    /// Every device that is healthy, given or not.
    #[prost(message, repeated, tag = "1")]
    pub(super) devices: Vec<Devices>,
}

/// One pod. There is no uid.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PodResources {
    /// The pod's name.
    #[prost(string, tag = "1")]
    pub(super) name: String,
    /// Its namespace.
    #[prost(string, tag = "2")]
    pub(super) namespace: String,
    /// Its containers.
    #[prost(message, repeated, tag = "3")]
    pub(super) containers: Vec<ContainerResources>,
}

/// One container.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ContainerResources {
    /// Its name in the pod.
    #[prost(string, tag = "1")]
    pub(super) name: String,
    /// Of device plugins. One resource may come in several parts, one for each NUMA node.
    #[prost(message, repeated, tag = "2")]
    pub(super) devices: Vec<Devices>,
    /// Of dynamic resource allocation.
    #[prost(message, repeated, tag = "5")]
    pub(super) dynamic_resources: Vec<DynamicResource>,
}

/// Devices of one resource.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Devices {
    /// Such as `nvidia.com/gpu`.
    #[prost(string, tag = "1")]
    pub(super) resource_name: String,
    /// In the device plugin's own words.
    #[prost(string, repeated, tag = "2")]
    pub(super) device_ids: Vec<String>,
}

/// What one claim brought.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DynamicResource {
    /// The claim's name.
    #[prost(string, tag = "2")]
    pub(super) claim_name: String,
    /// Its namespace.
    #[prost(string, tag = "3")]
    pub(super) claim_namespace: String,
    /// The devices.
    #[prost(message, repeated, tag = "4")]
    pub(super) claim_resources: Vec<ClaimResource>,
}

/// One device of a claim. Before Kubernetes 1.34 only its CDI names are there.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ClaimResource {
    /// What the container runtime is told.
    #[prost(message, repeated, tag = "1")]
    pub(super) cdi_devices: Vec<CdiDevice>,
    /// Such as `gpu.nvidia.com`.
    #[prost(string, tag = "2")]
    pub(super) driver_name: String,
    /// As a rule the node.
    #[prost(string, tag = "3")]
    pub(super) pool_name: String,
    /// Its name in the pool.
    #[prost(string, tag = "4")]
    pub(super) device_name: String,
}

/// A device in the words of the Container Device Interface.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CdiDevice {
    /// `vendor.com/class=name`.
    #[prost(string, tag = "1")]
    pub(super) name: String,
}
