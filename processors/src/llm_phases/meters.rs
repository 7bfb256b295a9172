//! What the processor counts about its own work.

use pipeline::telemetry::{Counter, Gauge, MetricAbout, Telemetry};

use super::engine::Engine;
use super::phase::Status;
use super::phases::Phases;
use super::request::Unread;

/// Request spans, by engine and by how their decomposition went.
pub(super) const REQUESTS: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_phases_requests",
    help: "Request spans by engine and by how their decomposition went. One request of several sequences has several.",
    unit: "{span}",
};

/// Durations that were treated as missing.
pub(super) const UNUSABLE: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_phases_unusable_durations",
    help: "Durations on request spans that were treated as missing, by reason.",
    unit: "{attribute}",
};

/// Request spans whose phases were clipped.
pub(super) const CLIPPED: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_phases_clipped_requests",
    help: "Request spans whose phases did not fit and were clipped at the end of the span.",
    unit: "{span}",
};

/// Traces that wait.
pub(super) const HELD_TRACES: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_phases_held_traces",
    help: "Traces that wait for their other spans.",
    unit: "{trace}",
};

/// Spans that wait.
pub(super) const HELD_SPANS: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_phases_held_spans",
    help: "Spans that wait for the rest of their trace.",
    unit: "{span}",
};

/// Memory of what waits.
pub(super) const HELD_BYTES: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_phases_held_bytes",
    help: "Memory of everything that waits or is remembered.",
    unit: "By",
};

/// Traces that were let go.
pub(super) const RELEASED_TRACES: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_phases_released_traces",
    help: "Traces let go, by reason: whole, idle, overdue, full (the oldest made room), long (too many spans), drain.",
    unit: "{trace}",
};

/// Spans that came twice.
pub(super) const DUPLICATES: MetricAbout = MetricAbout {
    name: "inferscope_processor_llm_phases_duplicate_spans",
    help: "Spans that came a second time while the first still waited, and were ignored.",
    unit: "{span}",
};

/// All of them, for tables.
pub(super) const ALL: [MetricAbout; 8] = [
    REQUESTS,
    UNUSABLE,
    CLIPPED,
    HELD_TRACES,
    HELD_SPANS,
    HELD_BYTES,
    RELEASED_TRACES,
    DUPLICATES,
];

/// Why a trace was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Everything that its spans refer to has come.
    Whole,
    /// Nothing new came for a while.
    Idle,
    /// It waited as long as anything may.
    Overdue,
    /// The oldest made room.
    Full,
    /// It has more spans than a trace may have.
    Long,
    /// The lane ends.
    Drain,
}

impl Leave {
    const ALL: [Self; 6] = [
        Self::Whole,
        Self::Idle,
        Self::Overdue,
        Self::Full,
        Self::Long,
        Self::Drain,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Idle => "idle",
            Self::Overdue => "overdue",
            Self::Full => "full",
            Self::Long => "long",
            Self::Drain => "drain",
        }
    }
}

/// The instruments, looked up once.
#[derive(Debug, Clone)]
pub(super) struct Meters {
    requests: [[Counter; Status::ALL.len()]; Engine::ALL.len()],
    wrong_type: Counter,
    not_a_number: Counter,
    negative: Counter,
    too_long: Counter,
    conflict: Counter,
    clipped: Counter,
    released: [Counter; Leave::ALL.len()],
    /// Ignored repetitions.
    pub(super) duplicates: Counter,
    /// Traces, spans and bytes that wait.
    held: [Gauge; 3],
}

/// What one lane adds to the gauges of what waits. Lanes of one id share their gauges, so each says what changed, and
/// takes its share back when it ends.
#[derive(Debug)]
pub(super) struct HeldShare {
    gauges: [Gauge; 3],
    told: [i64; 3],
}

impl HeldShare {
    /// Traces, spans and bytes that wait now.
    pub(super) fn publish(&mut self, held: [usize; 3]) {
        for ((gauge, told), now) in self.gauges.iter().zip(&mut self.told).zip(held) {
            let now = i64::try_from(now).unwrap_or(i64::MAX);
            gauge.add(now - *told);
            *told = now;
        }
    }
}

impl Drop for HeldShare {
    fn drop(&mut self) {
        self.publish([0; 3]);
    }
}

impl Meters {
    /// Looks the instruments up.
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let by_status = |engine: Engine| {
            let telemetry = telemetry.with("engine", engine.word());
            Status::ALL.map(|status| telemetry.with("status", status.word()).counter(REQUESTS))
        };
        let unusable = |reason: &str| telemetry.with("reason", reason).counter(UNUSABLE);
        Self {
            requests: Engine::ALL.map(by_status),
            wrong_type: unusable("wrong_type"),
            not_a_number: unusable("not_a_number"),
            negative: unusable("negative"),
            too_long: unusable("too_long"),
            conflict: unusable("conflict"),
            clipped: telemetry.counter(CLIPPED),
            released: Leave::ALL.map(|leave| telemetry.with("reason", leave.word()).counter(RELEASED_TRACES)),
            duplicates: telemetry.counter(DUPLICATES),
            held: [HELD_TRACES, HELD_SPANS, HELD_BYTES].map(|about| telemetry.gauge(about)),
        }
    }

    /// A share of nothing yet in the gauges of what waits.
    pub(super) fn held_share(&self) -> HeldShare {
        HeldShare {
            gauges: self.held.clone(),
            told: [0; 3],
        }
    }

    /// One request span was decomposed.
    #[inline]
    pub(super) fn request(&self, engine: Engine, phases: &Phases, unread: Unread) {
        self.status(engine, phases.status);
        if phases.overrun > 0 {
            self.clipped.add(1);
        }
        let unusable = phases.unusable;
        add(&self.wrong_type, unread.wrong_type);
        add(&self.not_a_number, unread.not_a_number);
        add(&self.negative, unusable.negative);
        add(&self.too_long, unusable.too_long);
        add(&self.conflict, unusable.conflict);
    }

    /// One request span was looked at.
    #[inline]
    pub(super) fn status(&self, engine: Engine, status: Status) {
        let by_status = self.requests.get(engine as usize);
        if let Some(counter) = by_status.and_then(|by_status| by_status.get(status as usize)) {
            counter.add(1);
        }
    }

    /// One trace was let go.
    pub(super) fn released(&self, leave: Leave) {
        if let Some(counter) = self.released.get(leave as usize) {
            counter.add(1);
        }
    }
}

/// An atomic add costs more than a look, and nearly every request has nothing to add.
#[inline]
fn add(counter: &Counter, more: u8) {
    if more > 0 {
        counter.add(more.into());
    }
}
