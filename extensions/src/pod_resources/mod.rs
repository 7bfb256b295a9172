#![doc = include_str!("README.md")]

mod config;
mod given;
mod kubelet;
mod proto;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod watch;

use ::config::Signal;
use futures_util::FutureExt;
use pipeline::component::{About, BuildError, Component, Extension, Service, Setup, Stability, Stop};

pub use self::config::Config;
use self::kubelet::Kubelet;
use self::watch::{ALLOCATABLE, DEVICES, PODS, POLLS, UNKNOWN, Watch};

/// Asks the kubelet which devices it has given to which pods.
pub struct PodResources;

impl Component for PodResources {
    const ABOUT: About = About {
        name: "pod_resources",
        aliases: &[],
        summary: "Asks the kubelet which GPUs it has given to which pods",
        signals: &[] as &[Signal],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[POLLS, PODS, DEVICES, ALLOCATABLE, UNKNOWN],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Extension for PodResources {
    async fn start(config: Config, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
        let kubelet = Kubelet::new(&config, &setup.outside)?;
        let watch = Watch::new(&config, kubelet, setup);
        Ok(watch.run(stop).map(Ok).boxed())
    }
}
