//! A hand-over that does not depend on the caller.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pipeline::lane::Outlet;
use pipeline::payload::Payload;
use pipeline::{Credit, Origin, Outcome};

/// Hands a payload over and gives the outcome.
///
/// A caller that goes away (its deadline is over, its client hung up) must not take the payload with it half-way into
/// a pipeline: a dropped ferry goes on by itself.
pub(super) struct Ferry {
    /// None once it has arrived.
    sending: Option<BoxFuture<'static, Outcome>>,
}

impl Ferry {
    pub(super) fn new(outlet: Outlet, payload: Payload, origin: Arc<Origin>, credit: Credit) -> Self {
        Self {
            sending: Some(async move { outlet.send(payload, origin, credit).await }.boxed()),
        }
    }
}

impl Future for Ferry {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Some(sending) = &mut self.sending else {
            return Poll::Ready(Outcome::Lost);
        };
        let polled = sending.poll_unpin(context);
        if polled.is_ready() {
            self.sending = None;
        }
        polled
    }
}

impl Drop for Ferry {
    fn drop(&mut self) {
        // Without a runtime the program is at its end, and the receipt says that the batch is lost.
        if let (Some(sending), Ok(runtime)) = (self.sending.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(sending);
        }
    }
}
