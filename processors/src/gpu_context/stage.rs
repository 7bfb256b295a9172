//! The processor at work: finds requests and phases, and says what their devices did.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipeline::context::Context;
use pipeline::payload::{
    BatchContext, Edit, EncodedAttributes, Place, Released, ResourceView, ScopeView, SpanId, SpanStage, SpanView,
    StageCounts, TraceId, TracesBuilder, names,
};
use pipeline::{Budget, Credit};

use super::config::Config;
use super::energy::Energy;
use super::meters::{Join, Meters, Share};
use super::reading::{Kind, Reading};
use super::resolve::resolve;
use super::sheets::Sheets;
use super::state::state;
use super::used::Used;
use super::waiting::{Held, Told, Waiting};

/// One lane's share of the processor. There is one lane where spans wait, so it sees all of them.
#[derive(Debug)]
pub(super) struct GpuStage {
    context: Context,
    sample_wait: Duration,
    meters: Meters,
    energy: Energy,
    waiting: Waiting,
    /// Of the batch at hand.
    client: Option<IpAddr>,
    now: Option<Instant>,
    /// The devices of the resource at hand; not asked for before the first span that wants to know.
    used: Option<Result<Arc<Used>, Join>>,
    /// Of the last request, where the resource's are not those of all of its spans: its phases have the same.
    of_request: Option<(TraceId, SpanId, Result<Arc<Used>, Join>)>,
    /// Resource and scope at hand, copied for spans that wait.
    place: Place,
    /// Filled anew for every span, so that describing one allocates nothing.
    gained: EncodedAttributes,
    sheets: Sheets,
}

impl GpuStage {
    pub(super) fn new(config: &Config, context: Context, meters: Meters, budget: &Budget) -> Self {
        Self {
            context,
            sample_wait: *config.sample_wait,
            meters,
            energy: Energy::new(&config.attribution),
            waiting: Waiting::new(config.spans_max, config.bytes_max, Credit::none(budget)),
            client: None,
            now: None,
            used: None,
            of_request: None,
            place: Place::default(),
            gained: EncodedAttributes::new(),
            sheets: Sheets::default(),
        }
    }

    /// The devices of a span's sender. Whom the number of a process means depends on the span's time (G-7), so such answers
    /// are for one request alone.
    fn devices(&mut self, reading: &Reading) -> Result<Arc<Used>, Join> {
        if let Some(used) = &self.used {
            return used.clone();
        }
        if let Some((trace_id, span_id, used)) = &self.of_request
            && (*trace_id, Some(*span_id)) == (reading.trace_id, reading.parent)
        {
            return used.clone();
        }
        let answer = resolve(&self.context, self.place.resource(), self.client, reading.start);
        let used = answer.used.map(Arc::new);
        if answer.is_of_all_spans {
            self.used = Some(used.clone());
        } else if reading.kind == Kind::Request {
            self.of_request = Some((reading.trace_id, reading.span_id, used.clone()));
        }
        used
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
        self.gained.clear();
        let settled = used.settled_until();
        let is_settled = settled.wholes == 0 || settled.all >= reading.end;
        let has_energy = is_settled.then(|| {
            let (sheets, gained) = (&mut self.sheets, &mut self.gained);
            describe(&self.meters, used, reading.start, reading.end, sheets, gained)
        });
        if let Some(now) = self.now.filter(|_| shares || !is_settled) {
            let held = Held {
                place: self.place.clone(),
                bytes: span.bytes().into(),
                used: Arc::clone(used),
                trace_id: reading.trace_id,
                span_id: reading.span_id,
                start: reading.start,
                end: reading.end,
                settle_by: now + self.sample_wait,
                told: has_energy.map(|has_energy| Told {
                    attributes: self.gained.clone(),
                    has_energy,
                }),
                shares,
                share_by: None,
            };
            self.waiting.keep(held, now);
            self.meters.hold(self.waiting.len());
            edit.hold();
            return;
        }
        if reading.kind == Kind::Request {
            self.meters.share(Share::Unknown);
        }
        edit.append_all(&mut self.gained);
    }

    fn leave(&mut self, mut held: Held, builder: &mut TracesBuilder) {
        let mut told = match held.told.take() {
            Some(told) => told,
            None => tell(&self.meters, &mut self.sheets, &held), // Others need its room.
        };
        if held.shares {
            let share = self.energy.close(held.trace_id, held.span_id, &held.used, held.end);
            match share.and_then(|joules| {
                if told.has_energy {
                    Ok(joules)
                } else {
                    Err(Share::Unknown)
                }
            }) {
                Ok(joules) => {
                    told.attributes.push(names::INFERSCOPE_GPU_ENERGY_ATTRIBUTED, joules);
                    self.meters.share(Share::Given);
                }
                Err(why) => self.meters.share(why),
            }
        }
        builder.push_with(&held.place, held.view(), &told.attributes);
    }
}

/// What the devices did, as attributes; says whether their energy is known.
fn describe(
    meters: &Meters,
    used: &Used,
    start: u64,
    end: u64,
    sheets: &mut Sheets,
    gained: &mut EncodedAttributes,
) -> bool {
    gained.clear();
    gained.extend(&used.about);
    let Some(window) = state(used, start, end) else {
        meters.join(Join::NoSamples);
        gained.push(names::INFERSCOPE_GPU_SAMPLES, 0);
        gained.push(names::INFERSCOPE_GPU_COVERAGE, 0.0);
        return false;
    };
    meters.join(Join::Joined);
    let seconds = end.saturating_sub(start) as f64 / 1e9;
    sheets.describe(&window, seconds, gained);
    window.energy_j.is_some()
}

fn tell(meters: &Meters, sheets: &mut Sheets, held: &Held) -> Told {
    let mut attributes = EncodedAttributes::new();
    let has_energy = describe(meters, &held.used, held.start, held.end, sheets, &mut attributes);
    Told { attributes, has_energy }
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
        self.of_request = None;
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
        match self.devices(&reading) {
            Ok(used) => self.join(&reading, &used, span, edit),
            Err(why) => self.meters.join(why),
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        self.waiting.wake_at()
    }

    fn release(&mut self, now: Instant, everything: bool) -> Option<Released> {
        self.energy.advance(everything);
        let (energy, meters, sheets) = (&self.energy, &self.meters, &mut self.sheets);
        let ready = self.waiting.take(now, |held| {
            let is_over = |deadline: Instant| everything || deadline <= now;
            if held.told.is_none() && (is_over(held.settle_by) || held.used.settled_until().all >= held.end) {
                held.told = Some(tell(meters, sheets, held));
            }
            if !held.shares || held.told.is_none() {
                return held.told.is_some();
            }
            let wait = || held.settle_by + Duration::from_nanos(energy.wait_ns(&held.used));
            let share_by = *held.share_by.get_or_insert_with(wait);
            is_over(share_by) || energy.is_shared_until(&held.used, held.end)
        });
        self.meters.hold(self.waiting.len());
        self.meters.share_wait(self.energy.wait_ns_max());
        let mut builder = TracesBuilder::new();
        for held in ready {
            self.leave(held, &mut builder);
        }
        let traces = builder.build()?;
        let mut counts = StageCounts::default();
        counts.received = traces.spans().into();
        Some(Released { traces, counts })
    }
}
