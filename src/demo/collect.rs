//! Spans into requests: a request span waits until its phases are there.

use std::collections::HashMap;
use std::time::Duration;

use pipeline::payload::names;
use pipeline::payload::{SpanId, SpanView, TraceId, Traces, Value};
use tokio::time::Instant;

use super::request::{GpuUse, ID_CHARS_MAX, PhaseSpan, Request, Source, WORD_CHARS_MAX, printable};

/// Traces that wait for spans; the one that waited longest is then drawn with what it has. `llm_phases` sends a request
/// and its phases in one batch, so almost nothing ever waits.
const TRACES_MAX: usize = 1_000;

/// Phases and other spans that are remembered of one trace: far more than engines make, and a bound on what a broken one
/// costs.
const SPANS_PER_TRACE_MAX: usize = 1_000;

/// Spans between a request and a phase of it that the engine made itself; SGLang has one or two.
const DEPTH_MAX: usize = 16;

/// How long after its last span a trace is drawn although its phases do not fill the request.
const PATIENCE: Duration = Duration::from_secs(1);

/// Puts requests together.
#[derive(Debug, Default)]
pub(super) struct Collector {
    waiting: HashMap<TraceId, Waiting>,
    seen: Seen,
}

/// How many spans came by.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Request spans that `llm_phases` recognised.
    pub(super) requests: u64,
    /// Spans of their phases.
    pub(super) phases: u64,
    /// All others.
    pub(super) others: u64,
}

/// The spans of one trace so far.
#[derive(Debug)]
struct Waiting {
    requests: Vec<RequestSpan>,
    phases: Vec<Phase>,
    /// Of spans that are neither, since an engine's own phases may lie below them.
    parents: HashMap<SpanId, SpanId>,
    touched: Instant,
}

#[derive(Debug)]
struct Phase {
    span_id: SpanId,
    parent: Option<SpanId>,
    span: PhaseSpan,
}

#[derive(Debug)]
struct RequestSpan {
    span_id: SpanId,
    /// Without phases yet.
    request: Request,
}

impl Collector {
    /// Takes a batch and gives back the requests that are complete now, in the order of their arrival at the engine.
    pub(super) fn take(&mut self, traces: &Traces, now: Instant) -> Vec<Request> {
        for span in spans(traces) {
            self.span(span, now);
        }
        for span in spans(traces) {
            self.link(span);
        }
        let mut complete = self.collect(|waiting| waiting.is_complete() || waiting.is_full());
        while self.waiting.len() > TRACES_MAX
            && let Some(oldest) = self.waiting.values().map(|waiting| waiting.touched).min()
        {
            complete.extend(self.collect(|waiting| waiting.touched <= oldest));
        }
        in_order(complete)
    }

    /// Gives back what has waited long enough, or everything, with the phases that came.
    pub(super) fn release(&mut self, now: Instant, everything: bool) -> Vec<Request> {
        in_order(self.collect(|waiting| everything || now.duration_since(waiting.touched) >= PATIENCE))
    }

    /// Whether anything waits for more spans.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many spans came by.
    pub(super) fn seen(&self) -> Seen {
        self.seen
    }

    fn span(&mut self, span: SpanView<'_>, now: Instant) {
        let told = Told::of(span);
        if told.status.is_none() && told.phase.is_none() {
            self.seen.others += 1;
            return;
        }
        let waiting = self
            .waiting
            .entry(span.trace_id())
            .or_insert_with(|| Waiting::since(now));
        waiting.touched = now;
        if let Some(phase) = told.phase_span(span) {
            self.seen.phases += 1;
            waiting.phases.push(Phase {
                span_id: span.span_id(),
                parent: span.parent_span_id(),
                span: phase,
            });
        } else {
            self.seen.requests += 1;
            waiting.requests.push(RequestSpan {
                span_id: span.span_id(),
                request: told.request(span),
            });
        }
    }

    /// Remembers the parents of the other spans of traces that wait; such a trace comes in one batch.
    fn link(&mut self, span: SpanView<'_>) {
        let Some(waiting) = self.waiting.get_mut(&span.trace_id()) else {
            return;
        };
        if let Some(parent) = span.parent_span_id()
            && waiting.parents.len() < SPANS_PER_TRACE_MAX
        {
            waiting.parents.insert(span.span_id(), parent);
        }
    }

    fn collect(&mut self, mut ready: impl FnMut(&Waiting) -> bool) -> Vec<Request> {
        let ready = self.waiting.extract_if(|_, waiting| ready(waiting));
        ready.flat_map(|(_, waiting)| waiting.requests()).collect()
    }
}

fn spans(traces: &Traces) -> impl Iterator<Item = SpanView<'_>> {
    traces
        .resources()
        .flat_map(|resource| resource.scopes().flat_map(|scope| scope.spans()))
}

fn in_order(mut requests: Vec<Request>) -> Vec<Request> {
    requests.sort_by(|one, other| (one.start, one.end, &one.id).cmp(&(other.start, other.end, &other.id)));
    requests
}

impl Waiting {
    fn since(now: Instant) -> Self {
        Self {
            requests: Vec::new(),
            phases: Vec::new(),
            parents: HashMap::new(),
            touched: now,
        }
    }

    /// Whether the phases of every request fill it, as `llm_phases` promises for every request that it lays out.
    fn is_complete(&self) -> bool {
        let filled = |request: &RequestSpan| {
            let own = self.phases.iter().filter(|phase| phase.parent == Some(request.span_id));
            let time = own.map(|phase| phase.span.duration()).fold(0, u64::saturating_add);
            time == request.request.duration() || request.request.status == "insufficient"
        };
        !self.requests.is_empty() && self.requests.iter().all(filled)
    }

