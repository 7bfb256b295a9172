//! One request as the demo draws it: times in nanoseconds since 1970, texts safe to print.

/// A request span with the phases that lie under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// The engine's request id, else the span id. Printable ASCII: see [`printable`].
    pub(super) id: String,
    /// Start of the request span.
    pub(super) start: u64,
    /// End of the request span.
    pub(super) end: u64,
    /// `inferscope.decompose.status`.
    pub(super) status: String,
    /// In the order of their start.
    pub(super) phases: Vec<PhaseSpan>,
    /// Tokens of the prompt, where the engine says so.
    pub(super) input_tokens: Option<u64>,
    /// Tokens of the answer, where the engine says so.
    pub(super) output_tokens: Option<u64>,
    /// Time to first token as the engine saw it; a client sees a longer one.
    pub(super) first_token: Option<u64>,
    /// What its GPUs did meanwhile, where somebody says so.
    pub(super) gpus: Option<GpuUse>,
}

/// What the GPUs of a request did while it ran, as `gpu_context` says. What is not known is None.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GpuUse {
    /// How many they are.
    pub(super) count: usize,
    /// The part of the time in which they were busy, in percent.
    pub(super) busy_percent: Option<u64>,
    /// Mean power of all together, in milliwatts.
    pub(super) power_mw: Option<u64>,
    /// What they used, in millijoules.
    pub(super) energy_mj: Option<u64>,
    /// The part of it that this request caused, in millijoules.
    pub(super) own_mj: Option<u64>,
    /// The part of the time that samples speak for, in percent.
    pub(super) coverage_percent: Option<u64>,
}

/// A phase of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhaseSpan {
    /// The phase word. Printable ASCII.
    pub(super) word: String,
    /// How far its length can be trusted.
    pub(super) source: Source,
    /// Start of the span.
    pub(super) start: u64,
    /// End of the span.
    pub(super) end: u64,
}

/// How far a phase's length can be trusted, from `inferscope.phase.source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The engine measured it.
    Measured,
    /// It follows from other measurements.
    Inferred,
    /// It is at most this long.
    UpperBound,
}

impl Request {
    /// How long it took.
    pub(super) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Time of all segments of one phase; None where the request has none.
    pub(super) fn time_in(&self, word: &str) -> Option<u64> {
        let segments = self.phases.iter().filter(|phase| phase.word == word);
        segments.map(PhaseSpan::duration).reduce(u64::saturating_add)
    }

    /// The mean time from one token to the next. The first token ends prefill, so there is one gap less than tokens.
    pub(super) fn per_token(&self) -> Option<u64> {
        let gaps = self.output_tokens?.checked_sub(1).filter(|gaps| *gaps > 0)?;
        Some(self.time_in("decode")? / gaps)
    }

    /// The phase with the most time, and that time.
    pub(super) fn largest_phase(&self) -> Option<(&str, u64)> {
        let words = self.phases.iter().map(|phase| phase.word.as_str());
        words
            .filter_map(|word| Some((word, self.time_in(word)?)))
            .max_by_key(|(_, time)| *time)
    }
}

impl PhaseSpan {
    /// How long it took.
    pub(super) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Longest id that is kept: ids are the client's to choose, and no line has room for more.
pub(super) const ID_CHARS_MAX: usize = 64;

/// Longest phase word that is kept. Ours have at most 17; an engine may send others.
pub(super) const WORD_CHARS_MAX: usize = 20;

/// A text from a span, safe on a terminal: whatever is not visible ASCII is written as an escape, so that a request id
/// can neither move the cursor nor upset the columns. Not longer than `chars_max`.
pub(super) fn printable(text: &str, chars_max: usize) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        if safe.len() >= chars_max {
            break;
        }
        if character.is_ascii_graphic() || character == ' ' {
            safe.push(character);
        } else {
            safe.extend(character.escape_default());
        }
    }
    safe.truncate(chars_max);
    safe
}
