#![doc = include_str!("README.md")]

mod allowance;
mod config;
#[cfg(test)]
mod tests;
mod total;

use ::config::Signal;
use pipeline::Budget;
use pipeline::component::{About, BuildError, Component, Processor, Setup, Stability, Stage};

pub use allowance::COPIES_MAX;
pub use config::Config;

use allowance::Allowance;

/// Sets how much memory batches may hold. The refusing is done by receivers, before they read a body.
pub struct MemoryLimiter;

impl Component for MemoryLimiter {
    const ABOUT: About = About {
        name: "memory_limiter",
        aliases: &[],
        summary: "Refuses requests while the batches under way hold as much memory as they may",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Processor for MemoryLimiter {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        let total = || total::total(setup.outside.storage.as_ref());
        let allowance = Allowance::of(config, total).map_err(|unknown| BuildError::new(unknown.to_string()))?;
        tighten(&setup.budget, &allowance);
        Ok(Stage::Nothing)
    }
}

/// Sets the process's budget. It is one for all pipelines, so of several limiters the tightest counts.
fn tighten(budget: &Budget, allowance: &Allowance) {
    let Allowance { limit, soft, batches } = *allowance;
    if budget.tighten(batches) {
        tracing::info!(limit, soft, batches, "memory limit set, in bytes");
    }
}
