//! What users write.

use config::{Duration, Report, Validate};
use serde::Deserialize;

/// Samples the GPUs of this node through NVIDIA's library.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The library; empty for `libnvidia-ml.so` where the system has it.
    pub library_path: String,
    /// How often metrics are told.
    pub collection_interval: Duration,
    /// How often which group is sampled.
    pub rates: Rates,
    /// How long one round through all devices may take before its thread is given up.
    pub timeout: Duration,
    /// How often a missing library is looked for, and devices are looked for anew.
    pub retry_interval: Duration,
    /// The node's name in labels; empty for the system's.
    pub hostname: String,
    /// Whether metrics say which pod holds the device, where `pod_resources` knows.
    pub kubernetes: bool,
    /// Whether dcgm-exporter's series say the pod's uid as well.
    pub kubernetes_enable_pod_uid: bool,
    /// Whether dcgm-exporter's series of a device that several pods share are told for each of them.
    pub kubernetes_virtual_gpus: bool,
    /// Whether it is told what each process does with a device.
    pub process_metrics: bool,
    /// The names of NVIDIA's dcgm-exporter beside our own.
    pub dcgm: Dcgm,
}

/// Samples a second.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Energy, power, counted throttle time, clock of the multiprocessors.
    pub energy: f64,
    /// Utilization and memory.
    pub utilization: f64,
    /// Temperature, averaged power, activity, events, processes.
    pub temperature: f64,
    /// Errors, limits.
    pub health: f64,
}

/// The names of NVIDIA's dcgm-exporter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dcgm {
    /// Whether they are told.
    pub enabled: bool,
    /// How the label with the node's name is spelled.
    pub hostname_label: HostnameLabel,
    /// The label `instance`; empty for the node's name with the exporter's port.
    pub instance: String,
    /// The label `job`.
    pub job: String,
}

/// How dcgm-exporter spells the label with the node's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum HostnameLabel {
    /// Before May 2026.
    Hostname,
    /// Since then.
    #[serde(rename = "hostname")]
    LowerCase,
    /// Both, for dashboards of either age.
    #[default]
    #[serde(rename = "both")]
    Both,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            library_path: String::new(),
            collection_interval: Duration::from_secs(15),
            rates: Rates::default(),
            timeout: Duration::from_secs(5),
            retry_interval: Duration::from_secs(10),
            hostname: String::new(),
            kubernetes: true,
            kubernetes_enable_pod_uid: false,
            kubernetes_virtual_gpus: false,
            process_metrics: true,
            dcgm: Dcgm::default(),
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            energy: 10.0,
            utilization: 2.0,
            temperature: 1.0,
            health: 0.2,
        }
    }
}

impl Default for Dcgm {
    fn default() -> Self {
        Self {
            enabled: false,
            hostname_label: HostnameLabel::Both,
            instance: String::new(),
            job: "dcgm-exporter".to_owned(),
        }
    }
}

/// Faster than this the library's own counters do not move.
const RATE_MAX: f64 = 100.0;
/// Slower than this a group would never be seen in the ten minutes that are remembered.
const RATE_MIN: f64 = 0.01;

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        let spans = [
            ("collection_interval", self.collection_interval),
            ("timeout", self.timeout),
            ("retry_interval", self.retry_interval),
        ];
        for (key, span) in spans {
            if span.is_zero() {
                report.reject(key, "must be more than 0s");
            }
        }
        report.within("rates", |report| self.rates.validate(report));
        for (key, is_set) in [
            ("kubernetes_enable_pod_uid", self.kubernetes_enable_pod_uid),
            ("kubernetes_virtual_gpus", self.kubernetes_virtual_gpus),
        ] {
            if is_set && !(self.kubernetes && self.dcgm.enabled) {
                report.help(
                    key,
                    "it changes labels of dcgm-exporter's series for pods, which are not told",
                    "set `dcgm: {enabled: true}` and leave `kubernetes` as it is, or remove the key",
                );
            }
        }
        if self.dcgm.enabled && self.dcgm.job.is_empty() {
            report.within("dcgm", |report| report.reject("job", "must not be empty"));
        }
    }
}

impl Validate for Rates {
    fn validate(&self, report: &mut Report<'_>) {
        let rates = [
            ("energy", self.energy),
            ("utilization", self.utilization),
            ("temperature", self.temperature),
            ("health", self.health),
        ];
        for (key, rate) in rates {
            if !(RATE_MIN..=RATE_MAX).contains(&rate) {
                report.reject(key, format!("must be from {RATE_MIN} to {RATE_MAX} samples a second"));
            }
        }
    }
}
