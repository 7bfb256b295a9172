//! The ledgers of all devices, and what a request's phases are worth in them.

use std::collections::HashMap;
use std::sync::Arc;

use pipeline::context::gpus::Gpu;
use pipeline::payload::{SpanId, TraceId};

use super::config::AttributionConfig;
use super::lateness::Lateness;
use super::ledger::{Ledger, Owner, Work};
use super::meters::Share;
use super::reading::{Kind, Reading};
use super::used::Used;

/// Energy is never shared beyond the newest sample. Where it seems so by more than this, that sample's time was wrong.
const BACKWARDS_NS_MAX: u64 = 2_000_000_000;

/// The energy of all devices.
#[derive(Debug)]
pub(super) struct Energy {
    is_shared: bool,
    horizon_ns: u64,
    known_work: f64,
    output_token_weight: f64,
    /// By the device's UUID.
    devices: HashMap<String, Metered>,
    /// Tokens of the requests of this batch: a request comes before its phases.
    tokens: HashMap<Owner, Tokens>,
}

/// A device whose energy is shared.
#[derive(Debug)]
struct Metered {
    gpu: Arc<Gpu>,
    ledger: Ledger,
    lateness: Lateness,
}

#[derive(Debug, Clone, Copy)]
struct Tokens {
    computed: f64,
    output: f64,
    /// When the first work of the request began.
    begin: u64,
}

impl Energy {
    pub(super) fn new(config: &AttributionConfig) -> Self {
        Self {
            is_shared: config.enabled,
            horizon_ns: u64::try_from(config.horizon.as_nanos()).unwrap_or(u64::MAX),
            known_work: config.known_work,
            output_token_weight: config.output_token_weight,
            devices: HashMap::new(),
            tokens: HashMap::new(),
        }
    }

    /// A batch begins.
    pub(super) fn begin(&mut self) {
        self.tokens.clear();
    }

    /// Notes what a request asked for. Says whether it may get a share: without tokens nobody knows how much work it was.
    pub(super) fn request(&mut self, request: &Reading, used: &Used) -> bool {
        let Some((input, output)) = request.input_tokens.zip(request.output_tokens) else {
            return false;
        };
        // Nobody knows what the first samples of a device that has none will be worth.
        if !self.is_shared || used.wholes().any(|gpu| gpu.settled_until() == 0) {
            return false;
        }
        let cached = request.cached_tokens.unwrap_or(0);
        let tokens = Tokens {
            // Of a prompt that was found in the cache as a whole, the last token is computed.
            computed: input.saturating_sub(cached).max(1) as f64,
            output: output as f64,
            begin: u64::MAX,
        };
        self.tokens.insert(owner(request.trace_id, request.span_id), tokens);
        true
    }

    /// Enters the work of a phase.
    pub(super) fn phase(&mut self, phase: &Reading, used: &Used) {
        let Some(owner) = phase.parent.map(|parent| owner(phase.trace_id, parent)) else {
            return;
        };
        let Some(tokens) = self.tokens.get_mut(&owner) else {
            return;
        };
        let seconds = phase.end.saturating_sub(phase.start) as f64 / 1e9;
        let work = match phase.kind {
            Kind::Prefill => tokens.computed,
            Kind::Decode => self.output_token_weight * (tokens.output - 1.0),
            _ => return,
        };
        tokens.begin = tokens.begin.min(phase.start);
        let piece = Work {
            from: phase.start,
            to: phase.end,
            weight: work / seconds,
        };
        for gpu in used.wholes() {
            let known = self.devices.get(&gpu.about.uuid);
            // A GPU that was lost and has come back has a new history, of which the old one's ledger knows nothing.
            if known.is_none_or(|known| !known.has_history_of(gpu)) {
                let new = Metered {
                    gpu: Arc::clone(gpu),
                    ledger: Ledger::default(),
                    lateness: Lateness::new(self.known_work, self.horizon_ns),
                };
                self.devices.insert(gpu.about.uuid.clone(), new);
            }
            if let Some(device) = self.devices.get_mut(&gpu.about.uuid) {
                let now = gpu.settled_until();
                device.lateness.add(now, now.saturating_sub(tokens.begin), work);
                device.ledger.add(owner, piece);
            }
        }
    }

    /// Shares the energy of what is so old that its requests are known; at the end everything.
    pub(super) fn advance(&mut self, everything: bool) {
        for device in self.devices.values_mut() {
            let wait_ns = if everything { 0 } else { device.lateness.wait_ns() };
            device.share_until(device.gpu.settled_until().saturating_sub(wait_ns));
        }
    }

    /// How long a span waits for its share of these devices' energy, in nanoseconds.
    pub(super) fn wait_ns(&self, used: &Used) -> u64 {
        let wait = |gpu: &Arc<Gpu>| Some(self.devices.get(&gpu.about.uuid)?.lateness.wait_ns());
        used.wholes().filter_map(wait).max().unwrap_or(0)
    }

    /// The longest that any span waits now, in nanoseconds.
    pub(super) fn wait_ns_max(&self) -> u64 {
        let waits = self.devices.values().map(|device| device.lateness.wait_ns());
        waits.max().unwrap_or(0)
    }

    /// Whether the energy until this moment is shared.
    pub(super) fn is_shared_until(&self, used: &Used, time: u64) -> bool {
        let until = |gpu: &Arc<Gpu>| Some(self.devices.get(&gpu.about.uuid)?.ledger.until());
        used.wholes().filter_map(until).all(|until| until >= time)
    }

    /// Closes a request's accounts: its joules, or why it gets none. Who cannot wait until its energy is shared in its turn
    /// has it shared now, by those who are known.
    pub(super) fn close(&mut self, trace_id: TraceId, span_id: SpanId, used: &Used, end: u64) -> Result<f64, Share> {
        for gpu in used.wholes() {
            if let Some(device) = self.devices.get_mut(&gpu.about.uuid) {
                device.share_until(end.min(gpu.settled_until()));
            }
        }
        let is_shared = self.is_shared_until(used, end);
        let owner = owner(trace_id, span_id);
        let (mut joules, mut is_late, mut is_known) = (0.0, false, true);
        for gpu in used.wholes() {
            let device = self.devices.get_mut(&gpu.about.uuid);
            match device.and_then(|device| device.ledger.close(owner)) {
                Some(account) => {
                    joules += account.joules;
                    is_late |= account.is_late;
                }
                None => is_known = false,
            }
        }
        match (is_known, is_late, is_shared) {
            (false, ..) => Err(Share::Unknown),
            (_, true, _) => Err(Share::Late),
            (.., false) => Err(Share::Hurried),
            _ => Ok(joules.max(0.0)),
        }
    }
}

impl Metered {
    fn has_history_of(&self, gpu: &Arc<Gpu>) -> bool {
        Arc::ptr_eq(&self.gpu, gpu) || Arc::ptr_eq(&self.gpu.history(), &gpu.history())
    }

    fn share_until(&mut self, to: u64) {
        let gpu = &self.gpu;
        if gpu.settled_until().saturating_add(BACKWARDS_NS_MAX) < self.ledger.until() {
            // The clock was set back: samples begin a new history, and so does this.
            self.ledger = Ledger::default();
            self.lateness.reset();
        }
        self.ledger
            .advance(to, |from, to| gpu.energy_j(from, to).unwrap_or(0.0));
    }
}

fn owner(trace_id: TraceId, span_id: SpanId) -> Owner {
    let mut owner = [0; 24];
    owner[..16].copy_from_slice(&trace_id.0);
    owner[16..].copy_from_slice(&span_id.0);
    owner
}
