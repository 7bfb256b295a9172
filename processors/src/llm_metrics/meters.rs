//! What the connector counts about its own work.

use pipeline::context::engine_requests::NotAdmitted;
use pipeline::telemetry::{Counter, Gauge, MetricAbout, Telemetry};

use super::answer::Kind;
use super::dictionary::ROWS;
use super::said::{Said, Unusable};
use crate::llm_names::CONFLICTS;

/// Spans that came, by what they are.
pub(super) const SPANS: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_spans",
    help: "Spans that came, by kind: request, prefill_half (the half of a request that another engine finishes), phase, \
           retracted (a stage of an attempt that was taken back), other (nothing is counted for it).",
    unit: "{span}",
};

/// Answers beyond the first of their request.
pub(super) const SIBLINGS: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_sibling_answers",
    help: "Answers to a request that was counted already: their prompt was not counted again.",
    unit: "{span}",
};

/// Requests that were forgotten too early.
pub(super) const FORGOTTEN: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_forgotten_requests",
    help: "Requests that were forgotten before their window was over; a further answer to one counts as a request.",
    unit: "{request}",
};

/// Values that could not be used.
pub(super) const UNUSABLE: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_unusable_values",
    help: "Values that were treated as missing, by reason: wrong_type, not_a_number, negative, too_long (for the span, or \
           for any prompt), unknown_word (no phase of ours), backwards (a span that ends before it starts).",
    unit: "{attribute}",
};

/// Measurements that found no room.
pub(super) const OVERFLOWED: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_overflowed_measurements",
    help: "Answers and phases that were counted in an overflow series because the limit of label sets was reached.",
    unit: "{measurement}",
};

/// Measurements of tenants beyond the limit.
pub(super) const OF_OTHERS: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_other_tenants_measurements",
    help: "Answers and phases that were counted under the tenant _other because tenants_max tenants have series already.",
    unit: "{measurement}",
};

/// Sets of labels.
pub(super) const LABEL_SETS: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_label_sets",
    help: "Sets of labels that have series, over all services.",
    unit: "{set}",
};

/// Engines that found no room.
pub(super) const CROWDED_OUT: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_crowded_out_instances",
    help: "Instances of engines that were forgotten because there were too many at once: those who scrape them know less \
           about their requests.",
    unit: "{instance}",
};

/// Requests of engines that found no room.
pub(super) const UNPUBLISHED: MetricAbout = MetricAbout {
    name: "inferscope_connector_llm_metrics_unpublished_requests",
    help: "Requests that those who scrape engines do not hear of, by reason: resource_size (the resource is longer than \
           8 KiB), instances (no target is known to be its engine's, and there are too many others).",
    unit: "{request}",
};

/// All of them, for tables.
pub(super) const ALL: [MetricAbout; 10] = [
    SPANS,
    SIBLINGS,
    FORGOTTEN,
    UNUSABLE,
    CONFLICTS,
    OVERFLOWED,
    OF_OTHERS,
    LABEL_SETS,
    CROWDED_OUT,
    UNPUBLISHED,
];

/// Why a value was treated as missing, besides what [`Unusable`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    WrongType,
    NotANumber,
    Negative,
    TooLong,
    UnknownWord,
    Backwards,
}

impl Reason {
    const ALL: [Self; 6] = [
        Self::WrongType,
        Self::NotANumber,
        Self::Negative,
        Self::TooLong,
        Self::UnknownWord,
        Self::Backwards,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::WrongType => "wrong_type",
            Self::NotANumber => "not_a_number",
            Self::Negative => "negative",
            Self::TooLong => "too_long",
            Self::UnknownWord => "unknown_word",
            Self::Backwards => "backwards",
        }
    }
}

/// The words for why nobody hears of a request, in the order of [`unpublished`].
const UNPUBLISHED_REASONS: [&str; 2] = ["resource_size", "instances"];

const fn unpublished(why: NotAdmitted) -> usize {
    match why {
        NotAdmitted::ResourceSize => 0,
        NotAdmitted::Instances => 1,
    }
}

/// The instruments, looked up once.
#[derive(Debug)]
pub(super) struct Meters {
    spans: [Counter; Kind::ALL.len()],
    unusable: [Counter; Reason::ALL.len()],
    conflicts: [Counter; ROWS.len()],
    siblings: Counter,
    pub(super) forgotten: Counter,
    pub(super) overflowed: Counter,
    of_others: Counter,
    pub(super) label_sets: Gauge,
    crowded_out: Counter,
    unpublished: [Counter; UNPUBLISHED_REASONS.len()],
}

