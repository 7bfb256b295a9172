//! `sending_queue`, `retry_on_failure` and `timeout`: the Collector's blocks, keys and defaults.

use config::{Duration, Report, Validate};
use serde::Deserialize;

use crate::Outcome;

/// Queue, retry and timeout of one exporter.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Whether and how to try again.
    pub retry_on_failure: RetryOnFailure,
    /// What waits, and how much.
    pub sending_queue: SendingQueue,
}

/// Whether and how to try again after a failure that may pass.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryOnFailure {
    /// Off: one attempt, then the batch is counted as failed.
    pub enabled: bool,
    /// The first wait; ten milliseconds where it is less.
    pub initial_interval: Duration,
    /// Each wait is spread by this share of itself, so that many senders do not return together.
    pub randomization_factor: f64,
    /// Each wait is this many times the one before.
    pub multiplier: f64,
    /// The longest wait.
    pub max_interval: Duration,
    /// After this long the batch is given up and counted; 0 never gives up.
    pub max_elapsed_time: Duration,
}

/// What waits for a destination, and how much of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SendingQueue {
    /// Off: senders wait for the destination's answer.
    pub enabled: bool,
    /// Attempts under way at once.
    pub num_consumers: u32,
    /// How much may wait, counted as `sizer` says.
    pub queue_size: u64,
    /// What `queue_size` counts.
    pub sizer: QueueSizer,
    /// Senders hear the destination's answer instead of "queued".
    pub wait_for_result: bool,
    /// A full queue holds senders up instead of refusing.
    pub block_on_overflow: bool,
    /// A storage extension to keep the queue on disk.
    pub storage: Option<String>,
    /// Merges what waits into larger requests.
    pub batch: Option<BatchInQueue>,
}

/// What the size of a queue counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueSizer {
    /// Export requests.
    Requests,
    /// Spans, data points, log records.
    Items,
    /// Bytes of OTLP.
    Bytes,
}

/// Merges what waits into larger requests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchInQueue {
    /// A request leaves at this age, however small.
    pub flush_timeout: Duration,
    /// A request leaves at this size.
    pub min_size: u64,
    /// No request is larger than this; 0 for no limit.
    pub max_size: u64,
    /// What the sizes count: items or bytes.
    pub sizer: QueueSizer,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            retry_on_failure: RetryOnFailure::default(),
            sending_queue: SendingQueue::default(),
        }
    }
}

impl Delivery {
    /// For exporters without queue, retry or timeout keys, such as `debug`: the sender waits for the one attempt.
    pub fn direct() -> Self {
        let sending_queue = SendingQueue {
            enabled: false,
            ..SendingQueue::default()
        };
        let retry_on_failure = RetryOnFailure {
            enabled: false,
            ..RetryOnFailure::default()
        };
        Self {
            timeout: Duration::from_secs(0),
            retry_on_failure,
            sending_queue,
        }
    }
}

impl Delivery {
    /// Whether senders hear the destination's answer rather than that the batch is queued.
    pub fn tells_result(&self) -> bool {
        !self.sending_queue.enabled || self.sending_queue.wait_for_result
    }

    /// What OK means to a sender.
    pub fn answer(&self) -> Outcome {
        if self.tells_result() {
            Outcome::Delivered
        } else {
            Outcome::Queued
        }
    }
}

impl Default for RetryOnFailure {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
        }
    }
}

impl Default for SendingQueue {
    fn default() -> Self {
        Self {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
            sizer: QueueSizer::Requests,
            wait_for_result: false,
            block_on_overflow: false,
            storage: None,
            batch: None,
        }
    }
}

impl Default for BatchInQueue {
    fn default() -> Self {
        Self {
            flush_timeout: Duration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: QueueSizer::Items,
        }
    }
}

impl Validate for RetryOnFailure {
    fn validate(&self, report: &mut Report<'_>) {
        if !self.enabled {
            return;
        }
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            report.reject("randomization_factor", "must be between 0 and 1");
        }
        if !self.multiplier.is_finite() || self.multiplier < 1.0 {
            report.reject("multiplier", "must be at least 1: waits never shrink");
        }
        let limit = *self.max_elapsed_time;
        if limit.is_zero() {
            return;
        }
        if limit < *self.initial_interval {
            report.reject(
                "max_elapsed_time",
                "must be at least `initial_interval`, or 0 to never give up",
            );
        }
        if limit < *self.max_interval {
            report.reject(
                "max_elapsed_time",
                "must be at least `max_interval`, or 0 to never give up",
            );
        }
    }
}

impl Validate for SendingQueue {
    fn validate(&self, report: &mut Report<'_>) {
        if !self.enabled {
            return;
        }
        if self.num_consumers == 0 {
            report.reject("num_consumers", "must be at least 1");
        }
        if self.queue_size == 0 {
            report.reject("queue_size", "must be at least 1");
        }
        if self.storage.is_some() {
            report.reject(
                "storage",
                "a queue on disk is not available yet; remove `storage` to queue in memory",
            );
        }
        if let Some(batch) = &self.batch {
            report.without_effect(
                "batch",
                "the queue does not merge requests yet; use the `batch` processor",
            );
            report.within("batch", |report| batch.validate(report));
        }
    }
}

impl Validate for BatchInQueue {
    fn validate(&self, report: &mut Report<'_>) {
        if self.sizer == QueueSizer::Requests {
            report.reject("sizer", "must be `items` or `bytes`");
        }
        if self.max_size != 0 && self.max_size < self.min_size {
            report.reject("max_size", "must be 0 or at least `min_size`");
        }
        if self.flush_timeout.is_zero() {
            report.reject("flush_timeout", "must be longer than 0");
        }
    }
}
