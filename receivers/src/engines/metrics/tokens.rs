//! Tokens of an engine.

use super::super::profile::Metric;
use super::{counter, histogram};

pub(crate) const TOKENS: Metric = counter(
    "inferscope.engine.tokens",
    "{token}",
    "tokens in and out",
    "Tokens that were read (`input`) and made (`output`).",
);
pub(crate) const INPUT_TOKENS_BY_SOURCE: Metric = counter(
    "inferscope.engine.tokens.input_by_source",
    "{token}",
    "tokens in by source",
    "The input tokens of `inferscope.engine.tokens`, by where their keys and values came from.",
);
pub(crate) const TOKENS_CACHED: Metric = counter(
    "inferscope.engine.tokens.cached",
    "{token}",
    "cached tokens",
    "Input tokens that were in a cache.",
);
pub(crate) const TOKENS_CACHED_BY_TIER: Metric = counter(
    "inferscope.engine.tokens.cached_by_tier",
    "{token}",
    "cached tokens by tier",
    "Input tokens that were in a cache, by where it is.",
);
pub(crate) const TOKENS_PREEMPTED: Metric = counter(
    "inferscope.engine.tokens.preempted",
    "{token}",
    "preempted tokens",
    "Tokens of requests that had to make room for others.",
);
pub(crate) const STEP_TOKENS: Metric = histogram(
    "inferscope.engine.step.tokens",
    "{token}",
    "step size",
    "Tokens of one step of the engine.",
);
pub(crate) const BATCH_SIZE: Metric = histogram(
    "inferscope.engine.batch.size",
    "{request}",
    "batch size",
    "Requests of a new batch.",
);
pub(crate) const REQUEST_TOKENS: Metric = histogram(
    "inferscope.engine.request.tokens",
    "{token}",
    "tokens per request",
    "Tokens of a request, read (`input`) and made (`output`).",
);
pub(crate) const REQUEST_UNCACHED_TOKENS: Metric = histogram(
    "inferscope.engine.request.uncached_tokens",
    "{token}",
    "tokens per request",
    "Input tokens of a request that were in no cache.",
);
pub(crate) const REQUEST_TOKENS_LIMIT: Metric = histogram(
    "inferscope.engine.request.output_tokens_limit",
    "{token}",
    "token limit",
    "Output tokens that a request asked for at most.",
);
pub(crate) const REQUEST_TOKENS_EXPECTED: Metric = histogram(
    "inferscope.engine.request.output_tokens_expected",
    "{token}",
    "token limit",
    "Output tokens that the engine counted with for a request.",
);
pub(crate) const REQUEST_SEQUENCES: Metric = histogram(
    "inferscope.engine.request.sequences",
    "{sequence}",
    "n",
    "Sequences that a request asked for.",
);
pub(crate) const REQUEST_PREEMPTIONS: Metric = histogram(
    "inferscope.engine.request.preemptions",
    "{preemption}",
    "preemptions",
    "How often a request had to make room for others.",
);

pub(super) const ALL: &[Metric] = &[
    TOKENS,
    INPUT_TOKENS_BY_SOURCE,
    TOKENS_CACHED,
    TOKENS_CACHED_BY_TIER,
    TOKENS_PREEMPTED,
    STEP_TOKENS,
    BATCH_SIZE,
    REQUEST_TOKENS,
    REQUEST_UNCACHED_TOKENS,
    REQUEST_TOKENS_LIMIT,
    REQUEST_TOKENS_EXPECTED,
    REQUEST_SEQUENCES,
    REQUEST_PREEMPTIONS,
];
