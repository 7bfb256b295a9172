//! Which pod has which devices: the kubelet's last answer, and what it no longer says.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use pipeline::context::pods::{ContainerDevices, DeviceId, Given, GpuResource, PodDevices};

use super::Config;
use super::proto::{ContainerResources, Devices, ListResponse};

/// Pods with devices, those that gave theirs back not long ago included.
///
/// Bounded by the node: the kubelet runs some hundred pods, and a pod that is gone stays for `released_kept`. A node
/// whose pods come and go faster than that forgets those that went first.
pub(super) struct Known {
    pods: BTreeMap<(String, String), Given>,
    resources: Resources,
    kept: Duration,
    /// When the kubelet answered last.
    answered_at: Option<SystemTime>,
}

/// Pods that gave their devices back and are remembered. Four times as many as the kubelet runs by default (110): more
/// come and go in five minutes only where something restarts in a loop.
pub(super) const RELEASED_MAX: usize = 440;

/// Which resources are GPUs.
pub(super) struct Resources {
    names: Vec<String>,
    drivers: Vec<String>,
}

/// What an answer amounted to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) pods: usize,
    pub(super) devices: usize,
    /// Ids in no known form. They are passed on: a pod with one of them has an unknown set of devices.
    pub(super) unknown: usize,
}

impl Known {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            pods: BTreeMap::new(),
            resources: Resources::of(config),
            kept: config.released_kept.get(),
            answered_at: None,
        }
    }

    pub(super) fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Takes an answer over. Says what it amounted to, and whether anything is different now.
    pub(super) fn learn(&mut self, answer: ListResponse, now: SystemTime) -> (Tally, bool) {
        let before = self.pods.clone();
        self.answered_at = Some(now);
        let mut tally = Tally::default();
        let mut given = BTreeMap::new();
        for pod in answer.pod_resources {
            let containers: Vec<_> = pod
                .containers
                .into_iter()
                .map(|container| self.resources.of_container(container))
                .filter(|container| !container.ids.is_empty())
                .collect();
            if containers.is_empty() {
                continue;
            }
            tally.count(&containers);
            let key = (pod.namespace.clone(), pod.name.clone());
            let one = Given {
                namespace: pod.namespace,
                name: pod.name,
                containers,
                released_at: None,
            };
            given.insert(key, one);
        }
        for (key, mut released) in std::mem::take(&mut self.pods) {
            released.released_at.get_or_insert(now);
            given.entry(key).or_insert(released);
        }
        self.pods = given;
        self.forget(now);
        (tally, self.pods != before)
    }

    /// The kubelet did not answer. What it said holds for a while; says whether that is over now.
    pub(super) fn unanswered(&mut self, now: SystemTime) -> bool {
        let is_stale = self.answered_at.is_some_and(|last| elapsed(last, now) > self.kept);
        let before = self.pods.len();
        if is_stale {
            // A pod of the same name may have got other devices since.
            self.pods.clear();
        }
        self.forget(now);
        self.pods.len() != before
    }

    /// What others are to know.
    pub(super) fn snapshot(&self) -> PodDevices {
        PodDevices::new(self.pods.values().cloned().collect())
    }

    fn forget(&mut self, now: SystemTime) {
        let kept = self.kept;
        self.pods
            .retain(|_, pod| pod.released_at.is_none_or(|at| elapsed(at, now) <= kept));
        let mut released: Vec<_> = self
            .pods
            .iter()
            .filter_map(|(key, pod)| Some((pod.released_at?, key.clone())))
            .collect();
        released.sort();
        let too_many = released.len().saturating_sub(RELEASED_MAX);
        for (_, key) in released.into_iter().take(too_many) {
            self.pods.remove(&key);
        }
    }
}

impl Resources {
    fn of(config: &Config) -> Self {
        Self {
            names: config.resource_names.clone(),
            drivers: config.dynamic_drivers.clone(),
        }
    }

    pub(super) fn is_gpu(&self, resource: &str) -> bool {
        GpuResource::parse(resource).is_some() || self.names.iter().any(|name| name == resource)
    }

    /// How many GPUs these are.
    pub(super) fn count(&self, devices: &[Devices]) -> usize {
        let of_gpus = devices.iter().filter(|it| self.is_gpu(&it.resource_name));
        of_gpus.map(|it| it.device_ids.len()).sum()
    }

    fn of_container(&self, container: ContainerResources) -> ContainerDevices {
        let mut ids: Vec<String> = Vec::new();
        let mut add = |id: String| {
            // Some plugins name a device once for each NUMA node.
            if !id.is_empty() && !ids.contains(&id) {
                ids.push(id);
            }
        };
        for devices in container.devices {
            if self.is_gpu(&devices.resource_name) {
                devices.device_ids.into_iter().for_each(&mut add);
            }
        }
        let claimed = container
            .dynamic_resources
            .into_iter()
            .flat_map(|it| it.claim_resources);
        for device in claimed.filter(|it| self.drivers.contains(&it.driver_name)) {
            add(format!(
                "{}/{}/{}",
                device.driver_name, device.pool_name, device.device_name
            ));
        }
        ContainerDevices {
            container: container.name,
            ids,
        }
    }
}

impl Tally {
    fn count(&mut self, containers: &[ContainerDevices]) {
        let ids = || containers.iter().flat_map(|it| &it.ids);
        self.pods += 1;
        self.devices += ids().count();
        self.unknown += ids().filter(|id| DeviceId::parse(id).is_none()).count();
    }
}

/// Wall time may step back; then no time has gone by.
fn elapsed(from: SystemTime, to: SystemTime) -> Duration {
    to.duration_since(from).unwrap_or_default()
}
