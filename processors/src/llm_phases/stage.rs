//! The processor at work: finds request spans and says what becomes of them.

use std::sync::Arc;
use std::time::Instant;

use pipeline::payload::{
    BatchContext, Edit, EmittedScope, EncodedAttributes, Released, ResourceView, ScopeView, SpanStage, SpanView,
};
use pipeline::{Budget, Credit};

use super::assembler::{Assembler, Offered};
use super::config::Config;
use super::engine::{Detector, Engine, Told, VLLM_REQUEST};
use super::judge::{Judge, carry_out};
use super::meters::Meters;
use super::native::{Native, phase_of};
use super::output::{Family, Output, SCOPE, ordinal};
use super::phase::{Source, Status};
use super::phases::Phases;
use super::provenance::Provenance;
use super::request::Request;
use super::triton;

/// Why a span that waits here already is dropped.
const DUPLICATE: &str = "duplicate";

/// One lane's share of the processor.
#[derive(Debug)]
pub(super) struct PhaseStage {
    detector: Detector,
    output: Arc<Output>,
    meters: Meters,
    judge: Judge,
    assembler: Assembler,
    native: Native,
    /// What the resource at hand says about its engine.
    by_resource: Option<Engine>,
    /// What resource and scope at hand say together.
    told: Told,
    /// Resource and scope at hand, copied for spans that wait.
    from: Provenance,
    /// Filled anew for every request, so that describing one allocates nothing.
    gained: EncodedAttributes,
}

impl PhaseStage {
    /// A stage that works as configured.
    pub(super) fn new(config: &Config, meters: Meters, budget: &Budget) -> Self {
        let output = Arc::new(Output::new(config));
        Self {
            detector: Detector::new(&config.engines),
            judge: Judge::new(Arc::clone(&output), meters.clone(), config.drop_step_spans),
            assembler: Assembler::new(config.assembler.clone(), meters.clone(), Credit::none(budget)),
            native: Native::new(*config.assembler.wait_max),
            output,
            meters,
            by_resource: None,
            told: Told::ByName,
            from: Provenance::default(),
            gained: EncodedAttributes::new(),
        }
    }

    /// Lays out the phases of a span whose durations are attributes.
    fn decompose(&mut self, engine: Engine, request: &Request<'_>, edit: &mut Edit<'_>) {
        let mut phases = Phases::of(&request.observed);
        self.gained.clear();
        if engine == Engine::Vllm && self.native.has_phases(request.trace_id, request.span_id) {
            phases.status = Status::Skipped;
            self.meters.request(engine, &phases, request.unread);
            self.output.describe_skipped(request, &phases, &mut self.gained);
            edit.append(&self.gained);
            return;
        }
        self.meters.request(engine, &phases, request.unread);

        self.output.describe(request, &phases, &mut self.gained);
        edit.append(&self.gained);
        let family = Family::of(request);
        let segments = phases.segments();
        for (index, segment) in segments.iter().enumerate() {
            if self.output.makes_span(segment) {
                let stamp = self.output.stamp(segment.phase, segment.source);
                edit.emit(&family.child(segment, ordinal(segments, index), stamp));
            }
        }
    }

    /// Annotates a phase span that vLLM made itself, for the request above it.
    fn annotate(&mut self, request: &Request<'_>, span: SpanView<'_>, edit: &mut Edit<'_>) {
        let Some((phase, parent)) = phase_of(request.name.as_bytes()).zip(span.parent_span_id()) else {
            return;
        };
        if self.native.precedes(request.trace_id, parent) {
            edit.append(self.output.about(phase, Source::Measured));
        }
    }

    /// Keeps a span until its trace can be judged. One whose trace was judged before gets the same verdict again.
    fn wait(&mut self, engine: Engine, request: &Request<'_>, span: SpanView<'_>, edit: &mut Edit<'_>) {
        if let Some(verdict) = self.assembler.departed.recall(request.trace_id, request.span_id) {
            if let Some(verdict) = verdict {
                carry_out(verdict, &self.output, span, edit);
            }
            return;
        }
        match self.assembler.offer(engine, &self.from, request.trace_id, span) {
            Offered::Held => edit.hold(),
            Offered::Duplicate => edit.drop(DUPLICATE),
            Offered::Refused => {}
        }
    }
}

impl SpanStage for PhaseStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.assembler.begin(context.now);
        self.native.begin(context.now);
    }

    fn resource(&mut self, resource: ResourceView<'_>, _edit: &mut Edit<'_>) {
        self.by_resource = self.detector.of_resource(resource);
        self.from.enter_resource(resource);
    }

    fn scope(&mut self, scope: ScopeView<'_>, _edit: &mut Edit<'_>) {
        self.told = self.detector.of_scope(scope.name().as_bytes(), self.by_resource);
        if matches!(self.told, Told::By(engine) if engine.spans_processes()) {
            self.from.enter_scope(scope);
        }
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        if self.told == Told::Off {
            return;
        }
        let request = Request::read(span);
        if request.decomposed {
            return; // By an agent, or by us before a retry: the phases are on their way already.
        }
        let by_name = || self.detector.of_name(request.name.as_bytes());
        let engine = if let Told::By(engine) = self.told {
            Some(engine)
        } else {
            by_name()
        };
        match engine {
            Some(Engine::Triton) if !triton::concerns(span) => {}
            Some(engine) if engine.spans_processes() => self.wait(engine, &request, span, edit),
            // Start-up spans share the resource, and a fork may rename the request: durations tell.
            Some(Engine::Vllm) if request.name.as_bytes() == VLLM_REQUEST || request.has_latency => {
                self.decompose(Engine::Vllm, &request, edit);
            }
            Some(Engine::Vllm) => self.annotate(&request, span, edit),
            Some(engine) if request.has_latency => self.decompose(engine, &request, edit),
            _ => {}
        }
    }

    fn emitted_scope(&self) -> EmittedScope {
        SCOPE
    }

    fn wake_at(&self) -> Option<Instant> {
        self.assembler.wake_at()
    }

    fn release(&mut self, now: Instant, everything: bool) -> Option<Released> {
        self.assembler.release(now, everything, &self.judge)
    }
}
