//! What a component is, and how the program gets to know it.
//!
//! A component is a folder and one registration line. It implements [`Component`] and one of [`Receiver`],
//! [`Processor`], [`Exporter`], [`Connector`] and [`Extension`]; the [`Registry`] erases its type once.

mod connector;
mod error;
mod exporter;
mod extension;
mod processor;
mod receiver;
mod registry;
mod setup;

use config::{Signal, Validate};
use serde::de::DeserializeOwned;

pub use connector::{Conduit, Connection, Connector};
pub use error::{BuildError, ExportError, Fatal};
pub use exporter::{Export, Exporter};
pub use extension::{Authenticates, Extension, Health, HealthState};
pub(crate) use processor::REFUSED;
pub use processor::{BatchStage, Flow, On, Processor, Reliance, Stage};
pub use receiver::{Outlets, Receiver, Service};
pub use registry::{
    AnyExporter, ConnectorEntry, Decoded, ExporterEntry, ExtensionEntry, ProcessorEntry, ReceiverEntry, Registry,
};
pub use setup::{Setup, Stop};

use crate::telemetry::MetricAbout;

/// What users and tables say about a component type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The type, as in the configuration file.
    pub name: &'static str,
    /// Deprecated spellings that still work.
    pub aliases: &'static [&'static str],
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The signals it works on; for a connector, those it consumes.
    pub signals: &'static [Signal],
    /// How far to trust it.
    pub stability: Stability,
    /// Whether it keeps spans of one trace together over several batches. Its pipeline then has one lane, so that a
    /// trace always meets the same state.
    pub holds_traces: bool,
    /// Metrics beyond those that every component has.
    pub metrics: &'static [MetricAbout],
}

/// How far to trust a component, in the Collector's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// Works; keys may change.
    Alpha,
    /// Works and is measured; keys stay.
    Beta,
    /// Nothing will change without notice.
    Stable,
}

impl std::fmt::Display for Stability {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Stable => "stable",
        })
    }
}

/// What every component has.
pub trait Component: Send + 'static {
    /// What users and tables say about it.
    const ABOUT: About;

    /// A configuration that works as it stands, taken from `example.yaml` beside the code; the contract test runs it.
    const EXAMPLE: &'static str;

    /// What users write; defaults are in `Default` and nowhere else.
    type Config: DeserializeOwned + Default + Validate + Clone + Send + Sync + 'static;
}
