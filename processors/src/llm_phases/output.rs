//! How a decomposition is written: attributes encoded once, ids made from what is there.

use pipeline::payload::{Child, EmittedScope, EncodedAttributes, SpanId, SpanKind, Stamp, Text, TraceId, names};

use super::child_id::ChildIds;
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
    about: [[EncodedAttributes; SOURCES]; PHASES],
    /// The same with everything else that children of a phase and source have in common.
    stamps: [[Stamp; SOURCES]; PHASES],
    /// How the decomposition went, as an attribute.
    statuses: [EncodedAttributes; Status::ALL.len()],
    /// Keys on the request span, by phase.
    duration_keys: [String; PHASES],
    source_keys: [String; PHASES],
    nothing: EncodedAttributes,
    blank: Stamp,
}

impl Output {
    /// Prepares what the configuration asks for.
    pub(super) fn new(config: &Config) -> Self {
        let about = |phase: Phase, source: Source| {
            EncodedAttributes::new()
                .with(names::INFERSCOPE_PHASE, phase.word())
                .with(names::INFERSCOPE_PHASE_SOURCE, source.word())
        };
        let status = |status: Status| EncodedAttributes::new().with(names::INFERSCOPE_DECOMPOSE_STATUS, status.word());
        let key = |phase: Phase, what: &str| format!("{}.{}.{what}", names::INFERSCOPE_PHASE, phase.word());
        Self {
            emit: config.emit,
            zero_length: config.zero_length_phases,
            wanted: Phase::ALL.map(|phase| config.phases.contains(&phase)),
            about: Phase::ALL.map(|phase| Source::ALL.map(|source| about(phase, source))),
            stamps: Phase::ALL.map(|phase| Source::ALL.map(|source| stamp(phase, &about(phase, source)))),
            statuses: Status::ALL.map(status),
            duration_keys: Phase::ALL.map(|phase| key(phase, "duration")),
            source_keys: Phase::ALL.map(|phase| key(phase, "source")),
            nothing: EncodedAttributes::new(),
            blank: Stamp::default(),
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
        let by_source = self.about.get(phase.index());
        by_source
            .and_then(|by_source| by_source.get(source as usize))
            .unwrap_or(&self.nothing)
    }

    /// What all spans have in common that are made for this phase.
    #[inline]
    pub(super) fn stamp(&self, phase: Phase, source: Source) -> &Stamp {
        let by_source = self.stamps.get(phase.index());
        by_source
            .and_then(|by_source| by_source.get(source as usize))
            .unwrap_or(&self.blank)
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
        out.extend(self.statuses.get(status as usize).unwrap_or(&self.nothing));
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

/// What all children of a request have in common; flags and trace state are the parent's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family<'a> {
    trace_id: TraceId,
    parent: SpanId,
    ids: ChildIds,
    flags: u32,
    trace_state: Text<'a>,
}

impl<'a> Family<'a> {
    /// The children of this one.
    #[inline]
    pub(super) fn of(request: &Request<'a>) -> Self {
        Self {
            trace_id: request.trace_id,
            parent: request.span_id,
            ids: ChildIds::of(request.trace_id, request.span_id),
            flags: inherited(request.flags),
            trace_state: request.trace_state,
        }
    }

    /// One of them.
    #[inline]
    pub(super) fn child(&self, segment: &Segment, ordinal: u32, stamp: &'a Stamp) -> Child<'a> {
        Child {
            trace_id: self.trace_id,
            span_id: self.ids.child(segment.phase, ordinal),
            parent_span_id: self.parent,
            start: segment.start,
            end: segment.end,
            flags: self.flags,
            trace_state: self.trace_state,
            stamp,
        }
    }
}

/// What a span of this phase is, with what it says about itself.
pub(super) fn stamp(phase: Phase, about: &EncodedAttributes) -> Stamp {
    Stamp::new(SpanKind::Internal, phase.word(), about)
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
