//! Names and values of the labels that objects of a cluster become.

use std::sync::Arc;

use ::kubernetes::ObjectMeta;
use ::kubernetes::api::core::v1::{Namespace as ApiNamespace, ObjectReference};

use super::super::super::labels::{ADDRESS, Labels};

/// What a label or annotation says that is there.
const PRESENT: &str = "true";

/// The name of a label: Prometheus puts this in front of all of them.
pub(super) fn meta(name: &str) -> String {
    format!("__meta_kubernetes_{name}")
}

/// Labels of a target at this address.
pub(super) fn at(address: String) -> Labels {
    Labels::from_iter([(ADDRESS, address)])
}

/// The address of a port. A host with a colon is an IPv6 address, which is written in brackets.
pub(super) fn address(host: &str, port: i32) -> String {
    if host.contains([':', '%']) {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Name, labels and annotations of an object of this kind.
pub(super) fn described(kind: &str, object: &ObjectMeta) -> Labels {
    let mut labels = Labels::default();
    labels.set(
        meta(&format!("{kind}_name")),
        object.name.as_deref().unwrap_or_default(),
    );
    describe(kind, object, &mut labels);
    labels
}

/// Labels and annotations of an object of this kind. Of two whose names become the same, the last in the order of their
/// names counts; in Prometheus it is either.
fn describe(kind: &str, object: &ObjectMeta, into: &mut Labels) {
    for (what, all) in [("label", &object.labels), ("annotation", &object.annotations)] {
        for (name, value) in all.iter().flatten() {
            let name = sanitized(name);
            into.set(meta(&format!("{kind}_{what}_{name}")), value.as_str());
            into.set(meta(&format!("{kind}_{what}present_{name}")), PRESENT);
        }
    }
}

/// A name with an underscore for every character that names of labels do not have.
pub(super) fn sanitized(name: &str) -> String {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    name.chars()
        .map(|letter| if allowed(letter) { letter } else { '_' })
        .collect()
}

/// What an endpoint stands for.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Reference {
    pub(super) fn of(reference: ObjectReference) -> Self {
        Self {
            kind: reference.kind.unwrap_or_default(),
            namespace: reference.namespace.unwrap_or_default(),
            name: reference.name.unwrap_or_default(),
        }
    }

    /// The name of the node that it is, if it is one.
    pub(super) fn node(&self) -> Option<&str> {
        (self.kind == "Node").then_some(&self.name)
    }

    /// The pod that it is, if it is one.
    pub(super) fn pod(&self) -> Option<(&str, &str)> {
        (self.kind == "Pod").then_some((&self.namespace, &self.name))
    }
}

/// A namespace, for the labels of what is in it. Its name is told anyway.
pub(super) struct Namespace {
    pub(super) name: String,
    pub(super) labels: Arc<Labels>,
}

impl Namespace {
    pub(super) fn of(namespace: ApiNamespace) -> Self {
        let mut labels = Labels::default();
        describe("namespace", &namespace.metadata, &mut labels);
        Self {
            name: namespace.metadata.name.unwrap_or_default(),
            labels: Arc::new(labels),
        }
    }
}
