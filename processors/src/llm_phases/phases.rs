//! Where a request's time went: integer nanoseconds in, children that tile the request out.
//!
//! Pure arithmetic; it knows no telemetry types. [`Timeline`] lays measured lengths one after another inside a span
//! and gives every nanosecond to exactly one child. What the lengths are for an engine that reports only attributes
//! is said by [`Phases::of`].

use super::phase::{Phase, Source, Status};
use super::usable::{Usable, Work};

/// A duration this much longer than its span may be rounding or two clocks; a longer one is no measurement of this
/// request.
pub(super) const TOLERANCE_NS: i64 = 1_000_000;

/// No engine's layout has more children: input and output copies and a tail around five phases.
const CHILDREN_MAX: usize = 8;

/// What an engine says about one request, in nanoseconds. `None` is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// Start of the request's span, Unix time.
    pub start: u64,
    /// End of the request's span, Unix time.
    pub end: u64,
    /// Queued until first scheduled.
    pub queue: Option<i64>,
    /// First scheduled until the first token.
    pub prefill: Option<i64>,
    /// First until last token.
    pub decode: Option<i64>,
    /// First scheduled until the last token.
    pub inference: Option<i64>,
    /// Arrival until the last output reached the front end.
    pub e2e: Option<i64>,
    /// Arrival until the first output reached the front end.
    pub ttft: Option<i64>,
}

/// One child: a phase and the part of the request that it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// What happened.
    pub phase: Phase,
    /// Unix time in nanoseconds, inclusive.
    pub start: u64,
    /// Unix time in nanoseconds, exclusive.
    pub end: u64,
    /// How far to trust its length.
    pub source: Source,
}

impl Segment {
    /// How long it is.
    pub fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Why durations were treated as missing, counted over one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unusable {
    /// Below zero.
    pub negative: u8,
    /// Longer than the span.
    pub too_long: u8,
    /// Contradicted by the others.
    pub conflict: u8,
}

/// The decomposition of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phases {
    segments: [Segment; CHILDREN_MAX],
    count: usize,
    /// How it went.
    pub status: Status,
    /// How far the phases would have reached beyond the end of the span.
    pub overrun: u64,
    /// Durations that were treated as missing.
    pub unusable: Unusable,
}

impl Phases {
    /// Decomposes a request whose engine reports durations as attributes of one span.
    ///
    /// With q, p, d, i, e and t for queue, prefill, decode, inference, e2e and ttft: the front end lasted at most
    /// `t - q - p`, because the first token's delivery is in t, and at most `e - q - i`, because the last one's is in
    /// e. Both delays are at least zero, so the smaller bound is the tighter one. The phases follow each other from
    /// there, and what is left up to the end of the span is detokenization and delivery.
    pub fn of(observed: &Observed) -> Self {
        let mut timeline = Timeline::within(observed.start, observed.end);
        let usable = Usable::of(observed, &mut timeline.phases.unusable);
        if usable.queue.is_none() && usable.work == Work::Unknown {
            return timeline.phases; // Nothing to go by: insufficient.
        }
        timeline.lay_out(&usable);
        timeline.phases
    }

    /// The children in order. Zero-length ones stand where a known phase took no time.
    pub fn segments(&self) -> &[Segment] {
        self.segments.get(..self.count).unwrap_or_default()
    }

    /// The same layout under other words; a phase that has no word and no length is left out.
    pub(super) fn renamed(self, word: impl Fn(Phase) -> Option<Phase>) -> Self {
        let mut renamed = Self { count: 0, ..self };
        for segment in self.segments() {
            let phase = match word(segment.phase) {
                Some(phase) => phase,
                None if segment.length() == 0 => continue,
                None => segment.phase,
            };
            if let Some(slot) = renamed.segments.get_mut(renamed.count) {
                *slot = Segment { phase, ..*segment };
                renamed.count += 1;
            }
        }
        renamed
    }

    /// Time that belongs to no known phase: the sum of the `other` children.
    pub fn residual(&self) -> u64 {
        self.total(Phase::Other)
    }

    /// Time spent in one phase.
    pub fn total(&self, phase: Phase) -> u64 {
        self.segments()
            .iter()
            .filter(|segment| segment.phase == phase)
            .map(Segment::length)
            .sum()
    }
}

/// Mean time between output tokens, in nanoseconds. The first token belongs to prefill, so there is none for a single
/// token. Steps of the engine do not enter: with speculative decoding one step yields several tokens.
pub fn time_per_output_token(decode_ns: u64, output_tokens: u64) -> Option<f64> {
    let after_the_first = output_tokens.checked_sub(1).filter(|tokens| *tokens > 0)?;
    Some(decode_ns as f64 / after_the_first as f64)
}

/// Lays lengths one after another inside a span. Nothing reaches beyond its end.
pub(super) struct Timeline {
    phases: Phases,
    /// Where the next child begins.
    at: u64,
    end: u64,
}

impl Timeline {
    /// An empty one; a span that ends before it starts has room for nothing.
    pub(super) fn within(start: u64, end: u64) -> Self {
        let nothing = Segment {
            phase: Phase::Other,
            start,
            end: start,
            source: Source::Inferred,
        };
        let phases = Phases {
            segments: [nothing; CHILDREN_MAX],
            count: 0,
            status: Status::Insufficient,
            overrun: 0,
            unusable: Unusable::default(),
        };
        Self {
            phases,
            at: start,
            end: end.max(start),
        }
    }

