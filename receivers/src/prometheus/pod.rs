//! What discovery in a cluster knows of the pod behind a target, as attributes of its resource.
//!
//! The same as in the Collector. By these `k8s_attributes` and `tenant` know whose the pages are; an address alone would
//! not tell pods on the network of their node apart.

use pipeline::payload::names;

use super::labels::Labels;

/// Labels of discovery, before relabelling, and what they are called on a resource. Of several names of a node the last counts:
/// a target behind endpoints has the one of its pod and the one of its address, as a rule the same.
const ATTRIBUTES: [(&str, &str); 7] = [
    ("__meta_kubernetes_namespace", names::K8S_NAMESPACE_NAME),
    ("__meta_kubernetes_pod_name", names::K8S_POD_NAME),
    ("__meta_kubernetes_pod_uid", names::K8S_POD_UID),
    ("__meta_kubernetes_pod_container_name", names::K8S_CONTAINER_NAME),
    ("__meta_kubernetes_pod_node_name", names::K8S_NODE_NAME),
    ("__meta_kubernetes_node_name", names::K8S_NODE_NAME),
    ("__meta_kubernetes_endpoint_node_name", names::K8S_NODE_NAME),
];

const CONTROLLER_KIND: &str = "__meta_kubernetes_pod_controller_kind";
const CONTROLLER_NAME: &str = "__meta_kubernetes_pod_controller_name";

/// Kinds of controllers, and what their name is called.
const CONTROLLERS: [(&str, &str); 5] = [
    ("ReplicaSet", names::K8S_REPLICASET_NAME),
    ("DaemonSet", names::K8S_DAEMONSET_NAME),
    ("StatefulSet", names::K8S_STATEFULSET_NAME),
    ("Job", names::K8S_JOB_NAME),
    ("CronJob", names::K8S_CRONJOB_NAME),
];

/// The attributes of a target with these labels; none outside a cluster.
pub(super) fn attributes(discovered: &Labels) -> Labels {
    let kind = discovered.get(CONTROLLER_KIND);
    let controller = CONTROLLERS.iter().filter(|(known, _)| *known == kind);
    let controller = controller.map(|(_, attribute)| (*attribute, discovered.get(CONTROLLER_NAME)));
    let others = ATTRIBUTES.iter();
    let others = others.map(|(label, attribute)| (*attribute, discovered.get(label)));
    others
        .chain(controller)
        .filter(|(_, value)| !value.is_empty())
        .collect()
}
