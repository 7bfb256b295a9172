//! Looks at a request's head and shows it to the right desk: gRPC or HTTP. Every listener has both.

use std::sync::Arc;

use config::Signal;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, Request, Response};
use hyper::body::Incoming;
use net::grpc;
use net::server::{Guard, Handler, Peer, Reply};
use pipeline::Origin;
use pipeline::component::{Outlets, Setup};
use pipeline::context::authenticators::Unauthenticated;
use pipeline::telemetry::Telemetry;

use super::Config;
use super::counts::GuardCounts;
use super::door::Door;
use super::grpc::GrpcDesk;
use super::guard_log::GuardLog;
use super::http::HttpDesk;

/// Answers all requests of a listener.
pub(super) struct Front {
    grpc: GrpcDesk,
    http: HttpDesk,
}

/// Who stands at a listener's door, if anybody does.
pub(super) struct Entrance {
    guard: Option<Guard>,
    counts: GuardCounts,
    log: GuardLog,
}

/// The ways into the pipelines, by signal; None where no pipeline takes that signal.
pub(super) struct Doors([Option<Door>; 3]);

impl Front {
    pub(super) fn new(config: &Config, setup: &Setup, outlets: &Outlets, guard: Option<&Guard>) -> Self {
        // A protocol without a listener of its own is spoken on the other's, with its defaults.
        let grpc = config.protocols.grpc.clone().unwrap_or_default();
        let http = config.protocols.http.clone().unwrap_or_default();
        let doors = |transport| Doors::new(outlets, transport, &setup.telemetry);
        let log = GuardLog::new(setup);
        let entrance = |transport| Entrance {
            guard: guard.cloned(),
            counts: GuardCounts::new(transport, &setup.telemetry),
            log: log.clone(),
        };
        Self {
            grpc: GrpcDesk::new(&grpc, (entrance("grpc"), doors("grpc")), &setup.telemetry),
            http: HttpDesk::new(http, (entrance("http"), doors("http")), &setup.telemetry),
        }
    }
}

impl Entrance {
    /// Lets a request in, with who sends it, or not. Where a guard stands, what it finds counts and not the certificate of
    /// the connection, which may be that of a proxy.
    pub(super) async fn admit(&self, headers: &HeaderMap, peer: &mut Peer) -> Result<(), Unauthenticated> {
        let Some(guard) = &self.guard else { return Ok(()) };
        match guard.identify(headers).await {
            Ok(identity) => {
                peer.identity = identity;
                Ok(())
            }
            Err(why) => {
                self.counts.turned_away(why);
                self.log.turned_away(why, guard.name(), peer.address);
                Err(why)
            }
        }
    }

    /// What somebody who was not let in is to show.
    pub(super) fn challenge(&self) -> Option<http::HeaderValue> {
        self.guard.as_ref()?.challenge()
    }

    /// What we know about a sender. Its metadata is all headers but credentials.
    pub(super) fn origin(&self, peer: Peer, transport: &'static str, metadata: Option<&HeaderMap>) -> Arc<Origin> {
        let secret = self.guard.as_ref().map(Guard::header);
        let metadata = metadata.map(|headers| kept(headers, secret.as_ref()));
        Arc::new(Origin {
            client: peer.address.map(|address| address.ip()),
            identity: peer.identity,
            transport,
            metadata: metadata.unwrap_or_default(),
        })
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

/// The headers that travel with a batch: all but credentials, which end at the door.
fn kept(headers: &HeaderMap, secret: Option<&HeaderName>) -> Vec<(String, String)> {
    let secrets = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE];
    let readable = headers
        .iter()
        .filter(|(name, _)| !secrets.contains(name) && secret != Some(name));
    readable
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
