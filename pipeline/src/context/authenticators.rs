//! Who may send, and what we show when we send: extensions that know secrets, by their names in the configuration.
//!
//! Extensions add themselves when they start, which is before any receiver and any exporter; those look theirs up when they
//! start.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use config::Id;
use futures_util::future::BoxFuture;

use crate::Subject;

/// Makes sure who a sender is by the header of its request that holds a secret.
pub trait Authenticator: Send + Sync {
    /// That header's name, in lower case. What it holds ends at the door.
    fn header(&self) -> &str;

    /// What a sender is told that shows nothing, or the wrong thing: the value of `WWW-Authenticate` (RFC 9110, 11.6.1).
    fn challenge(&self) -> &str;

    /// Who shows this.
    fn authenticate<'a>(&'a self, shown: &'a [u8]) -> BoxFuture<'a, Result<Arc<Subject>, Unauthenticated>>;
}

/// Shows destinations who we are, by a header of each request.
pub trait Credentials: Send + Sync {
    /// That header's name, in lower case.
    fn header(&self) -> &str;

    /// What it holds now: text that a header can carry, and a secret.
    fn shown(&self) -> Bytes;
}

/// Why nobody knows who a sender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// It shows nothing.
    #[error("credentials are missing")]
    Missing,
    /// It shows what is no credentials of this kind, or several.
    #[error("the credentials are not of the kind that is asked for")]
    Malformed,
    /// Nobody has these.
    #[error("the credentials are not known")]
    Wrong,
    /// Too many others are being looked at; it may come again.
    #[error("too many credentials are being looked at")]
    Busy,
}

impl Unauthenticated {
    /// All of them, for tables.
    pub const ALL: [Self; 4] = [Self::Missing, Self::Malformed, Self::Wrong, Self::Busy];

    /// The word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Wrong => "wrong",
            Self::Busy => "busy",
        }
    }
}

/// The authenticators of this process; cheap to clone. At most two for each extension, so that it is as long as the
/// configuration makes it.
#[derive(Clone, Default)]
pub struct Authenticators {
    by_id: Arc<Mutex<BTreeMap<Id, Arc<dyn Authenticator>>>>,
    credentials: Arc<Mutex<BTreeMap<Id, Arc<dyn Credentials>>>>,
}

impl Authenticators {
    /// Makes an authenticator known under its extension's name.
    pub fn add(&self, id: Id, authenticator: Arc<dyn Authenticator>) {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        by_id.insert(id, authenticator);
    }

    /// The authenticator of this name.
    pub fn get(&self, id: &Id) -> Option<Arc<dyn Authenticator>> {
        let by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        by_id.get(id).cloned()
    }

    /// Makes credentials known under their extension's name.
    pub fn add_credentials(&self, id: Id, credentials: Arc<dyn Credentials>) {
        let mut known = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(id, credentials);
    }

    /// The credentials of this name.
    pub fn credentials(&self, id: &Id) -> Option<Arc<dyn Credentials>> {
        let known = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).cloned()
    }
}

impl fmt::Debug for Authenticators {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        formatter.debug_set().entries(by_id.keys()).finish()
    }
}
