//! What a request's span says about its times, tokens and end: arithmetic on what was read.

use super::dictionary::{Mark, Number, Word};
use super::said::Said;
use crate::aggregation::Measured;
use crate::llm_phases::{Observed, Phase, Phases, Source, Status, time_per_output_token};

/// Longer than the span by more than this is no measurement of this request; the same as `llm_phases` tolerates.
const TOLERANCE_NS: u64 = 1_000_000;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With an answer.
    Ok,
    /// With an error.
    Error,
    /// Given up by who asked, or on their behalf.
    Abort,
}

impl Outcome {
    /// The word users see.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Abort => "abort",
        }
    }

    fn of(said: &Said<'_>) -> Self {
        let reasons = said.reasons.unwrap_or_default();
        let found = said.word(Word::Outcome);
        if reasons.aborted || found == "abort" {
            Self::Abort
        } else if reasons.failed || said.failed || found == "error" {
            Self::Error
        } else {
            Self::Ok
        }
    }
}

/// What a span is to this connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One answer to a request.
    Request,
    /// The half of a request that another engine finishes: its phases count, everything else is said by that engine.
    PrefillHalf,
    /// One phase of a request.
    Phase,
    /// A stage of an attempt that was taken back.
    Retracted,
    /// Anything else.
    Other,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Request,
        Self::PrefillHalf,
        Self::Phase,
        Self::Retracted,
        Self::Other,
    ];

    /// The word in this connector's own metrics.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::PrefillHalf => "prefill_half",
            Self::Phase => "phase",
            Self::Retracted => "retracted",
            Self::Other => "other",
        }
    }

    /// A phase says so; a request was judged by `llm_phases` or is one by what only engines say. `of_tgi`: the resource
    /// is TGI's router, whose requests say nothing under the common names.
    pub(super) fn of(said: &Said<'_>, of_tgi: bool) -> Self {
        if !said.word(Word::Phase).is_empty() {
            return Self::Phase;
        }
        if said.has(Mark::Retracted) {
            return Self::Retracted;
        }
        let is_request = said.has(Mark::Decomposed)
            || said.has_latency
            || said.has(Mark::TritonModel)
            || (of_tgi && said.has(Mark::TgiTotal));
        if !is_request {
            return Self::Other;
        }
        let is_half = !said.word(Word::BootstrapRoom).is_empty() && said.name.as_bytes().starts_with(b"prefill ");
        if is_half { Self::PrefillHalf } else { Self::Request }
    }
}

/// One answer to a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Answer<'a> {
    /// The span that says so, for exemplars; its value is that of nothing yet.
    pub(super) measured: Measured,
    /// How long its span is, in seconds; none where it ends before it starts.
    pub(super) duration: Option<f64>,
    /// Seconds to the first token, and how far to trust them.
    pub(super) first_token: Option<(f64, Source)>,
    /// Seconds per token after the first; there is none for a single token.
    pub(super) per_token: Option<f64>,
    /// Tokens of the prompt.
    pub(super) input_tokens: Option<u64>,
    /// Tokens of this answer.
    pub(super) output_tokens: Option<u64>,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Why it failed, in a word; empty where nobody says.
    pub(super) error_type: &'a str,
    /// Whether somebody read it as it came; not said by most engines.
    pub(super) streamed: Option<bool>,
    /// Durations that were treated as missing because the span is shorter.
    pub(super) too_long: u8,
}

impl<'a> Answer<'a> {
    /// Of a span that is a request.
    pub(super) fn of(said: &Said<'a>) -> Self {
        let length = said.end.checked_sub(said.start);
        let longest = longest(said);
        let mut too_long = 0;
        let mut usable = |number| {
            let ns = said.number(number)?;
            if ns > longest {
                too_long += 1;
                return None;
            }
            Some(ns)
        };
        let lengths = Lengths {
            first_token: usable(Number::FirstToken),
            prefill: usable(Number::Prefill),
            decode: usable(Number::Decode),
            inference: usable(Number::Inference),
        };
        let output_tokens = said.number(Number::OutputTokens);
        let per_token = output_tokens.and_then(|tokens| time_per_output_token(lengths.decode()?, tokens));
        Self {
            measured: said.measured(0.0),
            duration: length.map(seconds),
            first_token: lengths.first_token(said),
            per_token: per_token.map(|ns| ns / NS_PER_SECOND),
            input_tokens: said.number(Number::InputTokens),
            output_tokens,
            outcome: Outcome::of(said),
            error_type: said.word(Word::ErrorType).as_str(),
            streamed: said.streamed,
            too_long,
        }
    }
}

/// The longest duration that a span can tell of; a longer one is no measurement of this request.
#[inline]
pub(super) fn longest(said: &Said<'_>) -> u64 {
    let length = said.end.checked_sub(said.start);
    length.map_or(0, |length| length.saturating_add(TOLERANCE_NS))
}

const NS_PER_SECOND: f64 = 1e9;

/// Seconds, the unit of every duration metric.
#[inline]
pub(super) fn seconds(ns: u64) -> f64 {
    ns as f64 / NS_PER_SECOND
}

/// The durations of an answer that the times per token are made of, as far as they are usable.
#[derive(Debug, Clone, Copy)]
struct Lengths {
    first_token: Option<u64>,
    prefill: Option<u64>,
    decode: Option<u64>,
    inference: Option<u64>,
}

impl Lengths {
    /// From the first to the last token; where the engine does not say it, what inference leaves beside prefill.
    fn decode(&self) -> Option<u64> {
        self.decode.or_else(|| self.inference?.checked_sub(self.prefill?))
    }

    /// As the engine measured it, else where the prefill ends in the layout of the phases.
    fn first_token(&self, said: &Said<'_>) -> Option<(f64, Source)> {
        let inferred = || Some((seconds(end_of_prefill(said)?), Source::Inferred));
        let measured = self.first_token.map(|ns| (seconds(ns), Source::Measured));
        measured.or_else(inferred)
    }
}

/// How long after its start a request's prefill ended, laid out as `llm_phases` does.
#[cold]
fn end_of_prefill(said: &Said<'_>) -> Option<u64> {
    let number = |number| said.number(number).map(|ns| i64::try_from(ns).unwrap_or(i64::MAX));
    let phases = Phases::of(&Observed {
        start: said.start,
        end: said.end,
        queue: number(Number::Queue),
        prefill: number(Number::Prefill),
        decode: number(Number::Decode),
        inference: number(Number::Inference),
        e2e: number(Number::EndToEnd),
        ttft: None,
    });
    let known = |status| matches!(status, Status::Ok | Status::Partial);
    let prefill = phases.segments().iter().find(|it| it.phase == Phase::Prefill)?;
    known(phases.status).then(|| prefill.end - said.start)
}
