//! TGI: durations as Rust debug strings on the request's span, and a span for every forward step.

use std::collections::HashMap;

use pipeline::payload::{EncodedAttributes, SpanField, SpanId, SpanView, Value, names};

use super::engine::Engine;
use super::meters::Meters;
use super::output::{Output, in_seconds};
use super::phase::{Phase, Source};
use super::phases::{Phases, Timeline};
use super::reading::{Reading, debug_duration, nanoseconds};
use super::request::Request;
use super::verdict::{Made, Verdict};

/// The router's tree has fewer levels; bounds the climb to the root, also in a cycle.
const LEVELS_MAX: usize = 16;

/// One span of the router.
struct Node<'a> {
    request: Request<'a>,
    parent: Option<SpanId>,
    stages: Stages,
}

/// What the router wrote on the span of a request, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Stages {
    total: Option<i64>,
    validation: Option<i64>,
    queue: Option<i64>,
    inference: Option<i64>,
    is_request: bool,
    unreadable: u8,
}

/// Steps and stalls of one request.
#[derive(Debug, Default)]
struct Steps {
    /// Start and length of every forward step.
    infer: Vec<(u64, u64)>,
    /// When the first token was sent, which happens within the step that made it.
    first_sent: Option<u64>,
    stalled: u64,
}

impl Steps {
    /// How long the steps of the prompt took: those up to the first token sent, because a prompt may come in chunks;
    /// without that moment the first step.
    fn prefill(&self) -> Option<i64> {
        // The clock of a span starts with its first step; ties cannot happen, and the shorter would come first.
        let (_, first) = self.infer.iter().min()?;
        let until = self.first_sent.unwrap_or(0);
        let chunks = self.infer.iter().filter(|(start, _)| *start < until);
        let sum = chunks.fold(0_u64, |sum, (_, length)| sum.saturating_add(*length));
        i64::try_from(if sum > 0 { sum } else { *first }).ok()
    }
}

/// Says what becomes of every span of a trace, in the order of the spans.
pub(super) fn conclude(spans: &[SpanView<'_>], output: &Output, meters: &Meters) -> Vec<Verdict> {
    let nodes: Vec<Node<'_>> = spans.iter().map(|span| Node::read(*span)).collect();
    let mut steps = steps_by_request(&nodes);
    let mut verdicts = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let mut verdict = Verdict::default();
        if node.stages.is_request && !node.request.decomposed {
            let steps = steps.remove(&index).unwrap_or_default();
            decompose(node, &steps, output, meters, &mut verdict);
        }
        verdicts.push(verdict);
    }
    verdicts
}

impl<'a> Node<'a> {
    fn read(span: SpanView<'a>) -> Self {
        let mut stages = Stages::default();
        for field in span.fields() {
            let SpanField::Attr(key, value) = field else { continue };
            match key.as_bytes() {
                b"total_time" => stages.take(|stages| &mut stages.total, value.read()),
                b"validation_time" => stages.take(|stages| &mut stages.validation, value.read()),
                b"queue_time" => stages.take(|stages| &mut stages.queue, value.read()),
                b"inference_time" => stages.take(|stages| &mut stages.inference, value.read()),
                _ => {}
            }
        }
        Self {
            request: Request::read(span),
            parent: span.parent_span_id(),
            stages,
        }
    }

    fn length(&self) -> u64 {
        self.request.observed.end.saturating_sub(self.request.observed.start)
    }
}

impl Stages {
    fn take(&mut self, slot: impl FnOnce(&mut Self) -> &mut Option<i64>, value: Value<'_>) {
        self.is_request = true;
        match duration(value) {
            Some(ns) => *slot(self) = Some(ns),
            None => self.unreadable = self.unreadable.saturating_add(1),
        }
    }

    /// The router measures total as the sum of the others, so one missing part follows from the rest.
    fn completed(&self, length: u64) -> (Option<Part>, Option<Part>, Option<Part>) {
        let longest = i64::try_from(length)
            .unwrap_or(i64::MAX)
            .saturating_add(super::phases::TOLERANCE_NS);
        let usable = |value: Option<i64>| value.filter(|ns| (0..=longest).contains(ns));
        let (total, validation, queue, inference) = (
            usable(self.total),
            usable(self.validation),
            usable(self.queue),
            usable(self.inference),
        );
        let measured = |ns: i64| Part {
            ns,
            source: Source::Measured,
        };
        let rest = |one: Option<i64>, two: Option<i64>| {
            let ns = total?.checked_sub(one?)?.checked_sub(two?)?;
            (ns >= 0).then_some(Part {
                ns,
                source: Source::Inferred,
            })
        };
        (
            validation.map(measured).or_else(|| rest(queue, inference)),
            queue.map(measured).or_else(|| rest(validation, inference)),
            inference.map(measured).or_else(|| rest(validation, queue)),
        )
    }
}

