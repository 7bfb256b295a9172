//! The data path by its parts: `walk parse|view|append|decompose|all <spans>`.

use benches::{Task, request};
use bytes::Bytes;
use pipeline::Origin;
use pipeline::payload::{
    BatchContext, Child, Edit, EncodedAttributes, Limits, SpanField, SpanId, SpanKind, SpanStage, SpanView, Stamp,
    Text, Traces, Walk, names,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a stage looks for: ids, times, ten attributes.
#[derive(Default)]
struct Seen<'a> {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    start: u64,
    end: u64,
    flags: u32,
    model: &'a [u8],
    tenant: &'a [u8],
    request_id: &'a [u8],
    prompt_tokens: i64,
    completion_tokens: i64,
    queue: f64,
    ttft: f64,
    e2e: f64,
    prefill: f64,
    decode: f64,
}

impl<'a> Seen<'a> {
    #[inline]
    fn of(span: SpanView<'a>) -> Self {
        let mut seen = Self::default();
        for field in span.fields() {
            match field {
                SpanField::Attr(key, value) => match key.as_bytes() {
                    b"gen_ai.response.model" => seen.model = text(value.read()),
                    b"tenant.id" => seen.tenant = text(value.read()),
                    b"gen_ai.request.id" => seen.request_id = text(value.read()),
                    b"gen_ai.usage.prompt_tokens" => seen.prompt_tokens = value.read().as_i64().unwrap_or(0),
                    b"gen_ai.usage.completion_tokens" => seen.completion_tokens = value.read().as_i64().unwrap_or(0),
                    b"gen_ai.latency.time_in_queue" => seen.queue = value.read().as_f64().unwrap_or(0.0),
                    b"gen_ai.latency.time_to_first_token" => seen.ttft = value.read().as_f64().unwrap_or(0.0),
                    b"gen_ai.latency.e2e" => seen.e2e = value.read().as_f64().unwrap_or(0.0),
                    b"gen_ai.latency.time_in_model_prefill" => seen.prefill = value.read().as_f64().unwrap_or(0.0),
                    b"gen_ai.latency.time_in_model_decode" => seen.decode = value.read().as_f64().unwrap_or(0.0),
                    _ => {}
                },
                SpanField::TraceId(id) => seen.trace_id = id.0,
                SpanField::SpanId(id) => seen.span_id = id.0,
                SpanField::Start(time) => seen.start = time,
                SpanField::End(time) => seen.end = time,
                SpanField::Flags(flags) => seen.flags = flags,
                _ => {}
            }
        }
        seen
    }

    fn check(&self) -> u64 {
        let numbers = self.queue + self.ttft + self.e2e + self.prefill + self.decode;
        self.start
            .wrapping_add(self.end)
            .wrapping_add(numbers.to_bits())
            .wrapping_add(self.prompt_tokens as u64 + self.completion_tokens as u64)
            .wrapping_add((self.model.len() + self.tenant.len() + self.request_id.len()) as u64)
            .wrapping_add(u64::from_be_bytes(self.span_id))
            .wrapping_add(u64::from(self.trace_id[0]) + u64::from(self.flags))
    }
}

fn text(value: pipeline::payload::Value<'_>) -> &[u8] {
    match value {
        pipeline::payload::Value::Str(text) => text.as_bytes(),
        _ => &[],
    }
}

/// Looks at every span and changes nothing.
struct Look(u64);

impl SpanStage for Look {
    fn span(&mut self, span: SpanView<'_>, _edit: &mut Edit<'_>) {
        self.0 = self.0.wrapping_add(Seen::of(span).check());
    }
}

/// Gives every span the same ten attributes.
struct Append(EncodedAttributes);

impl SpanStage for Append {
    fn span(&mut self, _span: SpanView<'_>, edit: &mut Edit<'_>) {
        edit.append(&self.0);
    }
}

/// Ten attributes of context, four children with two attributes each.
struct Decompose {
    context: EncodedAttributes,
    phases: [Stamp; 4],
}

