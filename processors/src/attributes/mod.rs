#![doc = include_str!("README.md")]

mod config;
mod select;
mod selection;
#[cfg(test)]
mod tests;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Processor, Setup, Stability, Stage};
use pipeline::payload::{BatchContext, Edit, ResourceView, ScopeView, SpanStage, SpanView};

pub use config::Config;
pub use select::{AttributeMatch, LibraryMatch, MatchType, RegexpCache, Select};

use crate::actions::{Actions, Hash};
use selection::Selection;

/// Changes what is said about spans.
pub struct Attributes;

impl Component for Attributes {
    const ABOUT: About = About {
        name: "attributes",
        aliases: &[],
        summary: "Inserts, changes, hashes, extracts, converts and deletes attributes of spans",
        signals: &[Signal::Traces],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Processor for Attributes {
    fn build(config: &Config, _setup: &Setup) -> Result<Stage, BuildError> {
        Ok(Stage::Spans(Box::new(AttributesStage {
            include: config.include.as_ref().map(Selection::compile).transpose()?,
            exclude: config.exclude.as_ref().map(Selection::compile).transpose()?,
            actions: Actions::compile(&config.actions, Hash::Sha1)?,
        })))
    }
}

struct AttributesStage {
    include: Option<Selection>,
    exclude: Option<Selection>,
    actions: Actions,
}

impl SpanStage for AttributesStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.actions.begin(context.origin);
    }

    fn resource(&mut self, resource: ResourceView<'_>, _edit: &mut Edit<'_>) {
        for selection in [&mut self.include, &mut self.exclude].into_iter().flatten() {
            selection.resource(resource);
        }
    }

    fn scope(&mut self, scope: ScopeView<'_>, _edit: &mut Edit<'_>) {
        for selection in [&mut self.include, &mut self.exclude].into_iter().flatten() {
            selection.scope(scope);
        }
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        let left_out = self.include.as_ref().is_some_and(|include| !include.has(span));
        if left_out || self.exclude.as_ref().is_some_and(|exclude| exclude.has(span)) {
            return;
        }
        self.actions.apply(span.raw_attrs(), edit);
    }
}
