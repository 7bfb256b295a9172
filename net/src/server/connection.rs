//! The life of one connection: who ends it, and when.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pipeline::component::Stop;
use pipeline::outside::{Connection, Outside};

use super::limits::{AGE_JITTER, NEWCOMER_MAX, STOP_GRACE};
use super::protocols::{Closing, Protocols};
use super::pulse::Pulse;
use super::wire::{Version, Wire};
use super::{Handler, Peer, Reply, Rules};
use crate::grpc;

/// How long one connection may stay.
pub(super) struct Tenure {
    begun: Instant,
    /// Until the first bytes.
    speak_by: Instant,
    idle_max: Option<Duration>,
    /// When it is too old.
    old_at: Option<Instant>,
    age_grace: Duration,
    stop: Stop,
}

/// What there is to do with a connection now.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// Nothing before then, or ever.
    Wait(Option<Instant>),
    /// Take no more requests, and drop it when this time is over.
    Close(Duration),
}

impl Tenure {
    pub(super) fn new(rules: &Rules, outside: &Outside, stop: Stop) -> Self {
        let begun = outside.clock.now();
        let spread = 1.0 + AGE_JITTER * (2.0 * outside.random.unit() - 1.0);
        let old_at = rules.age_max.map(|age| begun + age.mul_f64(spread));
        let speak_by = begun + rules.header_max;
        Self {
            begun,
            speak_by,
            idle_max: rules.idle_max,
            old_at,
            age_grace: rules.age_grace,
            stop,
        }
    }

    /// Answers the requests of one connection until it ends.
    pub(super) async fn serve<H: Handler>(
        self,
        io: impl Connection + 'static,
        peer: Peer,
        handler: Arc<H>,
        protocols: &Protocols,
    ) {
        let Some((version, wire)) = self.listen(io).await else {
            return;
        };
        let io = TokioIo::new(wire);
        let pulse = Pulse::new(self.begun);
        let beating = Arc::clone(&pulse);
        let service = service_fn(move |request| {
            let (handler, peer, beat) = (Arc::clone(&handler), peer.clone(), beating.beat());
            async move {
                let response = guarded(handler, request, peer).await;
                drop(beat);
                Ok::<_, Infallible>(response)
            }
        });
        let ended = match version {
            Version::Http1 => {
                self.run(pin!(protocols.http1.serve_connection(io, service)), &pulse)
                    .await
            }
            Version::Http2 => {
                self.run(pin!(protocols.http2.serve_connection(io, service)), &pulse)
                    .await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// Waits for the first bytes; None if the connection is over before they come.
    async fn listen<IO: Connection>(&self, io: IO) -> Option<(Version, Wire<IO>)> {
        tokio::select! {
            heard = Wire::listen(io) => heard.ok().flatten(),
            () = sleep_until(Some(self.speak_by)) => None,
            () = self.stop.cancelled() => None,
        }
    }

    async fn run<C: Closing>(&self, mut connection: Pin<&mut C>, pulse: &Pulse) -> hyper::Result<()> {
        let mut closing = None;
        loop {
            let wake = match (closing, self.due(pulse, tokio::time::Instant::now().into_std())) {
                (Some(end), _) => Some(end),
                (None, Due::Wait(until)) => until,
                (None, Due::Close(grace)) => {
                    connection.as_mut().close();
                    closing = Some(tokio::time::Instant::now().into_std() + grace);
                    closing
                }
            };
            tokio::select! {
                ended = connection.as_mut() => return ended,
                () = self.stop.cancelled(), if closing.is_none() => {}
                () = sleep_until(wake) => if closing.is_some() { return Ok(()) },
            }
        }
    }

    fn due(&self, pulse: &Pulse, now: Instant) -> Due {
        if self.stop.is_cancelled() {
            return Due::Close(STOP_GRACE);
        }
        if self.old_at.is_some_and(|old_at| now >= old_at) {
            return Due::Close(self.age_grace);
        }
        let newcomer_max = (!pulse.has_asked()).then_some(NEWCOMER_MAX);
        let idle_max = [self.idle_max, newcomer_max].into_iter().flatten().min();
        let idle_at = idle_max.map(|idle_max| match pulse.quiet_since() {
            Some(quiet_since) => quiet_since + idle_max,
            // A request is under way; look again when it could have been idle for long enough.
            None => now + idle_max,
        });
        if idle_at.is_some_and(|idle_at| now >= idle_at) {
            return Due::Close(STOP_GRACE);
        }
        Due::Wait([self.old_at, idle_at].into_iter().flatten().min())
    }
}

async fn guarded<H: Handler>(handler: Arc<H>, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
    let content_type = request.headers().get(CONTENT_TYPE);
    let grpc = content_type.is_some_and(|value| value.as_bytes().starts_with(grpc::CONTENT_TYPE.as_bytes()));
    let answer = AssertUnwindSafe(Arc::clone(&handler).handle(request, peer)).catch_unwind();
    answer.await.unwrap_or_else(|_| {
        tracing::error!("a request handler panicked; only this request is lost");
        handler.panicked(grpc)
    })
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
