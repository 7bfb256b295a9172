#![doc = include_str!("README.md")]

mod config;
mod report;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::sync::Arc;

use ::config::Signal;
use futures_util::FutureExt;
use net::page::{Page, Pages};
use net::server::Server;
use pipeline::component::{About, BuildError, Component, Extension, Service, Setup, Stability, Stop};

pub use self::config::{Config, ResponseBody};
use self::report::Probe;

/// Where the Collector answers probes.
const ENDPOINT: &str = "localhost:13133";

/// Tells probes whether the program works.
pub struct HealthCheck;

impl Component for HealthCheck {
    const ABOUT: About = About {
        name: "health_check",
        aliases: &[],
        summary: "Answers probes: 200 while it takes telemetry, 503 while it starts or stops",
        signals: &[] as &[Signal],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Extension for HealthCheck {
    async fn start(config: Config, setup: Setup, stop: Stop) -> Result<Service, BuildError> {
        let block = config.server();
        let endpoint = block.endpoint_or(ENDPOINT);
        let server = Server::bind(
            block.transport,
            endpoint,
            block.tls.as_ref(),
            block.rules(),
            &setup.outside,
        )
        .await?;
        if let Some(address) = server.local_addr() {
            tracing::info!(extension = %setup.id, %address, "listening");
        }
        let path = config.path().to_owned();
        let probe = Probe::new(config.response_body(), setup.health, setup.outside.clock);
        let pages = Pages::new(move |asked| if asked == path { probe.page() } else { Page::not_found() });
        Ok(server.serve(Arc::new(pages), stop).map(Ok).boxed())
    }
}
