//! dcgm-exporter's own series: which devices it tells, under which labels, and for which pods.

use std::collections::{HashMap, HashSet};

use super::holders::{Holder, Holders};
use super::reading::{Instance, ProcessReading, Reading, Snapshot};
use super::told::{Owner, Point};
use super::words::{Hostname, kind};
use crate::engines::tables::OF_INSTANCE;

/// dcgm-exporter's series.
#[derive(Debug)]
pub(super) struct Exporter {
    /// Their job and instance.
    pub(super) owner: Owner,
    pub(super) hostname: Hostname,
    /// Whether they say the pod's uid as well (`--kubernetes-enable-pod-uid`).
    pub(super) with_uid: bool,
    /// Whether a device that is shared is told for each pod (`--kubernetes-virtual-gpus`).
    pub(super) by_share: bool,
}

/// The library does not say in which instance an error was, so that it stays with the GPU.
const XID: &str = "DEV_XID_ERRORS";

/// Told for each pod by its processes, where a device is shared.
const UTILIZATION: &str = "DEV_GPU_UTIL";
const MEMORY: &str = "DEV_FB_USED";

/// The exporter counts memory in whole mebibytes.
const IN_MEBIBYTES: [&str; 4] = ["DEV_FB_USED", "DEV_FB_FREE", "DEV_FB_RESERVED", "DEV_FB_TOTAL"];
const MEBIBYTE: u64 = 1 << 20;

type Labels = Vec<(&'static str, String)>;

impl Exporter {
    /// All series of all devices. A divided GPU is told by its instances, as the exporter does it; one whose instances
    /// have no number yet is told as a whole.
    pub(super) fn points(&self, devices: &[Snapshot], holders: &Holders, told: &mut Vec<Point>) {
        let wholes: HashMap<&str, &Snapshot> = devices
            .iter()
            .filter(|device| device.instance.is_none())
            .map(|device| (device.uuid.as_str(), device))
            .collect();
        let numbered = |device: &Snapshot| device.instance.clone().filter(|it| device.is_up && it.number.is_some());
        let divided: HashSet<String> = devices.iter().filter_map(numbered).map(|it| it.parent).collect();
        // Compute instances share what their GPU instance has, and the exporter does not know them apart.
        let mut together: HashMap<_, Vec<&str>> = HashMap::new();
        for (device, instance) in devices.iter().filter_map(|device| Some((device, numbered(device)?))) {
            let same = together.entry((instance.parent, instance.number)).or_default();
            same.push(&device.uuid);
        }
        for device in devices {
            if let Some(instance) = numbered(device) {
                let Some(whole) = wholes.get(instance.parent.as_str()) else {
                    continue;
                };
                // Told with the first of them, for the pods of all.
                if let Some(same) = together.remove(&(instance.parent.clone(), instance.number)) {
                    self.instance(device, &instance, whole, &holders.any(same), told);
                }
            } else if divided.contains(&device.uuid) {
                let xids = device.readings.iter().filter(|reading| reading.family == XID);
                told.extend(xids.map(|reading| self.point(reading, self.labels(device))));
            } else if device.instance.is_none() {
                self.device(
                    device,
                    &device.readings,
                    &self.labels(device),
                    holders.all(&device.uuid),
                    told,
                );
            }
        }
    }

    /// An instance: what it has of its own, and what its GPU has.
    fn instance(
        &self,
        device: &Snapshot,
        instance: &Instance,
        whole: &Snapshot,
        held: &[Holder],
        told: &mut Vec<Point>,
    ) {
        let of_gpu = whole.readings.iter().filter(|it| !OF_INSTANCE.contains(&it.family));
        let own = device.readings.iter().filter(|it| OF_INSTANCE.contains(&it.family));
        let readings: Vec<Reading> = of_gpu.chain(own).copied().collect();
        // `UUID` is the GPU's: the exporter tells an instance by its number.
        let mut labels = self.labels(whole);
        labels.push(("GPU_I_PROFILE", instance.profile.clone()));
        labels.extend(instance.number.map(|number| ("GPU_I_ID", number.to_string())));
        self.device(device, &readings, &labels, held, told);
    }

    /// Readings of a device, for the pods that hold it.
    fn device(&self, device: &Snapshot, readings: &[Reading], labels: &Labels, held: &[Holder], told: &mut Vec<Point>) {
        if self.by_share && !held.is_empty() {
            for reading in readings {
                self.shares(device, reading, labels, held, told);
            }
            return;
        }
        let alone = Holders::only(held);
        let mut labels = labels.clone();
        labels.extend(alone.into_iter().flat_map(|holder| holder.labels(self.with_uid)));
        told.extend(readings.iter().map(|reading| self.point(reading, labels.clone())));
    }

    /// A reading for each pod that has a share of the device.
    fn shares(&self, device: &Snapshot, reading: &Reading, labels: &Labels, held: &[Holder], told: &mut Vec<Point>) {
        let with = |holder: &Holder| {
            let mut labels = labels.clone();
            labels.extend(holder.labels(self.with_uid));
            labels.extend(holder.replica.map(|number| ("vgpu", number.to_string())));
            labels
        };
        if ![UTILIZATION, MEMORY].contains(&reading.family) {
            // Nobody knows the share of a pod in this, so that each is told the whole: as the exporter does it.
            told.extend(held.iter().map(|holder| self.point(reading, with(holder))));
            return;
        }
        told.push(self.point(reading, labels.clone()));
        for holder in held {
            // A pod without a process that can be seen has no value: the exporter says 0 of one whose processes it cannot see.
            if let Some(value) = used(reading.family, &device.processes, holder) {
                told.push(self.point(&Reading { value, ..*reading }, with(holder)));
            }
        }
    }

    fn labels(&self, device: &Snapshot) -> Labels {
        let mut labels = device.labels.clone();
        self.hostname.label(&mut labels);
        labels
    }

    fn point(&self, reading: &Reading, labels: Labels) -> Point {
        let is_memory = IN_MEBIBYTES.contains(&reading.family);
        Point {
            owner: self.owner.clone(),
            name: format!("DCGM_FI_{}", reading.family),
            kind: kind(reading.kind),
            help: "",
            unit: "",
            is_own: false,
            labels: labels
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            value: if is_memory {
                reading.value.floor()
            } else {
                reading.value
            },
        }
    }
}

/// What the processes of a pod use of a device: percents of its time, or mebibytes of its memory.
#[allow(clippy::cast_precision_loss)] // A device has less than 2^53 of them.
fn used(family: &str, processes: &[ProcessReading], holder: &Holder) -> Option<f64> {
    let of_pod = |process: &&ProcessReading| holder.uid.is_some() && process.pod_uid == holder.uid;
    let values = processes.iter().filter(of_pod).filter_map(|process| match family {
        UTILIZATION => process.shares.map(|shares| (shares.sm * 100.0).round()),
        _ => process.memory_bytes.map(|bytes| (bytes / MEBIBYTE) as f64),
    });
    values.reduce(|sum, value| sum + value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
