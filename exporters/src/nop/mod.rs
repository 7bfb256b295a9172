#![doc = include_str!("README.md")]

mod config;
#[cfg(test)]
mod tests;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Export, ExportError, Exporter, Setup, Stability};
use pipeline::delivery::Delivery;

pub use config::Config;

/// Takes everything and keeps nothing.
#[derive(Debug)]
pub struct Nop;

impl Component for Nop {
    const ABOUT: About = About {
        name: "nop",
        aliases: &[],
        summary: "Takes everything and keeps nothing",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Stable,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Exporter for Nop {
    fn build(_config: &Config, _setup: &Setup) -> Result<Self, BuildError> {
        Ok(Self)
    }

    fn delivery(_config: &Config) -> Delivery {
        Delivery::direct()
    }

    async fn export(&self, _export: Export) -> Result<(), ExportError> {
        Ok(())
    }
}
