//! The ledgers of all devices, and what a request's phases are worth in them.

use std::collections::HashMap;
use std::sync::Arc;

use pipeline::context::gpus::Gpu;
use pipeline::payload::{SpanId, TraceId};

use super::config::AttributionConfig;
use super::ledger::{Ledger, Owner, Work};
use super::meters::Share;
use super::reading::{Kind, Reading};
use super::resolve::Used;

/// Energy is never shared beyond the newest sample. Where it seems so by more than this, that sample's time was wrong.
const BACKWARDS_NS_MAX: u64 = 2_000_000_000;

/// The energy of all devices.
#[derive(Debug)]
pub(super) struct Energy {
    is_shared: bool,
    horizon_ns: u64,
    output_token_weight: f64,
    /// By the device's UUID.
    devices: HashMap<String, (Arc<Gpu>, Ledger)>,
    /// Tokens of the requests of this batch: a request comes before its phases.
    tokens: HashMap<Owner, Tokens>,
}

#[derive(Debug, Clone, Copy)]
struct Tokens {
    computed: f64,
    output: f64,
}

impl Energy {
    pub(super) fn new(config: &AttributionConfig) -> Self {
        Self {
            is_shared: config.enabled,
            horizon_ns: u64::try_from(config.horizon.as_nanos()).unwrap_or(u64::MAX),
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
        };
        self.tokens.insert(owner(request.trace_id, request.span_id), tokens);
        true
    }

    /// Enters the work of a phase.
    pub(super) fn phase(&mut self, phase: &Reading, used: &Used) {
        let Some(owner) = phase.parent.map(|parent| owner(phase.trace_id, parent)) else {
            return;
        };
        let Some(tokens) = self.tokens.get(&owner) else {
            return;
        };
        let seconds = phase.end.saturating_sub(phase.start) as f64 / 1e9;
        let work = match phase.kind {
            Kind::Prefill => tokens.computed,
            Kind::Decode => self.output_token_weight * (tokens.output - 1.0),
            _ => return,
        };
        let work = Work {
            from: phase.start,
            to: phase.end,
            weight: work / seconds,
        };
        for gpu in used.wholes() {
            if !self.devices.contains_key(&gpu.about.uuid) {
                let new = (Arc::clone(gpu), Ledger::default());
                self.devices.insert(gpu.about.uuid.clone(), new);
            }
            if let Some((_, ledger)) = self.devices.get_mut(&gpu.about.uuid) {
                ledger.add(owner, work);
            }
        }
    }

    /// Shares the energy of what is older than the horizon; at the end everything that is known.
    pub(super) fn advance(&mut self, everything: bool) {
        let horizon_ns = if everything { 0 } else { self.horizon_ns };
        for (gpu, ledger) in self.devices.values_mut() {
            let to = gpu.settled_until().saturating_sub(horizon_ns);
            if to.saturating_add(horizon_ns).saturating_add(BACKWARDS_NS_MAX) < ledger.until() {
                *ledger = Ledger::default(); // The clock was set back: samples begin a new history, and so does this.
            }
            ledger.advance(to, |from, to| gpu.energy_j(from, to).unwrap_or(0.0));
        }
    }

    /// Whether the energy until this moment is shared.
    pub(super) fn is_shared_until(&self, used: &Used, time: u64) -> bool {
        let until = |gpu: &Arc<Gpu>| self.devices.get(&gpu.about.uuid).map(|(_, ledger)| ledger.until());
        used.wholes().filter_map(until).all(|until| until >= time)
    }

    /// Closes a request's accounts: its joules, or why it gets none.
    pub(super) fn close(&mut self, trace_id: TraceId, span_id: SpanId, used: &Used, end: u64) -> Result<f64, Share> {
        let is_shared = self.is_shared_until(used, end);
        let owner = owner(trace_id, span_id);
        let (mut joules, mut is_late, mut is_known) = (0.0, false, true);
        for gpu in used.wholes() {
            let ledger = self.devices.get_mut(&gpu.about.uuid).map(|(_, ledger)| ledger);
            match ledger.and_then(|ledger| ledger.close(owner)) {
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

fn owner(trace_id: TraceId, span_id: SpanId) -> Owner {
    let mut owner = [0; 24];
    owner[..16].copy_from_slice(&trace_id.0);
    owner[16..].copy_from_slice(&span_id.0);
    owner
}
