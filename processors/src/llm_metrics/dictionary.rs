//! Under which names requests say the same thing, as a table.
//!
//! Engines, proxies and libraries have named the same facts differently over the years. Of several names of one fact on
//! one span the first of its row counts; another value under another name is counted as a conflict.

use pipeline::payload::names;

/// A number that a request may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// Tokens of the prompt.
    InputTokens,
    /// Tokens of the answer.
    OutputTokens,
    /// From here on durations, in nanoseconds: from arrival to the first token.
    FirstToken,
    /// From queued to first scheduled.
    Queue,
    /// From first scheduled to the first token.
    Prefill,
    /// From the first to the last token.
    Decode,
    /// From first scheduled to the last token.
    Inference,
    /// From arrival to the last token.
    EndToEnd,
}

/// A text that a request or a phase may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The model that was asked for.
    RequestModel,
    /// The model that answered.
    ResponseModel,
    /// Who provides it.
    Provider,
    /// What was asked for.
    Operation,
    /// On whose behalf it was made.
    Tenant,
    /// The class of limits that the request is held to.
    TenantClass,
    /// The engine's id of the request.
    RequestId,
    /// Why it failed.
    ErrorType,
    /// How it ended, where `llm_phases` found that out.
    Outcome,
    /// What joins the halves of a request that two engines serve.
    BootstrapRoom,
    /// The phase that a span shows.
    Phase,
    /// How far to trust its length.
    PhaseSource,
}

/// Something of which only its being there counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// `llm_phases` has judged the span, so it is a request.
    Decomposed = 1,
    /// A stage of an attempt that the engine took back.
    Retracted = 2,
    /// The span of a model in Triton.
    TritonModel = 4,
    /// The span of a request, where it is TGI's.
    TgiTotal = 8,
}

/// What an attribute says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// A whole number, not below zero.
    Count(Number),
    /// A duration, in seconds unless its name stands in [`IN_MILLISECONDS`].
    Length(Number),
    /// A text.
    Text(Word),
    /// Why the answer ended: texts in a row, a text, or JSON in a text.
    Reasons,
    /// Whether the answer was streamed.
    Streamed,
    /// That it is there.
    Present(Mark),
}

/// How many numbers there are.
pub(super) const NUMBERS: usize = Number::EndToEnd as usize + 1;
/// How many texts there are.
pub(super) const WORDS: usize = Word::PhaseSource as usize + 1;

/// Facts that go by several names, the most trusted name first. What a client measures
/// (`gen_ai.response.time_to_first_chunk`) is another quantity and is not here.
pub(super) const ROWS: [(Fact, &[&str]); 14] = [
    (
        Fact::Count(Number::InputTokens),
        &[
            names::GEN_AI_USAGE_INPUT_TOKENS,
            names::GEN_AI_USAGE_PROMPT_TOKENS,
            names::LLM_TOKEN_COUNT_PROMPT,
            names::LLM_USAGE_PROMPT_TOKENS,
        ],
    ),
    (
        Fact::Count(Number::OutputTokens),
        &[
            names::GEN_AI_USAGE_OUTPUT_TOKENS,
            names::GEN_AI_USAGE_COMPLETION_TOKENS,
            names::LLM_TOKEN_COUNT_COMPLETION,
        ],
    ),
    (
        Fact::Length(Number::FirstToken),
        &[
            names::GEN_AI_LATENCY_TIME_TO_FIRST_TOKEN,
            names::GEN_AI_SERVER_TTFT,
            names::GEN_AI_SERVER_TIME_TO_FIRST_TOKEN,
            names::LLM_D_PD_PROXY_TRUE_TTFT_MS,
        ],
    ),
    (Fact::Length(Number::Queue), &[names::GEN_AI_LATENCY_TIME_IN_QUEUE]),
    (
        Fact::Length(Number::Prefill),
        &[names::GEN_AI_LATENCY_TIME_IN_MODEL_PREFILL],
    ),
    (
        Fact::Length(Number::Decode),
        &[names::GEN_AI_LATENCY_TIME_IN_MODEL_DECODE],
    ),
    (
        Fact::Length(Number::Inference),
        &[names::GEN_AI_LATENCY_TIME_IN_MODEL_INFERENCE],
    ),
    (Fact::Length(Number::EndToEnd), &[names::GEN_AI_LATENCY_E2E]),
    (
        Fact::Text(Word::RequestModel),
        &[
            names::GEN_AI_REQUEST_MODEL,
            names::LLM_REQUEST_MODEL_NAME,
            names::LLM_MODEL_NAME,
        ],
    ),
    (
        Fact::Text(Word::ResponseModel),
        &[names::GEN_AI_RESPONSE_MODEL, names::LLM_RESPONSE_MODEL_NAME],
    ),
    (
        Fact::Text(Word::Provider),
        &[
            names::GEN_AI_PROVIDER_NAME,
            names::GEN_AI_SYSTEM,
            names::LLM_PROVIDER,
            names::LLM_SYSTEM,
        ],
    ),
    (
        Fact::Text(Word::Operation),
        &[
            names::GEN_AI_OPERATION_NAME,
            names::OPENINFERENCE_SPAN_KIND,
            names::TRACELOOP_SPAN_KIND,
            names::LLM_REQUEST_TYPE,
        ],
    ),
    (
        Fact::Reasons,
        &[
            names::GEN_AI_RESPONSE_FINISH_REASONS,
            names::GEN_AI_RESPONSE_FINISH_REASON,
            names::LLM_FINISH_REASON,
            names::LLM_RESPONSE_FINISH_REASON,
        ],
    ),
    (
        Fact::Streamed,
        &[
            names::GEN_AI_REQUEST_STREAM,
            names::GEN_AI_IS_STREAMING,
            names::LLM_IS_STREAMING,
        ],
    ),
];

