//! Nodes as targets: their kubelets.

use std::sync::Arc;

use ::kubernetes::api::core::v1::{Node as ApiNode, NodeStatus};

use super::super::super::labels::{INSTANCE, Labels};
use super::super::Found;
use super::meta::{address, at, described, meta, sanitized};

/// The types of addresses, the one that is used first in front.
const ADDRESS_TYPES: [&str; 6] = [
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
];

/// What targets need of a node.
pub(super) struct Node {
    pub(super) name: String,
    /// Name, labels and annotations; targets on the node may get them, too.
    pub(super) labels: Arc<Labels>,
    /// The rest of the labels of its kubelet. None for a node without an address, which is no target.
    kubelet: Option<Labels>,
}

impl Node {
    pub(super) fn of(node: ApiNode) -> Self {
        let name = node.metadata.name.clone().unwrap_or_default();
        let provider = node.spec.and_then(|spec| spec.provider_id).unwrap_or_default();
        let kubelet = kubelet(&node.status.unwrap_or_default()).map(|mut kubelet| {
            kubelet.set(INSTANCE, name.as_str());
            kubelet.set(meta("node_provider_id"), provider);
            kubelet
        });
        Self {
            labels: Arc::new(described("node", &node.metadata)),
            name,
            kubelet,
        }
    }

    /// Its kubelet.
    pub(super) fn find(&self, found: &mut Vec<Found>) {
        let kubelet = self.kubelet.clone();
        found.extend(kubelet.map(|own| Found::new(own, vec![Arc::clone(&self.labels)])));
    }
}

/// The address of the kubelet, and the first address of each type.
fn kubelet(status: &NodeStatus) -> Option<Labels> {
    let addresses = status.addresses.as_deref().unwrap_or_default();
    let first = |kind: &str| addresses.iter().find(|address| address.type_ == kind);
    let host = ADDRESS_TYPES.iter().find_map(|kind| first(kind))?;
    let endpoints = status.daemon_endpoints.as_ref();
    let port = endpoints.and_then(|endpoints| endpoints.kubelet_endpoint.as_ref());
    let mut kubelet = at(address(&host.address, port.map_or(0, |endpoint| endpoint.port)));
    // Backwards, so that the first of a type is the one that stays.
    for address in addresses.iter().rev() {
        let name = sanitized(&format!("node_address_{}", address.type_));
        kubelet.set(meta(&name), address.address.as_str());
    }
    Some(kubelet)
}
