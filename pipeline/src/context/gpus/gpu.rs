//! A device and its samples.

use std::sync::Arc;

use super::{Fast, Slow};

/// A GPU, or a MIG instance of one.
#[derive(Debug)]
pub struct Gpu {
    /// What does not change while it is there.
    pub about: About,
}

/// What does not change while a device is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// `GPU-…`, or `MIG-…` of an instance.
    pub uuid: String,
    /// The driver's index; of an instance that of its GPU.
    pub index: u32,
    /// The number in `/dev/nvidia0`, which the index need not be.
    pub minor: Option<u32>,
    /// Product name.
    pub model: String,
    /// `00000000:18:00.0`.
    pub pci_bus_id: String,
    /// Set for a MIG instance.
    pub mig: Option<Mig>,
}

/// What makes a device a MIG instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mig {
    /// UUID of the GPU that it is a part of.
    pub parent: String,
    /// The GPU instance's number, where the driver tells.
    pub gpu_instance: Option<u32>,
    /// Compute slices of the instance.
    pub slices: u32,
    /// `1g.10gb`.
    pub profile: String,
}

impl Gpu {
    /// A device without samples.
    pub fn new(about: About) -> Arc<Self> {
        Arc::new(Self { about })
    }

    /// Adds what is sampled often.
    pub fn add_fast(&self, _sample: &Fast) {}

    /// Adds what is sampled less often.
    pub fn add_slow(&self, _sample: &Slow) {}
}
