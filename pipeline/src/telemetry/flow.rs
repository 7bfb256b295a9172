//! Items at the edges of components, under the names that the Collector has for every kind of component alike.

use config::{Id, Kind, Signal};

use super::{Counter, MetricAbout, Metrics, Telemetry};
use crate::Outcome;
use crate::ledger::signal_name;

/// Items at one edge of one component, by how they fared.
#[derive(Debug, Clone)]
pub struct ItemFlow {
    about: MetricAbout,
    telemetry: Telemetry,
    /// The usual outcome; counters of the others are looked up when they are needed.
    success: Counter,
}

/// At which edge items are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemSide {
    /// They are given to a component.
    Consumed,
    /// A component passes them on.
    Produced,
}

/// How items fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemOutcome {
    /// They were taken.
    Success,
    /// The component itself could not take them.
    Failure,
    /// Something behind the component did not take them.
    Refused,
}

macro_rules! flows {
    ($($name:ident = $metric:literal, $help:literal;)*) => {
        $(const $name: MetricAbout = MetricAbout { name: $metric, help: $help, unit: "{item}" };)*
    };
}
flows! {
    RECEIVER_PRODUCED = "otelcol.receiver.produced.items", "Items that a receiver handed to its pipelines, by how they fared.";
    PROCESSOR_CONSUMED = "otelcol.processor.consumed.items", "Items that a processor was given, by how they fared.";
    PROCESSOR_PRODUCED = "otelcol.processor.produced.items", "Items that a processor passed on.";
    CONNECTOR_CONSUMED = "otelcol.connector.consumed.items", "Items that a connector was given.";
    CONNECTOR_PRODUCED = "otelcol.connector.produced.items", "Items that a connector handed to the pipelines behind it, by how they fared.";
    EXPORTER_CONSUMED = "otelcol.exporter.consumed.items", "Items that an exporter was given, by whether its queue took them.";
}

/// The label that names a processor's pipeline.
pub const PIPELINE_ID: &str = "otelcol.pipeline.id";
/// The label that names what a connector makes of a signal.
pub const SIGNAL_OUTPUT: &str = "otelcol.signal.output";
const OUTCOME: &str = "otelcol.component.outcome";

/// All of them.
pub(super) const ALL: [MetricAbout; 6] = [
    RECEIVER_PRODUCED,
    PROCESSOR_CONSUMED,
    PROCESSOR_PRODUCED,
    CONNECTOR_CONSUMED,
    CONNECTOR_PRODUCED,
    EXPORTER_CONSUMED,
];

impl ItemFlow {
    /// The items of one signal at one edge of a component, with one more label where the kind has one. None where the
    /// Collector has no such metric: receivers consume nothing, exporters produce nothing, extensions neither.
    pub fn new(
        metrics: &Metrics,
        (kind, id): (Kind, &Id),
        signal: Signal,
        side: ItemSide,
        more: Option<(&'static str, String)>,
    ) -> Option<Self> {
        let (about, word) = match (kind, side) {
            (Kind::Receiver, ItemSide::Produced) => (RECEIVER_PRODUCED, "receiver"),
            (Kind::Processor, ItemSide::Consumed) => (PROCESSOR_CONSUMED, "processor"),
            (Kind::Processor, ItemSide::Produced) => (PROCESSOR_PRODUCED, "processor"),
            (Kind::Connector, ItemSide::Consumed) => (CONNECTOR_CONSUMED, "connector"),
            (Kind::Connector, ItemSide::Produced) => (CONNECTOR_PRODUCED, "connector"),
            (Kind::Exporter, ItemSide::Consumed) => (EXPORTER_CONSUMED, "exporter"),
            _ => return None,
        };
        let mut telemetry = Telemetry::new(metrics.clone())
            .with("otelcol.component.kind", word)
            .with("otelcol.component.id", id.to_string())
            .with("otelcol.signal", signal_name(signal));
        if let Some((label, value)) = more {
            telemetry = telemetry.with(label, value);
        }
        Some(Self {
            about,
            success: telemetry.with(OUTCOME, "success").counter(about),
            telemetry,
        })
    }

    /// Counts items.
    pub fn add(&self, outcome: ItemOutcome, items: u64) {
        let outcome = match outcome {
            ItemOutcome::Success => return self.success.add(items),
            ItemOutcome::Failure => "failure",
            ItemOutcome::Refused => "refused",
        };
        if items > 0 {
            self.telemetry.with(OUTCOME, outcome).counter(self.about).add(items);
        }
    }
}

impl From<&Outcome> for ItemOutcome {
    fn from(outcome: &Outcome) -> Self {
        if outcome.is_ok() { Self::Success } else { Self::Refused }
    }
}
