//! What a span says that matters here.

use pipeline::payload::{RawValue, SpanField, SpanId, SpanView, TraceId, Value, names};

/// What a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// Neither a request nor a phase of one.
    #[default]
    Other,
    /// The span of a request that was decomposed.
    Request,
    /// Its tokens are read.
    Prefill,
    /// Its tokens are made.
    Decode,
    /// Any other phase.
    Phase,
}

/// One pass over a span.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) kind: Kind,
    /// Tokens that were computed: those of the prompt without those from a cache.
    pub(super) input_tokens: Option<i64>,
    pub(super) cached_tokens: Option<i64>,
    pub(super) output_tokens: Option<i64>,
    /// Somebody joined it before.
    pub(super) is_joined: bool,
}

impl Reading {
    pub(super) fn of(span: SpanView<'_>) -> Self {
        let mut reading = Self::default();
        for field in span.fields() {
            match field {
                SpanField::TraceId(id) => reading.trace_id = id,
                SpanField::SpanId(id) => reading.span_id = id,
                SpanField::Parent(id) => reading.parent = Some(id),
                SpanField::Start(time) => reading.start = time,
                SpanField::End(time) => reading.end = time,
                SpanField::Attr(key, value) => reading.attribute(key.as_bytes(), value),
                _ => {}
            }
        }
        reading
    }

    fn attribute(&mut self, key: &[u8], value: RawValue<'_>) {
        // Keys are told apart by length first: most attributes of a span end there.
        match key.len() {
            16 if key == names::INFERSCOPE_PHASE.as_bytes() => self.kind = phase(value),
            23 if key == names::INFERSCOPE_GPU_COVERAGE.as_bytes() => self.is_joined = true,
            25 if key == names::GEN_AI_USAGE_INPUT_TOKENS.as_bytes() => self.input_tokens = int(value),
            26 if key == names::GEN_AI_USAGE_OUTPUT_TOKENS.as_bytes() => self.output_tokens = int(value),
            26 if key == names::GEN_AI_USAGE_CACHED_TOKENS.as_bytes() => self.cached_tokens = int(value),
            27 if key == names::INFERSCOPE_DECOMPOSE_STATUS.as_bytes() => self.kind = Kind::Request,
            36 if key == names::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS.as_bytes() => self.cached_tokens = int(value),
            _ => {}
        }
    }
}

fn phase(value: RawValue<'_>) -> Kind {
    match value.read() {
        Value::Str(text) if text == "prefill" => Kind::Prefill,
        Value::Str(text) if text == "decode" => Kind::Decode,
        _ => Kind::Phase,
    }
}

fn int(value: RawValue<'_>) -> Option<i64> {
    value.read().as_i64()
}
