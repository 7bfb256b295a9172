//! Under which names spans of LLMs say the same thing: the input mapping of domain §1.4, as data.
//!
//! Engines, proxies and libraries have named the same facts differently over the years. Each row holds the names of one
//! fact, the one of the semantic conventions first and the others as far as they are trusted. Of several that stand on
//! one span the first of the row counts. [`llm_attributes`](crate::llm_attributes) writes what the rows say onto spans,
//! [`llm_metrics`](crate::llm_metrics) counts what they say.

mod dictionary;
mod script;

use pipeline::payload::names;
use pipeline::telemetry::MetricAbout;

pub(crate) use self::dictionary::Dictionary;
pub(crate) use self::script::{Script, Scripts};

/// The names of one fact, the most trusted first.
pub(crate) type Row = &'static [&'static str];

/// Tokens of the prompt.
pub(crate) const INPUT_TOKENS: Row = &[
    names::GEN_AI_USAGE_INPUT_TOKENS,
    names::GEN_AI_USAGE_PROMPT_TOKENS,
    names::LLM_TOKEN_COUNT_PROMPT,
    names::LLM_USAGE_PROMPT_TOKENS,
];

/// Tokens of the answer.
pub(crate) const OUTPUT_TOKENS: Row = &[
    names::GEN_AI_USAGE_OUTPUT_TOKENS,
    names::GEN_AI_USAGE_COMPLETION_TOKENS,
    names::LLM_TOKEN_COUNT_COMPLETION,
    names::LLM_USAGE_COMPLETION_TOKENS,
];

/// Tokens of the prompt that were found in a cache.
pub(crate) const CACHED_TOKENS: Row = &[
    names::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    names::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS_OLD,
    names::GEN_AI_USAGE_CACHED_TOKENS,
    names::LLM_TOKEN_COUNT_PROMPT_CACHE_READ,
];

/// Tokens of the answer that nobody saw.
pub(crate) const REASONING_TOKENS: Row = &[
    names::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
    names::GEN_AI_USAGE_REASONING_TOKENS,
    names::LLM_USAGE_REASONING_TOKENS,
    names::LLM_TOKEN_COUNT_COMPLETION_REASONING,
];

/// The model that was asked for.
pub(crate) const REQUEST_MODEL: Row = &[
    names::GEN_AI_REQUEST_MODEL,
    names::LLM_REQUEST_MODEL_NAME,
    names::LLM_MODEL_NAME,
    names::LLM_REQUEST_MODEL,
];

/// The model that answered.
pub(crate) const RESPONSE_MODEL: Row = &[
    names::GEN_AI_RESPONSE_MODEL,
    names::LLM_RESPONSE_MODEL_NAME,
    names::LLM_RESPONSE_MODEL,
];

/// Who provides it.
pub(crate) const PROVIDER: Row = &[
    names::GEN_AI_PROVIDER_NAME,
    names::GEN_AI_SYSTEM,
    names::LLM_PROVIDER,
    names::LLM_SYSTEM,
];

/// What was asked for; the words differ as well, see [`operation`].
pub(crate) const OPERATION: Row = &[
    names::GEN_AI_OPERATION_NAME,
    names::OPENINFERENCE_SPAN_KIND,
    names::TRACELOOP_SPAN_KIND,
    names::LLM_REQUEST_TYPE,
];

/// The id of the answer. Engines give the request the id that their answer has.
pub(crate) const RESPONSE_ID: Row = &[names::GEN_AI_RESPONSE_ID, names::GEN_AI_REQUEST_ID];

/// Why the answer ended.
pub(crate) const FINISH_REASONS: Row = &[
    names::GEN_AI_RESPONSE_FINISH_REASONS,
    names::GEN_AI_RESPONSE_FINISH_REASON,
    names::LLM_FINISH_REASON,
    names::LLM_RESPONSE_FINISH_REASON,
    names::LLM_RESPONSE_STOP_REASON,
];

