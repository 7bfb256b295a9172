//! The life of one connection: who ends it, and when.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use pipeline::component::Stop;
use pipeline::outside::{Connection, Outside};

use super::limits::{AGE_JITTER, NEWCOMER_MAX, STOP_GRACE};
use super::pulse::{Pulse, Wire};
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
    /// Drop it: its peer has nothing to say.
    Cut,
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
        builder: &auto::Builder<TokioExecutor>,
    ) {
        let pulse = Pulse::new(self.begun);
        let io = TokioIo::new(Wire {
            io,
            pulse: Arc::clone(&pulse),
        });
        let beating = Arc::clone(&pulse);
        let service = service_fn(move |request| {
            let (handler, beat) = (Arc::clone(&handler), beating.beat());
            async move {
                let response = guarded(handler, request, peer).await;
                drop(beat);
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut closing = None;
        loop {
            let wake = match (closing, self.due(&pulse, tokio::time::Instant::now().into_std())) {
                (Some(end), _) => Some(end),
                (None, Due::Wait(until)) => until,
                (None, Due::Cut) => return,
                (None, Due::Close(grace)) => {
                    connection.as_mut().graceful_shutdown();
                    closing = Some(tokio::time::Instant::now().into_std() + grace);
                    closing
                }
            };
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    return;
                }
                () = self.stop.cancelled(), if closing.is_none() => {}
                () = sleep_until(wake) => if closing.is_some() { return },
            }
        }
    }

    fn due(&self, pulse: &Pulse, now: Instant) -> Due {
        if self.stop.is_cancelled() {
            return Due::Close(STOP_GRACE);
        }
        if !pulse.has_spoken() && now >= self.speak_by {
            return Due::Cut;
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
        let speak_by = (!pulse.has_spoken()).then_some(self.speak_by);
        Due::Wait([speak_by, self.old_at, idle_at].into_iter().flatten().min())
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
