//! What a driver counts, under the Collector's names.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use config::{Kind, Signal};

use super::driver::Shared;
use crate::component::{ExportError, Setup};
use crate::ledger::signal_name;
use crate::telemetry::{Counter, Histogram, ItemFlow, ItemOutcome, ItemSide, MetricAbout, Telemetry};

const QUEUE_SIZE: MetricAbout = MetricAbout {
    name: "otelcol_exporter_queue_size",
    help: "How much waits in the sending queue, counted as its sizer says.",
    unit: "",
};
const QUEUE_CAPACITY: MetricAbout = MetricAbout {
    name: "otelcol_exporter_queue_capacity",
    help: "How much may wait in the sending queue, counted as its sizer says.",
    unit: "",
};
const IN_FLIGHT: MetricAbout = MetricAbout {
    name: "otelcol_exporter_in_flight_requests",
    help: "Export requests that wait for the destination's answer.",
    unit: "{request}",
};
const ENQUEUE_SIZE: MetricAbout = MetricAbout {
    name: "otelcol_exporter_enqueue_size",
    help: "Items in a request that was added to the sending queue; at level detailed.",
    unit: "{unit}",
};
const ENQUEUE_SIZE_BYTES: MetricAbout = MetricAbout {
    name: "otelcol_exporter_enqueue_size_bytes",
    help: "Bytes in a request that was added to the sending queue; at level detailed.",
    unit: "By",
};

/// The Collector's bounds: around the usual sizes, the default of 8192 and its multiples.
const ITEM_BOUNDS: &[f64] = &[
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2e3, 3e3, 4e3, 5e3, 6e3, 7e3, 8e3, 9e3, 1e4, 2e4, 3e4,
    5e4, 1e5,
];

/// The Collector's bounds: powers of two from 128 bytes to 16 MiB.
const BYTE_BOUNDS: &[f64] = &[
    128.0,
    256.0,
    512.0,
    1024.0,
    2048.0,
    4096.0,
    8192.0,
    16384.0,
    32768.0,
    65536.0,
    131_072.0,
    262_144.0,
    524_288.0,
    1_048_576.0,
    2_097_152.0,
    4_194_304.0,
    8_388_608.0,
    16_777_216.0,
];

/// What became of the items that an exporter was given.
pub(super) struct Counts {
    pub(super) sent: Counter,
    send_failed: Failed,
    enqueue_failed: Counter,
    consumed: Option<ItemFlow>,
    /// Items and bytes of what was queued, where everything is measured.
    sizes: Option<(Histogram, Histogram)>,
}

/// Items that could not be delivered: one counter, or one for each kind of failure where everything is measured.
struct Failed {
    all: Counter,
    by_kind: Option<(Telemetry, MetricAbout)>,
}

/// How the words begin that say that an attempt took too long.
pub(super) const NO_ANSWER: &str = "no answer within";

/// What stood in the way of an export, in the words of the Collector's `error.type`. Exporters say what follows from
/// a failure, not which code the destination gave, so most are `_OTHER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorType {
    /// The program ended first.
    Shutdown,
    /// The destination finds the request too large.
    ResourceExhausted,
    /// The destination took too long.
    DeadlineExceeded,
    /// Anything else.
    Other,
}

impl ErrorType {
    pub(super) fn of(error: &ExportError, is_ending: bool) -> Self {
        match error {
            ExportError::TooLarge { .. } => Self::ResourceExhausted,
            ExportError::Retry { .. } | ExportError::RetryRest { .. } if is_ending => Self::Shutdown,
            ExportError::Retry { cause, .. } if cause.starts_with(NO_ANSWER) => Self::DeadlineExceeded,
            _ => Self::Other,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Shutdown => "Shutdown",
            Self::ResourceExhausted => "ResourceExhausted",
            Self::DeadlineExceeded => "Deadline_Exceeded",
            Self::Other => "_OTHER",
        }
    }
}

impl Counts {
    pub(super) fn new(signal: Signal, setup: &Setup) -> Self {
        let (sent, send_failed, enqueue_failed) = names(signal);
        let telemetry = &setup.telemetry;
        let sizes = telemetry.is_detailed().then(|| {
            (
                telemetry.histogram(ENQUEUE_SIZE, ITEM_BOUNDS),
                telemetry.histogram(ENQUEUE_SIZE_BYTES, BYTE_BOUNDS),
            )
        });
        let exporter = (Kind::Exporter, &setup.id);
        Self {
            sent: telemetry.counter(sent),
            send_failed: Failed {
                all: telemetry.counter(send_failed),
                by_kind: telemetry.is_detailed().then(|| (telemetry.clone(), send_failed)),
            },
            enqueue_failed: telemetry.counter(enqueue_failed),
            consumed: ItemFlow::new(telemetry.metrics(), exporter, signal, ItemSide::Consumed, None),
            sizes,
        }
    }

