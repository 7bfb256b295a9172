//! How a decomposition is written: attributes encoded once, ids made from what is there.

use pipeline::payload::{Child, EmittedScope, EncodedAttributes, SpanKind, names};

use super::child_id::child_id;
use super::config::{Config, Emit};
use super::phase::{Phase, Source, Status};
use super::phases::{Phases, Segment};
use super::request::Request;

/// The scope under which made spans travel.
pub(super) const SCOPE: EmittedScope = EmittedScope::named("inferscope/llm_phases");

const PHASES: usize = Phase::ALL.len();
const SOURCES: usize = Source::ALL.len();

/// What the user wants written, with everything encoded that can be encoded before a span arrives.
#[derive(Debug, Clone)]
pub(super) struct Output {
    emit: Emit,
    zero_length: bool,
    wanted: [bool; PHASES],
    /// Attributes of a child, by phase and source.
    children: [[EncodedAttributes; SOURCES]; PHASES],
    /// Keys on the request span, by phase.
    duration_keys: [String; PHASES],
    source_keys: [String; PHASES],
    nothing: EncodedAttributes,
}

impl Output {
    /// Prepares what the configuration asks for.
    pub(super) fn new(config: &Config) -> Self {
        let about = |phase: Phase, source: Source| {
            EncodedAttributes::new()
                .with(names::INFERSCOPE_PHASE, phase.word())
                .with(names::INFERSCOPE_PHASE_SOURCE, source.word())
        };
        let key = |phase: Phase, what: &str| format!("{}.{}.{what}", names::INFERSCOPE_PHASE, phase.word());
        Self {
            emit: config.emit,
            zero_length: config.zero_length_phases,
            wanted: Phase::ALL.map(|phase| config.phases.contains(&phase)),
            children: Phase::ALL.map(|phase| Source::ALL.map(|source| about(phase, source))),
            duration_keys: Phase::ALL.map(|phase| key(phase, "duration")),
            source_keys: Phase::ALL.map(|phase| key(phase, "source")),
            nothing: EncodedAttributes::new(),
        }
    }

    /// Whether a part of a request becomes a span.
    #[inline]
    pub(super) fn makes_span(&self, segment: &Segment) -> bool {
        self.emit.spans() && self.writes(segment)
    }

    /// Whether phases become attributes of the request.
    pub(super) fn writes_attributes(&self) -> bool {
        self.emit.attributes()
    }

    /// What a span of this phase says about itself.
    #[inline]
    pub(super) fn about(&self, phase: Phase, source: Source) -> &EncodedAttributes {
        let by_source = self.children.get(phase.index());
        by_source
            .and_then(|by_source| by_source.get(source as usize))
            .unwrap_or(&self.nothing)
    }

    /// What a request span gains: how the decomposition went, and its tokens under their current names.
    pub(super) fn describe(&self, request: &Request<'_>, phases: &Phases, out: &mut EncodedAttributes) {
        self.status(request, phases.status, out);
        let residual = phases.residual();
        if residual > 0 {
            out.push(names::INFERSCOPE_DECOMPOSE_RESIDUAL, in_seconds(residual));
        }
        if phases.overrun > 0 {
            let overrun = i64::try_from(phases.overrun).unwrap_or(i64::MAX);
            out.push(names::INFERSCOPE_DECOMPOSE_OVERRUN_NS, overrun);
        }
        self.durations(phases, out);
    }

    /// What a request gains whose engine shows the phases itself: no time is in `other`, because nothing was laid out.
    pub(super) fn describe_skipped(&self, request: &Request<'_>, phases: &Phases, out: &mut EncodedAttributes) {
        self.status(request, phases.status, out);
        self.durations(phases, out);
    }

    /// Status and tokens alone.
    pub(super) fn status(&self, request: &Request<'_>, status: Status, out: &mut EncodedAttributes) {
        out.push(names::INFERSCOPE_DECOMPOSE_STATUS, status.word());
        if let Some(tokens) = request.missing_input_tokens() {
            out.push(names::GEN_AI_USAGE_INPUT_TOKENS, tokens);
        }
        if let Some(tokens) = request.missing_output_tokens() {
            out.push(names::GEN_AI_USAGE_OUTPUT_TOKENS, tokens);
        }
    }

    /// Time in one phase as attributes of the request, where attributes are wanted.
    pub(super) fn duration(&self, phase: Phase, ns: u64, source: Source, out: &mut EncodedAttributes) {
        if !self.emit.attributes() || !self.is_wanted(phase) {
            return;
        }
        let keys = self
            .duration_keys
            .get(phase.index())
            .zip(self.source_keys.get(phase.index()));
        if let Some((duration_key, source_key)) = keys {
            out.push(duration_key, in_seconds(ns));
            out.push(source_key, source.word());
        }
    }

    fn durations(&self, phases: &Phases, out: &mut EncodedAttributes) {
        if !self.emit.attributes() {
            return;
        }
        let segments = phases.segments();
        for (index, segment) in segments.iter().enumerate() {
            let is_first = ordinal(segments, index) == 0;
            if is_first && self.writes(segment) {
                self.duration(segment.phase, phases.total(segment.phase), segment.source, out);
            }
        }
    }

    fn writes(&self, segment: &Segment) -> bool {
        self.is_wanted(segment.phase) && (segment.length() > 0 || self.zero_length)
    }

    fn is_wanted(&self, phase: Phase) -> bool {
        self.wanted.get(phase.index()).copied().unwrap_or(false)
    }
}

/// How many segments of the same phase stand before this one.
pub(super) fn ordinal(segments: &[Segment], index: usize) -> u32 {
    let Some((before, segment)) = segments.get(..index).zip(segments.get(index)) else {
        return 0;
    };
    before.iter().map(|other| u32::from(other.phase == segment.phase)).sum()
}

/// A child of a request; flags and trace state are the parent's.
#[inline]
pub(super) fn child<'a>(
    request: &Request<'a>,
    segment: &Segment,
    ordinal: u32,
    attributes: &'a EncodedAttributes,
) -> Child<'a> {
    Child {
        trace_id: request.trace_id,
        span_id: child_id(request.trace_id, request.span_id, segment.phase, ordinal),
        parent_span_id: request.span_id,
        name: segment.phase.word(),
        kind: SpanKind::Internal,
        start: segment.start,
        end: segment.end,
        flags: inherited(request.flags),
        trace_state: request.trace_state.as_str(),
        attributes,
    }
}

/// The parent's W3C trace flags (the low byte: sampled, random), and that the parent of this span is known to be local
/// (OTLP `SpanFlags`: bit 8 says that it is known, bit 9 that it is remote).
fn inherited(flags: u32) -> u32 {
    const TRACE_FLAGS: u32 = 0xff;
    const PARENT_IS_KNOWN: u32 = 0x100;
    (flags & TRACE_FLAGS) | PARENT_IS_KNOWN
}

/// Seconds, the unit of every duration attribute.
pub(super) fn in_seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
