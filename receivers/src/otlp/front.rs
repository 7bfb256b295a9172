//! Looks at a request's head and shows it to the right desk: gRPC or HTTP. Every listener has both.

use std::sync::Arc;

use config::Signal;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use net::grpc;
use net::server::{Handler, Peer, Reply};
use pipeline::Origin;
use pipeline::component::{Outlets, Setup};
use pipeline::telemetry::Telemetry;

use super::Config;
use super::door::Door;
use super::grpc::GrpcDesk;
use super::http::HttpDesk;

/// Answers all requests of a receiver.
pub(super) struct Front {
    grpc: GrpcDesk,
    http: HttpDesk,
}

/// The ways into the pipelines, by signal; None where no pipeline takes that signal.
pub(super) struct Doors([Option<Door>; 3]);

impl Front {
    pub(super) fn new(config: &Config, setup: &Setup, outlets: &Outlets) -> Self {
        // A protocol without a listener of its own is spoken on the other's, with its defaults.
        let grpc = config.protocols.grpc.clone().unwrap_or_default();
        let http = config.protocols.http.clone().unwrap_or_default();
        let doors = |transport| Doors::new(outlets, transport, &setup.telemetry);
        Self {
            grpc: GrpcDesk::new(&grpc, doors("grpc"), &setup.telemetry),
            http: HttpDesk::new(http, doors("http"), &setup.telemetry),
        }
    }
}

impl Handler for Front {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let content_type = request.headers().get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        if content_type.is_some_and(|value| value.starts_with(grpc::CONTENT_TYPE.as_bytes())) {
            self.grpc.answer(request, peer).await
        } else {
            self.http.answer(request, peer).await
        }
    }

    fn panicked(&self, grpc: bool) -> Response<Reply> {
        if grpc {
            self.grpc.panicked()
        } else {
            self.http.panicked()
        }
    }
}

impl Doors {
    fn new(outlets: &Outlets, transport: &'static str, telemetry: &Telemetry) -> Self {
        let door = |signal| Some(Door::new(signal, outlets.get(signal)?.clone(), transport, telemetry));
        Self([Signal::Traces, Signal::Metrics, Signal::Logs].map(door))
    }

    pub(super) fn get(&self, signal: Signal) -> Option<&Door> {
        self.0.iter().flatten().find(|door| door.signal == signal)
    }
}

/// What we know about a sender.
pub(super) fn origin(peer: Peer, transport: &'static str, metadata: Option<&HeaderMap>) -> Arc<Origin> {
    let metadata = metadata.map(kept).unwrap_or_default();
    Arc::new(Origin {
        client: peer.address.map(|address| address.ip()),
        identity: peer.identity,
        transport,
        metadata,
    })
}

/// The headers that travel with a batch: all but credentials, which end at the door.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let secret = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE];
    let readable = headers.iter().filter(|(name, _)| !secret.contains(name));
    readable
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
