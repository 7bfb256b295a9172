//! What pods say about their tenant.

use pipeline::context::pods::{Pod, PodMap};

use super::config::Kubernetes;
use super::name;

/// The tenant of a pod, if it has one.
pub(super) fn tenant<'a>(config: &Kubernetes, map: &'a PodMap, pod: &'a Pod) -> Option<&'a str> {
    let namespace = map.namespace(&pod.namespace);
    let of_namespace = namespace.and_then(|it| it.labels.get(&config.namespace_label));
    let labels = [&config.pod_label, &config.queue_label];
    let of_pod = labels.into_iter().find_map(|label| pod.labels.get(label));
    let of_name = config.namespace_name.then_some(&pod.namespace);
    let found = of_namespace.or(of_pod).or(of_name)?;
    name::check(found).ok()
}
