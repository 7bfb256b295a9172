//! Pods as the extensions know them: who they are, where they run, which devices they were given.
//!
//! Two extensions publish, each its own part: `k8s` says what the API server knows, `pod_resources` what the kubelet has
//! given to whom. A name in a namespace joins them, because the kubelet's answer has no uid.

mod claimed;
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
use tokio::sync::watch;

pub use claimed::Claimed;
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
    /// How often somebody met a pod that nobody knows; those who publish may look again before it is their time.
    wanted: watch::Sender<u64>,
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

    /// Says that a pod was met that nobody knows. Everybody who waits for it hears it once, however often it is said meanwhile.
    /// Who asks again and again, as the kubelet is asked, may ask earlier; who is told of every change has nothing to do.
    pub fn want(&self) {
        self.shared.wanted.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Hears of pods that nobody knows, from now on.
    pub fn wants(&self) -> Wants {
        Wants(self.shared.wanted.subscribe())
    }
}

/// Hears of pods that somebody met and nobody knows.
#[derive(Debug, Clone)]
pub struct Wants(watch::Receiver<u64>);

impl Wants {
    /// Waits until somebody has met one since the last time.
    pub async fn wanted(&mut self) {
        // Who waits holds the other end as well, as a part of the context; without it nobody would ever say so.
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
