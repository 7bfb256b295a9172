//! Which instance belongs to which target: what both say about themselves is compared, by the rule that comes first.
//!
//! 1. the instance's id is what a label of the target says;
//! 2. both name the same pod;
//! 3. the instance's spans come from the address of the target, and of no other target, and no other instance's do;
//! 4. there is one target and one instance.
//!
//! Where two could fit, nothing does. What both say and what differs rules out the last two.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::instance::{Clients, Instance};
use crate::payload::{ResourceView, Value, names};

/// What a batch says about the instance that its spans are of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SenderFacts<'a> {
    /// The whole resource, as it came.
    pub resource: &'a [u8],
    /// `service.instance.id`.
    pub instance_id: &'a str,
    /// Its pod.
    pub pod: Pod<&'a str>,
    /// The peer's address, where the batch has one sender.
    pub client: Option<IpAddr>,
}

/// Names of a pod; empty where nobody said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pod<T> {
    /// Its uid.
    pub uid: T,
    /// Its namespace.
    pub namespace: T,
    /// Its name in the namespace.
    pub name: T,
    /// Its address.
    pub ip: T,
}

/// What is known about a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetFacts {
    instance: String,
    /// What a label says that is meant for this and nothing else.
    service_instance_id: String,
    pod: Pod<String>,
    host: Host,
}

/// The host of a target's address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Host {
    /// A name, behind which there may be anything.
    #[default]
    Name,
    /// This machine.
    Local,
    Ip(IpAddr),
}

/// What an instance keeps of its [`SenderFacts`].
#[derive(Debug)]
pub(super) struct InstanceFacts {
    instance_id: String,
    pod: Pod<String>,
}

/// What an instance calls itself.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    instance_id: &'a str,
    pod: Pod<&'a str>,
}

/// The instances of a target.
#[derive(Debug, Clone)]
pub enum Instances {
    /// These; one, or several processes of one pod.
    Known(Arc<[Arc<Instance>]>),
    /// None of those that sent spans, for certain.
    Nobody,
    /// Some might be, and might be another target's.
    Ambiguous,
    /// There are some whose target is not known.
    Unmatched,
    /// Nobody reads request spans in this process.
    Unheard,
}

/// Names that target labels have for the parts of a pod, in the order in which they are believed.
const POD_LABELS: [&[&str]; 4] = [
    &["pod_uid", "k8s_pod_uid", "kubernetes_pod_uid", "uid"],
    &[
        "namespace",
        "k8s_namespace_name",
        "kubernetes_namespace",
        "pod_namespace",
    ],
    &["pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name"],
    &["pod_ip", "k8s_pod_ip", "kubernetes_pod_ip"],
];

/// The label that says which `service.instance.id` the spans of a target have.
const SERVICE_INSTANCE_ID: &str = "service_instance_id";

impl<'a> SenderFacts<'a> {
    /// Of the resource of a batch and the address that it came from.
    pub fn of(resource: ResourceView<'a>, client: Option<IpAddr>) -> Self {
        let text = |key: &str| match resource.attr(key) {
            Some(Value::Str(text)) => text.as_str(),
            _ => "",
        };
        Self {
            resource: resource.bytes(),
            instance_id: text(names::SERVICE_INSTANCE_ID),
            pod: Pod {
                uid: text(names::K8S_POD_UID),
                namespace: text(names::K8S_NAMESPACE_NAME),
                name: text(names::K8S_POD_NAME),
                ip: text(names::K8S_POD_IP),
            },
            client,
        }
    }

    pub(super) fn names(&self) -> Names<'a> {
        Names {
            instance_id: self.instance_id,
            pod: self.pod,
        }
    }
}

impl TargetFacts {
    /// Of the labels of a target and the host of its address.
    pub fn of<'a>(label: impl Fn(&str) -> &'a str, host: &str) -> Self {
        let [uid, namespace, name, ip] = POD_LABELS.map(|names| {
            let said = names.iter().map(|name| label(name));
            said.into_iter()
                .find(|value| !value.is_empty())
                .unwrap_or_default()
                .to_owned()
        });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        Self {
            instance: label("instance").to_owned(),
            service_instance_id: label(SERVICE_INSTANCE_ID).to_owned(),
            pod: Pod {
                uid,
                namespace,
                name,
                ip,
            },
            host: match bare.parse::<IpAddr>() {
                Ok(ip) => Host::Ip(ip.to_canonical()),
                Err(_) if bare.eq_ignore_ascii_case("localhost") => Host::Local,
                Err(_) => Host::Name,
            },
        }
    }

    /// Whether an instance makes a difference to this target: one that it has not by name or address is never its own
    /// where there are others.
    pub(super) fn is_about(&self, names: Names<'_>, clients: Clients) -> bool {
        let is_here = matches!(clients, Clients::One(client) if self.is_at(client));
        is_here || self.has_id_of(names) || self.is_pod_of(names)
    }

    fn is_at(&self, client: IpAddr) -> bool {
        match self.host {
            Host::Ip(ip) => ip == client,
            Host::Local => client.is_loopback(),
            Host::Name => false,
        }
    }

    /// Rule 1.
    fn has_id_of(&self, instance: Names<'_>) -> bool {
        let id = instance.instance_id;
        !id.is_empty() && (self.instance == id || self.service_instance_id == id)
    }

    /// Rule 2.
    fn is_pod_of(&self, instance: Names<'_>) -> bool {
        let (own, other) = (&self.pod, &instance.pod);
        let is_same = |own: &str, other: &str| !own.is_empty() && own == other;
        let same_ip = || match other.ip.parse::<IpAddr>() {
            Ok(ip) => is_same(&own.ip, other.ip) || self.host == Host::Ip(ip.to_canonical()),
            Err(_) => false,
        };
        let is_named = is_same(&own.namespace, other.namespace) && is_same(&own.name, other.name);
        (is_same(&own.uid, other.uid) || is_named || same_ip()) && !self.is_other_pod(instance)
    }

    fn is_other_pod(&self, instance: Names<'_>) -> bool {
        let (own, other) = (&self.pod, &instance.pod);
        let pairs = [
            (&own.uid, other.uid),
            (&own.namespace, other.namespace),
            (&own.name, other.name),
        ];
        pairs.into_iter().any(|(own, other)| differs(own, other))
    }

    /// Whether both say something about the same thing, and not the same.
    fn contradicts(&self, instance: Names<'_>) -> bool {
        self.is_other_pod(instance) || differs(&self.service_instance_id, instance.instance_id)
    }
}

