//! Spans into requests: a request span waits until its phases are there.

use std::collections::HashMap;
use std::time::Duration;

use pipeline::payload::names;
use pipeline::payload::{SpanId, SpanView, TraceId, Traces, Value};
use tokio::time::Instant;

use super::request::{PhaseSpan, Request, Source, printable};

/// Traces that wait for spans; the one that waited longest is then drawn with what it has. `llm_phases` sends a request
/// and its phases in one batch, so almost nothing ever waits.
const TRACES_MAX: usize = 1_000;

/// Phases that one trace may have waiting: far more than engines make, and a bound on what a broken one costs.
const PHASES_PER_TRACE_MAX: usize = 1_000;

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
    phases: Vec<(Option<SpanId>, PhaseSpan)>,
    touched: Instant,
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
        for resource in traces.resources() {
            for span in resource.scopes().flat_map(|scope| scope.spans()) {
                self.span(span, now);
            }
        }
        let mut complete = self.collect(Waiting::is_complete);
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
        let fresh = || Waiting { requests: Vec::new(), phases: Vec::new(), touched: now };
        let waiting = self.waiting.entry(span.trace_id()).or_insert_with(fresh);
        waiting.touched = now;
        if let Some(phase) = told.phase_span(span) {
            self.seen.phases += 1;
            if waiting.phases.len() < PHASES_PER_TRACE_MAX {
                waiting.phases.push((span.parent_span_id(), phase));
            }
        } else {
            self.seen.requests += 1;
            waiting.requests.push(RequestSpan { span_id: span.span_id(), request: told.request(span) });
        }
    }

    fn collect(&mut self, mut ready: impl FnMut(&Waiting) -> bool) -> Vec<Request> {
        let ready = self.waiting.extract_if(|_, waiting| ready(waiting));
        ready.flat_map(|(_, waiting)| waiting.requests()).collect()
    }
}

fn in_order(mut requests: Vec<Request>) -> Vec<Request> {
    requests.sort_by(|one, other| (one.start, one.end, &one.id).cmp(&(other.start, other.end, &other.id)));
    requests
}

impl Waiting {
    /// Whether the phases of every request fill it, as `llm_phases` promises for every request that it lays out.
    fn is_complete(&self) -> bool {
        let filled = |span: &RequestSpan| {
            let own = self.phases.iter().filter(|(parent, _)| *parent == Some(span.span_id));
            let time: u64 = own.map(|(_, phase)| phase.duration()).fold(0, u64::saturating_add);
            time == span.request.duration() || span.request.status == "insufficient"
        };
        !self.requests.is_empty() && self.requests.iter().all(filled)
    }

    fn requests(self) -> Vec<Request> {
        let phases = &self.phases;
        let requests = self.requests.into_iter().map(|RequestSpan { span_id, mut request }| {
            // An engine's own phase spans may lie deeper than right under the request; then the trace holds one request.
            let own = |parent: &Option<SpanId>| request.status == "skipped" || *parent == Some(span_id);
            let own: Vec<PhaseSpan> =
                phases.iter().filter(|(parent, _)| own(parent)).map(|(_, phase)| phase.clone()).collect();
            request.phases = own;
            request.phases.sort_by_key(|phase| (phase.start, phase.end));
            request
        });
        requests.collect()
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
            _ => {}
        }
    }

    fn phase_span(&self, span: SpanView<'_>) -> Option<PhaseSpan> {
        let source = match self.source {
            Some("measured") => Source::Measured,
            Some("upper_bound") => Source::UpperBound,
            _ => Source::Inferred,
        };
        Some(PhaseSpan { word: printable(self.phase?), source, start: span.start(), end: span.end() })
    }

    fn request(&self, span: SpanView<'_>) -> Request {
        let count = |tokens: Option<i64>| tokens.and_then(|tokens| u64::try_from(tokens).ok());
        let id = self.id.map_or_else(|| span.span_id().to_string(), printable);
        Request {
            id,
            start: span.start(),
            end: span.end(),
            status: printable(self.status.unwrap_or_default()),
            phases: Vec::new(),
            input_tokens: count(self.input_tokens),
            output_tokens: count(self.output_tokens),
            first_token: self.first_token_s.and_then(nanoseconds),
        }
    }
}

/// Seconds as an engine sends them; what cannot be a time is no time.
fn nanoseconds(seconds: f64) -> Option<u64> {
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(time.as_nanos()).ok()
}
