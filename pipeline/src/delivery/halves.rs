//! Cuts a batch that a destination finds too large.

use std::sync::Arc;

use crate::payload::SplitLimit;
use crate::{Batch, Budget, Credit};

/// The batch in two halves by items, or as it was if it cannot be cut: a single span or log record, a single metric
/// with all its points.
///
/// Halving needs no knowledge of the destination's limit, which it seldom tells, and ends after as many rounds as the
/// number of items has bits. Every part carries a share of the receipt, so senders hear when the last has ended.
pub(super) fn halves(batch: Batch, budget: &Budget) -> Result<Vec<Batch>, Batch> {
    let limit = SplitLimit {
        items: batch.payload.items().div_ceil(2),
        bytes: 0,
    };
    let mut payloads = batch.payload.split(limit);
    if payloads.len() < 2 {
        return Err(batch);
    }
    // The batch itself becomes the last part, so that no share of its receipt is left over.
    let Some(last) = payloads.pop() else {
        return Err(batch);
    };
    // The parts are copies and are charged as such; the original is given back as soon as nobody else has it.
    let charge = |part: Batch| Batch {
        credit: Arc::new(Credit::of(part.payload.memory() as u64, budget)),
        ..part
    };
    let mut parts: Vec<Batch> = Vec::with_capacity(payloads.len() + 1);
    for payload in payloads {
        parts.push(charge(Batch {
            payload,
            ..batch.fork()
        }));
    }
    parts.push(charge(Batch { payload: last, ..batch }));
    Ok(parts)
}
