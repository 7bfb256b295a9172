//! What pods say about their tenant.

use std::net::IpAddr;

use pipeline::context::pods::{Addressed, Pod, PodMap};
use pipeline::payload::{ResourceView, Text, Value, names};

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

/// The only pod that has this address.
pub(super) fn by_address(map: &PodMap, address: IpAddr) -> Option<&Pod> {
    match map.by_ip(address)? {
        Addressed::Pod(pod) => Some(pod),
        Addressed::Ambiguous => None,
    }
}

/// The pod that a resource says it belongs to.
pub(super) fn by_resource<'a>(map: &'a PodMap, resource: ResourceView<'_>) -> Option<&'a Pod> {
    let (mut name, mut namespace) = (Text::default(), Text::default());
    for (key, value) in resource.attrs() {
        let Value::Str(text) = value else { continue };
        let found = if key == names::K8S_POD_UID {
            map.by_uid(text.as_str())
        } else if key == names::CONTAINER_ID {
            map.by_container(text.as_str())
        } else {
            if key == names::K8S_POD_NAME {
                name = text;
            } else if key == names::K8S_NAMESPACE_NAME {
                namespace = text;
            }
            None
        };
        if let Some(pod) = found {
            return Some(pod);
        }
    }
    map.by_name(namespace.as_str(), name.as_str()).map(AsRef::as_ref)
}
