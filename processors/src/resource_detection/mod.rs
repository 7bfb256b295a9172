#![doc = include_str!("README.md")]

mod config;
mod detect;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Processor, Setup, Stability, Stage};
use pipeline::context::pods::{PodMap, Pods};
use pipeline::payload::{
    AttributeEdit, BatchContext, Edit, ItemStage, ItemView, RawAttrs, ResourceView, SpanStage, SpanView, names,
};

pub use config::Config;

use self::config::{Detector, K8sNode};
use crate::enrichment::{Enrichment, Present};

/// Says on which host telemetry was made.
pub struct ResourceDetection;

impl Component for ResourceDetection {
    const ABOUT: About = About {
        name: "resource_detection",
        aliases: &["resourcedetection"],
        summary: "Says on which host and node telemetry was made",
        signals: &Signal::ALL,
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Processor for ResourceDetection {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        let stage = build(config, setup, |name| std::env::var(name).ok())?;
        Ok(crate::actions::stage(setup, stage))
    }
}

fn build(config: &Config, setup: &Setup, variable: impl Fn(&str) -> Option<String>) -> Result<HostStage, BuildError> {
    let mut parts = Vec::new();
    for detector in &config.detectors {
        let mut found = Enrichment::default();
        match detector {
            Detector::Env => {
                detect::env(&variable, &mut found).map_err(|cause| BuildError::because(cause.to_string(), cause))?;
            }
            Detector::System => {
                let wanted = &config.system.resource_attributes;
                detect::system(setup.outside.storage.as_ref(), wanted, &mut found);
            }
            Detector::K8sNode => {
                parts.push(Part::Node(node(&config.k8snode, &variable)?));
                continue;
            }
        }
        parts.push(Part::Fixed(found));
    }
    Ok(HostStage {
        pods: setup.context.pods.clone(),
        parts,
        present: if config.replaces { Present::Goes } else { Present::Stays },
        map: None,
        attributes: Enrichment::default(),
    })
}

/// What one detector found.
enum Part {
    Fixed(Enrichment),
    Node(Node),
}

/// The node that we run on. Its uid comes from the API server, some time after start.
struct Node {
    name: String,
    says_name: bool,
    says_uid: bool,
}

fn node(config: &K8sNode, variable: impl Fn(&str) -> Option<String>) -> Result<Node, BuildError> {
    let name = variable(&config.node_from_env_var).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| {
        BuildError::new(format!(
            "the detector k8snode needs the node's name in the variable {}; set it from spec.nodeName in the pod's manifest",
            config.node_from_env_var
        ))
    })?;
    Ok(Node {
        name,
        says_name: config.resource_attributes.node_name.enabled,
        says_uid: config.resource_attributes.node_uid.enabled,
    })
}

impl Node {
    fn write(&self, map: &PodMap, out: &mut Enrichment) {
        if self.says_name {
            out.add(names::K8S_NODE_NAME, self.name.as_str());
        }
        let uid = map.node(&self.name).map(|node| node.uid.as_str());
        if let Some(uid) = uid.filter(|uid| self.says_uid && !uid.is_empty()) {
            out.add(names::K8S_NODE_UID, uid);
        }
    }
}

/// Once per resource, however many items it has.
struct HostStage {
    pods: Pods,
    parts: Vec<Part>,
    present: Present,
    /// What `attributes` were made by; None before the first batch.
    map: Option<Arc<PodMap>>,
    attributes: Enrichment,
}

impl HostStage {
    /// Encodes anew where the API server has told something new.
    fn begin(&mut self) {
        let map = self.pods.map();
        if self.map.as_ref().is_some_and(|known| Arc::ptr_eq(known, &map)) {
            return;
        }
        self.attributes = Enrichment::default();
        for part in &self.parts {
            match part {
                Part::Fixed(found) => self.attributes.add_all(found),
                Part::Node(node) => node.write(&map, &mut self.attributes),
            }
        }
        self.map = Some(map);
    }

    fn write(&self, resource: RawAttrs<'_>, edit: &mut AttributeEdit<'_>) {
        if !self.attributes.is_empty() {
            self.attributes.write(resource, self.present, edit);
        }
    }
}

impl SpanStage for HostStage {
    fn batch(&mut self, _context: &BatchContext<'_>) {
        self.begin();
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        self.write(resource.raw_attrs(), edit);
    }

    fn looks_at_spans(&self) -> bool {
        false
    }

    fn span(&mut self, _span: SpanView<'_>, _edit: &mut Edit<'_>) {}
}

impl ItemStage for HostStage {
    fn batch(&mut self, _context: &BatchContext<'_>) {
        self.begin();
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut AttributeEdit<'_>) {
        self.write(resource.raw_attrs(), edit);
    }

    fn looks_at_items(&self) -> bool {
        false
    }

    fn item(&mut self, _item: ItemView<'_>, _edit: &mut AttributeEdit<'_>) {}
}
