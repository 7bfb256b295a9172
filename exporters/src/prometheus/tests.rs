#![allow(clippy::unwrap_used, clippy::expect_used)]

mod configuration;
mod conflicts;
mod formats;
mod lifetime;
mod natives;
mod oracle;
mod properties;
mod scrapes;
mod translation;

use std::sync::Arc;
use std::time::Duration;

use pipeline::component::ExportError;
use pipeline::outside::ManualClock;
use pipeline::payload::Payload;
use pipeline::telemetry::Telemetry;

use super::Prometheus;
use super::negotiate::Format;
use super::shelf::Shelf;
use crate::testing::{config, otlp};
use oracle::Read;

#[test]
fn it_keeps_the_house_rules() {
    pipeline::testing::contract::<Prometheus>();
}

/// What Prometheus 3 sends, without the names of other formats than ours.
const UTF8: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                    application/openmetrics-text;version=0.0.1;q=0.5,\
                    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const OPEN: &str = "application/openmetrics-text; version=1.0.0";
const TEXT: &str = "text/plain; version=0.0.4";

/// A shelf under a clock that stands still, without the listener.
struct Rig {
    shelf: Shelf,
    clock: Arc<ManualClock>,
    telemetry: Telemetry,
    has_open_metrics: bool,
}

impl Rig {
    /// Few labels, so that pages are short to write; `yaml` are further keys.
    fn quiet(yaml: &str) -> Self {
        Self::new(&format!("without_scope_info: true\n{yaml}"))
    }

    fn new(yaml: &str) -> Self {
        let config = config::<Prometheus>(&format!("endpoint: localhost:0\n{yaml}")).unwrap();
        let clock = Arc::new(ManualClock::new());
        let telemetry = Telemetry::default();
        Self {
            shelf: Shelf::new(&config, &telemetry, clock.clone()),
            clock,
            telemetry,
            has_open_metrics: config.has_open_metrics(),
        }
    }

    fn take(&self, payload: &Payload) -> Result<(), ExportError> {
        self.shelf.take(&otlp::metrics_of(payload))
    }

    /// The page that a scraper gets who accepts this.
    fn page(&self, accept: &str) -> String {
        let format = Format::accepted(accept, self.has_open_metrics);
        String::from_utf8(self.shelf.page(format)).unwrap()
    }

    /// The same, read and checked.
    fn read(&self, accept: &str) -> Read {
        let format = Format::accepted(accept, self.has_open_metrics);
        let rules = oracle::Rules {
            is_open: format.syntax == super::negotiate::Syntax::OpenMetrics,
            has_utf8: format.has_utf8,
        };
        oracle::read(&self.page(accept), rules)
    }

    /// Lines without comments.
    fn samples(&self, accept: &str) -> Vec<String> {
        let page = self.page(accept);
        self.read(accept);
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        samples.map(str::to_owned).collect()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What an own metric stands at, by the end of its line's labels.
    fn counted(&self, name: &str, label: &str) -> u64 {
        let page = self.telemetry.metrics().render(pipeline::telemetry::Suffixes::none());
        let mut lines = page
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(label));
        lines
            .next()
            .map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}
