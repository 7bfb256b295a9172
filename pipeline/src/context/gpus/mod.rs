//! GPUs of this node, and what was sampled of each in the last minutes.
//!
//! The receiver `nvml` says which devices there are and adds samples; `gpu_context` asks what a device did in a window.

mod gpu;
mod sample;
mod samples;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;

pub use gpu::{About, Gpu, Mig};
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
    pub processes: Vec<Process>,
}

/// A process that uses a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number in the node's namespace.
    pub pid: u32,
    /// When it began, in clock ticks since the node's start: a number that is used again begins anew (G-7).
    pub started_ticks: u64,
    /// The device's UUID.
    pub gpu: String,
    /// Device memory that it holds, where the driver tells.
    pub memory_bytes: Option<u64>,
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
    /// The device with this UUID.
    pub fn by_uuid(&self, uuid: &str) -> Option<&Arc<Gpu>> {
        self.list.iter().find(|gpu| gpu.about.uuid == uuid)
    }
}
