#![doc = include_str!("README.md")]

mod aggregator;
mod config;
mod count;
mod dimensions;
mod families;
mod glob;
mod lately;
mod layout;
mod meters;
mod sampling;
mod seen;
mod sketch;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Connection, Connector, Outlets, Setup, Stability};

pub use config::Config;

use crate::aggregation::connect;
use aggregator::{Plan, SpanCounts};
use meters::{METRICS, Meters};

/// Counts spans and how long they took.
pub struct SpanMetrics;

impl Component for SpanMetrics {
    const ABOUT: About = About {
        name: "span_metrics",
        aliases: &["spanmetrics"],
        summary: "Counts spans and how long they took, by service, name, kind and status",
        signals: &[Signal::Traces],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: METRICS,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Connector for SpanMetrics {
    const ROUTES: &'static [(Signal, Signal)] = &[(Signal::Traces, Signal::Metrics)];

    fn build(config: &Config, setup: &Setup, outlets: Outlets) -> Result<Connection, BuildError> {
        let plan = Arc::new(Plan::of(config, Meters::of(&setup.telemetry)));
        let make = || SpanCounts::new(Arc::clone(&plan));
        Ok(connect(make, *config.metrics_flush_interval, setup, outlets))
    }
}
