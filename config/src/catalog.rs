//! Which component types exist; the registry of the program answers.

use crate::id::{Kind, Signal};

/// What the program says about a component type that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// It exists under this name.
    Known,
    /// It exists under a newer name; the old one still works.
    Alias(String),
    /// It is gone; the text says what to use instead.
    Replaced(String),
    /// The Collector has it, this program does not; the text says what to do.
    ElsewhereIn(String),
    /// Nobody knows it.
    Unknown,
}

/// The component types that a configuration may name.
pub trait Catalog {
    /// All types of one kind, for suggestions and lists.
    fn known(&self, kind: Kind) -> Vec<&str>;

    /// What `type_name` means.
    fn canonical(&self, kind: Kind, type_name: &str) -> Lookup;

    /// Whether a component can stand in a pipeline of `signal`. Not asked for connectors and extensions.
    fn supports(&self, kind: Kind, type_name: &str, signal: Signal) -> bool {
        let _ = (kind, type_name, signal);
        true
    }

    /// Whether a connector takes `from` and gives `to`: `forward` keeps the signal, `span_metrics` turns traces into
    /// metrics. Cycles are looked for along these pairs only.
    fn joins(&self, type_name: &str, from: Signal, to: Signal) -> bool {
        let _ = (type_name, from, to);
        true
    }
}
