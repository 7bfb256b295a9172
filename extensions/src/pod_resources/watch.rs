//! Asks again and again, and tells what changed.

use std::time::Duration;

use pipeline::component::{Setup, Stop};
use pipeline::context::pods::Wants;
use pipeline::telemetry::{Counter, Gauge, MetricAbout};
use tokio::time::Instant;

use super::Config;
use super::config::ASK_PAUSE;
use super::given::{Known, Tally};
use super::kubelet::{Kubelet, Silence};

pub(super) const POLLS: MetricAbout = MetricAbout {
    name: "inferscope_pod_resources_polls",
    help: "Questions to the kubelet, by result.",
    unit: "{request}",
};
pub(super) const PODS: MetricAbout = MetricAbout {
    name: "inferscope_pod_resources_pods",
    help: "Pods that had GPUs when the kubelet answered last.",
    unit: "{pod}",
};
pub(super) const DEVICES: MetricAbout = MetricAbout {
    name: "inferscope_pod_resources_devices",
    help: "Devices that these pods had; one that is shared counts for each of them.",
    unit: "{device}",
};
pub(super) const ALLOCATABLE: MetricAbout = MetricAbout {
    name: "inferscope_pod_resources_allocatable_devices",
    help: "Devices that the node could give, given ones included.",
    unit: "{device}",
};
pub(super) const UNKNOWN: MetricAbout = MetricAbout {
    name: "inferscope_pod_resources_unknown_devices",
    help: "Devices of pods whose ids are in no known form.",
    unit: "{device}",
};

/// What is not answered changes little: what a node can give changes when a GPU fails or MIG is laid out anew.
const ALLOCATABLE_EVERY: u32 = 6;

/// One kubelet, asked until told to stop.
pub(super) struct Watch {
    kubelet: Kubelet,
    known: Known,
    interval: Duration,
    wants: Wants,
    setup: Setup,
    gauges: Gauges,
    /// Answers since the node was asked what it has.
    since_allocatable: u32,
    /// A silence is logged when it begins, and an answer when it ends.
    is_silent: bool,
}

struct Gauges {
    pods: Gauge,
    devices: Gauge,
    allocatable: Gauge,
    unknown: Gauge,
    answered: Counter,
}

impl Watch {
    pub(super) fn new(config: &Config, kubelet: Kubelet, setup: Setup) -> Self {
        let telemetry = &setup.telemetry;
        let result = |word| telemetry.with("result", word).counter(POLLS);
        Silence::WORDS.into_iter().for_each(|word| drop(result(word)));
        let gauges = Gauges {
            pods: telemetry.gauge(PODS),
            devices: telemetry.gauge(DEVICES),
            allocatable: telemetry.gauge(ALLOCATABLE),
            unknown: telemetry.gauge(UNKNOWN),
            answered: result("answered"),
        };
        Self {
            kubelet,
            known: Known::new(config),
            interval: config.interval.get(),
            gauges,
            wants: setup.context.pods.wants(),
            setup,
            since_allocatable: 0,
            is_silent: false,
        }
    }

    /// Asks every `interval`, and a second after the last question where somebody met a pod that nobody knows.
    pub(super) async fn run(mut self, stop: Stop) {
        loop {
            let asked_at = Instant::now();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.ask() => {}
            }
            let wanted = async {
                tokio::time::sleep_until(asked_at + ASK_PAUSE).await;
                self.wants.wanted().await;
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(asked_at + self.interval) => {}
                () = wanted => {}
            }
        }
        self.kubelet.hang_up();
    }

    async fn ask(&mut self) {
        let answer = self.kubelet.list().await;
        let now = self.setup.outside.clock.wall();
        let changed = match answer {
            Ok(answer) => {
                let (tally, changed) = self.known.learn(answer, now);
                self.answered(&tally);
                changed
            }
            Err(silence) => {
                self.unanswered(&silence);
                self.known.unanswered(now)
            }
        };
        if changed {
            self.setup.context.pods.publish_devices(self.known.snapshot());
        }
        if !self.is_silent {
            self.ask_allocatable().await;
        }
    }

    async fn ask_allocatable(&mut self) {
        self.since_allocatable = self.since_allocatable.checked_sub(1).unwrap_or(ALLOCATABLE_EVERY - 1);
        if self.since_allocatable != ALLOCATABLE_EVERY - 1 {
            return;
        }
        match self.kubelet.allocatable().await {
            Ok(answer) => {
                let devices = self.known.resources().count(&answer.devices);
                self.gauges.allocatable.set(gauge(devices));
            }
            // It is a figure for people; what pods have does not hang on it.
            Err(silence) => tracing::debug!(extension = %self.setup.id, %silence, "the node's devices are not known"),
        }
    }

    fn answered(&mut self, tally: &Tally) {
        self.gauges.answered.add(1);
        self.gauges.pods.set(gauge(tally.pods));
        self.gauges.devices.set(gauge(tally.devices));
        self.gauges.unknown.set(gauge(tally.unknown));
        if std::mem::take(&mut self.is_silent) {
            tracing::info!(extension = %self.setup.id, "the kubelet answers again");
        }
    }

    fn unanswered(&mut self, silence: &Silence) {
        self.setup
            .telemetry
            .with("result", silence.word())
            .counter(POLLS)
            .add(1);
        // A kubelet that hangs may have been replaced: the next question opens the socket anew.
        self.kubelet.hang_up();
        if !std::mem::replace(&mut self.is_silent, true) {
            let remedy = silence.remedy();
            tracing::warn!(extension = %self.setup.id, %silence, remedy, "which pods have which GPUs is not known");
        }
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