    /// Whether no more is remembered of it, so that waiting is of no use.
    fn is_full(&self) -> bool {
        self.requests.len() + self.phases.len() >= SPANS_PER_TRACE_MAX
    }

    fn requests(self) -> Vec<Request> {
        let with_phases = |span: &RequestSpan| {
            let own = self.phases.iter().filter(|phase| self.is_under(phase, span.span_id));
            let mut request = span.request.clone();
            request.phases = own.map(|phase| phase.span.clone()).collect();
            request.phases.sort_by_key(|phase| (phase.start, phase.end));
            request
        };
        self.requests.iter().map(with_phases).collect()
    }

    /// Whether a phase belongs to a request: right under it, or, where the engine made the spans, further below. A phase
    /// inside a phase is a part of that one and would count twice.
    fn is_under(&self, phase: &Phase, request: SpanId) -> bool {
        let mut parent = phase.parent;
        for _ in 0..DEPTH_MAX {
            match parent {
                Some(above) if above == request => return true,
                Some(above) if self.phases.iter().all(|other| other.span_id != above) => {
                    parent = self.parents.get(&above).copied();
                }
                _ => return false,
            }
        }
        false
    }
}

/// What a span says about itself, as far as it can be drawn.
#[derive(Default)]
struct Told<'a> {
    id: Option<&'a str>,
    status: Option<&'a str>,
    phase: Option<&'a str>,
    source: Option<&'a str>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    first_token_s: Option<f64>,
    gpus: GpuUse,
}

impl<'a> Told<'a> {
    fn of(span: SpanView<'a>) -> Self {
        let mut told = Self::default();
        for (key, value) in span.attrs() {
            told.attribute(key.as_str(), value);
        }
        told
    }

    fn attribute(&mut self, key: &str, value: Value<'a>) {
        match key {
            names::GEN_AI_REQUEST_ID => self.id = value.as_str(),
            names::INFERSCOPE_DECOMPOSE_STATUS => self.status = value.as_str(),
            names::INFERSCOPE_PHASE => self.phase = value.as_str(),
            names::INFERSCOPE_PHASE_SOURCE => self.source = value.as_str(),
            names::GEN_AI_USAGE_INPUT_TOKENS => self.input_tokens = value.as_i64(),
            names::GEN_AI_USAGE_OUTPUT_TOKENS => self.output_tokens = value.as_i64(),
            names::GEN_AI_LATENCY_TIME_TO_FIRST_TOKEN => self.first_token_s = value.as_f64(),
            key => self.gpu(key, value),
        }
    }

    fn gpu(&mut self, key: &str, value: Value<'a>) {
        let gpus = &mut self.gpus;
        match key {
            names::HW_ID => gpus.count = 1,
            names::INFERSCOPE_GPU_IDS => gpus.count = ids(value),
            names::INFERSCOPE_GPU_UTILIZATION_MEAN => gpus.busy_percent = whole(value, 100.0),
            names::INFERSCOPE_GPU_POWER_MEAN => gpus.power_mw = whole(value, 1_000.0),
            names::INFERSCOPE_GPU_ENERGY_DEVICE => gpus.energy_mj = whole(value, 1_000.0),
            names::INFERSCOPE_GPU_ENERGY_ATTRIBUTED => gpus.own_mj = whole(value, 1_000.0),
            names::INFERSCOPE_GPU_COVERAGE => gpus.coverage_percent = whole(value, 100.0),
            _ => {}
        }
    }

    fn phase_span(&self, span: SpanView<'_>) -> Option<PhaseSpan> {
        let source = match self.source {
            Some("measured") => Source::Measured,
            Some("upper_bound") => Source::UpperBound,
            _ => Source::Inferred,
        };
        let word = printable(self.phase?, WORD_CHARS_MAX);
        Some(PhaseSpan {
            word,
            source,
            start: span.start(),
            end: span.end(),
        })
    }

    fn request(&self, span: SpanView<'_>) -> Request {
        let count = |tokens: Option<i64>| tokens.and_then(|tokens| u64::try_from(tokens).ok());
        let id = self
            .id
            .map_or_else(|| span.span_id().to_string(), |id| printable(id, ID_CHARS_MAX));
        Request {
            id,
            start: span.start(),
            end: span.end(),
            status: printable(self.status.unwrap_or_default(), WORD_CHARS_MAX),
            phases: Vec::new(),
            input_tokens: count(self.input_tokens),
            output_tokens: count(self.output_tokens),
            first_token: self.first_token_s.and_then(nanoseconds),
            gpus: Some(self.gpus).filter(|gpus| gpus.count > 0),
        }
    }
}

/// Seconds as an engine sends them; what cannot be a time is no time.
fn nanoseconds(seconds: f64) -> Option<u64> {
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(time.as_nanos()).ok()
}

/// How many devices a list of ids names.
fn ids(value: Value<'_>) -> usize {
    match value {
        Value::Array(ids) => ids.values().count(),
        _ => usize::from(value.as_str().is_some()),
    }
}

/// A measurement in a smaller unit, rounded; what cannot be one is none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A cast of a float saturates.
fn whole(value: Value<'_>, scale: f64) -> Option<u64> {
    let value = value.as_f64()? * scale;
    (value.is_finite() && value >= 0.0).then(|| value.round() as u64)
}
