//! What the processor counts about its own work.

use pipeline::telemetry::{Counter, Gauge, MetricAbout, Telemetry};

/// Request and phase spans, by what became of the join.
pub(super) const JOINS: MetricAbout = MetricAbout {
    name: "inferscope_gpu_join",
    help: "Request and phase spans by what became of their join with GPU samples: joined, no_samples, unresolved (nobody \
           knows the sender's GPU), no_gpu (the sender has none), unknown_device, already (joined by somebody before).",
    unit: "{span}",
};

/// Request spans by what became of their share of energy.
pub(super) const SHARES: MetricAbout = MetricAbout {
    name: "inferscope_gpu_energy_shares",
    help: "Request spans by what became of their share of energy: given, late (its span came after part of its energy was \
           shared), unknown (no phases, no tokens or no energy), hurried (it had to leave before the samples of its time came).",
    unit: "{span}",
};

/// Spans that wait.
pub(super) const HELD_SPANS: MetricAbout = MetricAbout {
    name: "inferscope_processor_gpu_context_held_spans",
    help: "Spans that wait for samples or for requests that ran at the same time.",
    unit: "{span}",
};

/// How long spans wait for their share now.
pub(super) const SHARE_WAIT: MetricAbout = MetricAbout {
    name: "inferscope_processor_gpu_context_share_wait",
    help: "How long request spans wait for their share of energy now, on the GPU where that is longest.",
    unit: "s",
};

/// All of them, for tables.
pub(super) const ALL: [MetricAbout; 4] = [JOINS, SHARES, HELD_SPANS, SHARE_WAIT];

/// What became of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// The span says what its devices did.
    Joined,
    /// Its devices are known, and nobody sampled them at the time.
    NoSamples,
    /// Nobody knows the sender's devices.
    Unresolved,
    /// The sender is known to have none.
    NoGpu,
    /// The sender's devices are not on this node, or their ids mean nothing to us.
    UnknownDevice,
    /// Somebody joined it before.
    Already,
}

impl Join {
    const ALL: [Self; 6] = [
        Self::Joined,
        Self::NoSamples,
        Self::Unresolved,
        Self::NoGpu,
        Self::UnknownDevice,
        Self::Already,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::NoSamples => "no_samples",
            Self::Unresolved => "unresolved",
            Self::NoGpu => "no_gpu",
            Self::UnknownDevice => "unknown_device",
            Self::Already => "already",
        }
    }
}

/// What became of a request's share of energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    Given,
    Late,
    Unknown,
    Hurried,
}

impl Share {
    const ALL: [Self; 4] = [Self::Given, Self::Late, Self::Unknown, Self::Hurried];

    const fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Late => "late",
            Self::Unknown => "unknown",
            Self::Hurried => "hurried",
        }
    }
}

/// The instruments, looked up once.
#[derive(Debug, Clone)]
pub(super) struct Meters {
    joins: [Counter; Join::ALL.len()],
    shares: [Counter; Share::ALL.len()],
    held: Gauge,
    share_wait: Gauge,
    told: i64,
}

impl Meters {
    /// Looks the instruments up.
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        Self {
            joins: Join::ALL.map(|join| telemetry.with("result", join.word()).counter(JOINS)),
            shares: Share::ALL.map(|share| telemetry.with("result", share.word()).counter(SHARES)),
            held: telemetry.gauge(HELD_SPANS),
            share_wait: telemetry.gauge(SHARE_WAIT),
            told: 0,
        }
    }

    pub(super) fn join(&self, join: Join) {
        if let Some(counter) = self.joins.get(join as usize) {
            counter.add(1);
        }
    }

    pub(super) fn share(&self, share: Share) {
        if let Some(counter) = self.shares.get(share as usize) {
            counter.add(1);
        }
    }

    /// Spans wait so long for their share now.
    pub(super) fn share_wait(&self, ns: u64) {
        self.share_wait
            .set(i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX));
    }

    /// So many spans wait here now.
    pub(super) fn hold(&mut self, spans: usize) {
        let now = i64::try_from(spans).unwrap_or(i64::MAX);
        self.held.add(now - self.told);
        self.told = now;
    }
}

impl Drop for Meters {
    fn drop(&mut self) {
        self.hold(0);
    }
}
