//! A pod, its namespace and its node, as far as pipelines need them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

/// A pod as the API server knows it. What nobody asks for is left out when it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `status.podIPs`; those of the node where `host_network` is set.
    pub ips: Vec<IpAddr>,
    /// `spec.hostNetwork`: its addresses are the node's, so that they say nothing about who it is.
    pub host_network: bool,
    /// `spec.nodeName`; empty before it is scheduled.
    pub node: String,
    /// `spec.hostname`, or its name.
    pub hostname: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// The owner that controls it.
    pub owner: Option<Owner>,
    /// `status.startTime`.
    pub started_at: Option<SystemTime>,
    /// Its containers, with those that only set it up.
    pub containers: Vec<Container>,
    /// GPUs, by UUID, that HAMi's scheduler gave it, in the order of its containers and each once. None where HAMi gave none: then
    /// the kubelet says what it has.
    pub hami_gpus: Option<Vec<String>>,
    /// When it was seen to be gone, or ended; spans of it may still come. Its addresses may be others' since.
    pub gone_at: Option<SystemTime>,
}

/// Who controls a pod, such as a `ReplicaSet`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// `kind`, as Kubernetes spells it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// A container of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name in the pod.
    pub name: String,
    /// `status.containerStatuses[].containerID` without the scheme; empty before it has started.
    pub id: String,
    /// `spec.containers[].image`.
    pub image: String,
    /// How often it was started again.
    pub restarts: u32,
}

/// A namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// `metadata.uid`; that of `kube-system` stands for the cluster.
    pub uid: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
}
