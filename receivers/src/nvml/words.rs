//! Which series a device's readings are, in both languages: our own always, dcgm-exporter's where they are wanted.

use pipeline::payload::scrape::Kind;

use super::config::{Config, HostnameLabel};
use super::reading::{Reading, Snapshot};
use super::told::{Owner, Point};
use crate::engines::profile::{self, Metric};
use crate::engines::tables::DCGM;

/// No engine has these, so they stand in none of the tables. Without a unit, as Prometheus' own `up`.
const GPU_UP: Metric = Metric {
    name: "inferscope.gpu.up",
    unit: "",
    kind: profile::Kind::Gauge,
    role: "up",
    description: "Whether the device answers.",
};
const LIBRARY_UP: Metric = Metric {
    name: "inferscope.gpu.library.up",
    unit: "",
    kind: profile::Kind::Gauge,
    role: "up",
    description: "Whether the library of the GPUs answers.",
};

/// Whose words are told, and where.
#[derive(Debug)]
pub(super) struct Words {
    hostname: String,
    own: Owner,
    /// Job and instance of dcgm-exporter's series, where they are told.
    dcgm: Option<Owner>,
    label: HostnameLabel,
}

/// The port that dcgm-exporter has everywhere; dashboards show it as a part of the instance.
const DCGM_PORT: &str = "9400";

impl Words {
    pub(super) fn new(config: &Config, job: String, hostname: String) -> Self {
        let instance = match config.dcgm.instance.as_str() {
            "" => format!("{hostname}:{DCGM_PORT}"),
            written => written.to_owned(),
        };
        Self {
            own: Owner {
                job,
                instance: hostname.clone(),
            },
            dcgm: config.dcgm.enabled.then(|| Owner {
                job: config.dcgm.job.clone(),
                instance,
            }),
            label: config.dcgm.hostname_label,
            hostname,
        }
    }

    /// Who tells our own series.
    pub(super) fn owner(&self) -> &Owner {
        &self.own
    }

    /// Whether the library answers.
    pub(super) fn library_up(&self, is_up: bool) -> Point {
        let labels = vec![("host.name".to_owned(), self.hostname.clone())];
        self.own_point(&LIBRARY_UP, labels, f64::from(u8::from(is_up)))
    }

    /// Everything that a device says.
    pub(super) fn points(&self, device: &Snapshot, told: &mut Vec<Point>) {
        let labels = self.labels(device);
        let borrowed: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let base = DCGM.canonical("DCGM_FI_DEV_SM_CLOCK", profile::Kind::Gauge, &borrowed);
        let base: Vec<(String, String)> = base.map_or_else(Vec::new, |it| {
            let of_device = it.attributes().filter(|(name, _)| *name != "type");
            of_device
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        });
        told.push(self.own_point(&GPU_UP, base.clone(), f64::from(u8::from(device.is_up))));
        for own in &device.own {
            let mut attributes = base.clone();
            attributes.extend(own.attribute.map(|(name, value)| (name.to_owned(), value.to_owned())));
            if own.metric.name.starts_with("hw.") {
                attributes.push(("hw.type".to_owned(), "gpu".to_owned()));
            }
            told.push(self.own_point(own.metric, attributes, own.value));
        }
        for reading in &device.readings {
            let name = format!("DCGM_FI_{}", reading.family);
            if let Some(canonical) = DCGM.canonical(&name, reading.kind, &borrowed) {
                let attributes = canonical.attributes();
                let attributes = attributes
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                told.push(self.own_point(canonical.metric, attributes, canonical.scale.apply(reading.value)));
            }
            // dcgm-exporter names an instance by a number that the library does not tell without a process in it.
            if let Some(owner) = self.dcgm.as_ref().filter(|_| !device.is_instance) {
                told.push(dcgm(owner, name, reading, &labels));
            }
        }
    }

    fn labels(&self, device: &Snapshot) -> Vec<(&'static str, String)> {
        let mut labels = device.labels.clone();
        if self.label != HostnameLabel::LowerCase {
            labels.push(("Hostname", self.hostname.clone()));
        }
        if self.label != HostnameLabel::Hostname {
            labels.push(("hostname", self.hostname.clone()));
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

fn dcgm(owner: &Owner, name: String, reading: &Reading, labels: &[(&'static str, String)]) -> Point {
    // The exporter counts memory in whole mebibytes.
    let is_memory = matches!(
        reading.family,
        "DEV_FB_USED" | "DEV_FB_FREE" | "DEV_FB_RESERVED" | "DEV_FB_TOTAL"
    );
    Point {
        owner: owner.clone(),
        name,
        kind: kind(reading.kind),
        help: "",
        unit: "",
        is_own: false,
        labels: labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        value: if is_memory {
            reading.value.floor()
        } else {
            reading.value
        },
    }
}

fn kind(kind: profile::Kind) -> Kind {
    match kind {
        profile::Kind::Counter => Kind::Counter,
        _ => Kind::Gauge,
    }
}
