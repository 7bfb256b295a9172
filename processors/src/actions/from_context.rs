//! What is known about the request that brought a batch.

use std::str::FromStr;

use pipeline::Origin;

/// Which fact about the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ContextKey {
    /// `client.address`: the peer's address without the port.
    ClientAddress,
    /// `metadata.<header>`, or the bare name of a header.
    Metadata(String),
}

/// A fact that actions cannot read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not available: a sender's authentication is read by the processor tenant only; use metadata.<header> or client.address"
)]
pub(super) struct NotAvailable(String);

impl FromStr for ContextKey {
    type Err = NotAvailable;

    fn from_str(text: &str) -> Result<Self, NotAvailable> {
        if text == "client.address" {
            return Ok(Self::ClientAddress);
        }
        if text.starts_with("auth.") {
            return Err(NotAvailable(text.to_owned()));
        }
        // Names without a prefix are headers too, from the time before there were prefixes.
        Ok(Self::Metadata(
            text.strip_prefix("metadata.").unwrap_or(text).to_owned(),
        ))
    }
}

impl ContextKey {
    /// The fact as text; several values of a header are joined by semicolons.
    pub(super) fn read(&self, origin: &Origin) -> Option<String> {
        match self {
            Self::ClientAddress => origin.client.map(|address| address.to_string()),
            Self::Metadata(name) => {
                let values: Vec<&str> = origin.metadata(name).collect();
                (!values.is_empty()).then(|| values.join(";"))
            }
        }
    }
}
