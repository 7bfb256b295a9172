//! Which series a device's readings are, in both languages: our own always, dcgm-exporter's where they are wanted.

use pipeline::payload::scrape::Kind;

use super::config::{Config, HostnameLabel};
use super::exporter::Exporter;
use super::holders::Holders;
use super::metrics as m;
use super::reading::{ProcessReading, Snapshot};
use super::told::{Owner, Point};
use crate::engines::profile::{self, Metric};
use crate::engines::tables::DCGM;

/// Whose words are told, and where.
#[derive(Debug)]
pub(super) struct Words {
    hostname: Hostname,
    own: Owner,
    /// dcgm-exporter's series, where they are told.
    dcgm: Option<Exporter>,
    /// Whether pods' uids are told with pods' names.
    with_uid: bool,
    /// Whether processes are told of.
    tells_processes: bool,
}

/// The node's name, and how dcgm-exporter spells the label with it.
#[derive(Debug, Clone)]
pub(super) struct Hostname {
    pub(super) name: String,
    pub(super) label: HostnameLabel,
}

impl Hostname {
    /// Adds it to a device's labels.
    pub(super) fn label(&self, labels: &mut Vec<(&'static str, String)>) {
        if self.label != HostnameLabel::LowerCase {
            labels.push(("Hostname", self.name.clone()));
        }
        if self.label != HostnameLabel::Hostname {
            labels.push(("hostname", self.name.clone()));
        }
    }
}

/// The port that dcgm-exporter has everywhere; dashboards show it as a part of the instance.
const DCGM_PORT: &str = "9400";

/// Most processes of a device that are told of, those with the most memory first: each has series of its own, and no
/// engine has as many.
pub(super) const PROCESSES_TOLD_MAX: usize = 32;

/// An attribute with its name in OpenTelemetry.
type Attributes = Vec<(String, String)>;

impl Words {
    pub(super) fn new(config: &Config, job: String, hostname: String) -> Self {
        let instance = match config.dcgm.instance.as_str() {
            "" => format!("{hostname}:{DCGM_PORT}"),
            written => written.to_owned(),
        };
        let own = Owner {
            job,
            instance: hostname.clone(),
        };
        let hostname = Hostname {
            name: hostname,
            label: config.dcgm.hostname_label,
        };
        Self {
            dcgm: config.dcgm.enabled.then(|| Exporter {
                owner: Owner {
                    job: config.dcgm.job.clone(),
                    instance,
                },
                hostname: hostname.clone(),
                with_uid: config.kubernetes_enable_pod_uid,
                by_share: config.kubernetes_virtual_gpus,
            }),
            own,
            hostname,
            with_uid: config.kubernetes_enable_pod_uid,
            tells_processes: config.process_metrics,
        }
    }

    /// Who tells our own series.
    pub(super) fn owner(&self) -> &Owner {
        &self.own
    }

    /// Whether the library answers.
    pub(super) fn library_up(&self, is_up: bool) -> Point {
        let labels = vec![("host.name".to_owned(), self.hostname.name.clone())];
        self.own_point(&m::LIBRARY_UP, labels, f64::from(u8::from(is_up)))
    }

    /// Everything that devices say; how many processes had to be left out.
    pub(super) fn points(&self, devices: &[Snapshot], holders: &Holders, told: &mut Vec<Point>) -> u64 {
        let mut left_out = 0;
        for device in devices {
            self.device(device, holders, told);
            if self.tells_processes {
                left_out += self.processes(device, holders, told);
            }
        }
        if let Some(dcgm) = &self.dcgm {
            dcgm.points(devices, holders, told);
        }
        left_out
    }

