//! What a span says that matters here.

use pipeline::payload::{RawValue, SpanField, SpanId, SpanView, TraceId, Value, names};

/// Two names of one length.
const CACHED_OF_36: [(u8, &str); 2] = [
    (1, names::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
    (2, names::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS_OLD),
];

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
    /// How trusted the name was that they were said under; the lowest counts (domain §1.4).
    cached_rank: u8,
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
            26 if key == names::GEN_AI_USAGE_CACHED_TOKENS.as_bytes() => self.cached(3, value),
            27 if key == names::INFERSCOPE_DECOMPOSE_STATUS.as_bytes() => self.kind = Kind::Request,
            36 => {
                let found = CACHED_OF_36.iter().find(|(_, name)| key == name.as_bytes());
                found.into_iter().for_each(|(rank, _)| self.cached(*rank, value));
            }
            41 if key == names::LLM_TOKEN_COUNT_PROMPT_CACHE_READ.as_bytes() => self.cached(4, value),
            _ => {}
        }
    }

    /// Of several names for the tokens that were found in a cache the most trusted one counts, wherever it stands.
    fn cached(&mut self, rank: u8, value: RawValue<'_>) {
        if self.cached_tokens.is_none() || rank < self.cached_rank {
            self.cached_tokens = int(value).or(self.cached_tokens);
            self.cached_rank = rank;
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
    use opentelemetry_proto::tonic::trace::v1::Span;
    use pipeline::payload::SpanView;
    use prost::Message;

    use super::Reading;

    fn cached(said: &[(&str, i64)]) -> Option<i64> {
        let attributes = said.iter().map(|(key, tokens)| KeyValue {
            key: (*key).to_owned(),
            value: Some(AnyValue {
                value: Some(Value::IntValue(*tokens)),
            }),
            ..KeyValue::default()
        });
        let span = Span {
            attributes: attributes.collect(),
            ..Span::default()
        };
        Reading::of(SpanView::of(&span.encode_to_vec())).cached_tokens
    }

    #[test]
    fn s1_tokens_from_a_cache_go_by_four_names_of_which_the_first_of_the_row_counts() {
        let row = [
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cached_tokens",
            "llm.token_count.prompt_details.cache_read",
        ];
        assert_eq!(cached(&[]), None);
        for (at, left) in row.iter().enumerate() {
            assert_eq!(cached(&[(left, 7)]), Some(7), "{left}");
            for right in &row[at + 1..] {
                assert_eq!(cached(&[(left, 7), (right, 9)]), Some(7), "{left} {right}");
                assert_eq!(cached(&[(right, 9), (left, 7)]), Some(7), "{right} {left}");
            }
        }
    }
}
