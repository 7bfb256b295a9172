//! When a batch is full, and where one that came too large is cut.

use crate::batch::Config;
use pipeline::Batch;
use pipeline::payload::SplitLimit;

/// Bytes after which a batch is sent, however few its items are.
///
/// Beyond this size neither compression nor the cost of a request gains anything that could be measured, while every
/// batch costs this much memory in each queue and each attempt.
pub const SEND_BYTES: usize = 1024 * 1024;

/// Bytes that are sent together at most; a single item larger than this goes alone.
///
/// A gRPC server takes 4 MiB per message unless it is told otherwise, and so does the Collector. The quarter below
/// it is for what later processors add.
pub const SEND_BYTES_MAX: usize = 3 * 1024 * 1024;

/// How much is sent together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// None: everything is sent as it comes.
    full: Option<u64>,
    items_max: u64,
}

/// What waits, or would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) items: u64,
    pub(super) bytes: usize,
}

impl Size {
    pub(super) fn of(batch: &Batch) -> Self {
        Self {
            items: u64::from(batch.payload.items()),
            bytes: batch.payload.size(),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            items: self.items + other.items,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl Bounds {
    pub(super) fn of(config: &Config) -> Self {
        let waits = config.send_batch_size > 0 && !config.timeout.is_zero();
        let items_max = match config.send_batch_max_size {
            0 => u64::MAX,
            max => u64::from(max),
        };
        Self {
            full: waits.then_some(u64::from(config.send_batch_size)),
            items_max,
        }
    }

    /// Whether this much is worth sending.
    pub(super) fn is_full(&self, size: Size) -> bool {
        self.full.is_none_or(|items| size.items >= items) || size.bytes >= SEND_BYTES
    }

    /// Whether this much may be sent together.
    pub(super) fn allow(&self, size: Size) -> bool {
        size.items <= self.items_max && size.bytes <= SEND_BYTES_MAX
    }

    /// The batch in parts that may be sent; nearly always the batch itself. Every part carries a share of the receipt,
    /// so the sender hears when the last of them has ended.
    pub(super) fn cut(&self, batch: Batch) -> Vec<Batch> {
        if self.allow(Size::of(&batch)) {
            return vec![batch];
        }
        let items = u32::try_from(self.items_max).unwrap_or(0);
        let mut payloads = batch.payload.split(SplitLimit {
            items,
            bytes: SEND_BYTES_MAX,
        });
        // The batch itself becomes the last part, so that no share of its receipt is left over.
        let Some(last) = payloads.pop() else {
            return vec![batch];
        };
        let mut parts: Vec<Batch> = Vec::with_capacity(payloads.len() + 1);
        parts.extend(payloads.into_iter().map(|payload| Batch {
            payload,
            ..batch.fork()
        }));
        parts.push(Batch { payload: last, ..batch });
        parts
    }
}
