//! Senders that a guard did not let in, in the log.

use std::net::SocketAddr;
use std::sync::Arc;

use config::Id;
use net::server::Seldom;
use pipeline::component::Setup;
use pipeline::context::authenticators::Unauthenticated;
use pipeline::outside::Clock;

/// Says now and then who was not let in, and why; cheap to clone.
#[derive(Clone)]
pub(super) struct GuardLog {
    receiver: Id,
    clock: Arc<dyn Clock>,
    seldom: Arc<Seldom<{ Unauthenticated::ALL.len() }>>,
}

impl GuardLog {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            receiver: setup.id.clone(),
            clock: Arc::clone(&setup.outside.clock),
            seldom: Arc::default(),
        }
    }

    /// One was not let in. What it has shown is a secret, also where it is wrong.
    pub(super) fn turned_away(&self, why: Unauthenticated, authenticator: &str, client: Option<SocketAddr>) {
        let Some(others) = self.seldom.is_due(why as usize, self.clock.now()) else {
            return;
        };
        let client = client.map_or_else(|| "a Unix socket".to_owned(), |it| it.ip().to_string());
        tracing::warn!(receiver = %self.receiver, client, authenticator, reason = why.word(), others, "a request was not let in: {why}");
    }
}
