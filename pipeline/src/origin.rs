//! Who sent a batch, as far as the receiver knows.

use std::net::IpAddr;
use std::sync::Arc;

use crate::Identity;

/// What a receiver knows about the sender of a batch.
///
/// It travels beside the bytes and never inside them. Processors read it for `from_context`; exporters see it
/// when a batch was not merged from several senders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The peer's address, absent for batches that this process made.
    pub client: Option<IpAddr>,
    /// Who that is, as the receiver authenticated it.
    pub identity: Identity,
    /// `grpc` or `http`, for receivers that know both; `mixed` where batches of both were merged; empty for batches that
    /// this process made.
    pub transport: &'static str,
    /// Request headers in lower case, kept only where `include_metadata` asks for them.
    pub metadata: Vec<(String, String)>,
}

impl Origin {
    /// The origin of batches that this process makes.
    pub fn own() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Whether this process made the batch: scraped it, sampled it or counted it.
    pub fn is_own(&self) -> bool {
        *self == Self::default()
    }

    /// All values of one request header; the name is compared in lower case.
    pub fn metadata<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_ascii_lowercase();
        self.metadata
            .iter()
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    }
}
