//! Endpoints of services as targets, and the other ports of the pods behind them.

use std::sync::Arc;

use ::kubernetes::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints as ApiEndpoints};

use super::super::super::labels::Labels;
use super::super::Found;
use super::around::Around;
use super::backing::{Backing, describe_container, with};
use super::meta::{Reference, address, at, described, meta};
use super::pod::Port;

/// What targets need of endpoints.
pub(super) struct Endpoints {
    pub(super) namespace: String,
    /// That of their service, too.
    pub(super) name: String,
    labels: Arc<Labels>,
    subsets: Vec<Subset>,
}

/// Addresses that have the same ports.
struct Subset {
    ports: Vec<Port>,
    addresses: Vec<Address>,
}

/// One of them.
struct Address {
    ip: String,
    hostname: String,
    node: Option<String>,
    target: Option<Reference>,
    is_ready: bool,
}

impl Endpoints {
    pub(super) fn of(endpoints: ApiEndpoints) -> Self {
        let namespace = endpoints.metadata.namespace.clone().unwrap_or_default();
        let mut labels = described("endpoints", &endpoints.metadata);
        labels.set(meta("namespace"), namespace.as_str());
        let subsets = endpoints.subsets.unwrap_or_default();
        Self {
            namespace,
            name: endpoints.metadata.name.unwrap_or_default(),
            labels: Arc::new(labels),
            subsets: subsets.into_iter().map(Subset::of).collect(),
        }
    }

    /// A target for each address and port, and one for each other port of the pods behind them.
    pub(super) fn find<'a>(&'a self, around: &Around<'a>, found: &mut Vec<Found>) {
        let mut shared = vec![Arc::clone(&self.labels)];
        shared.extend(around.service(&self.namespace, &self.name));
        shared.extend(around.namespace(&self.namespace));
        let mut backing = Backing::default();
        for subset in &self.subsets {
            for (port, address) in subset.each() {
                let mut own = address.target(port);
                let pod = backing.pod(address.target.as_ref(), Some(port.number), around);
                let mut all = match pod {
                    Some(pod) => {
                        describe_container(pod, port.number, Some(&port.protocol), &mut own);
                        with(&pod.labels, &shared)
                    }
                    None => shared.clone(),
                };
                let node = address.node.as_deref();
                let node = node.or_else(|| address.target.as_ref().and_then(Reference::node));
                all.extend(node.and_then(|node| around.node(node)));
                found.push(Found::new(own, all));
            }
        }
        backing.find_others(&shared, found);
    }
}

impl Subset {
    fn of(subset: EndpointSubset) -> Self {
        let ready = subset.addresses.unwrap_or_default();
        let unready = subset.not_ready_addresses.unwrap_or_default();
        let ready = ready.into_iter().map(|address| Address::of(address, true));
        let unready = unready.into_iter().map(|address| Address::of(address, false));
        Self {
            ports: subset.ports.unwrap_or_default().into_iter().map(port).collect(),
            addresses: ready.chain(unready).collect(),
        }
    }

    fn each(&self) -> impl Iterator<Item = (&Port, &Address)> {
        let of_port = |port| self.addresses.iter().map(move |address| (port, address));
        self.ports.iter().flat_map(of_port)
    }
}

impl Address {
    fn of(address: EndpointAddress, is_ready: bool) -> Self {
        Self {
            ip: address.ip,
            hostname: address.hostname.unwrap_or_default(),
            node: address.node_name,
            target: address.target_ref.map(Reference::of),
            is_ready,
        }
    }

    /// What is said of this address and port.
    fn target(&self, port: &Port) -> Labels {
        let mut own = at(address(&self.ip, port.number));
        let mut set = |name: &str, value: &str| own.set(meta(name), value);
        set("endpoint_port_name", &port.name);
        set("endpoint_port_protocol", &port.protocol);
        set("endpoint_ready", if self.is_ready { "true" } else { "false" });
        set("endpoint_hostname", &self.hostname);
        set("endpoint_node_name", self.node.as_deref().unwrap_or_default());
        if let Some(target) = &self.target {
            set("endpoint_address_target_kind", &target.kind);
            set("endpoint_address_target_name", &target.name);
        }
        own
    }
}

fn port(port: EndpointPort) -> Port {
    Port {
        name: port.name.unwrap_or_default(),
        number: port.port,
        protocol: port.protocol.unwrap_or_default(),
    }
}