fn differs(own: &str, other: &str) -> bool {
    !own.is_empty() && !other.is_empty() && own != other
}

impl InstanceFacts {
    pub(super) fn of(sender: &SenderFacts<'_>) -> Self {
        let Pod {
            uid,
            namespace,
            name,
            ip,
        } = sender.pod;
        Self {
            instance_id: sender.instance_id.to_owned(),
            pod: Pod {
                uid: uid.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                ip: ip.to_owned(),
            },
        }
    }

    pub(super) fn names(&self) -> Names<'_> {
        let Pod {
            uid,
            namespace,
            name,
            ip,
        } = &self.pod;
        Names {
            instance_id: &self.instance_id,
            pod: Pod {
                uid,
                namespace,
                name,
                ip,
            },
        }
    }
}

/// What was found out about the instances, by target.
#[derive(Default)]
struct Found<'a> {
    owned: BTreeMap<u64, Vec<Arc<Instance>>>,
    ambiguous: Vec<u64>,
    /// Instances without a target.
    left: Vec<&'a Arc<Instance>>,
}

impl Found<'_> {
    /// One of these targets is that of the instance; says whether there are any.
    fn settle(&mut self, instance: &Arc<Instance>, candidates: &[u64], is_certain: bool) -> bool {
        match candidates {
            [] => return false,
            [one] if is_certain => self.owned.entry(*one).or_default().push(Arc::clone(instance)),
            several => self.ambiguous.extend(several),
        }
        true
    }
}

/// Says for each target which instances are its own.
pub(super) fn assign<'a>(
    instances: impl Iterator<Item = &'a Arc<Instance>>,
    targets: &BTreeMap<u64, TargetFacts>,
) -> BTreeMap<u64, Instances> {
    let those = |fits: &dyn Fn(&TargetFacts) -> bool| -> Vec<u64> {
        let fitting = targets.iter().filter(|(_, target)| fits(target));
        fitting.map(|(number, _)| *number).collect()
    };
    let mut found = Found::default();
    let (mut unnamed, mut count) = (Vec::new(), 0);
    let mut senders: HashMap<IpAddr, u32> = HashMap::new();
    for instance in instances {
        count += 1;
        if let Clients::One(client) = instance.clients() {
            *senders.entry(client).or_default() += 1;
        }
        let facts = instance.facts().names();
        let is_settled = found.settle(instance, &those(&|target| target.has_id_of(facts)), true)
            || found.settle(instance, &those(&|target| target.is_pod_of(facts)), true);
        if !is_settled {
            unnamed.push(instance);
        }
    }
    // Who has an instance by name does not get one by address.
    let named: Vec<u64> = found.owned.keys().copied().collect();
    for instance in unnamed {
        let facts = instance.facts().names();
        let may_be = |number: &u64, target: &TargetFacts| !named.contains(number) && !target.contradicts(facts);
        let at_address = match instance.clients() {
            Clients::One(client) => {
                let at: Vec<_> = targets.iter().filter(|(_, target)| target.is_at(client)).collect();
                // Those that cannot be meant are still there, and what else they send is not told apart.
                let is_alone = at.len() == 1 && senders.get(&client) == Some(&1);
                let at = at.into_iter().filter(|(number, target)| may_be(number, target));
                (at.map(|(number, _)| *number).collect(), is_alone)
            }
            Clients::Unknown | Clients::Several => (Vec::new(), false),
        };
        let only = match targets.iter().next() {
            Some((number, target)) if targets.len() == 1 && count == 1 && may_be(number, target) => vec![*number],
            _ => Vec::new(),
        };
        let is_settled = found.settle(instance, &at_address.0, at_address.1) || found.settle(instance, &only, true);
        if !is_settled {
            found.left.push(instance);
        }
    }
    let numbers = targets.iter();
    numbers
        .map(|(number, target)| (*number, found.of(*number, target)))
        .collect()
}

impl Found<'_> {
    fn of(&self, number: u64, target: &TargetFacts) -> Instances {
        if self.ambiguous.contains(&number) {
            return Instances::Ambiguous;
        }
        match self.owned.get(&number) {
            Some(owned) => Instances::Known(owned.as_slice().into()),
            None if self.left.iter().any(|it| !target.contradicts(it.facts().names())) => Instances::Unmatched,
            None => Instances::Nobody,
        }
    }
}