    /// The next phase takes `length`, or what is left of the span.
    pub(super) fn push(&mut self, phase: Phase, length: i128, source: Source) {
        let wanted = u64::try_from(length.max(0)).unwrap_or(u64::MAX);
        let room = self.end - self.at;
        let taken = wanted.min(room);
        let overrun = wanted - taken;
        self.phases.overrun = self.phases.overrun.saturating_add(overrun);
        let source = if overrun > 0 { Source::Inferred } else { source };
        self.place(phase, taken, source);
    }

    /// The next phase takes everything that is left; nothing left means that there is no such phase.
    pub(super) fn fill(&mut self, phase: Phase, source: Source) {
        let room = self.end - self.at;
        if room > 0 {
            self.place(phase, room, source);
        }
    }

    /// What is left of the span.
    pub(super) fn room(&self) -> u64 {
        self.end - self.at
    }

    /// Ends the layout: `complete` when every length was known.
    pub(super) fn finish(mut self, complete: bool) -> Phases {
        self.settle(complete);
        self.phases
    }

    /// The layout as it stands: nothing laid out means nothing known.
    pub(super) fn into_phases(self) -> Phases {
        self.phases
    }

    fn settle(&mut self, complete: bool) {
        self.phases.status = match (self.phases.overrun, complete) {
            (1.., _) => Status::Inconsistent,
            (0, true) => Status::Ok,
            (0, false) => Status::Partial,
        };
    }

    fn place(&mut self, phase: Phase, length: u64, source: Source) {
        let start = self.at;
        let end = start + length; // Cannot overflow: length is at most what is left of the span.
        self.at = end;
        if let Some(slot) = self.phases.segments.get_mut(self.phases.count) {
            *slot = Segment {
                phase,
                start,
                end,
                source,
            };
            self.phases.count += 1;
        }
    }

    fn lay_out(&mut self, usable: &Usable) {
        let queue = usable.queue;
        let complete = match usable.work {
            Work::Both { prefill, decode } => {
                let bound = usable.front_bound();
                let known = i128::from(prefill.ns) + i128::from(decode.ns);
                self.open(queue, bound, known);
                self.push(Phase::Prefill, prefill.ns.into(), prefill.source);
                self.push(Phase::Decode, decode.ns.into(), decode.source);
                self.fill(Phase::Detokenize, Source::UpperBound);
                queue.is_some() && bound.is_some()
            }
            Work::Merged(inference) => {
                let bound = usable.front_bound();
                self.open(queue, bound, inference.into());
                self.push(Phase::Inference, inference.into(), Source::Measured);
                self.fill(Phase::Detokenize, Source::UpperBound);
                queue.is_some() && bound.is_some()
            }
            Work::PrefillOnly(prefill) => {
                if let Some(bound) = usable.front_bound() {
                    self.open(queue, Some(bound), prefill.into());
                } else if let Some(queue) = queue {
                    self.push(Phase::Queue, queue.into(), Source::Measured);
                }
                self.push(Phase::Prefill, prefill.into(), Source::Measured);
                self.fill(Phase::Other, Source::Inferred);
                false
            }
            Work::DecodeOnly(decode) => {
                self.lay_out_around_decode(usable, decode);
                false
            }
            Work::Unknown => {
                self.push(Phase::Queue, queue.unwrap_or(0).into(), Source::Measured);
                self.fill(Phase::Other, Source::Inferred);
                false
            }
        };
        self.settle(complete);
    }

    /// Everything up to the model: a front end of known bound and the queue, or one `other` where they cannot be told
    /// apart. Without a bound the known phases end with the span, because nearly all unknown time of a request is in
    /// front of its queue.
    fn open(&mut self, queue: Option<i64>, bound: Option<i128>, work: i128) {
        let known = work + i128::from(queue.unwrap_or(0));
        match (queue, bound) {
            (Some(_), Some(bound)) => self.push(Phase::Frontend, bound, Source::UpperBound),
            (None, Some(bound)) => self.push_unknown(bound),
            (_, None) => self.push_unknown(i128::from(self.room()) - known),
        }
        if let Some(queue) = queue {
            self.push(Phase::Queue, queue.into(), Source::Measured);
        }
    }

    /// Queue at the start, decode where the tokens allow it, and `other` between them.
    fn lay_out_around_decode(&mut self, usable: &Usable, decode: i64) {
        let queue = i128::from(usable.queue.unwrap_or(0));
        if usable.queue.is_some() {
            self.push(Phase::Queue, queue, Source::Measured);
        }
        let bound = usable.first_token_bound(decode);
        let between = match bound {
            Some(first_token) => first_token - queue,
            None => i128::from(self.room()) - i128::from(decode),
        };
        self.push_unknown(between);
        self.push(Phase::Decode, decode.into(), Source::Measured);
        let tail = if bound.is_some() {
            (Phase::Detokenize, Source::UpperBound)
        } else {
            (Phase::Other, Source::Inferred)
        };
        self.fill(tail.0, tail.1);
    }

    /// An `other` that is there only when it has a length.
    fn push_unknown(&mut self, length: i128) {
        if length > 0 {
            self.push(Phase::Other, length, Source::Inferred);
        }
    }
}
