//! The devices of one sender.

use std::sync::Arc;

use pipeline::context::gpus::{Devices, Gpu};
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
    /// The device, or the MIG instance.
    pub(super) own: Arc<Gpu>,
    /// The GPU whose power, clocks and temperature these are: the same, or the one that an instance is a part of.
    pub(super) whole: Arc<Gpu>,
}

impl Device {
    pub(super) fn is_instance(&self) -> bool {
        self.own.about.mig.is_some()
    }
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
        let with_whole = |own: Arc<Gpu>| {
            let parent = own.about.mig.as_ref().and_then(|mig| devices.by_uuid(&mig.parent));
            let whole = Arc::clone(parent.unwrap_or(&own));
            Device { own, whole }
        };
        Self {
            about,
            devices: found.into_iter().map(with_whole).collect(),
        }
    }

    /// Each GPU once, also where several instances of it are used.
    pub(super) fn wholes(&self) -> impl Iterator<Item = &Arc<Gpu>> {
        let firsts = self
            .devices
            .iter()
            .enumerate()
            .filter(|(index, _)| self.is_first_of_its_gpu(*index));
        firsts.map(|(_, device)| &device.whole)
    }

    /// Whether no device before this one is an instance of the same GPU.
    pub(super) fn is_first_of_its_gpu(&self, index: usize) -> bool {
        let (before, device) = (self.devices.get(..index), self.devices.get(index));
        let uuid = device.map(|it| &it.whole.about.uuid);
        before
            .unwrap_or_default()
            .iter()
            .all(|it| Some(&it.whole.about.uuid) != uuid)
    }

    /// Whether no later sample changes what they did until this moment.
    pub(super) fn are_settled(&self, until: u64) -> bool {
        self.devices.iter().all(|device| {
            device.whole.settled_until() >= until && (!device.is_instance() || device.own.settled_until() >= until)
        })
    }
}