    fn device(&self, device: &Snapshot, holders: &Holders, told: &mut Vec<Point>) {
        let mut labels = self.labels(device);
        told.push(self.own_point(&m::GPU_UP, attributes(&labels), f64::from(u8::from(device.is_up))));
        let holder = holders.alone(&device.uuid);
        labels.extend(holder.into_iter().flat_map(|holder| holder.labels(self.with_uid)));
        let base = attributes(&labels);
        for own in &device.own {
            let mut attributes = base.clone();
            attributes.extend(own.attribute.map(|(name, value)| (name.to_owned(), value.to_owned())));
            if own.metric.name.starts_with("hw.") {
                attributes.push(("hw.type".to_owned(), "gpu".to_owned()));
            }
            told.push(self.own_point(own.metric, attributes, own.value));
        }
        let borrowed = borrowed(&labels);
        for reading in &device.readings {
            let name = format!("DCGM_FI_{}", reading.family);
            if let Some(canonical) = DCGM.canonical(&name, reading.kind, &borrowed) {
                let attributes = owned(canonical.attributes());
                told.push(self.own_point(canonical.metric, attributes, canonical.scale.apply(reading.value)));
            }
        }
    }

    /// What each process does; how many had to be left out.
    fn processes(&self, device: &Snapshot, holders: &Holders, told: &mut Vec<Point>) -> u64 {
        let mut processes: Vec<&ProcessReading> = device.processes.iter().collect();
        processes.sort_by_key(|process| (std::cmp::Reverse(process.memory_bytes), process.pid));
        let left_out = processes.len().saturating_sub(PROCESSES_TOLD_MAX);
        processes.truncate(PROCESSES_TOLD_MAX);
        let of_device = self.labels(device);
        for process in processes {
            let mut labels = of_device.clone();
            let holder = holders.of_process(&device.uuid, process);
            // By its uid a process is known where nobody has the pod's name, so that it is always told.
            labels.extend(holder.into_iter().flat_map(|holder| holder.labels(true)));
            let mut base = attributes(&labels);
            base.push(("process.pid".to_owned(), process.pid.to_string()));
            self.process(process, &base, told);
        }
        left_out as u64
    }

    #[allow(clippy::cast_precision_loss)] // Bytes of a device stay below 2^53.
    fn process(&self, process: &ProcessReading, base: &Attributes, told: &mut Vec<Point>) {
        if let Some(bytes) = process.memory_bytes {
            told.push(self.own_point(&m::PROCESS_MEMORY_USAGE, base.clone(), bytes as f64));
        }
        let Some(shares) = process.shares else { return };
        told.push(self.own_point(&m::PROCESS_MEMORY_BUSY, base.clone(), shares.memory));
        let tasks = [
            ("general", shares.sm),
            ("encoder", shares.encoder),
            ("decoder", shares.decoder),
        ];
        for (task, share) in tasks {
            let mut attributes = base.clone();
            attributes.push(("hw.gpu.task".to_owned(), task.to_owned()));
            told.push(self.own_point(&m::PROCESS_UTILIZATION, attributes, share));
        }
    }

    fn labels(&self, device: &Snapshot) -> Vec<(&'static str, String)> {
        let mut labels = device.labels.clone();
        self.hostname.label(&mut labels);
        if let Some(instance) = &device.instance {
            labels.push(("hw.parent", instance.parent.clone()));
            labels.push(("GPU_I_PROFILE", instance.profile.clone()));
            labels.extend(instance.number.map(|number| ("GPU_I_ID", number.to_string())));
        }
        labels
    }

    fn own_point(&self, metric: &Metric, labels: Vec<(String, String)>, value: f64) -> Point {
        Point {
            owner: self.own.clone(),
            name: metric.name.to_owned(),
            kind: kind(metric.kind),
            help: metric.description,
            unit: metric.unit,
            is_own: true,
            labels,
            value,
        }
    }
}

/// A device's labels under OpenTelemetry's names, by the table that a scrape of dcgm-exporter goes through.
fn attributes(labels: &[(&'static str, String)]) -> Attributes {
    // A family that an instance has of its own, so that nothing of what says which it is gets lost.
    let canonical = DCGM.canonical("DCGM_FI_PROF_GR_ENGINE_ACTIVE", profile::Kind::Gauge, &borrowed(labels));
    canonical.map_or_else(Vec::new, |it| owned(it.attributes()))
}

fn borrowed<'a>(labels: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    labels.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn owned<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>) -> Attributes {
    attributes
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

pub(super) fn kind(kind: profile::Kind) -> Kind {
    match kind {
        profile::Kind::Counter => Kind::Counter,
        _ => Kind::Gauge,
    }
}