/// A known length.
#[derive(Debug, Clone, Copy)]
struct Part {
    ns: i64,
    source: Source,
}

/// As the router writes it, or as a number of seconds, which only here may stand in a text.
fn duration(value: Value<'_>) -> Option<i64> {
    let reading = match value {
        Value::Str(text) => match debug_duration(text.as_str()) {
            Some(ns) => Reading::Ns(ns),
            None => nanoseconds(text.as_str().parse().ok()?),
        },
        Value::Double(seconds) => nanoseconds(seconds),
        Value::Int(seconds) => Reading::Ns(seconds.saturating_mul(1_000_000_000)),
        _ => return None,
    };
    match reading {
        Reading::Ns(ns) => Some(ns),
        _ => None,
    }
}

/// Steps belong to the request above them, or to the only request of the trace.
fn steps_by_request(nodes: &[Node<'_>]) -> HashMap<usize, Steps> {
    let by_id: HashMap<SpanId, usize> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.request.span_id, at))
        .collect();
    let mut requests = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.stages.is_request)
        .map(|(at, _)| at);
    let only = requests.next().filter(|_| requests.next().is_none());
    let mut steps: HashMap<usize, Steps> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let name = node.request.name.as_bytes();
        if ![&b"infer"[..], b"waiting", b"send_generation"].contains(&name) {
            continue;
        }
        let Some(request) = above(nodes, &by_id, index).or(only) else {
            continue;
        };
        let steps = steps.entry(request).or_default();
        let start = node.request.observed.start;
        match name {
            b"infer" => steps.infer.push((start, node.length())),
            b"waiting" => steps.stalled = steps.stalled.saturating_add(node.length()),
            _ => steps.first_sent = Some(steps.first_sent.map_or(start, |first| first.min(start))),
        }
    }
    steps
}

fn above(nodes: &[Node<'_>], by_id: &HashMap<SpanId, usize>, index: usize) -> Option<usize> {
    let mut at = index;
    for _ in 0..LEVELS_MAX {
        at = *by_id.get(&nodes.get(at)?.parent?)?;
        if nodes.get(at)?.stages.is_request {
            return Some(at);
        }
    }
    None
}

fn decompose(node: &Node<'_>, steps: &Steps, output: &Output, meters: &Meters, verdict: &mut Verdict) {
    let phases = lay_out(node, steps);
    let unread = super::request::Unread {
        wrong_type: node.stages.unreadable,
        not_a_number: 0,
    };
    meters.request(Engine::Tgi, &phases, unread);
    output.describe(&node.request, &phases, &mut verdict.attributes);
    for segment in phases.segments().iter().filter(|segment| output.makes_span(segment)) {
        let mut extra = EncodedAttributes::new();
        if segment.phase == Phase::Decode && steps.stalled > 0 {
            extra.push(names::INFERSCOPE_PHASE_STALL, in_seconds(steps.stalled));
        }
        verdict.children.push(Made {
            segment: *segment,
            extra,
        });
    }
}

/// Validation (which tokenizes), queue, the steps of the prompt as prefill, the rest of inference as decode, and what the
/// router needs to answer.
fn lay_out(node: &Node<'_>, steps: &Steps) -> Phases {
    let observed = &node.request.observed;
    let mut timeline = Timeline::within(observed.start, observed.end);
    let (validation, queue, inference) = node.stages.completed(node.length());
    if queue.is_none() && inference.is_none() {
        return timeline.into_phases();
    }
    let mut push = |phase: Phase, part: Option<Part>| {
        if let Some(part) = part {
            timeline.push(phase, part.ns.into(), part.source);
        }
    };
    push(Phase::Frontend, validation);
    push(Phase::Queue, queue);
    match (inference, steps.prefill()) {
        (Some(inference), Some(prefill)) if prefill <= inference.ns => {
            let decode = Part {
                ns: inference.ns - prefill,
                source: Source::Inferred,
            };
            push(
                Phase::Prefill,
                Some(Part {
                    ns: prefill,
                    source: Source::Measured,
                }),
            );
            push(Phase::Decode, Some(decode));
        }
        (inference, _) => push(Phase::Inference, inference),
    }
    let complete = validation.is_some() && queue.is_some() && inference.is_some();
    let tail = if complete {
        (Phase::Postprocess, Source::UpperBound)
    } else {
        (Phase::Other, Source::Inferred)
    };
    timeline.fill(tail.0, tail.1);
    timeline.finish(complete)
}
