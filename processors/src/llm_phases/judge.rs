//! Says what becomes of the spans of a trace, and makes it so.

use std::sync::Arc;
use std::time::Instant;

use pipeline::Origin;
use pipeline::payload::{
    BatchContext, Edit, EmittedScope, EncodedAttributes, Released, SpanStage, SpanView, StageCounts, Traces, Walk,
};

use super::engine::Engine;
use super::meters::Meters;
use super::output::{Family, Output, SCOPE, stamp};
use super::phases::Segment;
use super::request::Request;
use super::verdict::{Made, Verdict};
use super::{sglang, sglang_whole, tgi, triton};

/// Knows the engines whose requests take several spans.
#[derive(Debug, Clone)]
pub(super) struct Judge {
    output: Arc<Output>,
    meters: Meters,
    drop_steps: bool,
}

impl Judge {
    /// One that writes what the output says.
    pub(super) fn new(output: Arc<Output>, meters: Meters, drop_steps: bool) -> Self {
        Self {
            output,
            meters,
            drop_steps,
        }
    }

    /// A verdict for every span of one engine in a trace, in their order.
    pub(super) fn conclude(&self, engine: Engine, spans: &[SpanView<'_>]) -> Vec<Verdict> {
        match engine {
            Engine::Sglang => sglang::conclude(spans, &self.output, self.drop_steps, &self.meters),
            Engine::Tgi => tgi::conclude(spans, &self.output, &self.meters),
            Engine::Triton => triton::conclude(spans, &self.output, &self.meters),
            // Their requests are one span and never wait.
            Engine::Vllm | Engine::Plain => vec![Verdict::default(); spans.len()],
        }
    }

    /// Whether nothing of one engine is missing in a trace.
    pub(super) fn is_whole(&self, engine: Engine, spans: &[SpanView<'_>]) -> bool {
        match engine {
            Engine::Sglang => sglang_whole::is_whole(spans),
            Engine::Triton => triton::is_whole(spans),
            // Nothing in its spans says how many steps there are.
            Engine::Tgi => false,
            Engine::Vllm | Engine::Plain => true,
        }
    }

    /// Carries verdicts out on spans that stand in the same order.
    pub(super) fn carry_out(&self, traces: Traces, verdicts: Vec<Verdict>, now: Instant) -> Released {
        if verdicts.iter().all(Verdict::is_nothing) {
            let mut counts = StageCounts::default();
            counts.received = traces.spans().into();
            return Released { traces, counts };
        }
        let executor = VerdictExecutor {
            output: Arc::clone(&self.output),
            verdicts: verdicts.into_iter(),
        };
        let origin = Origin::default();
        let context = BatchContext { now, origin: &origin };
        let walked = Walk::new().run(&traces, &mut [Box::new(executor)], 0, &context);
        Released {
            traces: walked.left.unwrap_or_default(),
            counts: walked.counts.into_iter().next().unwrap_or_default(),
        }
    }
}

/// Carries out one verdict after the other.
struct VerdictExecutor {
    output: Arc<Output>,
    verdicts: std::vec::IntoIter<Verdict>,
}

impl SpanStage for VerdictExecutor {
    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        if let Some(verdict) = self.verdicts.next() {
            carry_out(&verdict, &self.output, span, edit);
        }
    }

    fn emitted_scope(&self) -> EmittedScope {
        SCOPE
    }
}

/// Makes a verdict come true for one span.
pub(super) fn carry_out(verdict: &Verdict, output: &Output, span: SpanView<'_>, edit: &mut Edit<'_>) {
    if let Some(reason) = verdict.drop {
        edit.drop(reason);
        return;
    }
    if !verdict.attributes.is_empty() {
        edit.append(&verdict.attributes);
    }
    if verdict.children.is_empty() {
        return;
    }
    let family = Family::of(&Request::read(span));
    for (index, made) in verdict.children.iter().enumerate() {
        let before = verdict.children.iter().take(index);
        let ordinal = before
            .map(|other| u32::from(other.segment.phase == made.segment.phase))
            .sum();
        let Segment { phase, source, .. } = made.segment;
        if made.extra.is_empty() {
            edit.emit(&family.child(&made.segment, ordinal, output.stamp(phase, source)));
        } else {
            let about = with_extra(output.about(phase, source), made);
            edit.emit(&family.child(&made.segment, ordinal, &stamp(phase, &about)));
        }
    }
}

fn with_extra(about: &EncodedAttributes, made: &Made) -> EncodedAttributes {
    let mut all = about.clone();
    for (key, value) in made.extra.attrs().raw() {
        all.push(key.as_str(), value);
    }
    all
}
