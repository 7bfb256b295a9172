#![doc = include_str!("README.md")]

mod config;
pub(crate) mod metrics;
pub mod profile;
pub(crate) mod requests;
pub mod tables;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::marker::PhantomData;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Outlets, Receiver, Service, Setup, Stability, Stop};

pub use self::config::Config;
pub use self::metrics::GROUPS;
use self::profile::Profile;
use crate::prometheus;

/// Scrapes one kind of engine. All that they differ in is a name and a table.
pub struct EngineReceiver<E>(PhantomData<E>);

/// A kind of engine.
pub trait Engine: Send + 'static {
    /// The type of the receiver.
    const NAME: &'static str;
    /// What it does, in one sentence.
    const SUMMARY: &'static str;
    /// A configuration that works as it stands.
    const EXAMPLE: &'static str;

    /// What its metrics mean.
    fn profile() -> &'static Profile;
}

impl<E: Engine> Component for EngineReceiver<E> {
    const ABOUT: About = About {
        name: E::NAME,
        aliases: &[],
        summary: E::SUMMARY,
        signals: &[Signal::Metrics],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: prometheus::METRICS,
    };
    const EXAMPLE: &'static str = E::EXAMPLE;
    type Config = Config;
}

impl<E: Engine> Receiver for EngineReceiver<E> {
    async fn start(config: Config, setup: Setup, outlets: Outlets, stop: Stop) -> Result<Service, BuildError> {
        let what = config.scraping(&setup.id.to_string());
        let dialect = config.dialect(E::profile());
        prometheus::scrape(
            &what,
            config.report_extra_scrape_metrics,
            Some(dialect),
            &setup,
            outlets,
            stop,
        )
        .await
    }
}

/// vLLM, and what speaks its names.
pub enum Vllm {}
/// SGLang.
pub enum Sglang {}
/// Text Generation Inference.
pub enum Tgi {}
/// Triton.
pub enum Triton {}
/// Ray Serve.
pub enum RayServe {}
/// NVIDIA's dcgm-exporter.
pub enum Dcgm {}

impl Engine for Vllm {
    const NAME: &'static str = "vllm";
    const SUMMARY: &'static str = "Scrapes vLLM, and tells its metrics under the names of all engines as well";
    const EXAMPLE: &'static str = include_str!("example.yaml");

    fn profile() -> &'static Profile {
        &tables::VLLM
    }
}

impl Engine for Sglang {
    const NAME: &'static str = "sglang";
    const SUMMARY: &'static str = "Scrapes SGLang, and tells its metrics under the names of all engines as well";
    const EXAMPLE: &'static str = include_str!("examples/sglang.yaml");

    fn profile() -> &'static Profile {
        &tables::SGLANG
    }
}

impl Engine for Tgi {
    const NAME: &'static str = "tgi";
    const SUMMARY: &'static str =
        "Scrapes Text Generation Inference, and tells its metrics under the names of all engines as well";
    const EXAMPLE: &'static str = include_str!("examples/tgi.yaml");

    fn profile() -> &'static Profile {
        &tables::TGI
    }
}

impl Engine for Triton {
    const NAME: &'static str = "triton";
    const SUMMARY: &'static str = "Scrapes Triton, and tells its metrics under the names of all engines as well";
    const EXAMPLE: &'static str = include_str!("examples/triton.yaml");

    fn profile() -> &'static Profile {
        &tables::TRITON
    }
}

impl Engine for RayServe {
    const NAME: &'static str = "ray_serve";
    const SUMMARY: &'static str =
        "Scrapes Ray Serve, and tells its metrics and vLLM's under the names of all engines as well";
    const EXAMPLE: &'static str = include_str!("examples/ray_serve.yaml");

    fn profile() -> &'static Profile {
        &tables::RAY_SERVE
    }
}

impl Engine for Dcgm {
    const NAME: &'static str = "dcgm";
    const SUMMARY: &'static str =
        "Scrapes NVIDIA's dcgm-exporter, and tells its metrics in OpenTelemetry's names and units as well";
    const EXAMPLE: &'static str = include_str!("examples/dcgm.yaml");

    fn profile() -> &'static Profile {
        &tables::DCGM
    }
}
