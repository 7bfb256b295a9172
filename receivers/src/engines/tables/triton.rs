//! Triton, from the sources of its core, of its TensorRT-LLM backend and of its vLLM backend.
//!
//! The TensorRT-LLM backend writes different quantities under one name and tells them apart by a label.

use super::super::metrics as m;
use super::super::profile::{Profile, Row, row};
use super::VLLM;

/// Triton.
pub static TRITON: Profile = Profile {
    name: "triton",
    prefixes: &["nv_"],
    rows: ROWS,
    without_role: WITHOUT_ROLE,
    labels: &[
        ("model", "gen_ai.request.model"),
        ("version", "inferscope.model.version"),
        ("reason", "inferscope.reason"),
        ("gpu_uuid", "hw.id"),
    ],
    parts: None,
    guests: &[&VLLM],
};

const TRT_REQUESTS: &[&str] = &["trt_llm_request_metrics"];
const TRT_BLOCKS: &[&str] = &["trt_llm_kv_cache_block_metrics"];

const ROWS: &[Row] = &[
    // The backend's queue before the server's: the server hands requests on at once.
    row(&m::REQUESTS_WAITING, TRT_REQUESTS).only(&[("request_type", "waiting")]),
    row(&m::REQUESTS_WAITING, &["inference_pending_request_count"]),
    row(&m::REQUESTS_RUNNING, TRT_REQUESTS).only(&[("request_type", "scheduled")]),
    row(&m::REQUESTS_MAX, TRT_REQUESTS).only(&[("request_type", "max")]),
    row(&m::REQUESTS_FINISHED, &["inference_request_success"]),
    row(&m::REQUESTS_FAILED, &["inference_request_failure"]),
    row(&m::INFERENCES, &["inference_count"]),
    row(&m::EXECUTIONS, &["inference_exec_count"]),
    row(&m::REQUEST_TIME, &["inference_request_duration_us"]).per(1e6),
    row(&m::QUEUE_TIME, &["inference_queue_duration_us"]).per(1e6),
    row(&m::INPUT_TIME, &["inference_compute_input_duration_us"]).per(1e6),
    row(&m::INFERENCE_TIME, &["inference_compute_infer_duration_us"]).per(1e6),
    row(&m::OUTPUT_TIME, &["inference_compute_output_duration_us"]).per(1e6),
    // The first answer of a model that streams.
    row(&m::TIME_TO_FIRST_TOKEN, &["inference_first_response_histogram_ms"]).per(1e3),
    row(&m::KV_USAGE, TRT_BLOCKS).only(&[("kv_cache_block_type", "fraction")]),
    row(&m::KV_BLOCKS, TRT_BLOCKS)
        .only(&[("kv_cache_block_type", "used")])
        .adding(&[("inferscope.state", "used")]),
    row(&m::KV_BLOCKS, TRT_BLOCKS)
        .only(&[("kv_cache_block_type", "free")])
        .adding(&[("inferscope.state", "available")]),
    row(&m::KV_BLOCKS_MAX, TRT_BLOCKS).only(&[("kv_cache_block_type", "max")]),
    row(&m::KV_BLOCK_TOKENS, TRT_BLOCKS).only(&[("kv_cache_block_type", "tokens_per")]),
    row(&m::RESPONSE_CACHE_HITS, &["cache_num_hits_per_model"]),
    row(&m::RESPONSE_CACHE_MISSES, &["cache_num_misses_per_model"]),
    // Microseconds, although their names do not say so.
    row(&m::RESPONSE_CACHE_HIT_TIME, &["cache_hit_duration_per_model"]).per(1e6),
    row(&m::RESPONSE_CACHE_MISS_TIME, &["cache_miss_duration_per_model"]).per(1e6),
    row(&m::GPU_UTILIZATION, &["gpu_utilization"]).adding(&[("hw.gpu.task", "general")]),
    row(&m::GPU_MEMORY_LIMIT, &["gpu_memory_total_bytes"]),
    row(&m::GPU_MEMORY_USAGE, &["gpu_memory_used_bytes"]),
    row(&m::GPU_POWER, &["gpu_power_usage"]).adding(&[("hw.type", "gpu")]),
    row(&m::GPU_POWER_LIMIT, &["gpu_power_limit"]),
    row(&m::GPU_ENERGY, &["energy_consumption"]).adding(&[("hw.type", "gpu")]),
];

const WITHOUT_ROLE: &[(&str, &str)] = &[
    ("inference_request_summary_us", "quantiles cannot be merged"),
    ("inference_queue_summary_us", "quantiles cannot be merged"),
    ("inference_compute_input_summary_us", "quantiles cannot be merged"),
    ("inference_compute_infer_summary_us", "quantiles cannot be merged"),
    ("inference_compute_output_summary_us", "quantiles cannot be merged"),
    (
        "trt_llm_request_metrics",
        "of its types waiting, scheduled and max have a role",
    ),
    ("trt_llm_inflight_batcher_metrics", "inside of the batcher"),
    (
        "trt_llm_runtime_memory_metrics",
        "memory of the backend, apart from that of the device",
    ),
    ("trt_llm_general_metrics", "a step counter and a time under one name"),
    (
        "trt_llm_disaggregated_serving_metrics",
        "different quantities and units under one name",
    ),
    ("cpu_*", "the host"),
    (
        "pinned_memory_pool_*",
        "memory of the server, apart from that of the device",
    ),
    ("model_load_duration_secs", "how long a model took to load"),
];
