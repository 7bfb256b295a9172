//! Services as targets: their ports, by their DNS names.

use std::sync::Arc;

use ::kubernetes::api::core::v1::{Service as ApiService, ServicePort};

use super::super::super::labels::Labels;
use super::super::Found;
use super::around::Around;
use super::meta::{address, at, described, meta};
use super::pod::Port;

/// What targets need of a service.
pub(super) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Name, labels, annotations and namespace; its endpoints have them, too.
    pub(super) labels: Arc<Labels>,
    /// The rest of the labels of its own targets.
    kind: Arc<Labels>,
    ports: Vec<Port>,
}

impl Service {
    pub(super) fn of(service: ApiService) -> Self {
        let spec = service.spec.unwrap_or_default();
        let namespace = service.metadata.namespace.clone().unwrap_or_default();
        let mut labels = described("service", &service.metadata);
        labels.set(meta("namespace"), namespace.as_str());
        let mut kind = Labels::default();
        match spec.type_.as_deref() {
            Some("ExternalName") => kind.set(meta("service_external_name"), spec.external_name.unwrap_or_default()),
            _ => kind.set(meta("service_cluster_ip"), spec.cluster_ip.unwrap_or_default()),
        }
        if spec.type_.as_deref() == Some("LoadBalancer") {
            let balancer = spec.load_balancer_ip.unwrap_or_default();
            kind.set(meta("service_loadbalancer_ip"), balancer);
        }
        kind.set(meta("service_type"), spec.type_.unwrap_or_default());
        Self {
            namespace,
            name: service.metadata.name.unwrap_or_default(),
            labels: Arc::new(labels),
            kind: Arc::new(kind),
            ports: spec.ports.unwrap_or_default().into_iter().map(port).collect(),
        }
    }

    /// A target for each port.
    pub(super) fn find(&self, around: &Around<'_>, found: &mut Vec<Found>) {
        let host = format!("{}.{}.svc", self.name, self.namespace);
        let mut shared = vec![Arc::clone(&self.labels), Arc::clone(&self.kind)];
        shared.extend(around.namespace(&self.namespace));
        for port in &self.ports {
            let mut own = at(address(&host, port.number));
            own.set(meta("service_port_name"), port.name.as_str());
            own.set(meta("service_port_number"), port.number.to_string());
            own.set(meta("service_port_protocol"), port.protocol.as_str());
            found.push(Found::new(own, shared.clone()));
        }
    }
}

fn port(port: ServicePort) -> Port {
    Port {
        name: port.name.unwrap_or_default(),
        number: port.port,
        protocol: port.protocol.unwrap_or_default(),
    }
}
