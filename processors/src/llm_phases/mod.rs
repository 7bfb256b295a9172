#![doc = include_str!("README.md")]

mod assembler;
mod child_id;
mod config;
mod departed;
mod effort;
mod engine;
mod intervals;
mod judge;
mod meters;
mod native;
mod output;
mod phase;
mod phases;
mod provenance;
mod reading;
mod request;
mod sglang;
mod sglang_tree;
mod sglang_whole;
mod stage;
mod steps;
mod tgi;
mod triton;
mod usable;
mod verdict;
mod waiting;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Processor, Setup, Stability, Stage};

pub use self::config::{AssemblerConfig, Config, Emit, EngineConfig, Engines};
pub use self::phase::{Phase, Source, Status};
pub use self::phases::{Observed, Phases, Segment, Unusable, time_per_output_token};

use self::meters::Meters;
use self::stage::PhaseStage;

/// The processor `llm_phases`.
pub struct LlmPhases;

impl Component for LlmPhases {
    const ABOUT: About = About {
        name: "llm_phases",
        aliases: &[],
        summary: "Lays out where each LLM request's time went: front end, queue, prefill, decode, detokenize",
        signals: &[Signal::Traces],
        stability: Stability::Beta,
        holds_traces: true,
        metrics: &meters::ALL,
    };

    const EXAMPLE: &'static str = include_str!("example.yaml");

    type Config = Config;
}

impl Processor for LlmPhases {
    fn build(config: &Config, setup: &Setup) -> Result<Stage, BuildError> {
        let meters = Meters::new(&setup.telemetry);
        Ok(Stage::Spans(Box::new(PhaseStage::new(config, meters, &setup.budget))))
    }
}

#[cfg(test)]
mod tests;
