//! Actions on attributes: what `attributes` does to items and `resource` to resources.
//!
//! A list of actions is compiled once: every key that it names gets a slot, and patterns are compiled. Applying it is one
//! pass over the attributes that fills the slots, then the actions in order, on the slots alone; what has changed becomes
//! edits. What becomes of attributes among which none is named is the same every time, so it is worked out once a batch.

mod apply;
mod config;
mod convert;
mod from_context;
mod hash;
mod held;
mod keys;
mod literal;
mod pattern;
mod program;
#[cfg(test)]
pub(crate) mod tests;
mod text;

pub use apply::Actions;
pub use config::{Action, ConvertedType, Verb, validate};
pub use hash::Hash;
pub use literal::Literal;
pub(crate) use pattern::{compile, complaint};

use ::config::Signal;
use pipeline::component::{Setup, Stage};
use pipeline::payload::{ItemStage, SpanStage};

/// The stage in the form that the signal of its pipeline wants.
pub(crate) fn stage(setup: &Setup, stage: impl SpanStage + ItemStage + 'static) -> Stage {
    match setup.signal {
        Some(Signal::Metrics | Signal::Logs) => Stage::Items(Box::new(stage)),
        Some(Signal::Traces) | None => Stage::Spans(Box::new(stage)),
    }
}
