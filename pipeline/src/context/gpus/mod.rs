//! GPUs of this node, and what was sampled of each in the last minutes.
//!
//! The receiver `nvml` says which devices there are and adds samples; `gpu_context` asks what a device did in a window.

mod gpu;
mod process;
mod sample;
mod samples;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::pods;

pub use gpu::{About, Gpu, History, Mig};
pub use process::{Ancestor, Process, Processes};
pub use sample::{Fast, Slow, Throttle};
pub use samples::{Spread, Throttled, Window};

/// The GPUs of this node; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Gpus {
    devices: Arc<ArcSwap<Devices>>,
}

/// All devices at one moment; MIG instances stand beside their GPUs.
#[derive(Debug, Default)]
pub struct Devices {
    /// In the driver's order, instances after their GPU.
    pub list: Vec<Arc<Gpu>>,
    /// Processes that use a device.
    pub processes: Processes,
}

impl Gpus {
    /// The latest devices.
    pub fn devices(&self) -> Arc<Devices> {
        self.devices.load_full()
    }

    /// Says which devices there are. A device that was there before keeps its samples, also under a new handle; samples
    /// that were added to the new one before are forgotten.
    pub fn publish(&self, devices: Devices) {
        let before = self.devices();
        for gpu in &devices.list {
            match before.by_uuid(&gpu.about.uuid) {
                Some(known) if !Arc::ptr_eq(known, gpu) => gpu.continue_from(known),
                _ => {}
            }
        }
        self.devices.store(Arc::new(devices));
    }
}

impl Devices {
    /// The device that an id of the kubelet means, where it is one of these. What was claimed is known by its UUID only.
    pub fn find(&self, device: &pods::Device<'_>) -> Option<&Arc<Gpu>> {
        match *device {
            pods::Device::Gpu(uuid) | pods::Device::Mig(uuid) => self.by_uuid(uuid),
            pods::Device::Index(number) => self.by_number(number),
            pods::Device::IndexMig { gpu, gpu_instance } => self.by_instance(gpu, gpu_instance),
            pods::Device::Claimed { .. } => None,
        }
    }

    /// The device with this UUID.
    pub fn by_uuid(&self, uuid: &str) -> Option<&Arc<Gpu>> {
        self.list.iter().find(|gpu| gpu.about.uuid == uuid)
    }

    /// The GPU of `/dev/nvidia<number>`. Where the driver tells no such numbers, they are its own.
    pub fn by_number(&self, number: u32) -> Option<&Arc<Gpu>> {
        let mut wholes = self.list.iter().filter(|gpu| gpu.about.mig.is_none());
        wholes.find(|gpu| gpu.about.minor.unwrap_or(gpu.about.index) == number)
    }

    /// The MIG instance in a GPU instance, by the numbers of both. A GPU instance that holds several means none of them.
    pub fn by_instance(&self, number: u32, gpu_instance: u32) -> Option<&Arc<Gpu>> {
        let parent = &self.by_number(number)?.about.uuid;
        let mut instances = self.list.iter().filter(|gpu| {
            let mig = gpu.about.mig.as_ref();
            mig.is_some_and(|mig| mig.parent == *parent && mig.gpu_instance == Some(gpu_instance))
        });
        instances.next().filter(|_| instances.next().is_none())
    }
}
