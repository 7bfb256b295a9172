//! Text Generation Inference, from the sources of its router.
//!
//! It has neither a time to first token nor a metric of its KV cache, and its counters end without `_total`.

use super::super::metrics as m;
use super::super::profile::{Profile, Row, row};
use super::{INPUT, OUTPUT};

/// Text Generation Inference.
pub static TGI: Profile = Profile {
    name: "tgi",
    prefixes: &["tgi_"],
    rows: ROWS,
    without_role: WITHOUT_ROLE,
    labels: &[("err", "inferscope.reason"), ("method", "inferscope.stage")],
    parts: None,
    guests: &[],
};

const ROWS: &[Row] = &[
    row(&m::REQUESTS_WAITING, &["queue_size"]),
    row(&m::REQUESTS_RUNNING, &["batch_current_size"]),
    row(&m::REQUESTS_RECEIVED, &["request_count"]),
    row(&m::REQUESTS_FINISHED, &["request_success"]),
    row(&m::REQUESTS_FAILED, &["request_failure"]),
    row(&m::BATCH_SIZE, &["batch_next_size"]),
    row(&m::REQUEST_TOKENS, &["request_input_length"]).adding(INPUT),
    row(&m::REQUEST_TOKENS, &["request_generated_tokens"]).adding(OUTPUT),
    row(&m::REQUEST_TOKENS_LIMIT, &["request_max_new_tokens"]),
    row(&m::REQUEST_DURATION, &["request_duration"]),
    row(&m::VALIDATION_DURATION, &["request_validation_duration"]),
    row(&m::QUEUE_DURATION, &["request_queue_duration"]),
    row(&m::INFERENCE_DURATION, &["request_inference_duration"]),
    row(&m::MEAN_TIME_PER_TOKEN, &["request_mean_time_per_token_duration"]),
    row(&m::BATCH_DURATION, &["batch_inference_duration"]),
    row(&m::BATCH_FORWARD_DURATION, &["batch_forward_duration"]),
    // What follows the model, and not the phase called decode.
    row(&m::BATCH_OUTPUT_DURATION, &["batch_decode_duration"]),
    row(&m::EXECUTIONS, &["batch_inference_count"]),
];

const WITHOUT_ROLE: &[(&str, &str)] = &[
    ("request_skipped_tokens", "quantiles cannot be merged"),
    ("batch_inference_success", "the executions that did not fail"),
    ("batch_inference_failure", "the executions that failed"),
    (
        "batch_filter_duration",
        "time for taking finished requests out of a batch",
    ),
    ("batch_concat_duration", "time for joining batches"),
    ("batch_concat", "how often batches were joined"),
    (
        "batch_current_max_tokens",
        "tokens that the batch may need in the end, not those that it has",
    ),
    ("batch_total_tokens", "says how the engine is configured"),
];
