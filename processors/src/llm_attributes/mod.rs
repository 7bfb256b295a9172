#![doc = include_str!("README.md")]

mod config;
mod heard;
mod meters;
mod rows;
mod stage;
#[cfg(test)]
mod tests;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Processor, Setup, Stability, Stage};

pub use self::config::{Config, Normalize};

use self::stage::AttributeStage;

/// The processor `llm_attributes`.
pub struct LlmAttributes;

impl Component for LlmAttributes {
    const ABOUT: About = About {
        name: "llm_attributes",
        aliases: &[],
        summary: "Says on spans of LLMs under OpenTelemetry's names what engines and libraries say under their own",
        signals: &[Signal::Traces],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &meters::ALL,
    };

    const EXAMPLE: &'static str = include_str!("example.yaml");

    type Config = Config;
}

impl Processor for LlmAttributes {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        Ok(Stage::Spans(Box::new(AttributeStage::new(config, &setup.telemetry))))
    }
}