impl Decompose {
    fn new() -> Self {
        let about = |phase: &'static str| {
            let attributes = EncodedAttributes::new().with(names::INFERSCOPE_PHASE, phase);
            let attributes = attributes.with(names::INFERSCOPE_PHASE_SOURCE, "measured");
            Stamp::new(SpanKind::Internal, phase, &attributes)
        };
        Self {
            context: context(),
            phases: ["frontend", "queue", "prefill", "decode"].map(about),
        }
    }
}

impl SpanStage for Decompose {
    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        let seen = Seen::of(span);
        let [queue, prefill, decode] = [seen.queue, seen.prefill, seen.decode].map(nanoseconds);
        let frontend = nanoseconds(seen.ttft).saturating_sub(queue + prefill);
        let mut start = seen.start;
        for (index, (stamp, length)) in self.phases.iter().zip([frontend, queue, prefill, decode]).enumerate() {
            let id = u64::from_be_bytes(seen.span_id)
                .wrapping_mul(31)
                .wrapping_add(index as u64 + 1);
            edit.emit(&Child {
                trace_id: pipeline::payload::TraceId(seen.trace_id),
                span_id: SpanId(id.to_be_bytes()),
                parent_span_id: SpanId(seen.span_id),
                start,
                end: start + length,
                flags: seen.flags,
                trace_state: Text::default(),
                stamp,
            });
            start += length;
        }
        edit.append(&self.context);
    }
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round_ties_even() as u64
}

fn context() -> EncodedAttributes {
    EncodedAttributes::new()
        .with("inferscope.tenant.source", "header")
        .with("inferscope.tenant.trusted", true)
        .with("hw.id", "GPU-3f1c2a54-8a0e-4a60-9a3f-5d2f7c1b9e10")
        .with("inferscope.gpu.model", "NVIDIA H100 80GB HBM3")
        .with("inferscope.gpu.utilization.mean", 0.87)
        .with("inferscope.gpu.utilization.max", 1.0)
        .with("inferscope.gpu.memory.used.max", 71_234_567_890i64)
        .with("inferscope.gpu.power.mean", 612.5)
        .with("inferscope.decompose.status", "ok")
        .with("inferscope.gpu.samples", 42i64)
}

fn main() {
    let task = Task::from_args("all");
    let bytes = Bytes::from(request(task.spans));
    let limits = Limits::default();
    let parse = |bytes: &Bytes| {
        Traces::parse(bytes.clone(), &limits)
            .map(|parsed| parsed.payload)
            .unwrap_or_default()
    };
    let traces = parse(&bytes);
    let origin = Origin::default();
    let context_of_batch = BatchContext {
        now: now(),
        origin: &origin,
    };
    let mut walk = Walk::new();
    let mut run = |traces: &Traces, stages: &mut [Box<dyn SpanStage>]| {
        let walked = walk.run(traces, stages, 0, &context_of_batch);
        walked.left.map_or(0, |traces| traces.bytes().len() as u64)
    };
    match task.what.as_str() {
        "parse" => task.measure(ALLOCATOR, || u64::from(parse(&bytes).spans())),
        "view" => task.measure(ALLOCATOR, || {
            let spans = traces
                .resources()
                .flat_map(|resource| resource.scopes())
                .flat_map(|scope| scope.spans());
            spans.fold(0, |sum, span| sum.wrapping_add(Seen::of(span).check()))
        }),
        "look" => {
            let mut stages: [Box<dyn SpanStage>; 1] = [Box::new(Look(0))];
            task.measure(ALLOCATOR, || run(&traces, &mut stages));
        }
        "append" => {
            let mut stages: [Box<dyn SpanStage>; 1] = [Box::new(Append(context()))];
            task.measure(ALLOCATOR, || run(&traces, &mut stages));
        }
        "decompose" => {
            let mut stages: [Box<dyn SpanStage>; 1] = [Box::new(Decompose::new())];
            task.measure(ALLOCATOR, || run(&traces, &mut stages));
        }
        // The whole way of a request: parse, look, enrich, write.
        _ => {
            let mut stages: [Box<dyn SpanStage>; 1] = [Box::new(Decompose::new())];
            task.measure(ALLOCATOR, || run(&parse(&bytes), &mut stages));
        }
    }
}

#[allow(clippy::disallowed_methods)] // No stage here looks at the time.
fn now() -> Instant {
    Instant::now()
}
