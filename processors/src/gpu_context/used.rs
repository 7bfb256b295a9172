//! The devices of one sender.

use std::sync::Arc;

use pipeline::context::gpus::{Devices, Gpu, History};
use pipeline::payload::{EncodedAttributes, names};

/// The devices of one sender.
#[derive(Debug)]
pub(super) struct Used {
    /// In the order of their ids.
    pub(super) devices: Vec<Device>,
    /// What every span of the sender says about them.
    pub(super) about: EncodedAttributes,
}

/// What has led to the devices of a sender, the most telling first (domain §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Its resource names them.
    Resource,
    /// Its resource names its pod.
    Pod,
    /// Its address is that of its pod.
    Peer,
    /// Its process.
    Process,
    /// The node has no other.
    OnlyGpu,
}

impl Source {
    const fn word(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Pod => "pod",
            Self::Peer => "peer",
            Self::Process => "process",
            Self::OnlyGpu => "single_gpu_node",
        }
    }
}

/// A device that a sender uses.
#[derive(Debug)]
pub(super) struct Device {
    /// The GPU whose power, clocks and temperature these are: itself, or the one that an instance is a part of.
    pub(super) whole: Arc<Gpu>,
    pub(super) history: Arc<History>,
    /// Utilization and memory of a MIG instance.
    pub(super) of_instance: Option<Arc<History>>,
    /// Whether no device of the sender before this one is an instance of the same GPU.
    pub(super) is_first_of_its_gpu: bool,
}

impl Used {
    pub(super) fn of(devices: &Devices, found: Vec<Arc<Gpu>>, source: Source) -> Self {
        let ids: Vec<&str> = found.iter().map(|gpu| gpu.about.uuid.as_str()).collect();
        let mut about = EncodedAttributes::new();
        if let [only] = ids.as_slice() {
            about.push(names::HW_ID, *only);
        }
        about.push(names::INFERSCOPE_GPU_IDS, ids.as_slice());
        about.push(names::INFERSCOPE_GPU_SOURCE, source.word());
        if let Some(first) = found.first() {
            about.push(names::INFERSCOPE_GPU_MODEL, &first.about.model);
        }
        if found.iter().any(|gpu| gpu.about.mig.is_some()) {
            about.push(names::INFERSCOPE_GPU_POWER_SCOPE, "device");
        }
        let mut used: Vec<Device> = Vec::with_capacity(found.len());
        for own in found {
            let parent = own.about.mig.as_ref().and_then(|mig| devices.by_uuid(&mig.parent));
            let whole = Arc::clone(parent.unwrap_or(&own));
            let is_first_of_its_gpu = used.iter().all(|it| it.whole.about.uuid != whole.about.uuid);
            used.push(Device {
                history: whole.history(),
                of_instance: own.about.mig.is_some().then(|| own.history()),
                whole,
                is_first_of_its_gpu,
            });
        }
        Self { about, devices: used }
    }

    /// Each GPU once, also where several instances of it are used.
    pub(super) fn wholes(&self) -> impl Iterator<Item = &Arc<Gpu>> {
        let firsts = self.devices.iter().filter(|device| device.is_first_of_its_gpu);
        firsts.map(|device| &device.whole)
    }

    /// Until when no later sample changes what they did, and the same of whole GPUs alone.
    pub(super) fn settled_until(&self) -> Settled {
        let mut settled = Settled {
            all: u64::MAX,
            wholes: u64::MAX,
        };
        for device in &self.devices {
            let whole = device.history.settled_until();
            settled.wholes = settled.wholes.min(whole);
            settled.all = settled.all.min(whole);
            if let Some(own) = &device.of_instance {
                settled.all = settled.all.min(own.settled_until());
            }
        }
        settled
    }
}

/// Until when no later sample changes what devices did; 0 where one of them has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    pub(super) all: u64,
    pub(super) wholes: u64,
}
