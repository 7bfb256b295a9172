//! What a processor implements that looks at items: at spans, or at data points and log records.

use super::child::EmittedScope;
use super::counts::Released;
use super::edit::{AttributeEdit, Edit};
use super::item_view::ItemView;
use super::metrics::MetricView;
use super::schema::{Message, SPAN};
use super::span_view::SpanView;
use super::view::{ResourceView, ScopeView};
use crate::Origin;
use std::time::Instant;

/// What a stage may know about a batch besides its bytes.
///
/// Stages have no clock of their own: a test, a replay and a simulation set these.
#[derive(Debug, Clone, Copy)]
pub struct BatchContext<'a> {
    /// For waiting and for ages.
    pub now: Instant,
    /// Who sent the batch.
    pub origin: &'a Origin,
}

/// One step of a pipeline that looks at spans and states edits.
///
/// All stages of a pipeline share one walk over the batch, and the outcome is as if each had walked alone, one after
/// the other. A stage meets a resource and a scope with the first of their spans that reaches it; those without spans
/// pass it by.
pub trait SpanStage: Send {
    /// Before the first resource of a batch.
    fn batch(&mut self, _context: &BatchContext<'_>) {}

    /// Before the first span of a resource. A verdict (`drop`, `hold`) is one over every span in it.
    fn resource(&mut self, _resource: ResourceView<'_>, _edit: &mut Edit<'_>) {}

    /// Before the first span of a scope. A verdict (`drop`, `hold`) is one over every span in it.
    fn scope(&mut self, _scope: ScopeView<'_>, _edit: &mut Edit<'_>) {}

    /// False for a stage that has nothing to do with single spans: it is spared them, and the walk is shorter.
    fn looks_at_spans(&self) -> bool {
        true
    }

    /// Every span. A stage that states no edit leaves its bytes as they came.
    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>);

    /// The scope that names this stage's children.
    fn emitted_scope(&self) -> EmittedScope {
        EmittedScope::named("inferscope")
    }

    /// When `release` wants to be called next; never, while nothing is held.
    fn wake_at(&self) -> Option<Instant> {
        None
    }

    /// Lets go of held spans: those whose time has come, or on drain everything. What it passes on goes to the stages
    /// after this one.
    fn release(&mut self, _now: Instant, _everything: bool) -> Option<Released> {
        None
    }
}

/// One step of a pipeline of metrics or logs that looks at data points or log records and states edits of attributes.
///
/// What holds for [`SpanStage`] holds here, but that items can neither be held nor made.
pub trait ItemStage: Send {
    /// Before the first resource of a batch.
    fn batch(&mut self, _context: &BatchContext<'_>) {}

    /// Before the first item of a resource. To drop it is to drop every item in it.
    fn resource(&mut self, _resource: ResourceView<'_>, _edit: &mut AttributeEdit<'_>) {}

    /// Before the first item of a scope. To drop it is to drop every item in it.
    fn scope(&mut self, _scope: ScopeView<'_>, _edit: &mut AttributeEdit<'_>) {}

    /// Before the first point of a metric. Its points are shown here as they came; look at them in `item`.
    fn metric(&mut self, _metric: MetricView<'_>) {}

    /// False for a stage that has nothing to do with single items: it is spared them and metrics, and the walk is shorter.
    fn looks_at_items(&self) -> bool {
        true
    }

    /// Every data point or log record. A stage that states no edit leaves its bytes as they came.
    fn item(&mut self, item: ItemView<'_>, edit: &mut AttributeEdit<'_>);
}

/// An item on its way through the stages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) body: &'a [u8],
    /// Field number of its attributes.
    pub(super) attributes: u32,
    /// Whether it is a point; else it is a span or a log record.
    pub(super) in_metric: bool,
}

impl<'a> Item<'a> {
    #[inline]
    pub(super) fn of(body: &'a [u8], schema: &Message, in_metric: bool) -> Self {
        Self {
            body,
            attributes: schema.attributes(),
            in_metric,
        }
    }

    pub(super) fn span(body: &'a [u8]) -> Self {
        Self::of(body, &SPAN, false)
    }
}

/// What a walk asks of a stage, whatever it looks at.
pub(super) trait Visitor {
    fn batch(&mut self, context: &BatchContext<'_>);
    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>);
    fn scope(&mut self, scope: ScopeView<'_>, edit: &mut Edit<'_>);
    fn metric(&mut self, metric: MetricView<'_>);
    fn looks_at_items(&self) -> bool;
    fn item(&mut self, item: Item<'_>, edit: &mut Edit<'_>);
    fn emitted_scope(&self) -> EmittedScope;
}

impl Visitor for dyn SpanStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        SpanStage::batch(self, context);
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        SpanStage::resource(self, resource, edit);
    }

    fn scope(&mut self, scope: ScopeView<'_>, edit: &mut Edit<'_>) {
        SpanStage::scope(self, scope, edit);
    }

    fn metric(&mut self, _metric: MetricView<'_>) {}

    fn looks_at_items(&self) -> bool {
        self.looks_at_spans()
    }

    #[inline]
    fn item(&mut self, item: Item<'_>, edit: &mut Edit<'_>) {
        self.span(SpanView::of(item.body), edit);
    }

    fn emitted_scope(&self) -> EmittedScope {
        SpanStage::emitted_scope(self)
    }
}

impl Visitor for dyn ItemStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        ItemStage::batch(self, context);
    }

    fn resource(&mut self, resource: ResourceView<'_>, edit: &mut Edit<'_>) {
        ItemStage::resource(self, resource, edit);
    }

    fn scope(&mut self, scope: ScopeView<'_>, edit: &mut Edit<'_>) {
        ItemStage::scope(self, scope, edit);
    }

    fn metric(&mut self, metric: MetricView<'_>) {
        ItemStage::metric(self, metric);
    }

    fn looks_at_items(&self) -> bool {
        ItemStage::looks_at_items(self)
    }

    #[inline]
    fn item(&mut self, item: Item<'_>, edit: &mut Edit<'_>) {
        ItemStage::item(self, ItemView::of(item), edit);
    }

    /// Not asked for: an item stage makes no children.
    fn emitted_scope(&self) -> EmittedScope {
        EmittedScope::named("")
    }
}
