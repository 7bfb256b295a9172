//! Reading the pages of one target without a socket, for benches.

use std::sync::Arc;

use bytes::Bytes;
use pipeline::payload::scrape::Scrape;

use super::exposition::Format;
use super::labels::Labels;
use super::rules::SeriesRules;
use super::table::Table;

/// The pages of one target, one after another.
#[derive(Debug)]
pub struct Pages {
    table: Table,
    rules: SeriesRules,
}

impl Pages {
    /// Nothing read yet from a target with these labels.
    pub fn of(labels: &[(&str, &str)]) -> Self {
        let rules = SeriesRules {
            target: labels.iter().copied().collect(),
            resource: Labels::default(),
            scheme: "http",
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps: false,
            relabel: Arc::from([]),
            external: Arc::new(Labels::default()),
            samples_max: 0,
            labels_max: 0,
            name_bytes_max: 0,
            value_bytes_max: 0,
            dialect: None,
        };
        Self {
            table: Table::new(),
            rules,
        }
    }

    /// Reads a page in the text format, as scraped at this time in milliseconds since 1970; None if it cannot be used.
    pub fn read(&mut self, page: &Bytes, time: i64) -> Option<Scrape> {
        self.table.read(page, Format::Text, &self.rules).ok()?;
        Some(self.table.tell(time).0)
    }
}
