#![doc = include_str!("README.md")]

mod config;
mod counts;
mod door;
mod ferry;
mod front;
mod grpc;
mod http;
mod refusal;
mod reply;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

use std::sync::Arc;

use ::config::Signal;
use futures_util::FutureExt;
use futures_util::future::join_all;
use net::server::Server;
use pipeline::component::{About, BuildError, Component, Outlets, Receiver, Service, Setup, Stability, Stop};

pub use self::config::{Config, HttpProtocol, Protocols, UrlPaths};
use self::front::Front;

/// Where gRPC is expected, as everywhere in OpenTelemetry.
const GRPC_ENDPOINT: &str = "localhost:4317";
/// Where HTTP is expected.
const HTTP_ENDPOINT: &str = "localhost:4318";

/// Takes OTLP over gRPC and HTTP.
pub struct Otlp;

impl Component for Otlp {
    const ABOUT: About = About {
        name: "otlp",
        aliases: &[],
        summary: "Takes OTLP over gRPC and HTTP, protobuf and JSON, plain, gzip and zstd",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: counts::ALL,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Receiver for Otlp {
    async fn start(config: Config, setup: Setup, outlets: Outlets, stop: Stop) -> Result<Service, BuildError> {
        let servers = listen(&config, &setup).await?;
        let front = Arc::new(Front::new(&config, &setup, &outlets));
        let serving = servers
            .into_iter()
            .map(move |server| server.serve(Arc::clone(&front), stop.clone()));
        let serving: Vec<_> = serving.collect();
        Ok(join_all(serving).map(|_| Ok(())).boxed())
    }
}

/// The listeners that the configuration asks for. Each speaks gRPC and HTTP.
async fn listen(config: &Config, setup: &Setup) -> Result<Vec<Server>, BuildError> {
    let mut servers = Vec::new();
    if let Some(grpc) = &config.protocols.grpc {
        let (endpoint, tls) = (grpc.endpoint_or(GRPC_ENDPOINT), grpc.tls.as_ref());
        servers.push(Server::bind(grpc.transport, endpoint, tls, grpc.rules(), &setup.outside).await?);
    }
    if let Some(HttpProtocol { server, .. }) = &config.protocols.http {
        let (endpoint, tls) = (server.endpoint_or(HTTP_ENDPOINT), server.tls.as_ref());
        servers.push(Server::bind(server.transport, endpoint, tls, server.rules(), &setup.outside).await?);
    }
    for server in &servers {
        if let Some(address) = server.local_addr() {
            tracing::info!(receiver = %setup.id, %address, "listening");
        }
    }
    Ok(servers)
}
