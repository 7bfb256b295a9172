//! A pod, as far as it is read.

use std::net::IpAddr;
use std::time::SystemTime;

use kubernetes::api::core::v1;
use kubernetes::{Part, Time};
use pipeline::context::pods::{Container, HamiShare, Owner, Pod};
use serde::Deserialize;

use super::meters::LeftOut;
use super::texts;

/// What is read of a pod. Environment, volumes, probes, conditions and the rest are skipped.
pub(super) type PodPart = Part<v1::Pod, Spec, Status>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    node_name: String,
    host_network: bool,
    hostname: String,
    containers: Vec<SpecContainer>,
    init_containers: Vec<SpecContainer>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SpecContainer {
    name: String,
    image: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status {
    phase: String,
    // Kubernetes spells it with two capitals.
    #[serde(rename = "podIPs")]
    pod_ips: Vec<PodIp>,
    start_time: Option<Time>,
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct PodIp {
    ip: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(rename = "containerID")]
    container_id: String,
    restart_count: u32,
    state: State,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct State {
    terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Terminated {
    finished_at: Option<Time>,
}

/// What is kept of a pod.
pub(super) fn pod(part: PodPart, left_out: &LeftOut) -> Pod {
    let Part {
        metadata, spec, status, ..
    } = part;
    let name = metadata.name.unwrap_or_default();
    let mut annotations = metadata.annotations;
    // HAMi's is read whole and need not be kept.
    let by_hami = annotations.as_mut().and_then(|it| it.remove(HamiShare::ANNOTATION));
    let gone_at = ended_at(&status);
    let statuses = [status.container_statuses, status.init_container_statuses].concat();
    let containers = spec.containers.into_iter().chain(spec.init_containers);
    Pod {
        uid: metadata.uid.unwrap_or_default(),
        namespace: metadata.namespace.unwrap_or_default(),
        ips: status
            .pod_ips
            .iter()
            .filter_map(|it| it.ip.parse().ok())
            .map(canonical)
            .collect(),
        host_network: spec.host_network,
        node: spec.node_name,
        hostname: Some(spec.hostname)
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| name.clone()),
        name,
        labels: texts::labels(metadata.labels, left_out),
        annotations: texts::annotations(annotations, left_out),
        owner: metadata.owner_references.and_then(|owners| {
            let owner = owners.into_iter().find(|it| it.controller == Some(true))?;
            Some(Owner {
                kind: owner.kind,
                name: owner.name,
                uid: owner.uid,
            })
        }),
        started_at: status.start_time.map(|it| SystemTime::from(it.0)),
        containers: containers.map(|it| container(it, &statuses)).collect(),
        hami_gpus: by_hami.as_deref().and_then(HamiShare::gpus),
        gone_at,
    }
}

fn container(spec: SpecContainer, statuses: &[ContainerStatus]) -> Container {
    let status = statuses.iter().find(|it| it.name == spec.name);
    // `containerd://<id>`
    let id = status.and_then(|it| it.container_id.split_once("://"));
    Container {
        id: id.map(|(_, id)| id.to_owned()).unwrap_or_default(),
        restarts: status.map(|it| it.restart_count).unwrap_or_default(),
        name: spec.name,
        image: spec.image,
    }
}

/// When a pod ended that is still there, such as a Job's. Its address is in its status for as long, and may be another
/// pod's by now.
fn ended_at(status: &Status) -> Option<SystemTime> {
    if !matches!(status.phase.as_str(), "Succeeded" | "Failed") {
        return None;
    }
    let ends = status
        .container_statuses
        .iter()
        .filter_map(|it| it.state.terminated.as_ref());
    let last = ends
        .filter_map(|it| it.finished_at.as_ref())
        .map(|it| SystemTime::from(it.0))
        .max();
    Some(last.unwrap_or(SystemTime::UNIX_EPOCH))
}

fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}
