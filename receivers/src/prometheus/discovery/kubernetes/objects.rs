//! The objects that a role needs, and the targets that they make.

use ::kubernetes::{Cluster, Selection, Watch};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, select_all};

use super::super::super::config::{KubernetesSd, Role};
use super::super::Found;
use super::around::Around;
use super::endpoint_slice::EndpointSlice;
use super::endpoints::Endpoints;
use super::kind::{Heard, Kind};
use super::meta::Namespace;
use super::node::Node;
use super::pod::Pod;
use super::service::Service;

/// The objects of a cluster that a role needs.
pub(super) struct Objects {
    role: Role,
    /// Those of each namespace that is looked at, or of all together; none where the role is nodes.
    places: Vec<Place>,
    nodes: Kind<Node>,
    namespaces: Kind<Namespace>,
}

/// The objects of one namespace, or of all together.
struct Place {
    pods: Kind<Pod>,
    services: Kind<Service>,
    endpoints: Kind<Endpoints>,
    slices: Kind<EndpointSlice>,
}

impl Objects {
    /// Begins to watch. `namespaces` are those to look at; None is all of them.
    pub(super) fn watch(cluster: &Cluster, config: &KubernetesSd, namespaces: &[Option<String>]) -> Self {
        let role = config.role.unwrap_or(Role::Pod);
        let attached = config.attach_metadata;
        let all = |role: Role| selection(config, role, None);
        let nodes = match role {
            Role::Node => true,
            Role::Service => false,
            _ => attached.node,
        };
        let nodes = nodes.then(|| Watch::of_cluster(cluster, &all(Role::Node), Node::of));
        let attach = attached.namespace && role != Role::Node;
        let spaces = attach.then(|| Watch::of_cluster(cluster, &Selection::default(), Namespace::of));
        let places = if role == Role::Node { &[] } else { namespaces };
        Self {
            role,
            places: places
                .iter()
                .map(|it| Place::watch(cluster, config, role, it.as_ref()))
                .collect(),
            nodes: Kind::new("nodes", nodes),
            namespaces: Kind::new("namespaces", spaces),
        }
    }

    /// Waits for news. Dropping the wait loses nothing.
    pub(super) async fn heard(&mut self) -> Heard {
        let places = self.places.iter_mut().map(|place| place.heard().boxed());
        let mut waits: Vec<BoxFuture<'_, Heard>> = places.collect();
        waits.push(self.nodes.heard().boxed());
        waits.push(self.namespaces.heard().boxed());
        select_all(waits).await.0
    }

    /// The targets, in order. None before all objects of some namespace are known: half of them would make targets
    /// without half of their labels.
    pub(super) fn found(&self) -> Option<Vec<Found>> {
        if !self.nodes.is_complete() || !self.namespaces.is_complete() {
            return None;
        }
        let mut found = Vec::new();
        if self.role == Role::Node {
            let nodes = self.nodes.by_plain_name();
            nodes.into_values().for_each(|node| node.find(&mut found));
            return Some(found);
        }
        let mut places = self.places.iter().filter(|place| place.is_complete()).peekable();
        places.peek()?;
        for place in places {
            let around = Around {
                nodes: self.nodes.by_plain_name(),
                namespaces: self.namespaces.by_plain_name(),
                services: place.services.by_name(),
                pods: place.pods.by_name(),
            };
            place.find(self.role, &around, &mut found);
        }
        Some(found)
    }
}

impl Place {
    fn watch(cluster: &Cluster, config: &KubernetesSd, role: Role, namespace: Option<&String>) -> Self {
        let of = |kind: Role| selection(config, kind, namespace);
        let behind = matches!(role, Role::Endpoints | Role::EndpointSlice);
        let pods = role == Role::Pod || behind;
        let services = role == Role::Service || behind;
        let pods = pods.then(|| Watch::of_namespaces(cluster, &of(Role::Pod), Pod::of));
        let services = services.then(|| Watch::of_namespaces(cluster, &of(Role::Service), Service::of));
        let endpoints =
            (role == Role::Endpoints).then(|| Watch::of_namespaces(cluster, &of(Role::Endpoints), Endpoints::of));
        let slices = (role == Role::EndpointSlice)
            .then(|| Watch::of_namespaces(cluster, &of(Role::EndpointSlice), EndpointSlice::of));
        Self {
            pods: Kind::new("pods", pods),
            services: Kind::new("services", services),
            endpoints: Kind::new("endpoints", endpoints),
            slices: Kind::new("endpointslices", slices),
        }
    }

    async fn heard(&mut self) -> Heard {
        tokio::select! {
            heard = self.pods.heard() => heard,
            heard = self.services.heard() => heard,
            heard = self.endpoints.heard() => heard,
            heard = self.slices.heard() => heard,
        }
    }

    fn is_complete(&self) -> bool {
        self.pods.is_complete()
            && self.services.is_complete()
            && self.endpoints.is_complete()
            && self.slices.is_complete()
    }

    fn find(&self, role: Role, around: &Around<'_>, found: &mut Vec<Found>) {
        match role {
            Role::Pod => around.pods.values().for_each(|pod| pod.find(around, found)),
            Role::Service => around.services.values().for_each(|service| service.find(around, found)),
            Role::Endpoints => {
                let all = self.endpoints.by_name();
                all.into_values().for_each(|endpoints| endpoints.find(around, found));
            }
            Role::EndpointSlice => {
                let all = self.slices.by_name();
                all.into_values().for_each(|slice| slice.find(around, found));
            }
            // Nodes are in no place, and ingresses are refused.
            Role::Node | Role::Ingress => {}
        }
    }
}

/// Which objects of a kind are watched in a namespace, or in all of them.
fn selection(config: &KubernetesSd, kind: Role, namespace: Option<&String>) -> Selection {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let selector = config.selector(kind);
    Selection {
        namespace: namespace.cloned(),
        labels: selector.and_then(|selector| said(&selector.label)),
        fields: selector.and_then(|selector| said(&selector.field)),
    }
}
