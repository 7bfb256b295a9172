//! What users write.

use std::path::PathBuf;
use std::time;

use config::{Duration, Environment, Report, Validate};
use kubernetes::Access;
use serde::Deserialize;

/// Namespaces that may be named. Each has a watch of its own, and the API server counts them; whoever needs more may as
/// well be allowed to see all.
const NAMESPACES_MAX: usize = 100;

/// The longest that a start may wait: a probe gives up on a program that takes longer.
const WAIT_MAX: time::Duration = time::Duration::from_secs(300);

/// Asks the API server for pods, namespaces and nodes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who we are to the API server.
    pub auth_type: AuthType,
    /// The context of the kubeconfig; its own choice where it is not said.
    pub context: Option<String>,
    /// The kubeconfig; `$KUBECONFIG`, else `~/.kube/config`, where it is not said.
    pub kubeconfig: Option<PathBuf>,
    /// Only pods of this node are known, as an agent needs them.
    pub node: String,
    /// The environment variable that holds the node's name.
    pub node_from_env_var: String,
    /// Only pods of these namespaces are known; empty for all.
    pub namespaces: Vec<String>,
    /// How long a pod is remembered after it has gone.
    pub pod_delete_grace_period: Duration,
    /// How long the start waits for the first lists.
    pub wait: Duration,
}

/// Who we are to the API server, in the Collector's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthType {
    /// The service account of the pod that this runs in.
    #[default]
    ServiceAccount,
    /// A user of a kubeconfig.
    KubeConfig,
    /// Nobody, which is refused.
    None,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            auth_type: AuthType::default(),
            context: None,
            kubeconfig: None,
            node: String::new(),
            node_from_env_var: String::new(),
            namespaces: Vec::new(),
            pod_delete_grace_period: Duration::from_secs(120),
            wait: Duration::from_secs(10),
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        if self.auth_type == AuthType::None {
            report.help(
                "auth_type",
                "no API server tells of pods to somebody who does not say who it is",
                "write `serviceAccount` in a pod, `kubeConfig` elsewhere",
            );
        }
        for (key, is_set) in [
            ("context", self.context.is_some()),
            ("kubeconfig", self.kubeconfig.is_some()),
        ] {
            if is_set && self.auth_type == AuthType::ServiceAccount {
                report.help(
                    key,
                    "has no meaning for a service account",
                    "write `auth_type: kubeConfig`",
                );
            }
        }
        if !self.node.is_empty() && !self.node_from_env_var.is_empty() {
            report.help("node", "is given twice", "delete `node` or `node_from_env_var`");
        }
        if self.namespaces.len() > NAMESPACES_MAX {
            report.help(
                "namespaces",
                format!("has more than {NAMESPACES_MAX} names, each of which is a watch of its own"),
                "delete the key and allow the account to watch pods of all namespaces",
            );
        }
        for (index, namespace) in self.namespaces.iter().enumerate() {
            if namespace.is_empty() || self.namespaces[..index].contains(namespace) {
                report.reject("namespaces", format!("{namespace:?} is empty or is there twice"));
            }
        }
        if self.wait.get() > WAIT_MAX {
            report.reject("wait", "must be at most 5m: nothing is received meanwhile");
        }
    }
}

/// What about this environment does not fit the configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error(
        "the environment variable {0}, which `node_from_env_var` names, is not set; set it from spec.nodeName in the pod's manifest"
    )]
    NoNode(String),
    #[error("there is neither `kubeconfig` nor $KUBECONFIG nor $HOME; write where the kubeconfig is")]
    NoKubeconfig,
    #[error("$KUBECONFIG names several files; write the one to use as `kubeconfig`")]
    SeveralKubeconfigs,
}

impl Config {
    /// The node whose pods are known; None for all.
    pub(super) fn node(&self, environment: &dyn Environment) -> Result<Option<String>, Unfit> {
        if self.node_from_env_var.is_empty() {
            return Ok(Some(self.node.clone()).filter(|it| !it.is_empty()));
        }
        let found = environment.var(&self.node_from_env_var).filter(|it| !it.is_empty());
        let unset = || Unfit::NoNode(self.node_from_env_var.clone());
        found.map(Some).ok_or_else(unset)
    }

    /// Who we are, and where the API server is.
    pub(super) fn access(&self, environment: &dyn Environment) -> Result<Access, Unfit> {
        if self.auth_type != AuthType::KubeConfig {
            return Ok(Access::ServiceAccount);
        }
        let path = match &self.kubeconfig {
            Some(path) => path.clone(),
            None => match environment.var("KUBECONFIG").filter(|it| !it.is_empty()) {
                Some(paths) => {
                    let mut paths = std::env::split_paths(&paths).filter(|it| !it.as_os_str().is_empty());
                    let first = paths.next().ok_or(Unfit::NoKubeconfig)?;
                    if paths.next().is_some() {
                        return Err(Unfit::SeveralKubeconfigs);
                    }
                    first
                }
                None => {
                    let home = environment.var("HOME").ok_or(Unfit::NoKubeconfig)?;
                    PathBuf::from(home).join(".kube/config")
                }
            },
        };
        Ok(Access::Kubeconfig {
            path,
            context: self.context.clone(),
        })
    }
}
