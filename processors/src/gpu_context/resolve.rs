//! Which devices the sender of a span uses (domain §2.1).

use std::net::IpAddr;
use std::sync::Arc;

use pipeline::context::Context;
use pipeline::context::gpus::{Devices, Gpu};
use pipeline::context::pods::{self, Clues, DeviceId, Given, Pod, PodMap};
use pipeline::payload::{EncodedAttributes, ResourceView, Value, names};

use super::meters::Join;

/// The devices of one sender.
#[derive(Debug)]
pub(super) struct Used {
    /// In the order of their ids.
    pub(super) devices: Vec<Device>,
    /// What every span of the sender says about them.
    pub(super) about: EncodedAttributes,
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

/// What a resource says about itself that may tell its devices.
#[derive(Default)]
struct Said<'a> {
    gpu_ids: Vec<&'a str>,
    pod: Clues<'a>,
}

impl<'a> Said<'a> {
    fn read(resource: ResourceView<'a>) -> Self {
        let mut said = Self::default();
        let mut hw_id = None;
        for (key, value) in resource.attrs() {
            match key.as_str() {
                names::INFERSCOPE_GPU_IDS => said.gpu_ids = texts(value),
                names::HW_ID => hw_id = value.as_str(),
                key => said.pod.hear(key, value),
            }
        }
        if said.gpu_ids.is_empty() {
            said.gpu_ids.extend(hw_id);
        }
        said
    }
}

fn texts(value: Value<'_>) -> Vec<&str> {
    match value {
        Value::Str(text) => vec![text.as_str()],
        Value::Array(array) => array.values().filter_map(|it| it.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// The devices of a sender, or why none are known. The first clue that leads to a pod decides: a sender whose pod is known
/// never gets the devices of another.
pub(super) fn resolve(context: &Context, resource: ResourceView<'_>, client: Option<IpAddr>) -> Result<Used, Join> {
    let devices = context.gpus.devices();
    let said = Said::read(resource);
    if !said.gpu_ids.is_empty() {
        return used(&devices, said.gpu_ids.iter().copied());
    }
    let (given, map) = (context.pods.devices(), context.pods.map());
    let (namespace, name) = match pod(&map, &said.pod, client) {
        Some(pod) => (pod.namespace.as_str(), pod.name.as_str()),
        None => match (said.pod.namespace, said.pod.name) {
            (Some(namespace), Some(name)) => (namespace, name),
            _ => return only_one(&devices),
        },
    };
    match given.of(namespace, name) {
        Some(given) => used(&devices, ids(given)),
        // The kubelet told of others, so this one has none.
        None if given.iter().next().is_some() => {
            context.pods.want(); // Unless it is so new that nobody has asked since.
            Err(Join::NoGpu)
        }
        None => only_one(&devices),
    }
}

/// The pod that a sender is, as the API server knows it.
fn pod<'m>(map: &'m PodMap, clues: &Clues<'_>, client: Option<IpAddr>) -> Option<&'m Arc<Pod>> {
    let found = map.find(clues);
    if found.is_some() || clues.uid.is_some() || clues.name.is_some() {
        return found; // It says who it is; an address would only say who passed it on.
    }
    map.alone_at(client?)
}

fn ids(given: &Given) -> impl Iterator<Item = &str> {
    given.containers.iter().flat_map(|it| &it.ids).map(String::as_str)
}

/// A node with one GPU leaves no choice. One that is split does.
fn only_one(devices: &Devices) -> Result<Used, Join> {
    match devices.list.as_slice() {
        [only] => Ok(Used::of(devices, vec![Arc::clone(only)])),
        _ => Err(Join::Unresolved),
    }
}

/// The device behind an id, or behind a replica of it.
fn device<'a>(devices: &'a Devices, id: &str) -> Option<&'a Arc<Gpu>> {
    match DeviceId::parse(id)?.device {
        pods::Device::Gpu(uuid) | pods::Device::Mig(uuid) => devices.by_uuid(uuid),
        pods::Device::Index(_) | pods::Device::IndexMig { .. } | pods::Device::Claimed { .. } => None,
    }
}

fn used<'i>(devices: &Devices, ids: impl Iterator<Item = &'i str>) -> Result<Used, Join> {
    let mut found = Vec::new();
    for id in ids {
        // Of a set that is known in part every sum would be wrong.
        found.push(Arc::clone(device(devices, id).ok_or(Join::UnknownDevice)?));
    }
    found.sort_by(|one, two| one.about.uuid.cmp(&two.about.uuid));
    found.dedup_by(|one, two| one.about.uuid == two.about.uuid);
    if found.is_empty() {
        return Err(Join::NoGpu);
    }
    Ok(Used::of(devices, found))
}

impl Used {
    fn of(devices: &Devices, found: Vec<Arc<Gpu>>) -> Self {
        let ids: Vec<&str> = found.iter().map(|gpu| gpu.about.uuid.as_str()).collect();
        let mut about = EncodedAttributes::new();
        if let [only] = ids.as_slice() {
            about.push(names::HW_ID, *only);
        }
        about.push(names::INFERSCOPE_GPU_IDS, ids.as_slice());
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
