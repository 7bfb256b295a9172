//! Triton: moments as span events, on the model's span and on the `compute` span below it.

use std::collections::{HashMap, HashSet};

use pipeline::payload::{EncodedAttributes, SpanId, SpanView};

use super::engine::Engine;
use super::meters::Meters;
use super::output::Output;
use super::phase::{Phase, Source};
use super::phases::{Phases, Timeline};
use super::request::{Request, Unread};
use super::verdict::{Made, Verdict};

/// Stands on the span of a model and nowhere else.
const MODEL_NAME: &str = "triton.model_name";

/// The moments of an inference, in order.
const MOMENTS: [&[u8]; 5] = [
    b"QUEUE_START",
    b"COMPUTE_START",
    b"COMPUTE_INPUT_END",
    b"COMPUTE_OUTPUT_START",
    b"COMPUTE_END",
];

/// What ends at each moment, and what begins after the last. Triton cannot tell prefill from decode.
const BETWEEN: [(Phase, Source); 6] = [
    (Phase::Frontend, Source::UpperBound),
    (Phase::Queue, Source::Measured),
    (Phase::Input, Source::Measured),
    (Phase::Inference, Source::Measured),
    (Phase::Output, Source::Measured),
    (Phase::Postprocess, Source::UpperBound),
];

/// When each moment was, by its place in [`MOMENTS`].
type Moments = [Option<u64>; MOMENTS.len()];

struct Node<'a> {
    request: Request<'a>,
    parent: Option<SpanId>,
    moments: Moments,
    is_model: bool,
}

/// Whether a span says something about an inference. Those around it (`InferRequest`, custom activities) need not wait.
pub(super) fn concerns(span: SpanView<'_>) -> bool {
    let is_moment = |name: &[u8]| MOMENTS.contains(&name);
    span.raw_attrs().get(MODEL_NAME).is_some() || span.events().any(|event| is_moment(event.name().as_bytes()))
}

/// Says what becomes of every span of a trace, in the order of the spans.
pub(super) fn conclude(spans: &[SpanView<'_>], output: &Output, meters: &Meters) -> Vec<Verdict> {
    let nodes: Vec<Node<'_>> = spans.iter().map(|span| Node::read(*span)).collect();
    let computed = moments_by_parent(&nodes);
    let mut verdicts = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let mut verdict = Verdict::default();
        if node.is_model && !node.request.decomposed {
            let phases = lay_out(node, computed.get(&node.request.span_id));
            meters.request(Engine::Triton, &phases, Unread::default());
            output.describe(&node.request, &phases, &mut verdict.attributes);
            let wanted = phases.segments().iter().filter(|segment| output.makes_span(segment));
            verdict.children.extend(wanted.map(|segment| Made {
                segment: *segment,
                extra: EncodedAttributes::new(),
            }));
        }
        verdicts.push(verdict);
    }
    verdicts
}

/// Whether every model has its computation. A model without a queue of its own (an ensemble) may have none: it waits.
pub(super) fn is_whole(spans: &[SpanView<'_>]) -> bool {
    let nodes: Vec<Node<'_>> = spans.iter().map(|span| Node::read(*span)).collect();
    let computed = moments_by_parent(&nodes);
    let has_compute = |node: &Node<'_>| computed.contains_key(&node.request.span_id);
    let ids: HashSet<SpanId> = nodes.iter().map(|node| node.request.span_id).collect();
    let has_model = |node: &Node<'_>| node.parent.is_some_and(|id| ids.contains(&id));
    let mut models = nodes.iter().filter(|node| node.is_model).peekable();
    models.peek().is_some() && models.all(has_compute) && nodes.iter().filter(|node| !node.is_model).all(has_model)
}

impl<'a> Node<'a> {
    fn read(span: SpanView<'a>) -> Self {
        let mut node = Self {
            request: Request::read(span),
            parent: span.parent_span_id(),
            moments: Moments::default(),
            is_model: span.raw_attrs().get(MODEL_NAME).is_some(),
        };
        for event in span.events() {
            let place = MOMENTS.iter().position(|moment| *moment == event.name().as_bytes());
            if let Some(moment) = place.and_then(|place| node.moments.get_mut(place)) {
                // An event that came twice counts once, in whatever order.
                *moment = Some(moment.map_or(event.time(), |earlier| earlier.min(event.time())));
            }
        }
        node
    }
}

/// The moments on `compute` spans, by the model's span above them.
fn moments_by_parent(nodes: &[Node<'_>]) -> HashMap<SpanId, Moments> {
    let mut by_parent: HashMap<SpanId, Moments> = HashMap::new();
    for node in nodes
        .iter()
        .filter(|node| !node.is_model && node.moments.iter().any(Option::is_some))
    {
        let Some(parent) = node.parent else { continue };
        by_parent
            .entry(parent)
            .and_modify(|moments| *moments = earliest(moments, &node.moments))
            .or_insert(node.moments);
    }
    by_parent
}

fn earliest(left: &Moments, right: &Moments) -> Moments {
    let mut earliest = *left;
    for (moment, other) in earliest.iter_mut().zip(right) {
        *moment = match (*moment, *other) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
    }
    earliest
}

/// Phases between the moments that are known; what lies between two moments with an unknown one in between is `other`.
fn lay_out(node: &Node<'_>, computed: Option<&Moments>) -> Phases {
    let (start, end) = (node.request.observed.start, node.request.observed.end);
    let mut timeline = Timeline::within(start, end);
    let moments = computed.map_or(node.moments, |computed| earliest(&node.moments, computed));
    if moments.iter().skip(1).all(Option::is_none) {
        return timeline.into_phases(); // A queue alone would say nothing about what followed it.
    }
    let mut at = start;
    let mut is_run_known = true;
    let mut complete = true;
    for (moment, (phase, source)) in moments.into_iter().zip(BETWEEN) {
        // A moment before its predecessor or outside the span is no moment of this request.
        let Some(moment) = moment.filter(|moment| (at..=end).contains(moment)) else {
            is_run_known = false;
            complete = false;
            continue;
        };
        let (phase, source) = if is_run_known {
            (phase, source)
        } else {
            (Phase::Other, Source::Inferred)
        };
        if phase != Phase::Other || moment > at {
            timeline.push(phase, i128::from(moment - at), source);
        }
        at = moment;
        is_run_known = true;
    }
    let (phase, source) = BETWEEN[BETWEEN.len() - 1];
    let tail = if is_run_known {
        (phase, source)
    } else {
        (Phase::Other, Source::Inferred)
    };
    timeline.fill(tail.0, tail.1);
    timeline.finish(complete)
}
