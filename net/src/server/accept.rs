//! Takes connections.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use pipeline::Identity;
use pipeline::component::{BuildError, Stop};
use pipeline::outside::{Connection, Listener, Outside};
use pipeline::telemetry::Telemetry;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::bind::{self, Bound, Transport};
use super::certificate;
use super::connection::Tenure;
use super::handshake::{self, Handshakes};
use super::limits::{ACCEPT_PAUSE, HANDSHAKE_MAX};
use super::protocols::Protocols;
use super::{Reply, Rules};
use crate::tls::{Reloading, ServerTls};

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. A panic costs this request only.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Reply>> + Send + 'static;

    /// The answer where [`handle`](Self::handle) panicked.
    fn panicked(&self, grpc: bool) -> Response<Reply>;
}

/// Who is at the other end of a connection; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address; None on a Unix socket.
    pub address: Option<SocketAddr>,
    /// Who that is, by its certificate.
    pub identity: Identity,
}

/// A socket that listens, with its rules; [`serve`](Self::serve) takes connections until it is told to stop.
pub struct Server {
    bound: Bound,
    tls: Option<Arc<Reloading<ServerConfig>>>,
    /// Shared with the connections that are being opened.
    handshakes: Arc<Handshakes>,
    rules: Rules,
    outside: Outside,
}

impl Server {
    /// Listens. Plain text that others can reach is warned about.
    pub async fn bind(
        transport: Transport,
        endpoint: &str,
        tls: Option<&ServerTls>,
        rules: Rules,
        outside: &Outside,
    ) -> Result<Self, BuildError> {
        let tls = tls.map(|tls| reloading(tls, outside)).transpose()?;
        let bound = bind::bind(outside.network.as_ref(), transport, endpoint).await?;
        Ok(Self::of(endpoint, bound, tls, rules, outside))
    }

    /// The same for what is built where nothing can be waited for, such as an exporter.
    pub fn bind_now(
        transport: Transport,
        endpoint: &str,
        tls: Option<&ServerTls>,
        rules: Rules,
        outside: &Outside,
    ) -> Result<Self, BuildError> {
        let tls = tls.map(|tls| reloading(tls, outside)).transpose()?;
        let bound = bind::bind_now(outside.network.as_ref(), transport, endpoint)?;
        Ok(Self::of(endpoint, bound, tls, rules, outside))
    }

    fn of(
        endpoint: &str,
        bound: Bound,
        tls: Option<Arc<Reloading<ServerConfig>>>,
        rules: Rules,
        outside: &Outside,
    ) -> Self {
        let reachable = bound
            .listener
            .local_addr()
            .is_some_and(|address| !address.ip().is_loopback());
        if tls.is_none() && reachable {
            tracing::warn!(
                endpoint,
                "plain text on an address that others can reach; set tls, or listen on localhost"
            );
        }
        Self {
            bound,
            tls,
            handshakes: Arc::default(),
            rules,
            outside: outside.clone(),
        }
    }

    /// Serves on a socket that listens already.
    pub fn on(listener: Box<dyn Listener>, rules: Rules, outside: &Outside) -> Self {
        Self {
            bound: Bound { listener, path: None },
            tls: None,
            handshakes: Arc::default(),
            rules,
            outside: outside.clone(),
        }
    }

    /// Counts handshakes that come to nothing as [`REFUSED_HANDSHAKES`](super::REFUSED_HANDSHAKES); without it they are only
    /// logged.
    #[must_use]
    pub fn counting(self, telemetry: &Telemetry) -> Self {
        Self {
            handshakes: Arc::new(Handshakes::counted_by(telemetry.clone())),
            ..self
        }
    }

    /// Where it listens; None for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.bound.listener.local_addr()
    }

    /// Takes connections until `stop`, then lets the requests under way finish.
    pub async fn serve<H: Handler>(self, handler: Arc<H>, stop: Stop) {
        let protocols = Arc::new(Protocols::new(&self.rules));
        let connections = TaskTracker::new();
        while let Some((io, address)) = self.next(&stop).await {
            if connections.len() >= self.rules.connections_max {
                tracing::warn!(
                    limit = self.rules.connections_max,
                    "too many connections; the newest is closed"
                );
                continue;
            }
            let tls = self
                .tls
                .as_ref()
                .map(|tls| TlsAcceptor::from(tls.current(self.outside.clock.now())));
            let tenure = Tenure::new(&self.rules, &self.outside, stop.clone());
            let (handler, protocols) = (Arc::clone(&handler), Arc::clone(&protocols));
            let mut peer = Peer {
                address,
                identity: Identity::Unasked,
            };
            let (handshakes, clock) = (Arc::clone(&self.handshakes), Arc::clone(&self.outside.clock));
            connections.spawn(async move {
                let Some(tls) = tls else {
                    return tenure.serve(io, peer, handler, &protocols).await;
                };
                match tokio::time::timeout(HANDSHAKE_MAX, tls.accept(io).into_fallible()).await {
                    Ok(Ok(io)) => {
                        peer.identity = certificate::identity(io.get_ref().1.peer_certificates());
                        tenure.serve(io, peer, handler, &protocols).await;
                    }
                    Ok(Err((error, io))) => {
                        handshakes.failed(address, &error, clock.now());
                        handshake::farewell(io).await;
                    }
                    Err(_) => handshakes.was_slow(address, clock.now()),
                }
            });
        }
        connections.close();
        drop(self.bound.listener);
        connections.wait().await;
        if let Some(path) = self.bound.path {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }

    /// The next connection; None once told to stop.
    async fn next(&self, stop: &Stop) -> Option<(Box<dyn Connection>, Option<SocketAddr>)> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                accepted = self.bound.listener.accept() => accepted,
            };
            match accepted {
                Ok(connection) => return Some(connection),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::select! {
                        () = stop.cancelled() => return None,
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
    }
}

fn reloading(tls: &ServerTls, outside: &Outside) -> Result<Arc<Reloading<ServerConfig>>, BuildError> {
    let (tls, interval) = (tls.clone(), tls.reload_interval());
    let loaded = Reloading::new(interval, outside.clock.now(), move || tls.server_config());
    Ok(Arc::new(loaded.map_err(|cause| {
        BuildError::because(format!("tls: {cause}"), cause)
    })?))
}
