//! The plan: a configuration file turned into lanes and edges, as pure data. It starts nothing.

mod authenticators;
mod deadline;
mod doors;
mod make;
mod reliance;
mod running;
#[cfg(test)]
mod tests;
mod wire_up;

use config::{Id, Signal};

pub use make::plan;
pub use running::{Running, World};

use crate::Outcome;
use crate::component::Decoded;

/// Everything that will run, and how it hangs together.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In the order of the file.
    pub receivers: Vec<PlannedReceiver>,
    /// In the order of the file; edges point here by index.
    pub pipelines: Vec<PlannedPipeline>,
    /// In the order of the file.
    pub exporters: Vec<PlannedExporter>,
    /// In the order of the file.
    pub connectors: Vec<PlannedConnector>,
    /// In the order of `service.extensions`.
    pub extensions: Vec<Planned>,
}

/// A component that will be built.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its name in the file.
    pub id: Id,
    /// Its type, under which the registry knows it; differs from `id` where the file uses an old spelling.
    pub kind_name: &'static str,
    /// Its configuration.
    pub config: Decoded,
}

/// A receiver and the pipelines that it feeds.
#[derive(Debug, Clone)]
pub struct PlannedReceiver {
    /// What to build.
    pub component: Planned,
    /// Indices into [`Plan::pipelines`].
    pub feeds: Vec<usize>,
}

/// One pipeline.
#[derive(Debug, Clone)]
pub struct PlannedPipeline {
    /// `traces`, `traces/slow` …
    pub id: Id,
    /// What it carries.
    pub signal: Signal,
    /// How many lanes it has.
    pub lanes: Lanes,
    /// In order.
    pub processors: Vec<Planned>,
    /// Where it ends.
    pub exits: Vec<PlannedExit>,
    /// What OK means to a sender, except of what a processor holds: that waits in memory.
    pub answer: Outcome,
}

/// How many lanes a pipeline has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// As many as the machine has cores.
    PerCore,
    /// One, since a processor holds traces.
    One,
}

/// Where a pipeline ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedExit {
    /// Index into [`Plan::exporters`].
    Exporter(usize),
    /// Index into [`Plan::connectors`].
    Connector(usize),
}

/// An exporter and the signals that reach it.
#[derive(Debug, Clone)]
pub struct PlannedExporter {
    /// What to build.
    pub component: Planned,
    /// Each has a queue of its own.
    pub signals: Vec<Signal>,
}

/// A connector and the pipelines that begin with it.
#[derive(Debug, Clone)]
pub struct PlannedConnector {
    /// What to build.
    pub component: Planned,
    /// Indices into [`Plan::pipelines`].
    pub feeds: Vec<usize>,
}

impl std::fmt::Display for Lanes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::PerCore => "one lane per core",
            Self::One => "one lane (a processor holds traces)",
        })
    }
}
