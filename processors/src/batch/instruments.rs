//! What the processor tells about itself.

use pipeline::Batch;
use pipeline::telemetry::{Counter, Gauge, Histogram, MetricAbout, Telemetry};

use super::bounds::Size;

/// All of them, for the tables.
pub(super) const METRICS: &[MetricAbout] = &[
    SEND_SIZE,
    SEND_SIZE_BYTES,
    SIZE_TRIGGER,
    TIMEOUT_TRIGGER,
    IDLE_TRIGGER,
    METADATA_CARDINALITY,
];

const SEND_SIZE: MetricAbout = MetricAbout {
    name: "otelcol_processor_batch_batch_send_size",
    help: "Items in a batch that was sent.",
    unit: "{item}",
};
const SEND_SIZE_BYTES: MetricAbout = MetricAbout {
    name: "otelcol_processor_batch_batch_send_size_bytes",
    help: "Bytes in a batch that was sent.",
    unit: "By",
};
const SIZE_TRIGGER: MetricAbout = MetricAbout {
    name: "otelcol_processor_batch_batch_size_trigger_send",
    help: "Batches that were sent because they were full.",
    unit: "{time}",
};
const TIMEOUT_TRIGGER: MetricAbout = MetricAbout {
    name: "otelcol_processor_batch_timeout_trigger_send",
    help: "Batches that were sent because their time was up or the pipeline ended.",
    unit: "{time}",
};
const IDLE_TRIGGER: MetricAbout = MetricAbout {
    name: "inferscope_processor_batch_idle_trigger_send",
    help: "Batches that were sent early because nothing else was to do.",
    unit: "{time}",
};
const METADATA_CARDINALITY: MetricAbout = MetricAbout {
    name: "otelcol_processor_batch_metadata_cardinality",
    help: "Combinations of metadata values for which something waits.",
    unit: "{combination}",
};

/// Around the usual sizes, the default of 8192 and its multiples.
const ITEM_BOUNDS: &[f64] = &[
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2e3, 3e3, 4e3, 5e3, 6e3, 7e3, 8e3, 9e3, 1e4, 2e4, 3e4,
    5e4, 1e5,
];

/// From one span to the largest batch; a few beyond, for a single item that is larger.
const BYTE_BOUNDS: &[f64] = &[
    1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 3e5, 4e5, 5e5, 6e5, 7e5, 8e5, 9e5, 1e6, 2e6, 3e6, 4e6, 5e6, 7e6, 9e6,
];

/// Why a batch was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    Size,
    /// Time was up, or the pipeline ended.
    Timeout,
    Idle,
}

pub(super) struct Instruments {
    items: Histogram,
    bytes: Histogram,
    size: Counter,
    timeout: Counter,
    idle: Counter,
    cardinality: Gauge,
}

impl Instruments {
    pub(super) fn of(telemetry: &Telemetry) -> Self {
        Self {
            items: telemetry.histogram(SEND_SIZE, ITEM_BOUNDS),
            bytes: telemetry.histogram(SEND_SIZE_BYTES, BYTE_BOUNDS),
            size: telemetry.counter(SIZE_TRIGGER),
            timeout: telemetry.counter(TIMEOUT_TRIGGER),
            idle: telemetry.counter(IDLE_TRIGGER),
            cardinality: telemetry.gauge(METADATA_CARDINALITY),
        }
    }

    #[allow(clippy::cast_precision_loss)] // Sizes stay far below 2^53.
    pub(super) fn sent(&self, batch: &Batch, trigger: Trigger) {
        let size = Size::of(batch);
        self.items.observe(size.items as f64);
        self.bytes.observe(size.bytes as f64);
        let counter = match trigger {
            Trigger::Size => &self.size,
            Trigger::Timeout => &self.timeout,
            Trigger::Idle => &self.idle,
        };
        counter.add(1);
    }

    /// The gauge is shared by all lanes, so each says what changed.
    pub(super) fn partitions_changed(&self, before: usize, after: usize) {
        self.cardinality.add(after as i64 - before as i64);
    }
}
