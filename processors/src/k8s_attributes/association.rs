//! Which pod sent something: by what its resource says, and by where its connection comes from.

use std::net::IpAddr;
use std::sync::Arc;

use pipeline::context::pods::{Addressed, Pod, PodMap};
use pipeline::payload::{RawAttrs, Value, names};

use super::config::{Association, Source};

/// Rules in order; the first of which the sender tells everything decides, found or not. To go on to a weaker rule would
/// put one pod's name on what another says it sent.
#[derive(Debug)]
pub(super) struct Rules(Vec<Vec<Known>>);

/// A thing that pods are recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// The address at the other end of the connection.
    Connection,
    Uid,
    ContainerId,
    Ip,
    Name,
    Namespace,
    Hostname,
    Node,
}

/// Who it is.
#[derive(Debug)]
pub(super) enum Sender<'m> {
    Pod(&'m Arc<Pod>),
    /// No rule applies: neither the resource nor the connection says anything.
    Silent,
    /// No pod is like that, as far as is known now.
    Unknown,
    /// An address of a node, or of several pods.
    Ambiguous,
}

/// What is needed of a sender.
#[derive(Clone, Copy)]
pub(super) struct Traits<'a> {
    pub(super) resource: RawAttrs<'a>,
    pub(super) client: Option<IpAddr>,
}

/// Attributes that a source may name.
const ATTRIBUTES: [(&str, Known); 7] = [
    (names::K8S_POD_UID, Known::Uid),
    (names::CONTAINER_ID, Known::ContainerId),
    (names::K8S_POD_IP, Known::Ip),
    (names::K8S_POD_NAME, Known::Name),
    (names::K8S_NAMESPACE_NAME, Known::Namespace),
    (names::K8S_POD_HOSTNAME, Known::Hostname),
    (names::K8S_NODE_NAME, Known::Node),
];

impl Known {
    /// What a source names, or what is wrong with it.
    pub(super) fn of(source: &Source) -> Result<Self, String> {
        match source.from.as_str() {
            "connection" => Ok(Self::Connection),
            "resource_attribute" => {
                let found = ATTRIBUTES.iter().find(|(name, _)| *name == source.name);
                found.map(|(_, known)| *known).ok_or_else(|| {
                    let names = ATTRIBUTES.map(|(name, _)| name).join(", ");
                    format!("pods are not found by {:?}; use one of: {names}", source.name)
                })
            }
            other => Err(format!(
                "{other:?} is not a source; use `connection` or `resource_attribute`"
            )),
        }
    }

    fn attribute(self) -> &'static str {
        let found = ATTRIBUTES.iter().find(|(_, known)| *known == self);
        found.map_or("", |(name, _)| name)
    }

    /// What the sender says of it.
    fn text(self, sender: Traits<'_>) -> Option<&str> {
        match sender.resource.get(self.attribute())?.read() {
            Value::Str(text) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        }
    }

    fn address(self, sender: Traits<'_>) -> Option<IpAddr> {
        match self {
            // A socket for both families shows IPv4 peers as IPv6 addresses.
            Self::Connection => sender.client.map(|ip| ip.to_canonical()),
            _ => self.text(sender)?.parse().ok(),
        }
    }

    fn is_told(self, sender: Traits<'_>) -> bool {
        match self {
            Self::Connection => sender.client.is_some(),
            _ => self.text(sender).is_some(),
        }
    }

    fn is_of(self, pod: &Pod, sender: Traits<'_>) -> bool {
        let says = |value: &str| self.text(sender) == Some(value);
        match self {
            Self::Connection | Self::Ip => self.address(sender).is_some_and(|ip| pod.ips.contains(&ip)),
            Self::Uid => says(&pod.uid),
            Self::ContainerId => pod.containers.iter().any(|it| says(&it.id)),
            Self::Name => says(&pod.name),
            Self::Namespace => says(&pod.namespace),
            Self::Hostname => says(&pod.hostname),
            Self::Node => says(&pod.node),
        }
    }
}

/// What is wrong with a rule of these: pods must be found by it without looking at every one.
pub(super) fn problem(rule: &[Known]) -> Option<String> {
    let has = |known| rule.contains(&known);
    let finds = has(Known::Uid) || has(Known::ContainerId) || has(Known::Ip) || has(Known::Connection);
    let by_name = has(Known::Name) && has(Known::Namespace);
    (!finds && !by_name).then(|| {
        format!(
            "does not tell one pod from all others; add {}, {}, {} or `connection`, or both {} and {}",
            names::K8S_POD_UID,
            names::CONTAINER_ID,
            names::K8S_POD_IP,
            names::K8S_POD_NAME,
            names::K8S_NAMESPACE_NAME,
        )
    })
}

impl Rules {
    /// The rules of the configuration, which has been validated; without any, from what says most to what says least.
    pub(super) fn of(configured: Option<&[Association]>) -> Self {
        let Some(configured) = configured.filter(|rules| !rules.is_empty()) else {
            return Self(vec![
                vec![Known::Uid],
                vec![Known::ContainerId],
                vec![Known::Name, Known::Namespace],
                vec![Known::Ip],
                vec![Known::Connection],
            ]);
        };
        let rule = |it: &Association| it.sources.iter().filter_map(|source| Known::of(source).ok()).collect();
        Self(configured.iter().map(rule).collect())
    }

    pub(super) fn find<'m>(&self, sender: Traits<'_>, map: &'m PodMap) -> Sender<'m> {
        let applies = |rule: &&Vec<Known>| rule.iter().all(|known| known.is_told(sender));
        let Some(rule) = self.0.iter().find(applies) else {
            return Sender::Silent;
        };
        let candidate = match candidate(rule, sender, map) {
            Sender::Pod(pod) => pod,
            other => return other,
        };
        if rule.iter().all(|known| known.is_of(candidate, sender)) {
            Sender::Pod(candidate)
        } else {
            Sender::Unknown
        }
    }
}

/// The pod that the strongest part of a rule leads to.
fn candidate<'m>(rule: &[Known], sender: Traits<'_>, map: &'m PodMap) -> Sender<'m> {
    let text = |known: Known| rule.contains(&known).then(|| known.text(sender)).flatten();
    let of = |pod: Option<&'m Arc<Pod>>| pod.map_or(Sender::Unknown, Sender::Pod);
    if let Some(uid) = text(Known::Uid) {
        return of(map.by_uid(uid));
    }
    if let Some(id) = text(Known::ContainerId) {
        return of(map.by_container(id));
    }
    if let (Some(name), Some(namespace)) = (text(Known::Name), text(Known::Namespace)) {
        return of(map.by_name(namespace, name));
    }
    let addressed = rule
        .iter()
        .filter(|known| matches!(known, Known::Connection | Known::Ip))
        .find_map(|known| map.by_ip(known.address(sender)?));
    match addressed {
        Some(Addressed::Pod(pod)) => Sender::Pod(pod),
        Some(Addressed::Ambiguous) => Sender::Ambiguous,
        None => Sender::Unknown,
    }
}