/// Facts of one name.
const ALONE: [(Fact, &str); 11] = [
    (Fact::Text(Word::Tenant), names::TENANT_ID),
    (Fact::Text(Word::RequestId), names::GEN_AI_REQUEST_ID),
    (Fact::Text(Word::ErrorType), names::ERROR_TYPE),
    (Fact::Text(Word::Outcome), names::INFERSCOPE_REQUEST_OUTCOME),
    (Fact::Text(Word::BootstrapRoom), names::SGLANG_BOOTSTRAP_ROOM),
    (Fact::Text(Word::Phase), names::INFERSCOPE_PHASE),
    (Fact::Text(Word::PhaseSource), names::INFERSCOPE_PHASE_SOURCE),
    (Fact::Present(Mark::Retracted), names::INFERSCOPE_PHASE_RETRACTED),
    (Fact::Present(Mark::Decomposed), names::INFERSCOPE_DECOMPOSE_STATUS),
    (Fact::Present(Mark::TritonModel), names::TRITON_MODEL_NAME),
    (Fact::Present(Mark::TgiTotal), names::TGI_TOTAL_TIME),
];

/// Durations whose unit is not the second.
const IN_MILLISECONDS: [&str; 1] = [names::LLM_D_PD_PROXY_TRUE_TTFT_MS];

/// Engines say these about their requests and about nothing else, so a span with one of them is a request even where
/// nobody has decomposed it.
const LATENCIES: [&str; 6] = [
    names::GEN_AI_LATENCY_TIME_TO_FIRST_TOKEN,
    names::GEN_AI_LATENCY_E2E,
    names::GEN_AI_LATENCY_TIME_IN_QUEUE,
    names::GEN_AI_LATENCY_TIME_IN_MODEL_PREFILL,
    names::GEN_AI_LATENCY_TIME_IN_MODEL_DECODE,
    names::GEN_AI_LATENCY_TIME_IN_MODEL_INFERENCE,
];

/// What a key means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning {
    /// What is said.
    pub(super) fact: Fact,
    /// The row's number, for conflicts; rows come before facts of one name.
    pub(super) row: u8,
    /// How far down its row the name stands, counted from one.
    pub(super) rank: u8,
    /// Whether only requests say it.
    pub(super) marks_request: bool,
    /// Whether it is a duration in milliseconds; the others are in seconds.
    in_milliseconds: bool,
}

impl Meaning {
    /// Nanoseconds of one unit, of a duration.
    #[inline]
    pub(super) fn unit(&self) -> f64 {
        if self.in_milliseconds { 1e6 } else { 1e9 }
    }
}

/// Every known key, found by its end and its length: the ends of these names differ, their beginnings do not. Most
/// attributes of a span are unknown and end at an empty place.
#[derive(Debug)]
pub(super) struct Dictionary {
    places: Box<[Option<Known>; PLACES]>,
}

#[derive(Debug, Clone)]
struct Known {
    tag: u64,
    key: Box<[u8]>,
    meaning: Meaning,
}

/// Ten times as many as there are keys, so that hardly two of them meet; and a power of two.
const PLACES: usize = 512;

impl Dictionary {
    /// The built-in names, with the name under which senders say a request's class of limits.
    pub(super) fn new(tenant_class: &str) -> Self {
        let mut dictionary = Self {
            places: Box::new([const { None }; PLACES]),
        };
        for (row, (fact, keys)) in ROWS.iter().enumerate() {
            for (rank, key) in keys.iter().enumerate() {
                dictionary.add(key, *fact, row, rank);
            }
        }
        let class = (Fact::Text(Word::TenantClass), tenant_class);
        for (row, (fact, key)) in ALONE.iter().chain([&class]).enumerate() {
            dictionary.add(key, *fact, ROWS.len() + row, 0);
        }
        dictionary
    }

    /// What a key means; none for keys that say nothing here.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<&Meaning> {
        let tag = tag(key);
        let mut at = place(tag);
        // Ends at an empty place, of which there are more than keys.
        while let Some(known) = self.places.get(at)? {
            if known.tag == tag && *known.key == *key {
                return Some(&known.meaning);
            }
            at = (at + 1) % PLACES;
        }
        None
    }

    fn add(&mut self, key: &str, fact: Fact, row: usize, rank: usize) {
        let tag = tag(key.as_bytes());
        let meaning = Meaning {
            fact,
            row: row as u8,
            rank: rank as u8 + 1,
            marks_request: LATENCIES.contains(&key),
            in_milliseconds: IN_MILLISECONDS.contains(&key),
        };
        let from = place(tag);
        let free = (0..PLACES).map(|step| (from + step) % PLACES);
        let mut free = free.filter(|at| self.places.get(*at).is_some_and(Option::is_none));
        if let Some(place) = free.next().and_then(|at| self.places.get_mut(at)) {
            *place = Some(Known {
                tag,
                key: key.as_bytes().into(),
                meaning,
            });
        }
    }
}

/// The last eight bytes of a key with its length; short keys are a row of their own, which hardly any is.
#[inline]
fn tag(key: &[u8]) -> u64 {
    let end = key.last_chunk().map_or(0, |end| u64::from_le_bytes(*end));
    end ^ (key.len() as u64) << 56
}

/// Where to look for a tag first: the upper bits of a product depend on all of its bits (Knuth, multiplicative hashing).
#[inline]
fn place(tag: u64) -> usize {
    (tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES.trailing_zeros())) as usize
}
