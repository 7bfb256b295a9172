#![doc = include_str!("README.md")]

mod config;
mod counts;
mod desk;
mod family;
mod group;
mod labels;
mod ladder;
mod lines;
mod negotiate;
mod page;
mod rivals;
mod shelf;
mod store;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use ::config::Signal;
use net::server::{Rules, Server};
use pipeline::component::{About, BuildError, Component, Export, ExportError, Exporter, Setup, Stability, Stop};
use pipeline::delivery::Delivery;
use pipeline::payload::Payload;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

pub use config::Config;

use desk::{Desk, SCRAPES_MAX};
use shelf::Shelf;

/// Scrapers with a connection each; more are a mistake or an attack. Who does not read its page holds it in memory until
/// the connection is idle for too long.
const CONNECTIONS_MAX: usize = 64;

/// Shows metrics to Prometheus, which comes for them.
pub struct Prometheus {
    shelf: Arc<Shelf>,
    address: Option<SocketAddr>,
    /// Ends the listener.
    stop: Stop,
    /// Serves until then.
    serving: Mutex<Option<JoinHandle<()>>>,
}

impl Prometheus {
    /// Where it listens; None for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl Component for Prometheus {
    const ABOUT: About = About {
        name: "prometheus",
        aliases: &[],
        summary: "Shows metrics on a page that Prometheus scrapes, as text or OpenMetrics",
        signals: &[Signal::Metrics],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: counts::ALL,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Exporter for Prometheus {
    fn build(config: &Config, setup: &Setup) -> Result<Self, BuildError> {
        let block = config.server();
        let rules = Rules {
            connections_max: CONNECTIONS_MAX,
            streams_max: SCRAPES_MAX as u32,
            ..block.rules()
        };
        let (endpoint, tls) = (&block.endpoint, block.tls.as_ref());
        let server = Server::bind_now(block.transport, endpoint, tls, rules, &setup.outside)?;
        let server = server.counting(&setup.telemetry);
        let address = server.local_addr();
        if let Some(address) = address {
            tracing::info!(exporter = %setup.id, %address, "listening");
        }
        let clock = Arc::clone(&setup.outside.clock);
        let shelf = Arc::new(Shelf::new(config, &setup.telemetry, clock));
        let desk = Desk::new(Arc::clone(&shelf), config.has_open_metrics(), block);
        let stop = Stop::new();
        let serving = tokio::spawn(server.serve(Arc::new(desk), stop.clone()));
        Ok(Self {
            shelf,
            address,
            stop,
            serving: Mutex::new(Some(serving)),
        })
    }

    fn delivery(config: &Config) -> Delivery {
        config.delivery()
    }

    async fn export(&self, export: Export) -> Result<(), ExportError> {
        match export.payload {
            Payload::Metrics(metrics) => self.shelf.take(&metrics),
            _ => Err(ExportError::permanent("Prometheus takes metrics only")),
        }
    }

    async fn stop(&self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.lock().await.take() {
            // A panic of the listener was logged where it happened; there is nothing left to end.
            let _ = serving.await;
        }
    }
}

impl Drop for Prometheus {
    /// Nobody asks it to stop where something else could not be built.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
