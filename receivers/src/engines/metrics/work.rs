//! Speculative decoding, and the engine's own estimates of its work.

use super::super::profile::Metric;
use super::{counter, gauge};

pub(crate) const SPECULATION_DRAFTS: Metric = counter(
    "inferscope.engine.speculation.drafts",
    "{draft}",
    "spec decode",
    "Drafts.",
);
pub(crate) const SPECULATION_DRAFTED: Metric = counter(
    "inferscope.engine.speculation.drafted_tokens",
    "{token}",
    "spec decode",
    "Tokens of drafts.",
);
pub(crate) const SPECULATION_ACCEPTED: Metric = counter(
    "inferscope.engine.speculation.accepted_tokens",
    "{token}",
    "spec decode",
    "Tokens of drafts that were taken.",
);
pub(crate) const SPECULATION_ACCEPTED_BY_POSITION: Metric = counter(
    "inferscope.engine.speculation.accepted_tokens_by_position",
    "{token}",
    "spec decode",
    "Tokens of drafts that were taken, by their place in the draft.",
);
pub(crate) const SPECULATION_VERIFICATIONS: Metric = counter(
    "inferscope.engine.speculation.verifications",
    "{verification}",
    "spec decode",
    "Verifications of drafts.",
);
pub(crate) const SPECULATION_ACCEPTED_LENGTH: Metric = gauge(
    "inferscope.engine.speculation.accepted_length",
    "{token}",
    "spec decode",
    "Mean number of tokens that a verification gave.",
);
pub(crate) const SPECULATION_ACCEPTANCE_RATE: Metric = gauge(
    "inferscope.engine.speculation.acceptance_rate",
    "1",
    "spec decode",
    "Share of drafted tokens that were taken, from 0 to 1.",
);
pub(crate) const ESTIMATED_OPERATIONS: Metric = counter(
    "inferscope.engine.estimated.operations",
    "{operation}",
    "cost model",
    "Floating-point operations of one GPU, as the engine estimates them.",
);
pub(crate) const ESTIMATED_READ: Metric = counter(
    "inferscope.engine.estimated.read",
    "By",
    "cost model",
    "Bytes that one GPU read from its memory, as the engine estimates them.",
);
pub(crate) const ESTIMATED_WRITTEN: Metric = counter(
    "inferscope.engine.estimated.written",
    "By",
    "cost model",
    "Bytes that one GPU wrote to its memory, as the engine estimates them.",
);
pub(crate) const WATERMARK_REQUESTS: Metric = counter(
    "inferscope.engine.watermark.requests",
    "{request}",
    "watermark",
    "Requests with a watermark, by status.",
);

pub(super) const ALL: &[Metric] = &[
    SPECULATION_DRAFTS,
    SPECULATION_DRAFTED,
    SPECULATION_ACCEPTED,
    SPECULATION_ACCEPTED_BY_POSITION,
    SPECULATION_VERIFICATIONS,
    SPECULATION_ACCEPTED_LENGTH,
    SPECULATION_ACCEPTANCE_RATE,
    ESTIMATED_OPERATIONS,
    ESTIMATED_READ,
    ESTIMATED_WRITTEN,
    WATERMARK_REQUESTS,
];
