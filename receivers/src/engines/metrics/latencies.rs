//! How long requests take in an engine.

use super::super::profile::Metric;
use super::{counter, histogram};

pub(crate) const TIME_TO_FIRST_TOKEN: Metric = histogram(
    "inferscope.engine.time_to_first_token",
    "s",
    "TTFT",
    "From the arrival of a request to its first token, as the engine sees it.",
);
pub(crate) const INTER_TOKEN_LATENCY: Metric = histogram(
    "inferscope.engine.inter_token_latency",
    "s",
    "ITL",
    "Time between outputs. vLLM counts one for each step, however many tokens it gave; SGLang one for each token.",
);
pub(crate) const TIME_PER_OUTPUT_TOKEN: Metric = histogram(
    "inferscope.engine.time_per_output_token",
    "s",
    "TPOT",
    "Mean time between the tokens of a request. vLLM observes 0 for a single token.",
);
pub(crate) const MEAN_TIME_PER_TOKEN: Metric = histogram(
    "inferscope.engine.mean_time_per_token",
    "s",
    "mean time per token",
    "Inference time of a request divided by its tokens: the first token is in it, so it is no TPOT.",
);
pub(crate) const REQUEST_DURATION: Metric = histogram(
    "inferscope.engine.request.duration",
    "s",
    "E2E",
    "From the arrival of a request to its end.",
);
pub(crate) const QUEUE_DURATION: Metric = histogram(
    "inferscope.engine.request.queue.duration",
    "s",
    "queue time",
    "From the queue to the first step.",
);
pub(crate) const PREFILL_DURATION: Metric = histogram(
    "inferscope.engine.request.prefill.duration",
    "s",
    "prefill",
    "From the first step to the first token.",
);
pub(crate) const DECODE_DURATION: Metric = histogram(
    "inferscope.engine.request.decode.duration",
    "s",
    "decode",
    "From the first token to the last.",
);
pub(crate) const INFERENCE_DURATION: Metric = histogram(
    "inferscope.engine.request.inference.duration",
    "s",
    "inference",
    "From the first step to the last token.",
);
pub(crate) const VALIDATION_DURATION: Metric = histogram(
    "inferscope.engine.request.validation.duration",
    "s",
    "validation",
    "Checks and tokenization before the queue.",
);
pub(crate) const STAGE_DURATION: Metric = histogram(
    "inferscope.engine.request.stage.duration",
    "s",
    "time by stage",
    "Time of a request in a stage of the engine.",
);
pub(crate) const BATCH_DURATION: Metric = histogram(
    "inferscope.engine.batch.duration",
    "s",
    "batch time",
    "Time of a batch, whole.",
);
pub(crate) const BATCH_FORWARD_DURATION: Metric = histogram(
    "inferscope.engine.batch.forward.duration",
    "s",
    "batch time",
    "Time of a batch in the model.",
);
pub(crate) const BATCH_OUTPUT_DURATION: Metric = histogram(
    "inferscope.engine.batch.output.duration",
    "s",
    "detokenize",
    "Time of a batch after the model: stop conditions, tokens into text, answers.",
);
pub(crate) const REQUEST_TIME: Metric = counter(
    "inferscope.engine.request.time",
    "s",
    "E2E",
    "Time of all requests together.",
);
pub(crate) const QUEUE_TIME: Metric = counter(
    "inferscope.engine.request.queue.time",
    "s",
    "queue time",
    "Time of all requests in the queue together.",
);
pub(crate) const INPUT_TIME: Metric = counter(
    "inferscope.engine.request.input.time",
    "s",
    "input",
    "Time of all requests for getting inputs ready, together.",
);
pub(crate) const INFERENCE_TIME: Metric = counter(
    "inferscope.engine.request.inference.time",
    "s",
    "inference",
    "Time of all requests in the model together.",
);
pub(crate) const OUTPUT_TIME: Metric = counter(
    "inferscope.engine.request.output.time",
    "s",
    "output",
    "Time of all requests for getting outputs ready, together.",
);
pub(crate) const INFERENCES: Metric = counter(
    "inferscope.engine.inferences",
    "{inference}",
    "inferences",
    "Inferences; a request may hold a batch of them.",
);
pub(crate) const EXECUTIONS: Metric = counter(
    "inferscope.engine.executions",
    "{execution}",
    "steps",
    "Executions of the model.",
);

pub(super) const ALL: &[Metric] = &[
    TIME_TO_FIRST_TOKEN,
    INTER_TOKEN_LATENCY,
    TIME_PER_OUTPUT_TOKEN,
    MEAN_TIME_PER_TOKEN,
    REQUEST_DURATION,
    QUEUE_DURATION,
    PREFILL_DURATION,
    DECODE_DURATION,
    INFERENCE_DURATION,
    VALIDATION_DURATION,
    STAGE_DURATION,
    BATCH_DURATION,
    BATCH_FORWARD_DURATION,
    BATCH_OUTPUT_DURATION,
    REQUEST_TIME,
    QUEUE_TIME,
    INPUT_TIME,
    INFERENCE_TIME,
    OUTPUT_TIME,
    INFERENCES,
    EXECUTIONS,
];
