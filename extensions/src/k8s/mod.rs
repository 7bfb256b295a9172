#![doc = include_str!("README.md")]

mod config;
mod gone;
mod kind;
mod meters;
mod place;
mod pod;
mod said;
mod slice;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod texts;
mod watches;
mod work;

use ::config::{Environment, Signal, System};
use futures_util::FutureExt;
use kubernetes::Cluster;
use pipeline::component::{About, BuildError, Component, Extension, Service, Setup, Stability, Stop};

pub use self::config::{AuthType, Config};
use self::work::Work;

/// Asks the API server for pods, namespaces and nodes.
pub struct K8s;

impl Component for K8s {
    const ABOUT: About = About {
        name: "k8s",
        aliases: &[],
        summary: "Asks the API server of the cluster for pods, namespaces and nodes, and tells the pipelines",
        signals: &[] as &[Signal],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &meters::ALL,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Extension for K8s {
    async fn start(config: Config, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
        start(&config, setup, stop, &System).await
    }
}

async fn start(
    config: &Config,
    setup: Setup,
    stop: Stop,
    environment: &(dyn Environment + Sync),
) -> Result<Service, BuildError> {
    let node = config
        .node(environment)
        .map_err(|unfit| BuildError::new(unfit.to_string()))?;
    let access = config
        .access(environment)
        .map_err(|unfit| BuildError::new(unfit.to_string()))?;
    let cluster = Cluster::new(&access)
        .await
        .map_err(|cause| BuildError::new(cause.to_string()))?;
    let mut work = Work::new(config, node.as_deref(), &cluster, setup);
    work.wait(config.wait.get(), &stop).await;
    Ok(work.run(stop).map(Ok).boxed())
}
