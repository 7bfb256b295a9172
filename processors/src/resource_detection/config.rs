//! What users write.

use config::{Duration, Report, Unread, Validate};
use serde::{Deserialize, Deserializer, de};

/// Says on which host telemetry was made.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who is asked, in this order; of two that know an attribute the first counts.
    pub detectors: Vec<Detector>,
    /// Whether what a resource has already is replaced.
    #[serde(rename = "override")]
    pub replaces: bool,
    timeout: Option<Duration>,
    refresh_interval: Duration,
    /// What `system` says.
    pub system: System,
    /// What `k8snode` goes by.
    pub k8snode: K8sNode,
}

/// Knows something about where we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detector {
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    Env,
    /// The operating system.
    System,
    /// Kubernetes' node.
    K8sNode,
}

/// What `system` says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct System {
    hostname_sources: Option<Vec<String>>,
    /// Attributes, on or off.
    pub resource_attributes: SystemAttributes,
}

/// Attributes of `system`, on or off.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SystemAttributes {
    /// The name of the host.
    #[serde(rename = "host.name")]
    pub host_name: Switch,
    /// The operating system.
    #[serde(rename = "os.type")]
    pub os_type: Switch,
    /// What stays the same when the host gets another name.
    #[serde(rename = "host.id")]
    pub host_id: Switch,
    /// The architecture of its processor.
    #[serde(rename = "host.arch")]
    pub host_arch: Switch,
}

/// What `k8snode` goes by.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct K8sNode {
    /// The environment variable that holds the node's name.
    pub node_from_env_var: String,
    auth_type: Option<Unread>,
    context: Option<Unread>,
    /// Attributes, on or off.
    pub resource_attributes: NodeAttributes,
}

/// Attributes of `k8snode`, on or off.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeAttributes {
    /// The name of the node.
    #[serde(rename = "k8s.node.name")]
    pub node_name: Switch,
    /// The uid of the node.
    #[serde(rename = "k8s.node.uid")]
    pub node_uid: Switch,
}

/// Whether an attribute is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// Whether it is.
    pub enabled: bool,
}

const ON: Switch = Switch { enabled: true };
const OFF: Switch = Switch { enabled: false };

impl Default for Config {
    fn default() -> Self {
        Self {
            detectors: vec![Detector::Env],
            replaces: true,
            timeout: None,
            refresh_interval: Duration::ZERO,
            system: System::default(),
            k8snode: K8sNode::default(),
        }
    }
}

impl Default for SystemAttributes {
    fn default() -> Self {
        Self {
            host_name: ON,
            os_type: ON,
            host_id: OFF,
            host_arch: OFF,
        }
    }
}

impl Default for K8sNode {
    fn default() -> Self {
        Self {
            node_from_env_var: "K8S_NODE_NAME".to_owned(),
            auth_type: None,
            context: None,
            resource_attributes: NodeAttributes::default(),
        }
    }
}

impl Default for NodeAttributes {
    fn default() -> Self {
        Self {
            node_name: ON,
            node_uid: ON,
        }
    }
}

impl<'de> Deserialize<'de> for Detector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "env" => Ok(Self::Env),
            "system" => Ok(Self::System),
            "k8snode" | "k8s_api" => Ok(Self::K8sNode),
            other => Err(de::Error::custom(format!(
                "{other:?} is not a detector of this build; use `env`, `system` or `k8snode`"
            ))),
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        if self.detectors.is_empty() {
            report.help("detectors", "nobody is asked", "name at least one, such as `env`");
        }
        report.without_effect("timeout", "no detector asks anybody over the network");
        if !self.refresh_interval.is_zero() {
            report.help(
                "refresh_interval",
                "what is known of the host is read once, at start",
                "delete the key; the uid of the node is always the latest",
            );
        }
        let sources = self.system.hostname_sources.iter().flatten();
        if sources.clone().any(|source| source != "os") {
            report.warn(
                "system::hostname_sources",
                "only `os` is available: the name is the kernel's, and no name server is asked",
            );
        }
        if self.detectors.contains(&Detector::K8sNode) && self.k8snode.node_from_env_var.is_empty() {
            report.reject("k8snode::node_from_env_var", "must be the name of a variable");
        }
        for key in ["k8snode::auth_type", "k8snode::context"] {
            report.without_effect(key, "the extension `k8s` asks the API server");
        }
    }
}
