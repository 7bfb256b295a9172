//! The facts that are told under their standard names, as a table.

use pipeline::payload::names;

use crate::llm_names::{self, Dictionary, IN_MILLISECONDS, LATENCIES, Row};

/// What kind of value a fact has, and so what is made of one that stands under another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// Tokens: a whole number.
    Count,
    /// A duration in seconds, told of requests alone. Whoever reads engines' latencies takes a span that has one for the
    /// request of an engine, so that a client's span must not get any.
    Seconds,
    /// A text.
    Text,
    /// A text whose words differ as well.
    Operation,
    /// Texts in a row, or one text.
    Reasons,
    /// Yes or no.
    Flag,
    /// Money, in whatever currency whoever gave it has had in mind.
    Price,
    /// Nothing that is told; it tells requests from other spans.
    Nothing,
}

/// All facts; what a tenant is called is for the processor `tenant`.
pub(super) const ROWS: [(Says, Row); 15] = [
    (Says::Count, llm_names::INPUT_TOKENS),
    (Says::Count, llm_names::OUTPUT_TOKENS),
    (Says::Count, llm_names::CACHED_TOKENS),
    (Says::Count, llm_names::REASONING_TOKENS),
    (Says::Text, llm_names::REQUEST_MODEL),
    (Says::Text, llm_names::RESPONSE_MODEL),
    (Says::Text, llm_names::PROVIDER),
    (Says::Operation, llm_names::OPERATION),
    (Says::Text, llm_names::RESPONSE_ID),
    (Says::Reasons, llm_names::FINISH_REASONS),
    (Says::Flag, llm_names::STREAMED),
    (Says::Seconds, llm_names::FIRST_TOKEN),
    (Says::Text, llm_names::CONVERSATION),
    (Says::Text, llm_names::END_USER),
    (Says::Price, llm_names::GIVEN_COST),
];

/// Names that spans of web servers and browsers have as well: they do not make a span one of an LLM.
const OF_ANY_SPAN: [&str; 3] = [names::SESSION_ID, names::USER_ID, names::ENDUSER_ID];

/// Names that say something of their own, and so stay even where others are replaced: standards with a wider meaning, and
/// the engine's name for a request, by which `llm_metrics` tells that several answers belong to one.
const LASTING: [&str; 3] = [names::SESSION_ID, names::USER_ID, names::GEN_AI_REQUEST_ID];

/// What a key means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning {
    /// The row it stands in, or [`ONLY_MARKS`].
    pub(super) row: u8,
    /// What kind of value that row has.
    pub(super) says: Says,
    /// How far down its row the name stands, counted from one.
    pub(super) rank: u8,
    /// The same as a bit, from the lowest.
    pub(super) bit: u8,
    /// Whether only spans of LLMs say it.
    pub(super) marks_llm: bool,
    /// Whether only requests say it, as engines see them.
    pub(super) marks_request: bool,
}

/// The row of what stands in none.
pub(super) const ONLY_MARKS: u8 = 15;

/// What every known key means.
pub(super) fn dictionary() -> Dictionary<Meaning> {
    let mut dictionary = Dictionary::new();
    for (row, (says, keys)) in ROWS.iter().enumerate() {
        for (rank, key) in keys.iter().enumerate() {
            let meaning = Meaning {
                row: row as u8,
                says: *says,
                rank: rank as u8 + 1,
                bit: 1 << rank,
                marks_llm: !OF_ANY_SPAN.contains(key),
                marks_request: LATENCIES.contains(key),
            };
            dictionary.add(key, meaning);
        }
    }
    let only_marks = Meaning {
        row: ONLY_MARKS,
        says: Says::Nothing,
        rank: 0,
        bit: 0,
        marks_llm: true,
        marks_request: true,
    };
    let in_rows = |key: &&str| ROWS.iter().any(|(_, keys)| keys.contains(key));
    for key in LATENCIES.iter().filter(|key| !in_rows(key)) {
        dictionary.add(key, only_marks);
    }
    dictionary.add(names::INFERSCOPE_DECOMPOSE_STATUS, only_marks);
    dictionary
}

/// The name at this place of a row, counted from one.
pub(super) fn name(row: usize, rank: u8) -> &'static str {
    let names = ROWS.get(row).map_or([].as_slice(), |(_, names)| names);
    let name = usize::from(rank).checked_sub(1).and_then(|at| names.get(at));
    name.copied().unwrap_or_default()
}

/// Seconds in one unit of a duration under this name.
pub(super) fn unit(name: &str) -> f64 {
    if IN_MILLISECONDS.contains(&name) { 1e-3 } else { 1.0 }
}

/// Whether a name goes when the fact stands under the standard's.
pub(super) fn is_replaced(name: &str) -> bool {
    !LASTING.contains(&name)
}
