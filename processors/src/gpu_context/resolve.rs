//! Which devices the sender of a span uses (domain §2.1).

use std::net::IpAddr;
use std::sync::Arc;

use pipeline::context::Context;
use pipeline::context::gpus::{Devices, Gpu, Process};
use pipeline::context::pods::{Clues, DeviceId, Pod, PodMap};
use pipeline::payload::{ResourceView, Value, names};

use super::meters::Join;
use super::used::{Source, Used};

/// What a resource says about itself that may tell its devices.
#[derive(Default)]
struct Said<'a> {
    gpu_ids: Vec<&'a str>,
    pod: Clues<'a>,
    host: Option<&'a str>,
    pid: Option<u32>,
}

impl<'a> Said<'a> {
    fn read(resource: ResourceView<'a>) -> Self {
        let mut said = Self::default();
        let mut hw_id = None;
        for (key, value) in resource.attrs() {
            match key.as_str() {
                names::INFERSCOPE_GPU_IDS => said.gpu_ids = texts(value),
                names::HW_ID => hw_id = value.as_str(),
                names::HOST_NAME => said.host = value.as_str(),
                names::PROCESS_PID => said.pid = number(value),
                // The convention's own name counts, whichever stands first.
                names::VLLM_PROCESS_ID => said.pid = said.pid.or(number(value)),
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

/// Engines write it as a text, SDKs as a number.
fn number(value: Value<'_>) -> Option<u32> {
    let text = || value.as_str()?.parse().ok();
    value.as_i64().and_then(|it| u32::try_from(it).ok()).or_else(text)
}

/// What is known of the devices of the sender of a span.
pub(super) struct Answer {
    /// The devices, or why none are known.
    pub(super) used: Result<Used, Join>,
    /// Whether all spans of the resource have the same. Not where a process was looked up, found or not.
    pub(super) is_of_all_spans: bool,
}

/// The devices of the sender of a span that began at `start` (nanoseconds since 1970). The first clue that leads to a pod
/// decides: a sender whose pod is known never gets the devices of another.
pub(super) fn resolve(context: &Context, resource: ResourceView<'_>, client: Option<IpAddr>, start: u64) -> Answer {
    let devices = context.gpus.devices();
    let map = context.pods.map();
    let said = Said::read(resource);
    if let Some(used) = by_name(context, &map, &devices, &said, client) {
        return Answer {
            used,
            is_of_all_spans: true,
        };
    }
    let process = said.host.zip(said.pid);
    let found = process.and_then(|(host, pid)| {
        let uses = devices.processes.of(host, pid, said.pod.container_id, start);
        by_process(context, &map, &devices, &uses)
    });
    Answer {
        used: found.map_or_else(|| only_one(&devices), Ok),
        is_of_all_spans: process.is_none(),
    }
}

/// By what the sender says of its devices and its pod, or by its address.
fn by_name(
    context: &Context,
    map: &PodMap,
    devices: &Devices,
    said: &Said<'_>,
    client: Option<IpAddr>,
) -> Option<Result<Used, Join>> {
    if !said.gpu_ids.is_empty() {
        return Some(used(devices, said.gpu_ids.iter().copied(), Source::Resource));
    }
    if let Some((pod, source)) = pod(map, &said.pod, client) {
        return Some(of_pod(context, map, devices, (&pod.namespace, &pod.name), source));
    }
    let names = said.pod.namespace.zip(said.pod.name)?;
    Some(of_pod(context, map, devices, names, Source::Pod))
}

/// By what its process uses.
fn by_process(context: &Context, map: &PodMap, devices: &Devices, uses: &[&Process]) -> Option<Used> {
    if let Some(pod) = uses.iter().find_map(|it| map.by_uid(it.pod_uid.as_deref()?))
        && let Ok(used) = of_pod(context, map, devices, (&pod.namespace, &pod.name), Source::Process)
    {
        return Some(used);
    }
    let gpus = uses.iter().map(|it| it.gpu.as_str());
    used(devices, gpus, Source::Process).ok()
}

/// The devices that a pod has, by who gave them to it.
fn of_pod(context: &Context, map: &PodMap, devices: &Devices, pod: (&str, &str), source: Source) -> Result<Used, Join> {
    let given = context.pods.devices();
    match map.devices_of(&given, pod.0, pod.1) {
        Some(ids) => used(devices, ids.into_iter(), source),
        // The kubelet told of others, so this one has none.
        None if given.iter().next().is_some() => {
            context.pods.want(); // Unless it is so new that nobody has asked since.
            Err(Join::NoGpu)
        }
        None => only_one(devices),
    }
}

/// The pod that a sender is, as the API server knows it.
fn pod<'m>(map: &'m PodMap, clues: &Clues<'_>, client: Option<IpAddr>) -> Option<(&'m Arc<Pod>, Source)> {
    let found = map.find(clues).map(|pod| (pod, Source::Pod));
    if found.is_some() || clues.uid.is_some() || clues.name.is_some() {
        return found; // It says who it is; an address would only say who passed it on.
    }
    Some((map.alone_at(client?)?, Source::Peer))
}

/// A node with one GPU leaves no choice. One that is split does.
fn only_one(devices: &Devices) -> Result<Used, Join> {
    match devices.list.as_slice() {
        [only] => Ok(Used::of(devices, vec![Arc::clone(only)], Source::OnlyGpu)),
        _ => Err(Join::Unresolved),
    }
}

/// The device behind an id, or behind a replica of it.
fn device<'a>(devices: &'a Devices, id: &str) -> Option<&'a Arc<Gpu>> {
    devices.find(&DeviceId::parse(id)?.device)
}

fn used<'i>(devices: &Devices, ids: impl Iterator<Item = &'i str>, source: Source) -> Result<Used, Join> {
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
    if source == Source::Process {
        // The driver lists a process in an instance with the instance's GPU as well.
        let mig = |gpu: &Arc<Gpu>| gpu.about.mig.as_ref().map(|mig| mig.parent.clone());
        let parents: Vec<String> = found.iter().filter_map(mig).collect();
        found.retain(|gpu| !parents.contains(&gpu.about.uuid));
    }
    Ok(Used::of(devices, found, source))
}
