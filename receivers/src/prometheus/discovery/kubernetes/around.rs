//! What targets belong to: their nodes, namespaces, services and pods, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::super::labels::Labels;
use super::meta::Namespace;
use super::node::Node;
use super::pod::Pod;
use super::service::Service;

/// Objects by namespace and name. They are in this order, so that the same objects give the same list.
pub(super) type ByName<'a, T> = BTreeMap<(&'a str, &'a str), &'a T>;

/// What targets belong to. What `attach_metadata` does not name, or a role does not need, is empty.
#[derive(Default)]
pub(super) struct Around<'a> {
    pub(super) nodes: BTreeMap<&'a str, &'a Node>,
    pub(super) namespaces: BTreeMap<&'a str, &'a Namespace>,
    pub(super) services: ByName<'a, Service>,
    pub(super) pods: ByName<'a, Pod>,
}

impl<'a> Around<'a> {
    /// The labels of a node.
    pub(super) fn node(&self, name: &str) -> Option<Arc<Labels>> {
        self.nodes.get(name).map(|node| Arc::clone(&node.labels))
    }

    /// The labels of a namespace.
    pub(super) fn namespace(&self, name: &str) -> Option<Arc<Labels>> {
        self.namespaces.get(name).map(|namespace| Arc::clone(&namespace.labels))
    }

    /// The labels of a service.
    pub(super) fn service(&self, namespace: &str, name: &str) -> Option<Arc<Labels>> {
        self.services
            .get(&(namespace, name))
            .map(|service| Arc::clone(&service.labels))
    }

    /// A pod.
    pub(super) fn pod(&self, (namespace, name): (&str, &str)) -> Option<&'a Pod> {
        self.pods.get(&(namespace, name)).copied()
    }
}
