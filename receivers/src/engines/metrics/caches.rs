//! Caches of an engine, and LoRA adapters.

use super::super::profile::Metric;
use super::{counter, gauge, histogram};

pub(crate) const KV_USAGE: Metric = gauge(
    "inferscope.engine.kv_cache.usage",
    "1",
    "KV usage",
    "How much of the KV cache is in use, from 0 to 1.",
);
pub(crate) const KV_TOKENS: Metric = gauge(
    "inferscope.engine.kv_cache.tokens",
    "{token}",
    "KV usage",
    "Tokens with room in the KV cache, by the state of the room.",
);
pub(crate) const KV_TOKENS_MAX: Metric = gauge(
    "inferscope.engine.kv_cache.tokens.max",
    "{token}",
    "KV capacity",
    "Tokens that the KV cache has room for.",
);
pub(crate) const KV_BLOCKS: Metric = gauge(
    "inferscope.engine.kv_cache.blocks",
    "{block}",
    "KV usage",
    "Blocks of the KV cache, by state.",
);
pub(crate) const KV_BLOCKS_MAX: Metric = gauge(
    "inferscope.engine.kv_cache.blocks.max",
    "{block}",
    "KV capacity",
    "Blocks of the KV cache.",
);
pub(crate) const KV_BLOCK_TOKENS: Metric = gauge(
    "inferscope.engine.kv_cache.block.tokens",
    "{token}",
    "KV capacity",
    "Tokens of a block of the KV cache.",
);
pub(crate) const KV_BLOCK_LIFETIME: Metric = histogram(
    "inferscope.engine.kv_cache.block.lifetime",
    "s",
    "KV residency",
    "From a block's first use to its eviction.",
);
pub(crate) const KV_BLOCK_IDLE: Metric = histogram(
    "inferscope.engine.kv_cache.block.idle",
    "s",
    "KV residency",
    "From a block's last use to its eviction.",
);
pub(crate) const KV_BLOCK_REUSE_GAP: Metric = histogram(
    "inferscope.engine.kv_cache.block.reuse_gap",
    "s",
    "KV residency",
    "From one use of a block to the next.",
);
pub(crate) const KV_TRANSFER_DURATION: Metric = histogram(
    "inferscope.engine.kv_transfer.duration",
    "s",
    "KV transfer",
    "Time for moving the keys and values of a request to another instance.",
);
pub(crate) const KV_TRANSFER_BOOTSTRAP: Metric = histogram(
    "inferscope.engine.kv_transfer.bootstrap.duration",
    "s",
    "KV transfer",
    "Time for setting up such a move.",
);
pub(crate) const KV_TRANSFER_ALLOCATION: Metric = histogram(
    "inferscope.engine.kv_transfer.allocation.duration",
    "s",
    "KV transfer",
    "Time such a move waited for room.",
);
pub(crate) const PREFIX_QUERIES: Metric = counter(
    "inferscope.engine.prefix_cache.queries",
    "{token}",
    "prefix-cache queries",
    "Tokens that were looked up in the prefix cache.",
);
pub(crate) const PREFIX_HITS: Metric = counter(
    "inferscope.engine.prefix_cache.hits",
    "{token}",
    "prefix-cache hits",
    "Tokens that were there.",
);
pub(crate) const PREFIX_HIT_RATE: Metric = gauge(
    "inferscope.engine.prefix_cache.hit_rate",
    "1",
    "prefix-cache hits",
    "Hits of the last batch, from 0 to 1. It cannot be averaged over time or instances.",
);
pub(crate) const EXTERNAL_PREFIX_QUERIES: Metric = counter(
    "inferscope.engine.external_prefix_cache.queries",
    "{token}",
    "prefix-cache queries",
    "Tokens that were looked up in a prefix cache outside the engine.",
);
pub(crate) const EXTERNAL_PREFIX_HITS: Metric = counter(
    "inferscope.engine.external_prefix_cache.hits",
    "{token}",
    "prefix-cache hits",
    "Tokens that were there.",
);
pub(crate) const MULTIMODAL_QUERIES: Metric = counter(
    "inferscope.engine.multimodal_cache.queries",
    "{item}",
    "multimodal-cache queries",
    "Images and the like that were looked up in the cache.",
);
pub(crate) const MULTIMODAL_HITS: Metric = counter(
    "inferscope.engine.multimodal_cache.hits",
    "{item}",
    "multimodal-cache hits",
    "Images and the like that were there.",
);
pub(crate) const RESPONSE_CACHE_HITS: Metric = counter(
    "inferscope.engine.response_cache.hits",
    "{request}",
    "response-cache hits",
    "Requests whose answer was in the cache.",
);
pub(crate) const RESPONSE_CACHE_MISSES: Metric = counter(
    "inferscope.engine.response_cache.misses",
    "{request}",
    "response-cache misses",
    "Requests whose answer was not in the cache.",
);
pub(crate) const RESPONSE_CACHE_HIT_TIME: Metric = counter(
    "inferscope.engine.response_cache.hit.time",
    "s",
    "response-cache time",
    "Time for hits together.",
);
pub(crate) const RESPONSE_CACHE_MISS_TIME: Metric = counter(
    "inferscope.engine.response_cache.miss.time",
    "s",
    "response-cache time",
    "Time for misses together.",
);
pub(crate) const LORA_SLOTS: Metric = gauge(
    "inferscope.engine.lora.slots",
    "{slot}",
    "LoRA",
    "Slots for adapters that are in use.",
);
pub(crate) const LORA_SLOTS_MAX: Metric = gauge(
    "inferscope.engine.lora.slots.max",
    "{slot}",
    "LoRA",
    "Slots for adapters.",
);

pub(super) const ALL: &[Metric] = &[
    KV_USAGE,
    KV_TOKENS,
    KV_TOKENS_MAX,
    KV_BLOCKS,
    KV_BLOCKS_MAX,
    KV_BLOCK_TOKENS,
    KV_BLOCK_LIFETIME,
    KV_BLOCK_IDLE,
    KV_BLOCK_REUSE_GAP,
    KV_TRANSFER_DURATION,
    KV_TRANSFER_BOOTSTRAP,
    KV_TRANSFER_ALLOCATION,
    PREFIX_QUERIES,
    PREFIX_HITS,
    PREFIX_HIT_RATE,
    EXTERNAL_PREFIX_QUERIES,
    EXTERNAL_PREFIX_HITS,
    MULTIMODAL_QUERIES,
    MULTIMODAL_HITS,
    RESPONSE_CACHE_HITS,
    RESPONSE_CACHE_MISSES,
    RESPONSE_CACHE_HIT_TIME,
    RESPONSE_CACHE_MISS_TIME,
    LORA_SLOTS,
    LORA_SLOTS_MAX,
];
