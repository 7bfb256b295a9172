#![doc = include_str!("README.md")]

mod answer;
mod config;
mod counting;
mod dictionary;
mod familiar;
mod glob;
mod labels;
mod meters;
mod objectives;
mod publishing;
mod recent;
mod said;
mod spent;
mod tally;
mod telling;
mod tenants;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Connection, Connector, Outlets, Setup, Stability};

pub use self::config::{
    Config, Dimension, ExemplarsConfig, Histograms, Objective, PhasesFrom, RecentConfig, Shape, ShapeKind,
};

use self::counting::{Counting, Shared};
use self::meters::Meters;
use crate::aggregation::connect;

/// The connector `llm_metrics`.
pub struct LlmMetrics;

impl Component for LlmMetrics {
    const ABOUT: About = About {
        name: "llm_metrics",
        aliases: &[],
        summary: "Counts LLM requests: time to first token, time per token, phases, tokens, outcomes, objectives met",
        signals: &[Signal::Traces],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &meters::ALL,
    };

    const EXAMPLE: &'static str = include_str!("example.yaml");

    type Config = Config;
}

impl Connector for LlmMetrics {
    const ROUTES: &'static [(Signal, Signal)] = &[(Signal::Traces, Signal::Metrics)];

    fn build(config: &Config, setup: &Setup, outlets: Outlets) -> Result<Connection, BuildError> {
        let shared = Arc::new(Shared::new(config, Meters::new(&setup.telemetry)));
        let temporality = config.aggregation_temporality;
        let requests = &setup.context.engine_requests;
        requests.feed();
        let desk = || Counting::new(Arc::clone(&shared), temporality, requests.clone());
        Ok(connect(desk, *config.metrics_flush_interval, setup, outlets))
    }
}