/// What one batch adds to them, so that a span costs no atomic operation.
#[derive(Debug, Default)]
pub(super) struct Seen {
    spans: [u64; Kind::ALL.len()],
    unusable: [u64; Reason::ALL.len()],
    conflicts: [u64; ROWS.len()],
    unpublished: [u64; UNPUBLISHED_REASONS.len()],
    /// Instances that were forgotten for others.
    pub(super) crowded_out: u64,
    /// Answers beyond the first of their request.
    pub(super) siblings: u64,
    /// Answers and phases that found no room.
    pub(super) overflowed: u64,
    /// Answers and phases whose tenant has no series of its own.
    pub(super) of_others: u64,
}

impl Seen {
    /// A span.
    #[inline]
    pub(super) fn span(&mut self, kind: Kind) {
        if let Some(count) = self.spans.get_mut(kind as usize) {
            *count += 1;
        }
    }

    /// Whether a measurement found room: in a set of labels of its own, and under the name of its tenant.
    #[inline]
    pub(super) fn room(&mut self, is_overflow: bool, is_other: bool) {
        self.overflowed += u64::from(is_overflow);
        self.of_others += u64::from(is_other);
    }

    /// A value that was treated as missing.
    pub(super) fn unusable(&mut self, reason: Reason, values: u8) {
        if let Some(count) = self.unusable.get_mut(reason as usize) {
            *count += u64::from(values);
        }
    }

    /// A request that those who scrape engines do not hear of.
    pub(super) fn unpublished(&mut self, why: NotAdmitted) {
        if let Some(count) = self.unpublished.get_mut(unpublished(why)) {
            *count += 1;
        }
    }

    /// What a span said wrongly or twice.
    #[inline]
    pub(super) fn said(&mut self, said: &Said<'_>) {
        if said.unusable != Unusable::default() || said.conflicts != 0 {
            self.faults(said);
        }
    }

    #[cold]
    fn faults(&mut self, said: &Said<'_>) {
        self.unusable(Reason::WrongType, said.unusable.wrong_type);
        self.unusable(Reason::NotANumber, said.unusable.not_a_number);
        self.unusable(Reason::Negative, said.unusable.negative);
        self.unusable(Reason::TooLong, said.unusable.too_long);
        for (row, count) in self.conflicts.iter_mut().enumerate() {
            *count += u64::from(said.conflicts >> row & 1);
        }
    }
}

impl Meters {
    /// Looks the instruments up.
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let spans = |kind: Kind| telemetry.with("kind", kind.word()).counter(SPANS);
        let unusable = |reason: Reason| telemetry.with("reason", reason.word()).counter(UNUSABLE);
        let conflicts = |row: usize| {
            let name = ROWS.get(row).and_then(|(_, keys)| keys.first()).copied();
            telemetry.with("attribute", name.unwrap_or_default()).counter(CONFLICTS)
        };
        Self {
            spans: Kind::ALL.map(spans),
            unusable: Reason::ALL.map(unusable),
            conflicts: std::array::from_fn(conflicts),
            siblings: telemetry.counter(SIBLINGS),
            forgotten: telemetry.counter(FORGOTTEN),
            overflowed: telemetry.counter(OVERFLOWED),
            of_others: telemetry.counter(OF_OTHERS),
            label_sets: telemetry.gauge(LABEL_SETS),
            crowded_out: telemetry.counter(CROWDED_OUT),
            unpublished: UNPUBLISHED_REASONS.map(|reason| telemetry.with("reason", reason).counter(UNPUBLISHED)),
        }
    }

    /// Adds what a batch has shown.
    pub(super) fn add(&self, seen: &Seen) {
        let counters = self.spans.iter().chain(&self.unusable).chain(&self.conflicts);
        let counters = counters.chain(&self.unpublished);
        let more = seen.spans.iter().chain(&seen.unusable).chain(&seen.conflicts);
        let more = more.chain(&seen.unpublished);
        for (counter, more) in counters.zip(more).filter(|(_, more)| **more > 0) {
            counter.add(*more);
        }
        for (counter, more) in [
            (&self.siblings, seen.siblings),
            (&self.overflowed, seen.overflowed),
            (&self.of_others, seen.of_others),
            (&self.crowded_out, seen.crowded_out),
        ] {
            if more > 0 {
                counter.add(more);
            }
        }
    }
}
