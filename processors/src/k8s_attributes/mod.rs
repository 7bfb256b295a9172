#![doc = include_str!("README.md")]

mod association;
mod config;
mod descriptions;
mod fields;
mod metadata;
mod meters;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, On, Processor, Reliance, Setup, Stability, Stage};
use pipeline::context::pods::Pods;
use pipeline::payload::{
    AttributeEdit, BatchContext, Edit, ItemStage, ItemView, RawAttrs, ResourceView, SpanStage, SpanView, names,
};

pub use config::Config;

use self::association::{Rules, Sender, Traits};
use self::descriptions::{Descriptions, Template};
use self::meters::Meters;
use crate::enrichment::Present;

/// Says which pod sent telemetry.
pub struct K8sAttributes;

impl Component for K8sAttributes {
    const ABOUT: About = About {
        name: "k8s_attributes",
        aliases: &["k8sattributes"],
        summary: "Says which pod sent telemetry: its names, its owner, its node, its labels",
        signals: &Signal::ALL,
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[meters::RESOURCES],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Processor for K8sAttributes {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        let stage = PodStage {
            pods: setup.context.pods.clone(),
            rules: Rules::of(config.pod_association.as_deref()),
            template: Template::compile(config)?,
            passthrough: config.passthrough,
            meters: Meters::new(&setup.telemetry),
            descriptions: Descriptions::default(),
            client: None,
        };
        Ok(crate::actions::stage(setup, stage))
    }

    fn leans_on(config: &Config) -> Vec<Reliance> {
        let need = (!config.passthrough).then_some(Reliance {
            on: On::Extension("k8s"),
            loss: "no pod is known, so nothing is written",
        });
        let merged = config.asks_the_connection().then_some(Reliance {
            on: On::NotBehind("batch"),
            loss: "what was merged from several senders has no address by which their pods are known",
        });
        need.into_iter().chain(merged).collect()
    }
}

/// Once per resource, however many items it has.
struct PodStage {
    pods: Pods,
    rules: Rules,
    template: Template,
    passthrough: bool,
    meters: Meters,
    descriptions: Descriptions,
    /// Who sent the batch at hand.
    client: Option<IpAddr>,
}

impl PodStage {
    fn begin(&mut self, context: &BatchContext<'_>) {
        self.client = context.origin.client;
        self.descriptions.follow(self.pods.map());
    }

    fn write(&mut self, resource: RawAttrs<'_>, edit: &mut AttributeEdit<'_>) {
        if self.passthrough {
            return self.pass_through(edit);
        }
        let sender = Traits {
            resource,
            client: self.client,
        };
        let map = self.descriptions.map();
        match self.rules.find(sender, &map) {
            Sender::Pod(pod) => match self.descriptions.of(pod, resource, &self.template) {
                Some(attributes) => {
                    attributes.write(resource, Present::Stays, edit);
                    self.meters.attributed.add(1);
                }
                None => self.meters.excluded.add(1),
            },
            Sender::Silent => {
                self.meters.silent.add(1);
                self.write_place(resource, edit);
            }
            Sender::Ambiguous => {
                self.meters.ambiguous.add(1);
                self.write_place(resource, edit);
            }
            Sender::Unknown => {
                self.meters.unknown.add(1);
                self.pods.want();
                self.write_place(resource, edit);
            }
        }
    }

    /// Without its pod a resource may still say its namespace and its node.
    fn write_place(&mut self, resource: RawAttrs<'_>, edit: &mut AttributeEdit<'_>) {
        if let Some(attributes) = self.descriptions.of_place(resource, &self.template) {
            attributes.write(resource, Present::Stays, edit);
        }
    }

    fn pass_through(&self, edit: &mut AttributeEdit<'_>) {
        match self.client {
            Some(client) => {
                edit.insert(names::K8S_POD_IP, client.to_canonical().to_string().as_str());
                self.meters.attributed.add(1);
            }
            None => self.meters.silent.add(1),
        }
    }
}

impl SpanStage for PodStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.begin(context);
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        self.write(resource.raw_attrs(), edit);
    }

    fn looks_at_spans(&self) -> bool {
        false
    }

    fn span(&mut self, _span: SpanView<'_>, _edit: &mut Edit<'_>) {}
}

impl ItemStage for PodStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.begin(context);
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut AttributeEdit<'_>) {
        self.write(resource.raw_attrs(), edit);
    }

    fn looks_at_items(&self) -> bool {
        false
    }

    fn item(&mut self, _item: ItemView<'_>, _edit: &mut AttributeEdit<'_>) {}
}
