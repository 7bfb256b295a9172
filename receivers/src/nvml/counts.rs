//! What the receiver counts.

use pipeline::Outcome;
use pipeline::telemetry::{Counter, Gauge, MetricAbout, Telemetry};

use super::sane::WORDS;
use crate::taken::{ACCEPTED_POINTS, ACCEPTED_RECORDS, REFUSED_POINTS, REFUSED_RECORDS};

const fn about(name: &'static str, help: &'static str, unit: &'static str) -> MetricAbout {
    MetricAbout { name, help, unit }
}

const UP: MetricAbout = about(
    "inferscope_nvml_library_up",
    "Whether the library of the GPUs answers: 1 or 0.",
    "1",
);
const DEVICES: MetricAbout = about(
    "inferscope_nvml_devices",
    "GPUs and MIG instances that answer.",
    "{device}",
);
const FAILED: MetricAbout = about(
    "inferscope_nvml_calls_failed",
    "Answers of the library that gave nothing, by reason: lost, library, garbage, permission, other.",
    "{call}",
);
const ABANDONED: MetricAbout = about(
    "inferscope_nvml_threads_abandoned",
    "Threads that did not come back from the library in time.",
    "{thread}",
);
const DROPPED: MetricAbout = about(
    "inferscope_nvml_xids_dropped",
    "Events that no log record was made of: there were too many, or no pipeline took them.",
    "{event}",
);

const IGNORED: MetricAbout = about(
    "inferscope_nvml_samples_ignored",
    "Samples that were not kept for gpu_context, by reason: time_backwards, when the clock was set back by up to two seconds.",
    "{sample}",
);
const LEFT_OUT: MetricAbout = about(
    "inferscope_nvml_processes_left_out",
    "Processes that nothing was told of, because their device has more than may be told.",
    "{process}",
);
const UNNUMBERED: MetricAbout = about(
    "inferscope_nvml_instances_unnumbered",
    "MIG instances of which the library has not told the number yet: nothing has run in them.",
    "{instance}",
);

/// All of them, for the component table.
pub(super) const ALL: &[MetricAbout] = &[
    ACCEPTED_POINTS,
    REFUSED_POINTS,
    ACCEPTED_RECORDS,
    REFUSED_RECORDS,
    UP,
    DEVICES,
    FAILED,
    ABANDONED,
    DROPPED,
    IGNORED,
    LEFT_OUT,
    UNNUMBERED,
];

/// The label of samples that came before the newest.
const TIME_BACKWARDS: &str = "time_backwards";

/// The instruments.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    pub(super) up: Gauge,
    pub(super) devices: Gauge,
    pub(super) abandoned: Counter,
    pub(super) dropped: Counter,
    /// Samples that came before the newest.
    pub(super) ignored: Counter,
    pub(super) left_out: Counter,
    pub(super) unnumbered: Gauge,
    /// By [`WORDS`]: all of them are there from the beginning, so that a rate sees the first failure.
    failed: [Counter; WORDS.len()],
    /// Taken and refused, of metrics and of logs.
    ended: [[Counter; 2]; 2],
}

impl Counts {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        Self {
            up: telemetry.gauge(UP),
            devices: telemetry.gauge(DEVICES),
            abandoned: telemetry.counter(ABANDONED),
            dropped: telemetry.counter(DROPPED),
            ignored: telemetry.with("reason", TIME_BACKWARDS).counter(IGNORED),
            left_out: telemetry.counter(LEFT_OUT),
            unnumbered: telemetry.gauge(UNNUMBERED),
            failed: WORDS.map(|word| telemetry.with("reason", word).counter(FAILED)),
            ended: [
                [telemetry.counter(ACCEPTED_POINTS), telemetry.counter(REFUSED_POINTS)],
                [telemetry.counter(ACCEPTED_RECORDS), telemetry.counter(REFUSED_RECORDS)],
            ],
        }
    }

    /// A call gave nothing.
    pub(super) fn failed(&self, reason: &'static str) {
        for (word, counter) in WORDS.iter().zip(&self.failed) {
            if *word == reason {
                counter.add(1);
            }
        }
    }

    /// How a batch of points ended.
    pub(super) fn points(&self, outcome: &Outcome, items: u64) {
        self.ended[0][usize::from(!outcome.is_ok())].add(items);
    }

    /// How a batch of log records ended.
    pub(super) fn records(&self, outcome: &Outcome, items: u64) {
        self.ended[1][usize::from(!outcome.is_ok())].add(items);
    }
}
