#![doc = include_str!("README.md")]

mod config;
mod energy;
mod lateness;
mod ledger;
mod meters;
mod reading;
mod resolve;
mod sheets;
mod stage;
mod state;
mod used;
mod waiting;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, On, Processor, Reliance, Setup, Stability, Stage};

pub use self::config::{AttributionConfig, Config};

use self::meters::Meters;
use self::stage::GpuStage;

/// The processor `gpu_context`.
pub struct GpuContext;

impl Component for GpuContext {
    const ABOUT: About = About {
        name: "gpu_context",
        aliases: &[],
        summary: "Says which GPUs a request and its phases ran on, and what these did meanwhile",
        signals: &[Signal::Traces],
        stability: Stability::Alpha,
        holds_traces: true,
        metrics: &meters::ALL,
    };

    const EXAMPLE: &'static str = include_str!("example.yaml");

    type Config = Config;
}

impl Processor for GpuContext {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        let meters = Meters::new(&setup.telemetry);
        let context = setup.context.clone();
        Ok(Stage::Spans(Box::new(GpuStage::new(
            config,
            context,
            meters,
            &setup.budget,
        ))))
    }

    fn leans_on(_config: &Config) -> Vec<Reliance> {
        vec![
            Reliance {
                on: On::InFront("llm_phases"),
                loss: "only requests that were laid out, and their phases, are joined with GPUs",
            },
            Reliance {
                on: On::Receiver("nvml"),
                loss: "no GPU is known, so nothing is written",
            },
            Reliance {
                on: On::NotBehind("batch"),
                loss: "what was merged from several senders has no address by which their pods are known",
            },
        ]
    }
}

#[cfg(test)]
mod tests;
