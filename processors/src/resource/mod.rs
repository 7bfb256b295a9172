#![doc = include_str!("README.md")]

mod config;
#[cfg(test)]
mod tests;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Processor, Setup, Stability, Stage};
use pipeline::payload::{AttributeEdit, BatchContext, Edit, ItemStage, ItemView, ResourceView, SpanStage, SpanView};

pub use config::Config;

use crate::actions::{self, Actions, Hash};

/// Changes what is said about the sender of telemetry.
pub struct Resource;

impl Component for Resource {
    const ABOUT: About = About {
        name: "resource",
        aliases: &[],
        summary: "Inserts, changes, hashes and deletes attributes of resources",
        signals: &Signal::ALL,
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Processor for Resource {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        let actions = Actions::compile(&config.attributes, Hash::Sha256)?;
        Ok(actions::stage(setup, ResourceStage { actions }))
    }
}

/// Once per resource, however many items it has.
struct ResourceStage {
    actions: Actions,
}

impl SpanStage for ResourceStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.actions.begin(context.origin);
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        self.actions.apply(resource.raw_attrs(), edit);
    }

    fn looks_at_spans(&self) -> bool {
        false
    }

    fn span(&mut self, _span: SpanView<'_>, _edit: &mut Edit<'_>) {}
}

impl ItemStage for ResourceStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.actions.begin(context.origin);
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut AttributeEdit<'_>) {
        self.actions.apply(resource.raw_attrs(), edit);
    }

    fn looks_at_items(&self) -> bool {
        false
    }

    fn item(&mut self, _item: ItemView<'_>, _edit: &mut AttributeEdit<'_>) {}
}
