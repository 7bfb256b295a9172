#![doc = include_str!("README.md")]

mod config;
mod counts;
mod door;
mod ferry;
mod front;
mod grpc;
mod guard_log;
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
use net::server::{Guard, Server};
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
        // Each listener has a front of its own: its guard lets in by every protocol that is spoken there.
        let serving = servers.into_iter().map(|(server, guard)| {
            let front = Front::new(&config, &setup, &outlets, guard.as_ref());
            server.serve(Arc::new(front), stop.clone())
        });
        let serving: Vec<_> = serving.collect();
        Ok(join_all(serving).map(|_| Ok(())).boxed())
    }
}

/// The listeners that the configuration asks for, with who guards them. Each speaks gRPC and HTTP.
async fn listen(config: &Config, setup: &Setup) -> Result<Vec<(Server, Option<Guard>)>, BuildError> {
    let mut servers = Vec::new();
    let guard = |auth| Guard::of(auth, &setup.context.authenticators);
    if let Some(grpc) = &config.protocols.grpc {
        let guard = guard(grpc.auth.as_ref())?;
        let (endpoint, tls) = (grpc.endpoint_or(GRPC_ENDPOINT), grpc.tls.as_ref());
        let server = Server::bind(grpc.transport, endpoint, tls, grpc.rules(), &setup.outside).await?;
        servers.push((server.counting(&setup.telemetry.with("transport", "grpc")), guard));
    }
    if let Some(HttpProtocol { server: http, .. }) = &config.protocols.http {
        let guard = guard(http.auth.as_ref())?;
        let (endpoint, tls) = (http.endpoint_or(HTTP_ENDPOINT), http.tls.as_ref());
        let server = Server::bind(http.transport, endpoint, tls, http.rules(), &setup.outside).await?;
        servers.push((server.counting(&setup.telemetry.with("transport", "http")), guard));
    }
    for (server, _) in &servers {
        if let Some(address) = server.local_addr() {
            tracing::info!(receiver = %setup.id, %address, "listening");
        }
    }
    Ok(servers)
}
