//! What the demo knows about phases: their order in a request's life and the family that each belongs to.

/// Phases that a reader may take for one kind of time; a family has one colour and one shade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Before the scheduler knows of the request.
    Arrival,
    /// The request stands still.
    Waiting,
    /// The prompt is worked on.
    Prompt,
    /// Tokens come out.
    Answer,
    /// After the last token.
    Delivery,
    /// Nobody knows.
    Unknown,
}

/// Every phase word that `llm_phases` writes, in the order of a request's life.
const ORDER: [(&str, Family); 16] = [
    ("tokenize", Family::Arrival),
    ("frontend", Family::Arrival),
    ("dispatch", Family::Arrival),
    ("bootstrap", Family::Waiting),
    ("queue", Family::Waiting),
    ("queue.decode", Family::Waiting),
    ("queue_and_prefill", Family::Prompt),
    ("input", Family::Prompt),
    ("prefill", Family::Prompt),
    ("kv_transfer", Family::Waiting),
    ("inference", Family::Answer),
    ("decode", Family::Answer),
    ("output", Family::Delivery),
    ("detokenize", Family::Delivery),
    ("postprocess", Family::Delivery),
    ("other", Family::Unknown),
];

/// The family of a phase; a word that is not ours belongs to the unknown.
pub(super) fn family(word: &str) -> Family {
    ORDER
        .iter()
        .find(|(known, _)| *known == word)
        .map_or(Family::Unknown, |(_, family)| *family)
}

/// The place of a phase in a request's life; words that are not ours come last.
pub(super) fn place(word: &str) -> usize {
    ORDER
        .iter()
        .position(|(known, _)| *known == word)
        .unwrap_or(ORDER.len())
}
