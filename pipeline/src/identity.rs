//! Who sent a batch, as the receiver made sure of it.

use std::sync::Arc;

/// Who is at the other end of a connection. It is what the receiver checked, never what a sender says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Identity {
    /// Nobody was asked: the listener has no authentication, or this process made the batch.
    #[default]
    Unasked,
    /// One sender, authenticated.
    Known(Arc<Subject>),
    /// Several senders, of which at least one was authenticated: their batches were merged.
    Several,
}

/// An authenticated sender. Its secret stays at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// By which means.
    pub method: Method,
    /// What it is called, the most telling name first: URIs and host names of a certificate, else its common name; the
    /// name that belongs to a token; a user. Empty where a certificate has no name at all.
    pub names: Vec<String>,
}

/// How a sender was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By a client certificate.
    Certificate,
    /// By a bearer token.
    Token,
    /// By user and password.
    Password,
}

impl Identity {
    /// The sender's names; none where nobody was asked, or where several were.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Known(subject) => &subject.names,
            Self::Unasked | Self::Several => &[],
        }
    }

    /// Whether the listener had authentication, so that what a sender claims beside it counts for nothing.
    pub fn was_asked(&self) -> bool {
        *self != Self::Unasked
    }

    /// What is true of two senders at once.
    pub fn shared_with(&self, other: &Self) -> Self {
        if self == other { self.clone() } else { Self::Several }
    }
}
