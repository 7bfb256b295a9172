//! What a processor of spans implements.

use super::child::EmittedScope;
use super::counts::Released;
use super::edit::Edit;
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
