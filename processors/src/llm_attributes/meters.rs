//! What the processor counts about its own work.

use pipeline::telemetry::{Counter, MetricAbout, Telemetry};

use super::heard::{Fault, Heard};
use super::rows::{self, ROWS};
use crate::llm_names::CONFLICTS;

/// Values that stay where they are.
pub(super) const UNUSABLE: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_attributes_unusable_values",
    help: "Values that were told under no other name, by reason: wrong_type, impossible (not finite, below zero, or more \
           tokens than there can be), too_long (a text of more than 1,024 bytes). They stay as they came.",
    unit: "{attribute}",
};

/// All of them, for tables.
pub(super) const ALL: [MetricAbout; 2] = [CONFLICTS, UNUSABLE];

/// The instruments, looked up once.
#[derive(Debug)]
pub(super) struct Meters {
    conflicts: [Counter; ROWS.len()],
    unusable: [Counter; Fault::WORDS.len()],
}

impl Meters {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let conflicts = |row| telemetry.with("attribute", rows::name(row, 1)).counter(CONFLICTS);
        Self {
            conflicts: std::array::from_fn(conflicts),
            unusable: Fault::WORDS.map(|reason| telemetry.with("reason", reason).counter(UNUSABLE)),
        }
    }

    /// What a span said wrongly or twice.
    pub(super) fn add(&self, heard: &Heard<'_>) {
        if heard.conflicts != 0 {
            for (row, counter) in self.conflicts.iter().enumerate() {
                counter.add(u64::from(heard.conflicts >> row & 1));
            }
        }
        for (counter, more) in self.unusable.iter().zip(heard.faults).filter(|(_, more)| *more > 0) {
            counter.add(more.into());
        }
    }
}
