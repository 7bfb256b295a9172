//! The processor at work: finds requests and phases, and says what their devices did.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipeline::context::Context;
use pipeline::payload::{
    BatchContext, Edit, EncodedAttributes, Place, Released, ResourceView, ScopeView, SpanStage, SpanView, StageCounts,
    TracesBuilder, names,
};
use pipeline::{Budget, Credit};

use super::config::Config;
use super::energy::Energy;
use super::meters::{Join, Meters, Share};
use super::reading::{Kind, Reading};
use super::resolve::{Used, resolve};
use super::state::State;
use super::waiting::{Held, Waiting};

/// One lane's share of the processor. There is one lane where spans wait, so it sees all of them.
#[derive(Debug)]
pub(super) struct GpuStage {
    context: Context,
    sample_wait: Duration,
    horizon: Duration,
    meters: Meters,
    energy: Energy,
    waiting: Waiting,
    /// Of the batch at hand.
    client: Option<IpAddr>,
    now: Option<Instant>,
    /// The devices of the resource at hand; not asked for before the first span that wants to know.
    used: Option<Result<Arc<Used>, Join>>,
    /// Resource and scope at hand, copied for spans that wait.
    place: Place,
    /// Filled anew for every span, so that describing one allocates nothing.
    gained: EncodedAttributes,
}

impl GpuStage {
    pub(super) fn new(config: &Config, context: Context, meters: Meters, budget: &Budget) -> Self {
        Self {
            context,
            sample_wait: *config.sample_wait,
            horizon: *config.attribution.horizon,
            meters,
            energy: Energy::new(&config.attribution),
            waiting: Waiting::new(config.spans_max, config.bytes_max, Credit::none(budget)),
            client: None,
            now: None,
            used: None,
            place: Place::default(),
            gained: EncodedAttributes::new(),
        }
    }

    /// Says at once what the devices did, or lets the span wait for what is not known yet.
    fn join(&mut self, reading: &Reading, used: &Arc<Used>, span: SpanView<'_>, edit: &mut Edit<'_>) {
        let shares = match reading.kind {
            Kind::Request => self.energy.request(reading, used),
            Kind::Prefill | Kind::Decode => {
                self.energy.phase(reading, used);
                false
            }
            _ => false,
        };
        let is_sampled = used.wholes().all(|gpu| gpu.settled_until() > 0);
        let is_settled = !is_sampled || used.are_settled(reading.end);
        if let Some(now) = self.now.filter(|_| shares || !is_settled) {
            let patience = if shares {
                self.horizon + self.sample_wait
            } else {
                self.sample_wait
            };
            let held = Held {
                place: self.place.clone(),
                bytes: span.bytes().into(),
                used: Arc::clone(used),
                trace_id: reading.trace_id,
                span_id: reading.span_id,
                start: reading.start,
                end: reading.end,
                shares,
                deadline: now + patience,
            };
            self.waiting.keep(held, now);
            self.meters.hold(self.waiting.len());
            edit.hold();
            return;
        }
        if reading.kind == Kind::Request {
            self.meters.share(Share::Unknown);
        }
        self.describe(used, reading.start, reading.end);
        edit.append(&self.gained);
    }

    /// What the devices did, as attributes; says whether their energy is known.
    fn describe(&mut self, used: &Used, start: u64, end: u64) -> bool {
        self.gained.clear();
        self.gained.extend(&used.about);
        let Some(state) = State::of(used, start, end) else {
            self.meters.join(Join::NoSamples);
            self.gained.push(names::INFERSCOPE_GPU_SAMPLES, 0);
            self.gained.push(names::INFERSCOPE_GPU_COVERAGE, 0.0);
            return false;
        };
        self.meters.join(Join::Joined);
        state.describe(&mut self.gained);
        state.has_energy()
    }

    fn leave(&mut self, held: &Held, builder: &mut TracesBuilder) {
        let has_energy = self.describe(&held.used, held.start, held.end);
        if held.shares {
            let share = self.energy.close(held.trace_id, held.span_id, &held.used, held.end);
            match share.and_then(|joules| if has_energy { Ok(joules) } else { Err(Share::Unknown) }) {
                Ok(joules) => {
                    self.gained.push(names::INFERSCOPE_GPU_ENERGY_ATTRIBUTED, joules);
                    self.meters.share(Share::Given);
                }
                Err(why) => self.meters.share(why),
            }
        }
        builder.push_with(&held.place, held.view(), &self.gained);
    }
}

impl SpanStage for GpuStage {
    fn batch(&mut self, context: &BatchContext<'_>) {
        self.now = Some(context.now);
        self.client = context.origin.client;
        self.energy.begin();
        self.energy.advance(false);
    }

    fn resource(&mut self, resource: ResourceView<'_>, _edit: &mut Edit<'_>) {
        self.place = Place::default().with_resource(resource);
        self.used = None;
    }

    fn scope(&mut self, scope: ScopeView<'_>, _edit: &mut Edit<'_>) {
        self.place = std::mem::take(&mut self.place).with_scope(scope);
    }

    fn span(&mut self, span: SpanView<'_>, edit: &mut Edit<'_>) {
        let reading = Reading::of(span);
        if reading.kind == Kind::Other {
            return;
        }
        if reading.is_joined {
            self.meters.join(Join::Already);
            return;
        }
        let (context, client, place) = (&self.context, self.client, &self.place);
        let used = self
            .used
            .get_or_insert_with(|| resolve(context, place.resource(), client).map(Arc::new));
        match used {
            Ok(used) => {
                let used = Arc::clone(used);
                self.join(&reading, &used, span, edit);
            }
            Err(why) => self.meters.join(*why),
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        self.waiting.wake_at()
    }

    fn release(&mut self, now: Instant, everything: bool) -> Option<Released> {
        self.energy.advance(everything);
        let energy = &self.energy;
        let is_ready = |held: &Held| {
            let is_settled = held.used.are_settled(held.end);
            everything || is_settled && (!held.shares || energy.is_shared_until(&held.used, held.end))
        };
        let ready = self.waiting.take(now, is_ready);
        self.meters.hold(self.waiting.len());
        let mut builder = TracesBuilder::new();
        for held in &ready {
            self.leave(held, &mut builder);
        }
        let traces = builder.build()?;
        let mut counts = StageCounts::default();
        counts.received = traces.spans().into();
        Some(Released { traces, counts })
    }
}
