//! What a device said last, in the words of dcgm-exporter: its table, the same that a scrape of that exporter goes through,
//! says what each is called in OpenTelemetry's names. So both inputs tell the same.

use pipeline::context::gpus::Mig;

use super::processes::Shares;
use crate::engines::profile::{Kind, Metric};

/// A device as of one round.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Snapshot {
    /// Labels of dcgm-exporter, without the node's name and those of an instance.
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) uuid: String,
    /// Set for a MIG instance.
    pub(super) instance: Option<Instance>,
    /// It has MIG instances.
    pub(super) is_divided: bool,
    /// Whether it answers.
    pub(super) is_up: bool,
    pub(super) readings: Vec<Reading>,
    /// What dcgm-exporter has no word for.
    pub(super) own: Vec<Own>,
    /// Who computes on it, and what they do.
    pub(super) processes: Vec<ProcessReading>,
}

/// What makes a device a part of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    /// UUID of the GPU.
    pub(super) parent: String,
    /// The GPU instance's number, where the library has told.
    pub(super) number: Option<u32>,
    pub(super) profile: String,
}

impl Instance {
    pub(super) fn of(mig: &Mig) -> Self {
        Self {
            parent: mig.parent.clone(),
            number: mig.gpu_instance,
            profile: mig.profile.clone(),
        }
    }
}

/// What a process does on a device.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ProcessReading {
    /// In the node's namespace.
    pub(super) pid: u32,
    pub(super) pod_uid: Option<String>,
    /// The control group that it runs in, which has the container's id in its name.
    pub(super) group: String,
    pub(super) memory_bytes: Option<u64>,
    /// None where the device cannot say.
    pub(super) shares: Option<Shares>,
}

/// A value under a name of dcgm-exporter, without its `DCGM_FI_`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub(super) family: &'static str,
    pub(super) kind: Kind,
    /// In dcgm-exporter's unit.
    pub(super) value: f64,
}

/// A value under a name of ours only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Own {
    pub(super) metric: &'static Metric,
    pub(super) attribute: Option<(&'static str, &'static str)>,
    pub(super) value: f64,
}

impl Snapshot {
    /// Adds a gauge that the device has.
    pub(super) fn gauge(&mut self, family: &'static str, value: Option<f64>) {
        self.add(family, Kind::Gauge, value);
    }

    /// Adds a counter that the device has.
    pub(super) fn counter(&mut self, family: &'static str, value: Option<f64>) {
        self.add(family, Kind::Counter, value);
    }

    fn add(&mut self, family: &'static str, kind: Kind, value: Option<f64>) {
        // What a device does not have is not told: never 0.
        let value = value.filter(|value| value.is_finite());
        self.readings.extend(value.map(|value| Reading { family, kind, value }));
    }

    /// Adds what dcgm-exporter has no word for.
    pub(super) fn own(
        &mut self,
        metric: &'static Metric,
        attribute: Option<(&'static str, &'static str)>,
        value: Option<f64>,
    ) {
        let value = value.filter(|value| value.is_finite());
        self.own.extend(value.map(|value| Own {
            metric,
            attribute,
            value,
        }));
    }
}
