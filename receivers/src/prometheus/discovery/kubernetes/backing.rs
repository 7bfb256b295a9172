//! The pods behind endpoints, and their ports that no endpoint is for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::super::labels::Labels;
use super::super::Found;
use super::around::Around;
use super::meta::{Reference, address, at};
use super::pod::{Pod, Port};

/// Pods that endpoints stand for, by namespace and name, with the ports that there is a target for.
#[derive(Default)]
pub(super) struct Backing<'a> {
    pods: BTreeMap<(&'a str, &'a str), (&'a Pod, BTreeSet<i32>)>,
}

impl<'a> Backing<'a> {
    /// The pod that an endpoint stands for, if it is one that is known. The endpoint's port has a target now.
    pub(super) fn pod(
        &mut self,
        reference: Option<&Reference>,
        port: Option<i32>,
        around: &Around<'a>,
    ) -> Option<&'a Pod> {
        let pod = around.pod(reference?.pod()?)?;
        let key = (pod.namespace.as_str(), pod.name.as_str());
        let (_, ports) = self.pods.entry(key).or_insert((pod, BTreeSet::new()));
        ports.extend(port);
        Some(pod)
    }

    /// Targets for the other ports of these pods; `shared` are the labels of all targets of these endpoints.
    pub(super) fn find_others(self, shared: &[Arc<Labels>], found: &mut Vec<Found>) {
        for (pod, ports) in self.pods.into_values().filter(|(pod, _)| !pod.ip.is_empty()) {
            let with_pod = with(&pod.labels, shared);
            for container in &pod.containers {
                for port in container.ports.iter().filter(|port| !ports.contains(&port.number)) {
                    let mut own = at(address(&pod.ip, port.number));
                    container.describe(&mut own);
                    port.describe(&mut own);
                    found.push(Found::new(own, with_pod.clone()));
                }
            }
        }
    }
}

/// Says which container of a pod has the port of an endpoint. Where several say so it is the last, as in Prometheus.
/// `protocol` stands in for the container's.
pub(super) fn describe_container(pod: &Pod, number: i32, protocol: Option<&str>, target: &mut Labels) {
    for container in &pod.containers {
        if let Some(port) = container.ports.iter().find(|port| port.number == number) {
            container.describe(target);
            let port = Port {
                name: port.name.clone(),
                number,
                protocol: protocol.unwrap_or(&port.protocol).to_owned(),
            };
            port.describe(target);
        }
    }
}

/// Some labels and those behind them.
pub(super) fn with(labels: &Arc<Labels>, others: &[Arc<Labels>]) -> Vec<Arc<Labels>> {
    let mut all = Vec::with_capacity(1 + others.len());
    all.push(Arc::clone(labels));
    all.extend(others.iter().cloned());
    all
}
