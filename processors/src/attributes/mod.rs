#![doc = include_str!("README.md")]

mod config;
mod select;
mod selection;
#[cfg(test)]
mod tests;

use ::config::{Report, Signal};
use pipeline::component::{About, BuildError, Component, Processor, Setup, Stability, Stage};
use pipeline::payload::metrics::MetricView;
use pipeline::payload::{
    AttributeEdit, BatchContext, Edit, ItemStage, ItemView, ResourceView, ScopeView, SpanStage, SpanView,
};

pub use config::Config;
pub use select::{AttributeMatch, LibraryMatch, LogSeverity, MatchType, RegexpCache, Select};

use crate::actions::{self, Actions, Hash};
use selection::Selection;

/// Changes what is said about spans, data points and log records.
pub struct Attributes;

impl Component for Attributes {
    const ABOUT: About = About {
        name: "attributes",
        aliases: &[],
        summary: "Inserts, changes, hashes, extracts, converts and deletes attributes of spans, data points and log records",
        signals: &Signal::ALL,
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Processor for Attributes {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        let stage = AttributesStage {
            include: config.include.as_ref().map(Selection::compile).transpose()?,
            exclude: config.exclude.as_ref().map(Selection::compile).transpose()?,
            actions: Actions::compile(&config.actions, Hash::Sha1)?,
        };
        Ok(actions::stage(setup, stage))
    }

    fn validate_for(config: &Config, signal: Signal, report: &mut Report<'_>) {
        config.validate_for(signal, report);
    }
}

struct AttributesStage {
    include: Option<Selection>,
    exclude: Option<Selection>,
    actions: Actions,
}

impl AttributesStage {
    /// What has been decided about the enclosing messages is decided once for all items in them.
    fn each_selection(&mut self, meet: impl FnMut(&mut Selection)) {
        [&mut self.include, &mut self.exclude]
            .into_iter()
            .flatten()
            .for_each(meet);
    }

    /// Whether to act on an item that a selection `has` or has not.
    fn acts_on(&self, has: impl Fn(&Selection) -> bool) -> bool {
        self.include.as_ref().is_none_or(&has) && !self.exclude.as_ref().is_some_and(&has)
    }
}

impl SpanStage for AttributesStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.actions.begin(context.origin);
    }

    fn resource(&mut self, resource: ResourceView<'_>, _edit: &mut Edit<'_>) {
        self.each_selection(|selection| selection.resource(resource));
    }

    fn scope(&mut self, scope: ScopeView<'_>, _edit: &mut Edit<'_>) {
        self.each_selection(|selection| selection.scope(scope));
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        if self.acts_on(|selection| selection.has_span(span)) {
            self.actions.apply(span.raw_attrs(), edit);
        }
    }
}

impl ItemStage for AttributesStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.actions.begin(context.origin);
    }

    fn resource(&mut self, resource: ResourceView<'_>, _edit: &mut AttributeEdit<'_>) {
        self.each_selection(|selection| selection.resource(resource));
    }

    fn scope(&mut self, scope: ScopeView<'_>, _edit: &mut AttributeEdit<'_>) {
        self.each_selection(|selection| selection.scope(scope));
    }

    fn metric(&mut self, metric: MetricView<'_>) {
        self.each_selection(|selection| selection.metric(metric));
    }

    fn item(&mut self, item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
        if self.acts_on(|selection| selection.has_item(item)) {
            self.actions.apply(item.attrs().raw(), edit);
        }
    }
}