/// Whether the answer was streamed.
pub(crate) const STREAMED: Row = &[
    names::GEN_AI_REQUEST_STREAM,
    names::GEN_AI_IS_STREAMING,
    names::LLM_IS_STREAMING,
];

/// From arrival to the first token, as the server sees it. What a client measures
/// (`gen_ai.response.time_to_first_chunk`) is another quantity and is not here.
pub(crate) const FIRST_TOKEN: Row = &[
    names::GEN_AI_LATENCY_TIME_TO_FIRST_TOKEN,
    names::GEN_AI_SERVER_TTFT,
    names::GEN_AI_SERVER_TIME_TO_FIRST_TOKEN,
    names::LLM_D_PD_PROXY_TRUE_TTFT_MS,
];

/// What the request belongs to.
pub(crate) const CONVERSATION: Row = &[names::GEN_AI_CONVERSATION_ID, names::SESSION_ID];

/// Who used the application. Never a label.
pub(crate) const END_USER: Row = &[names::ENDUSER_ID, names::USER_ID, names::GEN_AI_USER, names::LLM_USER];

/// What the provider asks for the request. It enters no cost of GPUs.
pub(crate) const GIVEN_COST: Row = &[
    names::INFERSCOPE_COST_GIVEN,
    names::GEN_AI_USAGE_COST,
    names::LLM_COST_TOTAL,
];

/// Durations whose unit is not the second.
pub(crate) const IN_MILLISECONDS: [&str; 1] = [names::LLM_D_PD_PROXY_TRUE_TTFT_MS];

/// Engines say these about their requests and about nothing else, so a span with one of them is a request even where
/// nobody has decomposed it.
pub(crate) const LATENCIES: [&str; 6] = [
    names::GEN_AI_LATENCY_TIME_TO_FIRST_TOKEN,
    names::GEN_AI_LATENCY_E2E,
    names::GEN_AI_LATENCY_TIME_IN_QUEUE,
    names::GEN_AI_LATENCY_TIME_IN_MODEL_PREFILL,
    names::GEN_AI_LATENCY_TIME_IN_MODEL_DECODE,
    names::GEN_AI_LATENCY_TIME_IN_MODEL_INFERENCE,
];

/// No prompt and no answer has more tokens. A larger number is an error or an attack, and would spoil a total for good.
pub(crate) const TOKENS_MAX: u64 = 1 << 32;

/// What is different for every request or every user, and so would make a series for each.
pub(crate) const NEVER_LABELS: [&str; 8] = [
    names::GEN_AI_RESPONSE_ID,
    names::GEN_AI_REQUEST_ID,
    names::GEN_AI_CONVERSATION_ID,
    names::SESSION_ID,
    names::ENDUSER_ID,
    names::USER_ID,
    names::GEN_AI_USER,
    names::LLM_USER,
];

/// Values that contradict each other.
pub(crate) const CONFLICTS: MetricAbout = MetricAbout {
    name: "inferscope_normalize_conflicts",
    help: "Attributes whose value differs under two of their names; the name that is trusted most was believed.",
    unit: "{attribute}",
};

/// What operations are called elsewhere, and in the semantic conventions. Kinds of spans for which these have no word,
/// such as OpenInference's `CHAIN`, are none here.
const OPERATIONS: [(&[u8], &str); 11] = [
    (b"LLM", "chat"),
    (b"EMBEDDING", "embeddings"),
    (b"TOOL", "execute_tool"),
    (b"AGENT", "invoke_agent"),
    (b"RETRIEVER", "retrieval"),
    (b"chat", "chat"),
    (b"completion", "text_completion"),
    (b"embedding", "embeddings"),
    (b"tool", "execute_tool"),
    (b"agent", "invoke_agent"),
    (b"workflow", "invoke_workflow"),
];

/// What the semantic conventions call an operation that goes by this word elsewhere.
pub(crate) fn operation(word: &[u8]) -> Option<&'static str> {
    let known = OPERATIONS.iter().find(|(elsewhere, _)| *elsewhere == word);
    known.map(|(_, here)| *here)
}
