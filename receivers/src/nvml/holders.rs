//! Which pods hold which device, by what the kubelet has given, and which pod a process is of.

use std::collections::HashMap;
use std::sync::Arc;

use pipeline::context::gpus::Devices;
use pipeline::context::pods::{DeviceId, Given, PodDevices, PodMap, Pods};

use super::reading::ProcessReading;

/// Who holds what at one moment.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// By UUID of the device.
    by_device: HashMap<String, Vec<Holder>>,
    map: Arc<PodMap>,
}

/// A container that was given a device, or a share of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) namespace: String,
    pub(super) pod: String,
    /// None where several of the pod's containers have the device, or nobody says which.
    pub(super) container: Option<String>,
    /// Known where the extension `k8s` is there.
    pub(super) uid: Option<String>,
    /// The number of the share, where the device is shared.
    pub(super) replica: Option<u32>,
}

impl Holders {
    /// As the pods were told of last.
    pub(super) fn now(pods: &Pods, devices: &Devices) -> Self {
        Self::of(&pods.map(), &pods.devices(), devices)
    }

    fn of(map: &Arc<PodMap>, given: &PodDevices, devices: &Devices) -> Self {
        let mut holders = Self {
            by_device: HashMap::new(),
            map: Arc::clone(map),
        };
        for pod in given.iter().filter(|pod| pod.released_at.is_none()) {
            for id in map.devices_of(given, &pod.namespace, &pod.name).unwrap_or_default() {
                let containers = containers(pod, id, map);
                for container in containers {
                    holders.add(devices, id, (&pod.namespace, &pod.name), container);
                }
            }
        }
        // Where the kubelet has told of nobody, HAMi's scheduler counts: its annotation is all that there is.
        if given.iter().next().is_none() {
            for pod in map.pods().iter().filter(|pod| pod.gone_at.is_none()) {
                for id in pod.hami_gpus.iter().flatten() {
                    holders.add(devices, id, (&pod.namespace, &pod.name), None);
                }
            }
        }
        for held in holders.by_device.values_mut() {
            held.sort_by(|one, other| one.key().cmp(&other.key()));
            held.dedup();
        }
        holders
    }

    fn add(&mut self, devices: &Devices, id: &str, (namespace, pod): (&str, &str), container: Option<&str>) {
        let Some(id) = DeviceId::parse(id) else { return };
        let Some(gpu) = devices.find(&id.device) else { return };
        let known = self.map.by_name(namespace, pod);
        self.by_device.entry(gpu.about.uuid.clone()).or_default().push(Holder {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.map(str::to_owned),
            uid: known.map(|pod| pod.uid.clone()).filter(|uid| !uid.is_empty()),
            replica: id.replica,
        });
    }

    /// Everybody who holds a device or a share of it.
    pub(super) fn all(&self, uuid: &str) -> &[Holder] {
        self.by_device.get(uuid).map_or(&[], Vec::as_slice)
    }

    /// Everybody who holds one of these devices or a share of it.
    pub(super) fn any<'u>(&self, uuids: impl IntoIterator<Item = &'u str>) -> Vec<Holder> {
        let mut held: Vec<Holder> = uuids.into_iter().flat_map(|uuid| self.all(uuid)).cloned().collect();
        held.sort_by(|one, other| one.key().cmp(&other.key()));
        held.dedup();
        held
    }

    /// The only pod that holds a device; without its container where several of it do.
    pub(super) fn alone(&self, uuid: &str) -> Option<Holder> {
        Self::only(self.all(uuid))
    }

    /// The only pod of all who hold something; without its container where several of it do.
    pub(super) fn only(held: &[Holder]) -> Option<Holder> {
        let (first, rest) = held.split_first()?;
        let mut holder = first.clone();
        for other in rest {
            if (&other.namespace, &other.pod) != (&first.namespace, &first.pod) {
                return None;
            }
            if other.container != first.container {
                holder.container = None;
            }
        }
        Some(holder)
    }

    /// The pod and the container that a process on a device runs in; nothing of one that is in no pod.
    pub(super) fn of_process(&self, uuid: &str, process: &ProcessReading) -> Option<Holder> {
        let uid = process.pod_uid.as_ref()?;
        let Some(pod) = self.map.by_uid(uid) else {
            // It is in a pod, and only one has the device. Where several have, nobody can say which of them it is.
            let alone = self.alone(uuid).filter(|it| it.uid.is_none());
            return Some(Holder {
                uid: Some(uid.clone()),
                ..alone.unwrap_or_default()
            });
        };
        let mut words = process.group.split(|letter: char| !letter.is_ascii_alphanumeric());
        let container = words.find_map(|word| {
            let mut containers = pod.containers.iter();
            containers.find(|container| !word.is_empty() && container.id == word)
        });
        Some(Holder {
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            container: container.map(|it| it.name.clone()),
            uid: Some(uid.clone()),
            replica: None,
        })
    }
}

impl Holder {
    fn key(&self) -> (&str, &str, Option<&str>, Option<u32>) {
        (&self.namespace, &self.pod, self.container.as_deref(), self.replica)
    }

    /// dcgm-exporter's labels.
    pub(super) fn labels(&self, with_uid: bool) -> Vec<(&'static str, String)> {
        let mut labels = vec![("pod", self.pod.clone()), ("namespace", self.namespace.clone())];
        labels.extend(self.container.iter().map(|container| ("container", container.clone())));
        labels.extend(self.uid.iter().filter(|_| with_uid).map(|uid| ("pod_uid", uid.clone())));
        labels.retain(|(_, value)| !value.is_empty());
        labels
    }
}

/// The containers of a pod that were given the device of this id; one that is not known where none says so.
fn containers<'a>(pod: &'a Given, id: &str, map: &PodMap) -> Vec<Option<&'a str>> {
    let means = |given: &String| {
        let device = DeviceId::parse(given).map(|it| it.device);
        given == id || device.and_then(|it| map.uuid_of(&it)) == Some(id)
    };
    let with_id = pod.containers.iter().filter(|it| it.ids.iter().any(means));
    let found: Vec<_> = with_id.map(|it| Some(it.container.as_str())).collect();
    if !found.is_empty() {
        return found;
    }
    // HAMi's scheduler says which GPUs a pod has, and the kubelet which containers have any.
    let mut with_any = pod.containers.iter().filter(|it| !it.ids.is_empty());
    let only = with_any.next().filter(|_| with_any.next().is_none());
    vec![only.map(|it| it.container.as_str())]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
