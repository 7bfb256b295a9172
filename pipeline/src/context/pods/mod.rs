//! Pods as the extensions know them: who they are, where they run, which devices they were given.
//!
//! Two extensions publish, each its own part: `k8s` says what the API server knows, `pod_resources` what the kubelet has
//! given to whom. A name in a namespace joins them, because the kubelet's answer has no uid.

mod clues;
mod device_id;
mod devices;
mod hami;
mod map;
mod pod;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

pub use clues::Clues;
pub use device_id::{Device, DeviceId, GpuResource};
pub use devices::{ContainerDevices, Given, PodDevices};
pub use hami::HamiShare;
pub use map::{Addressed, PodMap};
pub use pod::{Container, Namespace, Node, Owner, Pod};

/// The latest of what is known of pods; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Pods {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    map: ArcSwap<PodMap>,
    devices: ArcSwap<PodDevices>,
    /// Somebody met a pod that nobody knows; those who publish may look again before it is their time.
    wanted: Notify,
}

impl Pods {
    /// What the API server knows, as it was last told.
    pub fn map(&self) -> Arc<PodMap> {
        self.shared.map.load_full()
    }

    /// Which devices the kubelet has given to which pods, as it was last told.
    pub fn devices(&self) -> Arc<PodDevices> {
        self.shared.devices.load_full()
    }

    /// Tells what the API server knows. What was told before is forgotten.
    pub fn publish(&self, map: PodMap) {
        self.shared.map.store(Arc::new(map));
    }

    /// Tells what the kubelet has given. What was told before is forgotten.
    pub fn publish_devices(&self, devices: PodDevices) {
        self.shared.devices.store(Arc::new(devices));
    }

    /// Says that a pod was met that nobody knows.
    pub fn want(&self) {
        self.shared.wanted.notify_one();
    }

    /// Waits until somebody has met a pod that nobody knows.
    pub async fn wanted(&self) {
        self.shared.wanted.notified().await;
    }
}
