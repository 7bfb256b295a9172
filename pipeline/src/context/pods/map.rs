//! Pods by everything that a span may know of its own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Claimed, Clues, Device, DeviceId, HamiShare, Namespace, Node, Pod, PodDevices};

/// Pods, namespaces and nodes at one moment.
#[derive(Debug, Default)]
pub struct PodMap {
    pods: Vec<Arc<Pod>>,
    by_uid: HashMap<String, Arc<Pod>>,
    /// By namespace, then by name, so that borrowed strings are enough to look one up.
    by_name: HashMap<String, HashMap<String, Arc<Pod>>>,
    by_ip: HashMap<IpAddr, Addressed>,
    by_container: HashMap<String, Arc<Pod>>,
    namespaces: HashMap<String, Arc<Namespace>>,
    nodes: HashMap<String, Arc<Node>>,
    /// UUIDs of devices that are claimed, by pool, device and driver.
    claimed: Claimed,
}

/// Who has an address.
#[derive(Debug, Clone)]
pub enum Addressed {
    /// One pod.
    Pod(Arc<Pod>),
    /// Several pods, or one that shares its node's network: nobody can say which.
    Ambiguous,
}

impl PodMap {
    /// A map of these. Of two pods with one name the one that is not gone counts; then the one that began later.
    pub fn new(pods: Vec<Arc<Pod>>, namespaces: Vec<Namespace>, nodes: Vec<Node>) -> Self {
        let mut map = Self::default();
        // The living come first: what they have, nobody who is gone takes from them.
        let (gone, living): (Vec<_>, Vec<_>) = pods.iter().partition(|pod| pod.gone_at.is_some());
        for pod in living.into_iter().chain(gone) {
            map.add(pod);
        }
        map.pods = pods;
        map.namespaces = namespaces
            .into_iter()
            .map(|it| (it.name.clone(), Arc::new(it)))
            .collect();
        map.nodes = nodes.into_iter().map(|it| (it.name.clone(), Arc::new(it))).collect();
        map
    }

    /// The same with what is known of devices that are claimed.
    pub fn with_claimed(mut self, claimed: Claimed) -> Self {
        self.claimed = claimed;
        self
    }

    /// The cluster: by convention, the uid of its namespace `kube-system`.
    pub fn cluster_uid(&self) -> Option<&str> {
        let namespace = self.namespaces.get("kube-system")?;
        Some(namespace.uid.as_str()).filter(|uid| !uid.is_empty())
    }

    /// The UUID of a device that was claimed; None of others, and where the API server has not told.
    pub fn uuid_of(&self, device: &Device<'_>) -> Option<&str> {
        match *device {
            Device::Claimed { driver, pool, device } => self.claimed.uuid(driver, pool, device),
            _ => None,
        }
    }

    /// Ids of the devices that a pod has, whoever told of them. What was claimed is named by its UUID where that is known.
    /// None where nobody told of any.
    ///
    /// The kubelet counts. HAMi's scheduler writes an annotation, and so may everybody who creates a pod: it is believed
    /// where all that the kubelet gave the pod are slots of HAMi's plugin, and where the kubelet has told of no pod at all.
    pub fn devices_of<'a>(&'a self, given: &'a PodDevices, namespace: &str, name: &str) -> Option<Vec<&'a str>> {
        let by_hami = self.by_name(namespace, name).and_then(|pod| pod.hami_gpus.as_ref());
        let of_pod = given.of(namespace, name);
        let ids = || of_pod.into_iter().flat_map(|it| &it.containers).flat_map(|it| &it.ids);
        let has_slots = ids().next().is_some() && ids().all(|id| HamiShare::is_slot(id));
        if let Some(gpus) = by_hami.filter(|_| has_slots || given.iter().next().is_none()) {
            return Some(gpus.iter().map(String::as_str).collect());
        }
        of_pod?;
        let resolved = ids().map(|id| {
            let device = DeviceId::parse(id).map(|it| it.device);
            device.and_then(|it| self.uuid_of(&it)).unwrap_or(id)
        });
        Some(resolved.collect())
    }

    /// All pods, in no order.
    pub fn pods(&self) -> &[Arc<Pod>] {
        &self.pods
    }

    /// The pod with this uid.
    pub fn by_uid(&self, uid: &str) -> Option<&Arc<Pod>> {
        self.by_uid.get(uid)
    }

    /// The pod of this name in this namespace.
    pub fn by_name(&self, namespace: &str, name: &str) -> Option<&Arc<Pod>> {
        self.by_name.get(namespace)?.get(name)
    }

    /// Who has this address. A socket for both families shows IPv4 peers as IPv6 addresses; these are found as well.
    pub fn by_ip(&self, ip: IpAddr) -> Option<&Addressed> {
        self.by_ip.get(&ip.to_canonical())
    }

    /// The only pod that has this address.
    pub fn alone_at(&self, ip: IpAddr) -> Option<&Arc<Pod>> {
        match self.by_ip(ip)? {
            Addressed::Pod(pod) => Some(pod),
            Addressed::Ambiguous => None,
        }
    }

    /// The pod that a resource says it belongs to: by its uid, else by its container, else by its name.
    pub fn find(&self, clues: &Clues<'_>) -> Option<&Arc<Pod>> {
        let by_uid = || self.by_uid(clues.uid?);
        let by_container = || self.by_container(clues.container_id?);
        let by_name = || self.by_name(clues.namespace?, clues.name?);
        by_uid().or_else(by_container).or_else(by_name)
    }

    /// The pod that this container, by its id without the scheme, belongs to.
    pub fn by_container(&self, id: &str) -> Option<&Arc<Pod>> {
        self.by_container.get(id)
    }

    /// A namespace.
    pub fn namespace(&self, name: &str) -> Option<&Arc<Namespace>> {
        self.namespaces.get(name)
    }

    /// A node.
    pub fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes.get(name)
    }

    fn add(&mut self, pod: &Arc<Pod>) {
        self.by_uid.insert(pod.uid.clone(), Arc::clone(pod));
        for container in pod.containers.iter().filter(|it| !it.id.is_empty()) {
            self.by_container.insert(container.id.clone(), Arc::clone(pod));
        }
        let names = self.by_name.entry(pod.namespace.clone()).or_default();
        match names.get(&pod.name) {
            Some(other) if !counts_before(pod, other) => {}
            _ => {
                names.insert(pod.name.clone(), Arc::clone(pod));
            }
        }
        for ip in &pod.ips {
            self.add_ip(*ip, pod);
        }
    }

    fn add_ip(&mut self, ip: IpAddr, pod: &Arc<Pod>) {
        let whose = match self.by_ip.get(&ip) {
            _ if pod.host_network => Addressed::Ambiguous,
            None => Addressed::Pod(Arc::clone(pod)),
            // An address is given again after its pod has gone.
            Some(Addressed::Pod(other)) if other.gone_at.is_none() && pod.gone_at.is_some() => return,
            Some(_) => Addressed::Ambiguous,
        };
        self.by_ip.insert(ip, whose);
    }
}

/// Whether `pod` is meant by a name that `other` has too.
fn counts_before(pod: &Pod, other: &Pod) -> bool {
    match (pod.gone_at, other.gone_at) {
        (None, Some(_)) => true,
        (Some(_), None) => false,
        _ => pod.started_at > other.started_at,
    }
}
