//! One pass over a span: what it says about itself and about a request's durations.

use pipeline::payload::{RawValue, SpanField, SpanId, SpanView, Text, TraceId, names};

use super::effort;
use super::phases::Observed;
use super::reading::{Reading, seconds};

/// Why a duration on a span could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unread {
    /// Neither a double nor a whole number.
    pub(super) wrong_type: u8,
    /// NaN or infinity.
    pub(super) not_a_number: u8,
}

/// What one pass over a span finds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Request<'a> {
    /// The trace it belongs to.
    pub(super) trace_id: TraceId,
    /// Its own id.
    pub(super) span_id: SpanId,
    /// Its name.
    pub(super) name: Text<'a>,
    /// Trace flags, inherited by children.
    pub(super) flags: u32,
    /// Trace state, inherited by children.
    pub(super) trace_state: Text<'a>,
    /// Start, end and durations.
    pub(super) observed: Observed,
    /// Whether any phase duration was given, readable or not.
    pub(super) has_latency: bool,
    /// Durations that could not be read.
    pub(super) unread: Unread,
    /// Tokens of the answer under the current name.
    pub(super) output_tokens: Option<i64>,
    /// Whether something stands under the current names, readable or not: keys must not come twice.
    pub(super) has_input_tokens: bool,
    pub(super) has_output_tokens: bool,
    /// Tokens under the names that engines still use.
    pub(super) prompt_tokens: Option<i64>,
    pub(super) completion_tokens: Option<i64>,
    /// Somebody decomposed or annotated it before: an agent, or this process on an earlier try.
    pub(super) decomposed: bool,
}

impl<'a> Request<'a> {
    /// Reads a span. Values of other attributes are not looked at.
    #[inline]
    pub(super) fn read(span: SpanView<'a>) -> Self {
        effort::look();
        let opening = span.opening();
        let mut request = Self {
            trace_id: opening.trace_id,
            span_id: opening.span_id,
            name: opening.name,
            flags: opening.flags,
            trace_state: opening.trace_state,
            observed: Observed {
                start: opening.start,
                end: opening.end,
                ..Observed::default()
            },
            ..Self::default()
        };
        for field in opening.rest().fields() {
            match field {
                SpanField::Attr(key, value) => request.attribute(key.as_bytes(), value),
                SpanField::Flags(flags) => request.flags = flags,
                other => request.unusual(other),
            }
        }
        request
    }

    /// What stands in front in every span that is written as usual.
    #[cold]
    fn unusual(&mut self, field: SpanField<'a>) {
        match field {
            SpanField::TraceId(id) => self.trace_id = id,
            SpanField::SpanId(id) => self.span_id = id,
            SpanField::Name(name) => self.name = name,
            SpanField::Start(time) => self.observed.start = time,
            SpanField::End(time) => self.observed.end = time,
            SpanField::TraceState(state) => self.trace_state = state,
            _ => {}
        }
    }

    /// Tokens to be added under the current name: known, and nothing is there yet.
    pub(super) fn missing_input_tokens(&self) -> Option<i64> {
        self.prompt_tokens.filter(|_| !self.has_input_tokens)
    }

    /// As [`missing_input_tokens`](Self::missing_input_tokens).
    pub(super) fn missing_output_tokens(&self) -> Option<i64> {
        self.completion_tokens.filter(|_| !self.has_output_tokens)
    }

    /// Keys are told apart by length first: most attributes of a span end there.
    #[inline(always)]
    fn attribute(&mut self, key: &[u8], value: RawValue<'_>) {
        match key.len() {
            16 if is(key, names::INFERSCOPE_PHASE) => self.decomposed = true,
            18 if is(key, names::GEN_AI_LATENCY_E2E) => self.duration(|observed| &mut observed.e2e, value),
            25 if is(key, names::GEN_AI_USAGE_INPUT_TOKENS) => self.has_input_tokens = true,
            26 if is(key, names::GEN_AI_USAGE_OUTPUT_TOKENS) => {
                self.has_output_tokens = true;
                first(&mut self.output_tokens, value);
            }
            26 if is(key, names::GEN_AI_USAGE_PROMPT_TOKENS) => first(&mut self.prompt_tokens, value),
            26 if is(key, names::INFERSCOPE_PHASE_RETRACTED) => self.decomposed = true,
            27 if is(key, names::INFERSCOPE_DECOMPOSE_STATUS) => self.decomposed = true,
            28 if is(key, names::GEN_AI_LATENCY_TIME_IN_QUEUE) => self.duration(|observed| &mut observed.queue, value),
            30 if is(key, names::GEN_AI_USAGE_COMPLETION_TOKENS) => first(&mut self.completion_tokens, value),
            34 if is(key, names::GEN_AI_LATENCY_TIME_TO_FIRST_TOKEN) => {
                self.duration(|observed| &mut observed.ttft, value);
            }
            35 if is(key, names::GEN_AI_LATENCY_TIME_IN_MODEL_DECODE) => {
                self.duration(|observed| &mut observed.decode, value);
            }
            36 if is(key, names::GEN_AI_LATENCY_TIME_IN_MODEL_PREFILL) => {
                self.duration(|observed| &mut observed.prefill, value);
            }
            38 if is(key, names::GEN_AI_LATENCY_TIME_IN_MODEL_INFERENCE) => {
                self.duration(|observed| &mut observed.inference, value);
            }
            _ => {}
        }
    }

    /// The first value under a key is the one that counts, as for every reader of OTLP attributes.
    #[inline(always)]
    fn duration(&mut self, slot: impl FnOnce(&mut Observed) -> &mut Option<i64>, value: RawValue<'_>) {
        self.has_latency = true;
        let slot = slot(&mut self.observed);
        if slot.is_some() {
            return;
        }
        match seconds(value) {
            Reading::Ns(ns) => *slot = Some(ns),
            Reading::WrongType => self.unread.wrong_type = self.unread.wrong_type.saturating_add(1),
            Reading::NotANumber => self.unread.not_a_number = self.unread.not_a_number.saturating_add(1),
        }
    }
}

/// Looks at the last letters first: names of one length begin alike.
#[inline(always)]
fn is(key: &[u8], name: &str) -> bool {
    key.last_chunk::<8>() == name.as_bytes().last_chunk::<8>() && key == name.as_bytes()
}

#[inline]
fn first(slot: &mut Option<i64>, value: RawValue<'_>) {
    if slot.is_none() {
        *slot = value.plain_int().or_else(|| value.read().as_i64());
    }
}
