//! What users write.

use std::time;

use config::{Duration, Report, Validate};
use net::client::GrpcEndpoint;

/// The kubelet is asked once a second at most, however many pods nobody knows: it answers under a lock of its own and
/// has a limit for callers (100 a second, shared by all of them).
pub(super) const ASK_PAUSE: time::Duration = time::Duration::from_secs(1);

/// Asks the kubelet which devices it has given to which pods.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The kubelet's socket.
    pub endpoint: String,
    /// How often it is asked.
    pub interval: Duration,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How long a pod's devices are remembered after it has given them back, and all of them where the kubelet is silent.
    pub released_kept: Duration,
    /// Names of resources that are GPUs as well, beside `nvidia.com/gpu`, `nvidia.com/gpu.shared` and `nvidia.com/mig-…`.
    pub resource_names: Vec<String>,
    /// Drivers of dynamic resource allocation whose devices are GPUs.
    pub dynamic_drivers: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: "unix:///var/lib/kubelet/pod-resources/kubelet.sock".to_owned(),
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            released_kept: Duration::from_secs(300),
            resource_names: Vec::new(),
            dynamic_drivers: vec!["gpu.nvidia.com".to_owned()],
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        match GrpcEndpoint::parse(&self.endpoint) {
            Err(problem) => report.reject("endpoint", problem),
            // It says which pod has which device, and nothing proves who asks: the kubelet offers it on a Unix socket only.
            Ok(endpoint) if endpoint.host().is_some() => report.help(
                "endpoint",
                "the kubelet answers on a Unix socket only",
                "write `unix:///var/lib/kubelet/pod-resources/kubelet.sock`",
            ),
            Ok(_) => {}
        }
        if self.interval.get() < ASK_PAUSE {
            report.reject(
                "interval",
                "must be at least 1s: the kubelet limits how often it is asked",
            );
        }
        if self.timeout.is_zero() {
            report.reject("timeout", "must be longer than 0");
        }
        if self.released_kept.get() < self.interval.get() {
            report.help(
                "released_kept",
                "is shorter than `interval`, so that every missed answer forgets all devices",
                format!("write {:?} or more", self.interval.get()),
            );
        }
    }
}