    /// The queue took a request.
    #[allow(clippy::cast_precision_loss)] // Sizes stay far below 2^53.
    pub(super) fn taken(&self, items: u64, bytes: u64) {
        if let Some(consumed) = &self.consumed {
            consumed.add(ItemOutcome::Success, items);
        }
        if let Some((of_items, of_bytes)) = &self.sizes {
            of_items.observe(items as f64);
            of_bytes.observe(bytes as f64);
        }
    }

    /// The queue did not take a request.
    pub(super) fn not_taken(&self, items: u64) {
        self.enqueue_failed.add(items);
        if let Some(consumed) = &self.consumed {
            consumed.add(ItemOutcome::Failure, items);
        }
    }

    /// Items could not be delivered.
    pub(super) fn send_failed(&self, items: u64, error_type: ErrorType, is_permanent: bool) {
        if items == 0 {
            return;
        }
        // Failures are rare, so the counter is looked up and not kept.
        match &self.send_failed.by_kind {
            None => self.send_failed.all.add(items),
            Some((telemetry, about)) => telemetry
                .with("error.type", error_type.name())
                .with("error.permanent", is_permanent.to_string())
                .counter(*about)
                .add(items),
        }
    }
}

/// Lets the sizes of a driver's queue be read.
#[allow(clippy::cast_precision_loss)] // Sizes stay far below 2^53.
pub(super) fn publish(driver: &Arc<Shared>, signal: Signal) {
    let telemetry = driver.setup.telemetry.with("data_type", signal_name(signal));
    let probe = |about, read: fn(&Shared) -> f64| {
        let weak = Arc::downgrade(driver);
        telemetry.gauge_probe(about, move || weak.upgrade().map_or(0.0, |driver| read(&driver)));
    };
    if driver.delivery.sending_queue.enabled {
        probe(QUEUE_SIZE, |driver| driver.queue.size() as f64);
        probe(QUEUE_CAPACITY, |driver| driver.queue.capacity() as f64);
    }
    probe(IN_FLIGHT, |driver| driver.in_flight.load(Ordering::Relaxed) as f64);
}

/// What drivers count.
pub(crate) fn all() -> Vec<MetricAbout> {
    let of_signals = [Signal::Traces, Signal::Metrics, Signal::Logs].map(names);
    let of_signals = of_signals
        .into_iter()
        .flat_map(|(sent, failed, enqueue)| [sent, failed, enqueue]);
    let sizes = [QUEUE_SIZE, QUEUE_CAPACITY, IN_FLIGHT, ENQUEUE_SIZE, ENQUEUE_SIZE_BYTES];
    of_signals.chain(sizes).collect()
}

const fn names(signal: Signal) -> (MetricAbout, MetricAbout, MetricAbout) {
    const fn trio(names: [&'static str; 3], unit: &'static str) -> (MetricAbout, MetricAbout, MetricAbout) {
        let [sent, failed, enqueue] = names;
        (
            MetricAbout {
                name: sent,
                help: "Items that the destination accepted.",
                unit,
            },
            MetricAbout {
                name: failed,
                help: "Items that could not be delivered.",
                unit,
            },
            MetricAbout {
                name: enqueue,
                help: "Items that were refused because the sending queue was full or, at the end, closed.",
                unit,
            },
        )
    }
    match signal {
        Signal::Traces => trio(
            [
                "otelcol_exporter_sent_spans",
                "otelcol_exporter_send_failed_spans",
                "otelcol_exporter_enqueue_failed_spans",
            ],
            "{span}",
        ),
        Signal::Metrics => trio(
            [
                "otelcol_exporter_sent_metric_points",
                "otelcol_exporter_send_failed_metric_points",
                "otelcol_exporter_enqueue_failed_metric_points",
            ],
            "{datapoint}",
        ),
        Signal::Logs => trio(
            [
                "otelcol_exporter_sent_log_records",
                "otelcol_exporter_send_failed_log_records",
                "otelcol_exporter_enqueue_failed_log_records",
            ],
            "{record}",
        ),
    }
}
