//! SGLang: a span per stage, made by several processes that serve one request together.
//!
//! Its own spans are annotated, never doubled. The attributes of its root mean something else than vLLM's of the same
//! name (its prefill contains the queue), so they are used only when nothing but the root arrived.

use std::collections::HashMap;

use pipeline::payload::{EncodedAttributes, SpanView, names};

use super::engine::Engine;
use super::intervals::union;
use super::meters::Meters;
use super::output::Output;
use super::phase::{Phase, Source, Status};
use super::phases::{Observed, Phases, Segment, TOLERANCE_NS};
use super::sglang_tree::{Kind, Node, Role, Tree};
use super::steps;
use super::verdict::{Made, Verdict};

/// Why step spans are dropped, when they are.
pub(super) const FOLDED: &str = "folded_step";

/// Says what becomes of every span of a trace, in the order of the spans.
pub(super) fn conclude(spans: &[SpanView<'_>], output: &Output, drop_steps: bool, meters: &Meters) -> Vec<Verdict> {
    let tree = Tree::read(spans);
    let mut verdicts = vec![Verdict::default(); spans.len()];
    for (index, verdict) in verdicts.iter_mut().enumerate() {
        annotate(&tree, index, output, verdict);
    }
    if drop_steps {
        fold_steps(&tree, &mut verdicts);
    }
    for (index, root, role) in tree.roots() {
        let Some(verdict) = verdicts.get_mut(index) else {
            continue;
        };
        if root.request.decomposed {
            continue; // An earlier hop has been here.
        }
        RequestRoot {
            tree: &tree,
            index,
            root,
            role,
            output,
            meters,
        }
        .describe(verdict);
    }
    verdicts
}

/// A stage says its phase; a stage of a retracted attempt says that, and no phase, so that no sum counts it twice.
fn annotate(tree: &Tree<'_>, index: usize, output: &Output, verdict: &mut Verdict) {
    if let Some(phase) = tree.phase(index) {
        verdict.attributes = output.about(phase, Source::Measured).clone();
    } else if tree.is_retracted(index) {
        verdict.attributes.push(names::INFERSCOPE_PHASE_RETRACTED, true);
    }
}

/// Step spans go into the stage above them; without that stage they stay.
fn fold_steps(tree: &Tree<'_>, verdicts: &mut [Verdict]) {
    let mut lengths: HashMap<usize, Vec<u64>> = HashMap::new();
    for (node, verdict) in tree.nodes.iter().zip(verdicts.iter_mut()) {
        if !matches!(node.kind, Kind::DecodeStep | Kind::PrefillStep) {
            continue;
        }
        if let Some(stage) = node.parent.and_then(|parent| tree.index_of(parent)) {
            lengths.entry(stage).or_default().push(node.end() - node.start());
            verdict.drop = Some(FOLDED);
        }
    }
    for (stage, lengths) in lengths {
        if let Some(verdict) = verdicts.get_mut(stage) {
            steps::fold(lengths, &mut verdict.attributes);
        }
    }
}

/// The root of one request, with what is needed to say something about it.
struct RequestRoot<'t, 'a> {
    tree: &'t Tree<'a>,
    index: usize,
    root: &'t Node<'a>,
    role: Role,
    output: &'t Output,
    meters: &'t Meters,
}

impl RequestRoot<'_, '_> {
    fn describe(&self, verdict: &mut Verdict) {
        if self.stages(self.index).next().is_none() {
            self.fall_back_to_the_root(verdict);
            return;
        }
        self.meters.status(Engine::Sglang, Status::Skipped);
        self.output
            .status(&self.root.request, Status::Skipped, &mut verdict.attributes);
        if let Some(outcome) = self.failure() {
            verdict.attributes.push(names::INFERSCOPE_REQUEST_OUTCOME, outcome);
        }
        let made: Vec<Segment> = [self.queue_until_abort(), self.detokenize()]
            .into_iter()
            .flatten()
            .collect();
        let skew = self.clock_skew();
        if skew > 0 {
            verdict
                .attributes
                .push(names::INFERSCOPE_CLOCK_SKEW_NS, i64::try_from(skew).unwrap_or(i64::MAX));
        }
        self.sum_up(&made, skew, &mut verdict.attributes);
        let wanted = made.into_iter().filter(|segment| self.output.makes_span(segment));
        verdict.children.extend(wanted.map(|segment| Made {
            segment,
            extra: EncodedAttributes::new(),
        }));
    }

    /// The stages that count below a root, with their phases.
    fn stages(&self, root: usize) -> impl Iterator<Item = (&Node<'_>, Phase)> {
        self.tree
            .below(root)
            .filter_map(|(index, node)| Some((node, self.tree.phase(index)?)))
    }

    fn schedulers(&self) -> impl Iterator<Item = &Node<'_>> {
        self.tree
            .below(self.index)
            .map(|(_, node)| node)
            .filter(|node| node.kind == Kind::Scheduler)
    }

    /// How a request ended that failed in a scheduler: SGLang says so there, and on its root only sometimes.
    fn failure(&self) -> Option<&'static str> {
        let scheduler = self.schedulers().find(|scheduler| scheduler.failed)?;
        let reason = scheduler.reason.unwrap_or_default();
        let is_abort = reason.as_bytes().to_ascii_lowercase().starts_with(b"abort");
        Some(if is_abort { "abort" } else { "error" })
    }

    /// A request that was given up in the queue has no span for it: the queue lasted from the end of its processing
    /// until the scheduler let go of it.
    fn queue_until_abort(&self) -> Option<Segment> {
        let given_up = self
            .schedulers()
            .filter(|scheduler| scheduler.failed)
            .map(Node::end)
            .max()?;
        let mut processed = None;
        for (node, phase) in self.stages(self.index) {
            match phase {
                Phase::Queue | Phase::QueueDecode | Phase::Prefill | Phase::Decode => return None,
                Phase::Dispatch if node.request.name == "request_process" => {
                    processed = processed.max(Some(node.end()));
                }
                _ => {}
            }
        }
        self.inside_root(Phase::Queue, processed?, given_up, Source::Inferred)
    }

    /// There is no span for detokenizing: at most it lasted from the scheduler's end to the request's end. A prefill
    /// engine's token is delivered by the decode engine, and a request that failed has nothing to detokenize.
    fn detokenize(&self) -> Option<Segment> {
        if self.role == Role::Prefill || self.schedulers().any(|scheduler| scheduler.failed) {
            return None;
        }
        let scheduled = self.schedulers().map(Node::end).max()?;
        self.inside_root(Phase::Detokenize, scheduled, self.root.end(), Source::UpperBound)
    }

    fn inside_root(&self, phase: Phase, start: u64, end: u64, source: Source) -> Option<Segment> {
        let start = start.max(self.root.start());
        let end = end.min(self.root.end());
        (start < end).then_some(Segment {
            phase,
            start,
            end,
            source,
        })
    }

    /// How far the decode engine's clock must be behind at least: it cannot have received the cache before the prefill
    /// engine began to send it.
    fn clock_skew(&self) -> u64 {
        if self.role != Role::Decode {
            return 0;
        }
        let Some(prefill) = self.tree.partner(self.index) else {
            return 0;
        };
        let transfers = |root| {
            self.stages(root)
                .filter(|(_, phase)| *phase == Phase::KvTransfer)
                .map(|(node, _)| node)
        };
        let sent = transfers(prefill).map(Node::start).min();
        let received = transfers(self.index).map(Node::end).max();
        match (sent, received) {
            (Some(sent), Some(received)) => sent.saturating_sub(received),
            _ => 0,
        }
    }

    /// Sums per phase, where they are wanted. Of a pair the decode engine's root speaks for both.
    fn sum_up(&self, made: &[Segment], skew: u64, out: &mut EncodedAttributes) {
        let partner = self.tree.partner(self.index);
        if !self.output.writes_attributes() || (self.role == Role::Prefill && partner.is_some()) {
            return;
        }
        let own = self.spent(self.index, made);
        let others = partner.map(|root| self.spent(root, &[])).unwrap_or_default();
        for phase in Phase::ALL {
            let of_phase = |spent: &[(Phase, u64, u64)], by: u64| -> Vec<(u64, u64)> {
                let in_phase = spent.iter().filter(|(spent_in, ..)| *spent_in == phase);
                in_phase
                    .map(|(_, start, end)| (start.saturating_add(by), end.saturating_add(by)))
                    .collect()
            };
            let (own, others) = (of_phase(&own, skew), of_phase(&others, 0));
            if own.is_empty() && others.is_empty() {
                continue;
            }
            let ns = if phase == Phase::KvTransfer {
                union([own, others].concat()) // Both ends of one transfer.
            } else {
                union(own) + union(others) // Work of two engines, whose clocks need not agree.
            };
            let made = made.iter().find(|segment| segment.phase == phase);
            self.output
                .duration(phase, ns, made.map_or(Source::Measured, |segment| segment.source), out);
        }
    }

    /// When which phase took time below a root.
    fn spent(&self, root: usize, made: &[Segment]) -> Vec<(Phase, u64, u64)> {
        let stages = self.stages(root).map(|(node, phase)| (phase, node.start(), node.end()));
        stages
            .chain(made.iter().map(|segment| (segment.phase, segment.start, segment.end)))
            .collect()
    }

    /// Only the root arrived: filtered modules, or lost batches. Its "prefill" reaches from the hand-over to the first
    /// token and so contains the queue.
    fn fall_back_to_the_root(&self, verdict: &mut Verdict) {
        let request = &self.root.request;
        // Nothing is between the hand-over and what it calls prefill, so the same formula holds with no queue.
        let has_work = request.observed.prefill.is_some() || request.observed.decode.is_some();
        let inference = if has_work { request.observed.inference } else { None };
        // Its clock ticks in steps of some hundred nanoseconds, so its own total may exceed its span by one of them.
        let length = i64::try_from(self.root.end() - self.root.start()).unwrap_or(i64::MAX);
        let e2e = request.observed.e2e.map(|e2e| {
            if e2e.saturating_sub(length) <= TOLERANCE_NS {
                e2e.min(length)
            } else {
                e2e
            }
        });
        let observed = Observed {
            queue: has_work.then_some(0),
            inference,
            e2e,
            ..request.observed
        };
        let phases = Phases::of(&observed).renamed(|phase| match phase {
            Phase::Prefill => Some(Phase::QueueAndPrefill),
            Phase::Queue => None,
            other => Some(other),
        });
        self.meters.request(Engine::Sglang, &phases, request.unread);
        self.output.describe(request, &phases, &mut verdict.attributes);
        let wanted = phases
            .segments()
            .iter()
            .filter(|segment| self.output.makes_span(segment));
        verdict.children.extend(wanted.map(|segment| Made {
            segment: *segment,
            extra: EncodedAttributes::new(),
        }));
    }
}
