#![doc = include_str!("README.md")]

mod bounds;
mod config;
mod gathering;
mod instruments;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ::config::Signal;
use pipeline::component::{About, BatchStage, BuildError, Component, Flow, Processor, Setup, Stability, Stage};
use pipeline::{Batch, Budget, Origin, Outcome};

pub use bounds::{SEND_BYTES, SEND_BYTES_MAX};
pub use config::Config;

use bounds::Bounds;
use gathering::Gathering;
use instruments::{Instruments, METRICS, Trigger};

/// Sends together what arrives in small pieces.
pub struct BatchProcessor;

impl Component for BatchProcessor {
    const ABOUT: About = About {
        name: "batch",
        aliases: &[],
        summary: "Sends together what arrives in small pieces, by items, bytes and time",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: METRICS,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Processor for BatchProcessor {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        Ok(Stage::Batches(Box::new(Batcher::new(config, setup))))
    }
}

/// The values of the metadata keys, in the order of the keys.
type Partition = Vec<Vec<String>>;

/// What one lane holds back, by partition.
struct Batcher {
    bounds: Bounds,
    timeout: Duration,
    /// In lower case, as origins have them.
    metadata_keys: Vec<String>,
    partitions_max: usize,
    /// None of them is empty. Ordered, so that a drain lets go in the same order in every run.
    gatherings: BTreeMap<Partition, Gathering>,
    budget: Budget,
    instruments: Instruments,
}

impl Batcher {
    fn new(config: &Config, setup: &Setup) -> Self {
        Self {
            bounds: Bounds::of(config),
            timeout: *config.timeout,
            metadata_keys: config
                .metadata_keys
                .iter()
                .map(|key| key.to_ascii_lowercase())
                .collect(),
            partitions_max: match config.metadata_cardinality_limit {
                0 => usize::MAX,
                limit => limit as usize,
            },
            gatherings: BTreeMap::new(),
            budget: setup.budget.clone(),
            instruments: Instruments::of(&setup.telemetry),
        }
    }

    fn partition(&self, origin: &Origin) -> Partition {
        let values = |key: &String| origin.metadata(key).map(str::to_owned).collect();
        self.metadata_keys.iter().map(values).collect()
    }

    fn too_many(&self) -> Outcome {
        Outcome::retry(format!(
            "{} combinations of metadata values wait already; raise metadata_cardinality_limit or list fewer metadata_keys",
            self.gatherings.len()
        ))
    }

    fn send(&self, gathering: &mut Gathering, trigger: Trigger, flow: &mut Flow) {
        for batch in gathering.take(&self.metadata_keys, &self.budget) {
            self.instruments.sent(&batch, trigger);
            flow.forward(batch);
        }
    }

    /// Sends every gathering that `due` picks.
    fn send_due(&mut self, due: impl Fn(&Gathering) -> bool, trigger: Trigger, flow: &mut Flow) {
        let before = self.gatherings.len();
        for (partition, mut gathering) in std::mem::take(&mut self.gatherings) {
            if due(&gathering) {
                self.send(&mut gathering, trigger, flow);
            } else {
                self.gatherings.insert(partition, gathering);
            }
        }
        self.instruments.partitions_changed(before, self.gatherings.len());
    }
}

impl BatchStage for Batcher {
    fn batch(&mut self, batch: Batch, now: Instant, flow: &mut Flow) {
        if batch.payload.items() == 0 {
            return flow.discard(batch, "empty");
        }
        let before = self.gatherings.len();
        let partition = self.partition(&batch.origin);
        let waiting = self.gatherings.remove(&partition);
        if waiting.is_none() && before >= self.partitions_max {
            return flow.refuse(batch, self.too_many());
        }
        let mut gathering = waiting.unwrap_or_else(|| Gathering::new(now));
        for part in self.bounds.cut(batch) {
            if !self.bounds.allow(gathering.size().and(bounds::Size::of(&part))) {
                self.send(&mut gathering, Trigger::Size, flow);
            }
            gathering.add(part, now);
            if self.bounds.is_full(gathering.size()) {
                self.send(&mut gathering, Trigger::Size, flow);
            }
        }
        if !gathering.is_empty() {
            self.gatherings.insert(partition, gathering);
        }
        self.instruments.partitions_changed(before, self.gatherings.len());
    }

    fn wake_at(&self) -> Option<Instant> {
        let first = self.gatherings.values().map(Gathering::since).min()?;
        // A time that no clock will reach is no time to wake at; the drain lets go then.
        first.checked_add(self.timeout)
    }

    fn tick(&mut self, now: Instant, flow: &mut Flow) {
        let timeout = self.timeout;
        let due = |gathering: &Gathering| now.saturating_duration_since(gathering.since()) >= timeout;
        self.send_due(due, Trigger::Timeout, flow);
    }

    fn idle(&mut self, _now: Instant, flow: &mut Flow) {
        self.send_due(|_| true, Trigger::Idle, flow);
    }

    fn drain(&mut self, flow: &mut Flow) {
        self.send_due(|_| true, Trigger::Timeout, flow);
    }
}
