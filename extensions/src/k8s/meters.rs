//! What the extension counts about its own work.

use kubernetes::Trouble;
use pipeline::telemetry::{Counter, Gauge, MetricAbout, Telemetry};

use super::kind::Kind;

pub(super) const WATCH_FAILURES: MetricAbout = MetricAbout {
    name: "inferscope_k8s_watch_failures",
    help: "Questions that the API server did not answer as it should, by kind of object and by reason.",
    unit: "{failure}",
};
pub(super) const TROUBLED: MetricAbout = MetricAbout {
    name: "inferscope_k8s_watches_in_trouble",
    help: "Watches on which nothing is told at present, by kind of object.",
    unit: "{watch}",
};
pub(super) const COMPLETE: MetricAbout = MetricAbout {
    name: "inferscope_k8s_lists_complete",
    help: "Whether all objects of a kind were told at least once.",
    unit: "1",
};
pub(super) const OBJECTS: MetricAbout = MetricAbout {
    name: "inferscope_k8s_objects",
    help: "Objects that there are, by kind.",
    unit: "{object}",
};
pub(super) const GONE: MetricAbout = MetricAbout {
    name: "inferscope_k8s_gone_pods",
    help: "Pods that went and are still remembered.",
    unit: "{pod}",
};
pub(super) const FORGOTTEN: MetricAbout = MetricAbout {
    name: "inferscope_k8s_gone_pods_forgotten",
    help: "Pods that were forgotten before their time, because too many went at once.",
    unit: "{pod}",
};
pub(super) const LEFT_OUT: MetricAbout = MetricAbout {
    name: "inferscope_k8s_left_out",
    help: "Labels and annotations that were not kept as an object was read, by reason: too_long, too_many, last_applied.",
    unit: "{entry}",
};
pub(super) const PUBLICATIONS: MetricAbout = MetricAbout {
    name: "inferscope_k8s_publications",
    help: "How often pods, namespaces and nodes were told to the pipelines.",
    unit: "{publication}",
};
pub(super) const TOLD_AT: MetricAbout = MetricAbout {
    name: "inferscope_k8s_told_timestamp",
    help: "When the API server last told of anything, in seconds since 1970.",
    unit: "s",
};

pub(super) const ALL: [MetricAbout; 9] = [
    WATCH_FAILURES,
    TROUBLED,
    COMPLETE,
    OBJECTS,
    GONE,
    FORGOTTEN,
    LEFT_OUT,
    PUBLICATIONS,
    TOLD_AT,
];

pub(super) struct Meters {
    telemetry: Telemetry,
    pub(super) gone: Gauge,
    pub(super) forgotten: Counter,
    pub(super) publications: Counter,
    pub(super) told_at: Gauge,
}

impl Meters {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let meters = Self {
            telemetry: telemetry.clone(),
            gone: telemetry.gauge(GONE),
            forgotten: telemetry.counter(FORGOTTEN),
            publications: telemetry.counter(PUBLICATIONS),
            told_at: telemetry.gauge(TOLD_AT),
        };
        // A counter that is there from the beginning shows its first failure as an increase.
        for kind in Kind::ALL {
            Trouble::REASONS
                .into_iter()
                .for_each(|reason| drop(meters.failures(kind, reason)));
        }
        meters
    }

    pub(super) fn failures(&self, kind: Kind, reason: &'static str) -> Counter {
        self.of(kind).with("reason", reason).counter(WATCH_FAILURES)
    }

    pub(super) fn troubled(&self, kind: Kind) -> Gauge {
        self.of(kind).gauge(TROUBLED)
    }

    pub(super) fn complete(&self, kind: Kind) -> Gauge {
        self.of(kind).gauge(COMPLETE)
    }

    pub(super) fn objects(&self, kind: Kind) -> Gauge {
        self.of(kind).gauge(OBJECTS)
    }

    fn of(&self, kind: Kind) -> Telemetry {
        self.telemetry.with("kind", kind.word())
    }
}

/// Counts what is not kept of an object; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct LeftOut {
    too_long: Counter,
    too_many: Counter,
    last_applied: Counter,
}

impl LeftOut {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let reason = |word| telemetry.with("reason", word).counter(LEFT_OUT);
        Self {
            too_long: reason("too_long"),
            too_many: reason("too_many"),
            last_applied: reason("last_applied"),
        }
    }

    pub(super) fn too_long(&self, count: usize) {
        self.too_long.add(count as u64);
    }

    pub(super) fn too_many(&self, count: usize) {
        self.too_many.add(count as u64);
    }

    pub(super) fn last_applied(&self) {
        self.last_applied.add(1);
    }
}
