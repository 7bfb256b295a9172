//! The words: which phase, how far to trust its length, how the whole went.

use serde::Deserialize;

/// A part of a request's life. The word is the name of the child span and the value of `inferscope.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Rendering and tokenizing, where the engine measures it.
    Tokenize,
    /// From arrival until the queue, where the engine does not separate it.
    Frontend,
    /// From the front end to the scheduler.
    Dispatch,
    /// Setting up the connection between a prefill and a decode engine.
    Bootstrap,
    /// From queued to first scheduled.
    Queue,
    /// The wait of a decode engine whose prefill ran elsewhere.
    #[serde(rename = "queue.decode")]
    QueueDecode,
    /// Queue and prefill where only their sum is known.
    QueueAndPrefill,
    /// Copying the input to the device, where a model server measures it.
    Input,
    /// From first scheduled to the first token.
    Prefill,
    /// Moving the KV cache from the prefill to the decode engine.
    KvTransfer,
    /// Prefill and decode where the engine cannot tell them apart.
    Inference,
    /// From the first to the last token.
    Decode,
    /// Copying the output from the device, where a model server measures it.
    Output,
    /// From the last token to the end of the request's span.
    Detokenize,
    /// From the last output to the end of the span, where nothing is detokenized there.
    Postprocess,
    /// What cannot be known.
    Other,
}

impl Phase {
    /// All of them, in the order of a request's life.
    pub const ALL: [Self; 16] = [
        Self::Tokenize,
        Self::Frontend,
        Self::Dispatch,
        Self::Bootstrap,
        Self::Queue,
        Self::QueueDecode,
        Self::QueueAndPrefill,
        Self::Input,
        Self::Prefill,
        Self::KvTransfer,
        Self::Inference,
        Self::Decode,
        Self::Output,
        Self::Detokenize,
        Self::Postprocess,
        Self::Other,
    ];

    /// The word users see.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tokenize => "tokenize",
            Self::Frontend => "frontend",
            Self::Dispatch => "dispatch",
            Self::Bootstrap => "bootstrap",
            Self::Queue => "queue",
            Self::QueueDecode => "queue.decode",
            Self::QueueAndPrefill => "queue_and_prefill",
            Self::Input => "input",
            Self::Prefill => "prefill",
            Self::KvTransfer => "kv_transfer",
            Self::Inference => "inference",
            Self::Decode => "decode",
            Self::Output => "output",
            Self::Detokenize => "detokenize",
            Self::Postprocess => "postprocess",
            Self::Other => "other",
        }
    }

    /// The phase of a word.
    pub fn of_word(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"tokenize" => Self::Tokenize,
            b"frontend" => Self::Frontend,
            b"dispatch" => Self::Dispatch,
            b"bootstrap" => Self::Bootstrap,
            b"queue" => Self::Queue,
            b"queue.decode" => Self::QueueDecode,
            b"queue_and_prefill" => Self::QueueAndPrefill,
            b"input" => Self::Input,
            b"prefill" => Self::Prefill,
            b"kv_transfer" => Self::KvTransfer,
            b"inference" => Self::Inference,
            b"decode" => Self::Decode,
            b"output" => Self::Output,
            b"detokenize" => Self::Detokenize,
            b"postprocess" => Self::Postprocess,
            b"other" => Self::Other,
            _ => return None,
        })
    }

    /// Its place in [`Phase::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Enters the ids of made spans and so must never change: new phases get new numbers.
    pub const fn stable_number(self) -> u64 {
        match self {
            Self::Tokenize => 1,
            Self::Frontend => 2,
            Self::Dispatch => 3,
            Self::Bootstrap => 4,
            Self::Queue => 5,
            Self::QueueDecode => 6,
            Self::QueueAndPrefill => 7,
            Self::Input => 8,
            Self::Prefill => 9,
            Self::KvTransfer => 10,
            Self::Inference => 11,
            Self::Decode => 12,
            Self::Output => 13,
            Self::Detokenize => 14,
            Self::Postprocess => 15,
            Self::Other => 16,
        }
    }
}

/// How far to trust the length of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The engine measured this duration; its place may be laid out.
    Measured,
    /// Computed from other measurements: a difference, a gap, a clipped or a remaining time.
    Inferred,
    /// The true phase is at most this long; what else is inside could not be separated.
    UpperBound,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Measured, Self::Inferred, Self::UpperBound];

    /// The word users see.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Inferred => "inferred",
            Self::UpperBound => "upper_bound",
        }
    }

    /// The source of a word.
    pub fn of_word(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word().as_bytes() == word)
    }
}

/// How the decomposition of one request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every nanosecond belongs to a known phase.
    Ok,
    /// Something is missing; `other` stands in its place.
    Partial,
    /// Nothing to go by: no children.
    Insufficient,
    /// The phases did not fit into the span and were clipped at its end.
    Inconsistent,
    /// The engine's own phase spans were annotated instead.
    Skipped,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Partial,
        Self::Insufficient,
        Self::Inconsistent,
        Self::Skipped,
    ];

    /// The word users see.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Insufficient => "insufficient",
            Self::Inconsistent => "inconsistent",
            Self::Skipped => "skipped",
        }
    }
}
