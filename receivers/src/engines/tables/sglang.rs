//! SGLang: 0.5.23 from its sources, with names of older versions.

use super::super::metrics as m;
use super::super::profile::{Profile, Row, row};
use super::{INPUT, OUTPUT};

/// SGLang.
pub static SGLANG: Profile = Profile {
    name: "sglang",
    prefixes: &["sglang:", "sglang_", "ray_sglang_"],
    rows: ROWS,
    without_role: WITHOUT_ROLE,
    labels: &[
        ("model_name", "gen_ai.request.model"),
        ("engine_type", "inferscope.engine.type"),
        ("dp_rank", "inferscope.engine.rank"),
        ("stage", "inferscope.stage"),
        ("cache_source", "inferscope.tier"),
    ],
    parts: None,
    guests: &[],
};

/// With priority scheduling the sum stands beside its parts, under an empty label.
const ALL_PRIORITIES: &[(&str, &str)] = &[("priority", "")];

const fn queue(metric: &'static super::super::profile::Metric, families: &'static [&'static str]) -> Row {
    row(metric, families).only(ALL_PRIORITIES)
}

const ROWS: &[Row] = &[
    queue(&m::REQUESTS_WAITING, &["num_queue_reqs"]),
    queue(&m::REQUESTS_RUNNING, &["num_running_reqs"]),
    row(&m::REQUESTS_PAUSED, &["num_paused_reqs"]),
    queue(&m::REQUESTS_IN_STAGE, &["num_grammar_queue_reqs"]).adding(&[("inferscope.stage", "grammar")]),
    queue(
        &m::REQUESTS_IN_STAGE,
        &["num_prefill_bootstrap_queue_reqs", "num_prefill_prealloc_queue_reqs"],
    )
    .adding(&[("inferscope.stage", "prefill_bootstrap")]),
    queue(&m::REQUESTS_IN_STAGE, &["num_prefill_inflight_queue_reqs"])
        .adding(&[("inferscope.stage", "prefill_inflight")]),
    queue(&m::REQUESTS_IN_STAGE, &["num_decode_prealloc_queue_reqs"])
        .adding(&[("inferscope.stage", "decode_prealloc")]),
    queue(&m::REQUESTS_IN_STAGE, &["num_decode_transfer_queue_reqs"])
        .adding(&[("inferscope.stage", "decode_transfer")]),
    row(&m::REQUESTS_FINISHED, &["num_requests"]),
    row(&m::REQUESTS_ABORTED, &["num_aborted_requests"]),
    row(&m::REQUESTS_FAILED, &["num_bootstrap_failed_reqs"]).adding(&[("inferscope.reason", "bootstrap")]),
    row(&m::REQUESTS_FAILED, &["num_transfer_failed_reqs"]).adding(&[("inferscope.reason", "transfer")]),
    // "Retracted" is its word for preempted.
    row(&m::PREEMPTIONS, &["num_retracted_requests"]),
    row(&m::TOKENS_PREEMPTED, &["num_retracted_input_tokens"]).adding(INPUT),
    row(&m::TOKENS_PREEMPTED, &["num_retracted_output_tokens"]).adding(OUTPUT),
    row(&m::TOKENS, &["prompt_tokens"]).adding(INPUT),
    row(&m::TOKENS, &["generation_tokens"]).adding(OUTPUT),
    row(&m::TOKENS_CACHED_BY_TIER, &["cached_tokens"]),
    row(&m::REQUEST_TOKENS, &["prompt_tokens_histogram"]).adding(INPUT),
    row(&m::REQUEST_TOKENS, &["generation_tokens_histogram"]).adding(OUTPUT),
    row(&m::REQUEST_UNCACHED_TOKENS, &["uncached_prompt_tokens_histogram"]),
    row(&m::TIME_TO_FIRST_TOKEN, &["time_to_first_token_seconds"]),
    row(&m::INTER_TOKEN_LATENCY, &["inter_token_latency_seconds"]),
    row(&m::TIME_PER_OUTPUT_TOKEN, &["request_time_per_output_token_seconds"]),
    row(&m::REQUEST_DURATION, &["e2e_request_latency_seconds"]),
    row(&m::QUEUE_DURATION, &["queue_time_seconds"]),
    row(&m::STAGE_DURATION, &["per_stage_req_latency_seconds"]),
    // The fullest of its pools, which is the one that limits.
    row(&m::KV_USAGE, &["token_usage"]),
    row(&m::KV_TOKENS, &["kv_used_tokens"]).adding(&[("inferscope.state", "used")]),
    row(&m::KV_TOKENS, &["kv_available_tokens"]).adding(&[("inferscope.state", "available")]),
    row(&m::KV_TOKENS, &["kv_evictable_tokens"]).adding(&[("inferscope.state", "evictable")]),
    row(&m::KV_TOKENS_MAX, &["max_total_num_tokens"]),
    row(&m::KV_BLOCKS_MAX, &["num_pages"]),
    row(&m::KV_BLOCK_TOKENS, &["page_size"]),
    // Gauges in older versions; what they say of the last move is not what the histograms say.
    row(&m::KV_TRANSFER_DURATION, &["kv_transfer_latency_ms"]).per(1e3),
    row(&m::KV_TRANSFER_BOOTSTRAP, &["kv_transfer_bootstrap_ms"]).per(1e3),
    row(&m::KV_TRANSFER_ALLOCATION, &["kv_transfer_alloc_ms"]).per(1e3),
    row(&m::PREFIX_HIT_RATE, &["cache_hit_rate"]),
    row(&m::SPECULATION_ACCEPTED_LENGTH, &["spec_accept_length"]),
    row(&m::SPECULATION_ACCEPTANCE_RATE, &["spec_accept_rate"]),
    row(&m::SPECULATION_VERIFICATIONS, &["spec_verify_calls"]),
    row(&m::LORA_SLOTS, &["lora_pool_slots_used"]),
    // A gauge in spite of its name.
    row(&m::LORA_SLOTS_MAX, &["lora_pool_slots_total"]),
    row(&m::ESTIMATED_OPERATIONS, &["estimated_flops_per_gpu"]),
    row(&m::ESTIMATED_READ, &["estimated_read_bytes_per_gpu"]),
    row(&m::ESTIMATED_WRITTEN, &["estimated_write_bytes_per_gpu"]),
];

const WITHOUT_ROLE: &[(&str, &str)] = &[
    (
        "num_retracted_reqs",
        "the preemptions of one step, which its counter has all of",
    ),
    (
        "full_token_usage",
        "one of the pools that token_usage is the fullest of",
    ),
    ("swa_*", "one of the pools that token_usage is the fullest of"),
    ("mamba_*", "one of the pools that token_usage is the fullest of"),
    (
        "num_used_tokens",
        "the larger of two pools, so it does not add up with the capacity",
    ),
    ("max_total_num_tokens_swa", "the capacity of one pool only"),
    ("pending_prealloc_token_usage", "a forecast of token_usage"),
    (
        "gen_throughput",
        "a rate over an interval of the engine's own; the counter of tokens has it for any",
    ),
    ("realtime_tokens", "the counters of tokens again, at another time"),
    (
        "prefill_effective_tokens",
        "the counters of tokens again, at another time",
    ),
    (
        "kv_transfer_latency_ms",
        "a gauge of older versions: the last move only",
    ),
    (
        "kv_transfer_bootstrap_ms",
        "a gauge of older versions: the last move only",
    ),
    ("kv_transfer_alloc_ms", "a gauge of older versions: the last move only"),
    (
        "kv_transfer_total_mb",
        "whether its megabytes are those of 1,000 or of 1,024 is not said",
    ),
    (
        "kv_transfer_speed_gb_s",
        "whether its gigabytes are those of 1,000 or of 1,024 is not said",
    ),
    ("lora_pool_utilization", "the slots in use divided by the slots"),
    ("num_so_requests", "finished requests with structured output only"),
    ("num_prefill_retries", "how often a hand-over was tried again"),
    ("num_grammar*", "grammars for structured output"),
    ("grammar_*", "grammars for structured output"),
    ("decode_sum_seq_lens", "inside of the scheduler"),
    ("new_token_ratio", "inside of the scheduler"),
    ("utilization", "inside of the scheduler"),
    ("fwd_occupancy", "inside of the scheduler"),
    ("is_cuda_graph", "inside of the scheduler"),
    ("cuda_graph_passes", "inside of the scheduler"),
    ("prefill_delayer_*", "inside of the scheduler"),
    ("max_running_requests_under_SLO", "a forecast of the scheduler"),
    ("context_len", "says how the engine is configured"),
    ("spec_num_*", "says how the engine is configured"),
    ("http_*", "the web server in front of the engine"),
    ("python_*", "the Python runtime"),
    ("process_*", "the process"),
];
