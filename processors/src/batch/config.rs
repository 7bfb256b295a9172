//! What users write.

use std::collections::BTreeSet;
use std::time::Duration;

use config::{Report, Validate};

/// How much is sent together and how long the first of it may wait; keys and defaults are the Collector's.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Items (spans, data points, log records) that wait before they are sent. 0 sends every batch at once.
    pub send_batch_size: u32,
    /// How long the first item waits at most. 0 sends every batch at once.
    pub timeout: config::Duration,
    /// Items that are sent together at most; 0 leaves that to the byte bound.
    pub send_batch_max_size: u32,
    /// Request headers whose values must not be mixed in one batch. The receiver has to keep them with
    /// `include_metadata: true`.
    pub metadata_keys: Vec<String>,
    /// Combinations of their values that may wait at the same time, in each lane; 0 for any number.
    pub metadata_cardinality_limit: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            send_batch_size: 8192,
            timeout: Duration::from_millis(200).into(),
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        let (size, max) = (self.send_batch_size, self.send_batch_max_size);
        if max > 0 && max < size {
            let problem = format!("{max} is less than send_batch_size, which is {size}");
            report.help(
                "send_batch_max_size",
                problem,
                format!("write {size} or more, or 0 for no bound"),
            );
        }
        let mut seen = BTreeSet::new();
        for (index, key) in self.metadata_keys.iter().enumerate() {
            if !seen.insert(key.to_ascii_lowercase()) {
                let problem = format!("{key:?} is listed twice; header names do not differ by case");
                report.reject(&format!("metadata_keys::{index}"), problem);
            }
        }
    }
}
