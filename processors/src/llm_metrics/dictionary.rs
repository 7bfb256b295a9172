//! What is counted of what requests say, and under which names they say it.
//!
//! Of several names of one fact on one span the first of its row counts; another value under another name is counted as
//! a conflict.

use pipeline::payload::names;

use crate::llm_names::{self, IN_MILLISECONDS, LATENCIES, Row};

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

/// Facts that go by several names, the most trusted name first.
pub(super) const ROWS: [(Fact, Row); 14] = [
    (Fact::Count(Number::InputTokens), llm_names::INPUT_TOKENS),
    (Fact::Count(Number::OutputTokens), llm_names::OUTPUT_TOKENS),
    (Fact::Length(Number::FirstToken), llm_names::FIRST_TOKEN),
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
    (Fact::Text(Word::RequestModel), llm_names::REQUEST_MODEL),
    (Fact::Text(Word::ResponseModel), llm_names::RESPONSE_MODEL),
    (Fact::Text(Word::Provider), llm_names::PROVIDER),
    (Fact::Text(Word::Operation), llm_names::OPERATION),
    (Fact::Reasons, llm_names::FINISH_REASONS),
    (Fact::Streamed, llm_names::STREAMED),
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

/// What every known key means.
pub(super) type Dictionary = llm_names::Dictionary<Meaning>;

/// The built-in names, with the name under which senders say a request's class of limits.
pub(super) fn dictionary(tenant_class: &str) -> Dictionary {
    let mut dictionary = Dictionary::new();
    for (row, (fact, keys)) in ROWS.iter().enumerate() {
        for (rank, key) in keys.iter().enumerate() {
            dictionary.add(key, meaning(key, *fact, row, rank));
        }
    }
    let class = (Fact::Text(Word::TenantClass), tenant_class);
    for (row, (fact, key)) in ALONE.iter().chain([&class]).enumerate() {
        dictionary.add(key, meaning(key, *fact, ROWS.len() + row, 0));
    }
    dictionary
}

fn meaning(key: &str, fact: Fact, row: usize, rank: usize) -> Meaning {
    Meaning {
        fact,
        row: row as u8,
        rank: rank as u8 + 1,
        marks_request: LATENCIES.contains(&key),
        in_milliseconds: IN_MILLISECONDS.contains(&key),
    }
}
