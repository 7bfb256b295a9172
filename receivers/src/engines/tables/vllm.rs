//! vLLM: 0.32.0 as captured, with the names of older versions, and those who speak its names (llm-d-inference-sim, the
//! vLLM backend of Triton, vLLM under Ray).

use super::super::metrics as m;
use super::super::profile::{Profile, Row, row};
use super::{INPUT, OUTPUT};

/// vLLM.
pub static VLLM: Profile = Profile {
    name: "vllm",
    prefixes: &["vllm:", "vllm_", "ray_vllm_"],
    rows: ROWS,
    without_role: WITHOUT_ROLE,
    labels: &[
        ("model_name", "gen_ai.request.model"),
        ("engine", "inferscope.engine.rank"),
        ("finished_reason", "inferscope.finish_reason"),
        ("finish_reason", "inferscope.finish_reason"),
        ("reason", "inferscope.reason"),
        ("stage", "inferscope.stage"),
        ("source", "inferscope.source"),
        ("status", "inferscope.status"),
        ("position", "inferscope.position"),
        ("sleep_state", "inferscope.state"),
    ],
    parts: None,
    guests: &[],
};

const ROWS: &[Row] = &[
    row(&m::REQUESTS_RUNNING, &["num_requests_running"]),
    row(&m::REQUESTS_WAITING, &["num_requests_waiting"]),
    row(&m::REQUESTS_WAITING_BY_REASON, &["num_requests_waiting_by_reason"]),
    row(&m::REQUESTS_IN_STAGE, &["num_requests_kv_fetch_by_stage"]),
    row(&m::REQUESTS_FINISHED, &["request_success"]),
    row(&m::REQUESTS_REJECTED, &["admission_rejections"]),
    row(&m::REQUESTS_CORRUPTED, &["corrupted_requests"]),
    row(&m::PREEMPTIONS, &["num_preemptions"]),
    row(&m::SLEEP_STATE, &["engine_sleep_state"]),
    row(&m::TOKENS, &["prompt_tokens"]).adding(INPUT),
    row(&m::TOKENS, &["generation_tokens"]).adding(OUTPUT),
    row(&m::INPUT_TOKENS_BY_SOURCE, &["prompt_tokens_by_source"]),
    row(&m::TOKENS_CACHED, &["prompt_tokens_cached"]),
    row(&m::TOKENS_CACHED_BY_TIER, &["prompt_tokens_cached_by_source"]).renaming(&[("source", "inferscope.tier")]),
    // A histogram in spite of its name.
    row(&m::STEP_TOKENS, &["iteration_tokens_total"]),
    row(&m::REQUEST_TOKENS, &["request_prompt_tokens"]).adding(INPUT),
    row(&m::REQUEST_TOKENS, &["request_generation_tokens"]).adding(OUTPUT),
    row(&m::REQUEST_UNCACHED_TOKENS, &["request_prefill_kv_computed_tokens"]),
    row(&m::REQUEST_TOKENS_LIMIT, &["request_params_max_tokens"]),
    // The second name is that of llm-d-inference-sim.
    row(
        &m::REQUEST_TOKENS_EXPECTED,
        &["request_max_num_generation_tokens", "max_num_generation_tokens"],
    ),
    row(&m::REQUEST_SEQUENCES, &["request_params_n"]),
    row(&m::REQUEST_PREEMPTIONS, &["request_num_preemptions"]),
    row(&m::TIME_TO_FIRST_TOKEN, &["time_to_first_token_seconds"]),
    // Renamed after 0.11, which has both.
    row(
        &m::INTER_TOKEN_LATENCY,
        &["inter_token_latency_seconds", "time_per_output_token_seconds"],
    ),
    row(&m::TIME_PER_OUTPUT_TOKEN, &["request_time_per_output_token_seconds"]),
    row(&m::REQUEST_DURATION, &["e2e_request_latency_seconds"]),
    row(&m::QUEUE_DURATION, &["request_queue_time_seconds"]),
    row(&m::PREFILL_DURATION, &["request_prefill_time_seconds"]),
    row(&m::DECODE_DURATION, &["request_decode_time_seconds"]),
    row(&m::INFERENCE_DURATION, &["request_inference_time_seconds"]),
    // A fraction in spite of its name.
    row(&m::KV_USAGE, &["kv_cache_usage_perc", "gpu_cache_usage_perc"]),
    row(&m::KV_BLOCK_LIFETIME, &["kv_block_lifetime_seconds"]),
    row(&m::KV_BLOCK_IDLE, &["kv_block_idle_before_evict_seconds"]),
    row(&m::KV_BLOCK_REUSE_GAP, &["kv_block_reuse_gap_seconds"]),
    row(
        &m::PREFIX_QUERIES,
        &["prefix_cache_queries", "gpu_prefix_cache_queries"],
    ),
    row(&m::PREFIX_HITS, &["prefix_cache_hits", "gpu_prefix_cache_hits"]),
    row(&m::EXTERNAL_PREFIX_QUERIES, &["external_prefix_cache_queries"]),
    row(&m::EXTERNAL_PREFIX_HITS, &["external_prefix_cache_hits"]),
    row(&m::MULTIMODAL_QUERIES, &["mm_cache_queries"]),
    row(&m::MULTIMODAL_HITS, &["mm_cache_hits"]),
    row(&m::SPECULATION_DRAFTS, &["spec_decode_num_drafts"]),
    row(&m::SPECULATION_DRAFTED, &["spec_decode_num_draft_tokens"]),
    row(&m::SPECULATION_ACCEPTED, &["spec_decode_num_accepted_tokens"]),
    row(
        &m::SPECULATION_ACCEPTED_BY_POSITION,
        &["spec_decode_num_accepted_tokens_per_pos"],
    ),
    row(&m::ESTIMATED_OPERATIONS, &["estimated_flops_per_gpu"]),
    row(&m::ESTIMATED_READ, &["estimated_read_bytes_per_gpu"]),
    row(&m::ESTIMATED_WRITTEN, &["estimated_write_bytes_per_gpu"]),
    row(&m::WATERMARK_REQUESTS, &["watermark_requests"]),
];

const WITHOUT_ROLE: &[(&str, &str)] = &[
    (
        "lora_requests_info",
        "its value is a time and its labels are lists, so that it can be neither added nor compared",
    ),
    ("cache_config_info", "says in labels how the engine is configured"),
    (
        "prompt_tokens_recomputed",
        "of one version only (0.16), and part of prompt_tokens",
    ),
    (
        "num_requests_swapped",
        "of the engine before V1, which swapped requests out",
    ),
    (
        "cpu_cache_usage_perc",
        "of the engine before V1, which had a cache in host memory",
    ),
    ("cpu_prefix_cache_hit_rate", "of the engine before V1"),
    ("gpu_prefix_cache_hit_rate", "of the engine before V1"),
    ("model_forward_time_milliseconds", "of the engine before V1"),
    ("model_execute_time_milliseconds", "of the engine before V1"),
    ("request_params_best_of", "of the engine before V1"),
    ("http_*", "the web server in front of the engine"),
    ("python_*", "the Python runtime"),
    ("process_*", "the process"),
];
