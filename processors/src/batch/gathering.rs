//! Batches that wait to be sent together, and how they become one.

use std::sync::Arc;
use std::time::Instant;

use pipeline::payload::Payload;
use pipeline::{Batch, Budget, Credit, Origin, Receipt};

use super::bounds::Size;

/// Batches that wait to be sent together. Whoever lets go of them must send them: each carries the promise to its
/// sender.
#[derive(Debug)]
pub(super) struct Gathering {
    parts: Vec<Batch>,
    size: Size,
    /// When the first of them came.
    since: Instant,
}

impl Gathering {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            parts: Vec::new(),
            size: Size::default(),
            since,
        }
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn add(&mut self, batch: Batch, now: Instant) {
        if self.parts.is_empty() {
            self.since = now;
        }
        self.size = self.size.and(Size::of(&batch));
        self.parts.push(batch);
    }

    /// Everything that waits, as one batch; none when nothing does. Afterwards nothing waits.
    pub(super) fn take(&mut self, metadata_keys: &[String], budget: &Budget) -> Vec<Batch> {
        let parts = std::mem::take(&mut self.parts);
        self.size = Size::default();
        if parts.len() <= 1 {
            return parts; // Alone: the bytes go on as they came.
        }
        let payloads: Vec<Payload> = parts.iter().map(|part| part.payload.clone()).collect();
        match Payload::concat(&payloads) {
            Some(payload) => vec![merge(payload, parts, metadata_keys, budget)],
            // Several signals cannot be one batch. A lane carries one, so this is for a plan that changes its mind.
            None => parts,
        }
    }
}

fn merge(payload: Payload, parts: Vec<Batch>, metadata_keys: &[String], budget: &Budget) -> Batch {
    let mut receipts = Vec::with_capacity(parts.len());
    let mut credits = Vec::with_capacity(parts.len());
    let mut origin: Option<Arc<Origin>> = None;
    for part in parts {
        receipts.push(part.receipt);
        credits.push(part.credit);
        origin = Some(match origin {
            Some(origin) => shared_origin(origin, &part.origin, metadata_keys),
            None => part.origin,
        });
    }
    let origin = origin.unwrap_or_default();
    Batch {
        payload,
        origin,
        receipt: Receipt::join(receipts),
        credit: Arc::new(Credit::join(credits, budget)),
    }
}

/// What is true of both senders. Headers by which batches are kept apart are the same for both.
fn shared_origin(one: Arc<Origin>, other: &Arc<Origin>, metadata_keys: &[String]) -> Arc<Origin> {
    if Arc::ptr_eq(&one, other) || one == *other {
        return one;
    }
    let kept = one.metadata.iter().filter(|(name, _)| metadata_keys.contains(name));
    Arc::new(Origin {
        client: one.client.filter(|client| other.client == Some(*client)),
        identity: one.identity.shared_with(&other.identity),
        transport: if one.transport == other.transport {
            one.transport
        } else {
            // Not empty: that would say that this process made it.
            "mixed"
        },
        metadata: kept.cloned().collect(),
    })
}
