//! Which devices the kubelet has given to which containers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

/// Devices by pod at one moment.
#[derive(Debug, Default)]
pub struct PodDevices {
    /// By namespace, then by name, so that borrowed strings are enough to look one up.
    by_name: HashMap<String, HashMap<String, Arc<Given>>>,
}

/// What the containers of one pod were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// By container.
    pub containers: Vec<ContainerDevices>,
    /// When the kubelet was seen to have taken them back; spans of the pod may still come.
    pub released_at: Option<SystemTime>,
}

/// What one container was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerDevices {
    /// The container's name.
    pub container: String,
    /// Ids in the device plugin's own words (`GPU-…`, `MIG-…::7`, `nvidia0/gi3`), in the order of the plugin, each once.
    pub ids: Vec<String>,
}

impl PodDevices {
    /// Devices of these pods.
    pub fn new(given: Vec<Given>) -> Self {
        let mut by_name: HashMap<String, HashMap<String, Arc<Given>>> = HashMap::new();
        for it in given {
            let names = by_name.entry(it.namespace.clone()).or_default();
            names.insert(it.name.clone(), Arc::new(it));
        }
        Self { by_name }
    }

    /// What this pod was given.
    pub fn of(&self, namespace: &str, name: &str) -> Option<&Arc<Given>> {
        self.by_name.get(namespace)?.get(name)
    }

    /// Every pod that was given a device.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Given>> {
        self.by_name.values().flat_map(HashMap::values)
    }
}
