//! Endpoint slices as targets, and the other ports of the pods behind them.

use std::sync::Arc;

use ::kubernetes::api::discovery::v1::{Endpoint as ApiEndpoint, EndpointPort, EndpointSlice as ApiEndpointSlice};

use super::super::super::labels::{ADDRESS, Labels};
use super::super::Found;
use super::around::Around;
use super::backing::{Backing, describe_container, with};
use super::meta::{Reference, address, described, meta, sanitized};

/// The label that says which service a slice belongs to.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// What targets need of a slice of endpoints.
pub(super) struct EndpointSlice {
    pub(super) namespace: String,
    pub(super) name: String,
    service: Option<String>,
    labels: Arc<Labels>,
    ports: Vec<Port>,
    endpoints: Vec<Endpoint>,
}

/// A port of a slice.
struct Port {
    number: Option<i32>,
    labels: Labels,
}

/// An endpoint of a slice.
struct Endpoint {
    addresses: Vec<String>,
    node: Option<String>,
    target: Option<Reference>,
    labels: Arc<Labels>,
}

impl EndpointSlice {
    pub(super) fn of(slice: ApiEndpointSlice) -> Self {
        let namespace = slice.metadata.namespace.clone().unwrap_or_default();
        let mut labels = described("endpointslice", &slice.metadata);
        labels.set(meta("namespace"), namespace.as_str());
        labels.set(meta("endpointslice_address_type"), slice.address_type);
        let service = slice.metadata.labels.as_ref();
        Self {
            namespace,
            service: service.and_then(|labels| labels.get(SERVICE_LABEL).cloned()),
            name: slice.metadata.name.unwrap_or_default(),
            labels: Arc::new(labels),
            ports: slice.ports.unwrap_or_default().into_iter().map(Port::of).collect(),
            endpoints: slice.endpoints.into_iter().map(Endpoint::of).collect(),
        }
    }

    /// A target for each address and port, and one for each other port of the pods behind them.
    pub(super) fn find<'a>(&'a self, around: &Around<'a>, found: &mut Vec<Found>) {
        let mut shared = vec![Arc::clone(&self.labels)];
        let service = self.service.as_deref();
        shared.extend(service.and_then(|service| around.service(&self.namespace, service)));
        shared.extend(around.namespace(&self.namespace));
        let mut backing = Backing::default();
        for endpoint in &self.endpoints {
            for port in &self.ports {
                for host in &endpoint.addresses {
                    let mut own = port.at(host);
                    let pod = backing.pod(endpoint.target.as_ref(), port.number, around);
                    let mut all = with(&endpoint.labels, &shared);
                    if let (Some(pod), Some(number)) = (pod, port.number) {
                        describe_container(pod, number, None, &mut own);
                    }
                    all.extend(pod.map(|pod| Arc::clone(&pod.labels)));
                    all.extend(endpoint.node().and_then(|node| around.node(node)));
                    found.push(Found::new(own, all));
                }
            }
        }
        backing.find_others(&shared, found);
    }
}

impl Port {
    fn of(port: EndpointPort) -> Self {
        let mut labels = Labels::default();
        let mut set = |name: &str, value: Option<String>| labels.set(meta(name), value.unwrap_or_default());
        set("endpointslice_port", port.port.map(|number| number.to_string()));
        set("endpointslice_port_name", port.name);
        set("endpointslice_port_protocol", port.protocol);
        set("endpointslice_port_app_protocol", port.app_protocol);
        Self {
            number: port.port,
            labels,
        }
    }

    /// A target at this host. A slice for any port has none in the address.
    fn at(&self, host: &str) -> Labels {
        let mut own = self.labels.clone();
        own.set(
            ADDRESS,
            self.number.map_or(host.to_owned(), |number| address(host, number)),
        );
        own
    }
}

impl Endpoint {
    fn of(endpoint: ApiEndpoint) -> Self {
        let mut labels = Labels::default();
        let mut set = |name: &str, value: Option<String>| {
            labels.set(meta(&format!("endpointslice_{name}")), value.unwrap_or_default());
        };
        let conditions = endpoint.conditions.unwrap_or_default();
        let said = |condition: Option<bool>| condition.map(|is_so| is_so.to_string());
        set("endpoint_conditions_ready", said(conditions.ready));
        set("endpoint_conditions_serving", said(conditions.serving));
        set("endpoint_conditions_terminating", said(conditions.terminating));
        set("endpoint_hostname", endpoint.hostname);
        set("endpoint_node_name", endpoint.node_name.clone());
        set("endpoint_zone", endpoint.zone);
        for (name, value) in endpoint.deprecated_topology.unwrap_or_default() {
            let name = sanitized(&name);
            set(&format!("endpoint_topology_{name}"), Some(value));
            set(&format!("endpoint_topology_present_{name}"), Some("true".to_owned()));
        }
        let target = endpoint.target_ref.map(Reference::of);
        if let Some(target) = &target {
            set("address_target_kind", Some(target.kind.clone()));
            set("address_target_name", Some(target.name.clone()));
        }
        Self {
            addresses: endpoint.addresses,
            node: endpoint.node_name,
            target,
            labels: Arc::new(labels),
        }
    }

    /// The node that it is, or is on.
    fn node(&self) -> Option<&str> {
        let target = self.target.as_ref().and_then(Reference::node);
        target.or(self.node.as_deref())
    }
}
