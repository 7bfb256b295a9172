//! What a resource says of the pod that it belongs to.

use crate::payload::{ResourceView, Value, names};

/// What a resource says of the pod that it belongs to; [`PodMap::find`](super::PodMap::find) looks it up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clues<'a> {
    /// `k8s.pod.uid`.
    pub uid: Option<&'a str>,
    /// `container.id`.
    pub container_id: Option<&'a str>,
    /// `k8s.namespace.name`.
    pub namespace: Option<&'a str>,
    /// `k8s.pod.name`.
    pub name: Option<&'a str>,
}

impl<'a> Clues<'a> {
    /// Those of a resource.
    pub fn of(resource: ResourceView<'a>) -> Self {
        let mut clues = Self::default();
        for (key, value) in resource.attrs() {
            clues.hear(key.as_str(), value);
        }
        clues
    }

    /// Reads one of its attributes, for who looks at all of them anyway.
    pub fn hear(&mut self, key: &str, value: Value<'a>) {
        let place = match key {
            names::K8S_POD_UID => &mut self.uid,
            names::CONTAINER_ID => &mut self.container_id,
            names::K8S_NAMESPACE_NAME => &mut self.namespace,
            names::K8S_POD_NAME => &mut self.name,
            _ => return,
        };
        *place = value.as_str();
    }
}
