//! Pods as targets: each port of each container.

use std::sync::Arc;

use ::kubernetes::ObjectMeta;
use ::kubernetes::api::core::v1::{
    Container as ApiContainer, ContainerPort, ContainerStatus, Pod as ApiPod, PodStatus,
};

use super::super::super::labels::Labels;
use super::super::Found;
use super::around::Around;
use super::meta::{address, at, described, meta};

/// What targets need of a pod.
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Empty while it starts and after it was evicted: then it is no target.
    pub(super) ip: String,
    node: String,
    /// What is said of the pod itself, without its namespace.
    pub(super) labels: Arc<Labels>,
    pub(super) containers: Vec<Container>,
}

/// A container of a pod.
pub(super) struct Container {
    name: String,
    image: String,
    id: String,
    is_init: bool,
    pub(super) ports: Vec<Port>,
}

/// A port, of a container or of an endpoint.
pub(super) struct Port {
    pub(super) name: String,
    pub(super) number: i32,
    pub(super) protocol: String,
}

impl Pod {
    pub(super) fn of(pod: ApiPod) -> Self {
        let (spec, status) = (pod.spec.unwrap_or_default(), pod.status.unwrap_or_default());
        let node = spec.node_name.unwrap_or_default();
        let labels = Arc::new(labels(&pod.metadata, &status, &node));
        let run = containers(spec.containers, status.container_statuses.as_deref(), false);
        let init = spec.init_containers.unwrap_or_default();
        let init = containers(init, status.init_container_statuses.as_deref(), true);
        Self {
            namespace: pod.metadata.namespace.unwrap_or_default(),
            name: pod.metadata.name.unwrap_or_default(),
            ip: status.pod_ip.unwrap_or_default(),
            node,
            labels,
            containers: run.into_iter().chain(init).collect(),
        }
    }

    /// A target for each port of each container. One for a container without ports: whoever knows the port puts it
    /// into the address by relabelling.
    pub(super) fn find(&self, around: &Around<'_>, found: &mut Vec<Found>) {
        if self.ip.is_empty() {
            return;
        }
        let mut shared = vec![Arc::clone(&self.labels)];
        shared.extend(around.node(&self.node));
        shared.extend(around.namespace(&self.namespace));
        let mut add = |mut own: Labels, container: &Container| {
            container.describe(&mut own);
            own.set(meta("namespace"), self.namespace.as_str());
            own.set(meta("pod_container_id"), container.id.as_str());
            found.push(Found::new(own, shared.clone()));
        };
        for container in &self.containers {
            if container.ports.is_empty() {
                add(at(self.ip.clone()), container);
            }
            for port in &container.ports {
                let mut own = at(address(&self.ip, port.number));
                port.describe(&mut own);
                add(own, container);
            }
        }
    }
}

impl Container {
    /// Says which container a target is in.
    pub(super) fn describe(&self, target: &mut Labels) {
        target.set(meta("pod_container_name"), self.name.as_str());
        target.set(meta("pod_container_image"), self.image.as_str());
        target.set(meta("pod_container_init"), self.is_init.to_string());
    }
}

impl Port {
    fn of(port: ContainerPort) -> Self {
        Self {
            name: port.name.unwrap_or_default(),
            number: port.container_port,
            protocol: port.protocol.unwrap_or_default(),
        }
    }

    /// Says which port of a container a target is.
    pub(super) fn describe(&self, target: &mut Labels) {
        target.set(meta("pod_container_port_name"), self.name.as_str());
        target.set(meta("pod_container_port_number"), self.number.to_string());
        target.set(meta("pod_container_port_protocol"), self.protocol.as_str());
    }
}

fn containers(all: Vec<ApiContainer>, statuses: Option<&[ContainerStatus]>, is_init: bool) -> Vec<Container> {
    let id = |name: &str| {
        let status = statuses.unwrap_or_default().iter().find(|status| status.name == name)?;
        status.container_id.clone()
    };
    let of = |container: ApiContainer| Container {
        id: id(&container.name).unwrap_or_default(),
        name: container.name,
        image: container.image.unwrap_or_default(),
        is_init,
        ports: container.ports.unwrap_or_default().into_iter().map(Port::of).collect(),
    };
    all.into_iter().map(of).collect()
}

fn labels(object: &ObjectMeta, status: &PodStatus, node: &str) -> Labels {
    let mut labels = described("pod", object);
    let mut set = |name: &str, value: &str| labels.set(meta(name), value);
    set("pod_ip", status.pod_ip.as_deref().unwrap_or_default());
    set("pod_host_ip", status.host_ip.as_deref().unwrap_or_default());
    set("pod_phase", status.phase.as_deref().unwrap_or_default());
    set("pod_ready", &ready(status));
    set("pod_node_name", node);
    set("pod_uid", object.uid.as_deref().unwrap_or_default());
    let owners = object.owner_references.as_deref().unwrap_or_default();
    if let Some(controller) = owners.iter().find(|owner| owner.controller == Some(true)) {
        set("pod_controller_kind", &controller.kind);
        set("pod_controller_name", &controller.name);
    }
    labels
}

/// `true`, `false` or `unknown`.
fn ready(status: &PodStatus) -> String {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
    ready.map_or("unknown".to_owned(), |ready| ready.status.to_lowercase())
}
