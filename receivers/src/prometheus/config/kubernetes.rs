//! `kubernetes_sd_configs`: objects of a Kubernetes cluster as targets.

use std::collections::BTreeSet;

use config::{Report, Validate};
use http::Uri;
use serde::{Deserialize, Deserializer};

use super::Access;
use super::access::join;

/// A cluster whose objects are targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KubernetesSdConfig {
    /// Which objects.
    pub own: KubernetesSd,
    /// How the API server is reached, where `api_server` says which.
    pub access: Access,
}

/// Which objects of a cluster are targets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KubernetesSd {
    /// The kind of object that targets are made of.
    pub role: Option<Role>,
    /// The URL of the API server; empty in a pod of the cluster, and with a kubeconfig file.
    pub api_server: String,
    /// A file that says which API server, and who we are to it.
    pub kubeconfig_file: String,
    /// Where objects are looked for; everywhere where it says nothing.
    pub namespaces: Namespaces,
    /// Which objects of a kind are looked at.
    pub selectors: Vec<Selector>,
    /// Whose labels and annotations a target gets as well.
    pub attach_metadata: AttachMetadata,
}

/// Where objects are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Namespaces {
    /// In the namespace of the pod that we are.
    pub own_namespace: bool,
    /// In these.
    pub names: Vec<String>,
}

/// Which objects of a kind are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selector {
    /// The kind.
    pub role: Option<Role>,
    /// A label selector, as `kubectl -l` takes it.
    pub label: String,
    /// A field selector, such as `spec.nodeName=node-a`.
    pub field: String,
}

/// Whose labels and annotations a target gets as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttachMetadata {
    /// Those of the node that it is on.
    pub node: bool,
    /// Those of its namespace.
    pub namespace: bool,
}

/// A kind of object that targets are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Pods: a target for each port of each container.
    Pod,
    /// Endpoints of services, and the other ports of the pods behind them.
    Endpoints,
    /// The same from endpoint slices, which have taken the place of endpoints.
    EndpointSlice,
    /// Nodes: their kubelets.
    Node,
    /// Ports of services, by their DNS names.
    Service,
    /// Known, and not built.
    Ingress,
}

impl KubernetesSdConfig {
    /// Whether redirects are followed. They are unless it says otherwise, as in Prometheus.
    pub fn follows_redirects(&self) -> bool {
        self.access.own.follow_redirects.unwrap_or(true)
    }

    /// Paths of files that are relative are so to this folder.
    pub(super) fn move_to(&mut self, folder: &str) {
        self.access.move_to(folder);
        join(folder, &mut self.own.kubeconfig_file);
    }

    /// Whether some key says how the API server is reached.
    fn has_access(&self) -> bool {
        let mut access = self.access.clone();
        // What holds anyway may be written down.
        access.own.follow_redirects = access.own.follow_redirects.filter(|follows| !follows);
        access != Access::default()
    }
}

impl KubernetesSd {
    /// The selector of a kind.
    pub fn selector(&self, role: Role) -> Option<&Selector> {
        self.selectors.iter().find(|selector| selector.role == Some(role))
    }
}

impl Role {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Node => "node",
            Self::Service => "service",
            Self::Ingress => "ingress",
        }
    }

    /// The kinds that are watched for this one, and can be selected from.
    fn selectable(self) -> &'static [Self] {
        match self {
            Self::Endpoints => &[Self::Pod, Self::Service, Self::Endpoints],
            Self::EndpointSlice => &[Self::Pod, Self::Service, Self::EndpointSlice],
            Self::Pod => &[Self::Pod],
            Self::Node => &[Self::Node],
            Self::Service => &[Self::Service],
            Self::Ingress => &[],
        }
    }
}

impl<'de> Deserialize<'de> for KubernetesSdConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (own, access) = config::parts(deserializer)?;
        Ok(Self { own, access })
    }
}

impl Validate for KubernetesSdConfig {
    fn validate(&self, report: &mut Report<'_>) {
        if !cfg!(feature = "k8s") {
            report.help(
                "",
                "this program was built without Kubernetes",
                "build it with the feature `k8s`, or let a tool write a file for file_sd_configs",
            );
        }
        match self.own.role {
            None => report.reject(
                "role",
                "a role is needed: pod, endpoints, endpointslice, service or node",
            ),
            Some(Role::Ingress) => report.help(
                "role",
                "ingresses are not available: their addresses are for probes from outside and no pages to scrape",
                "use the role endpointslice for what is behind them, or probe them from a Prometheus server",
            ),
            Some(role) => {
                self.own.validate_selectors(role, report);
                self.own.validate_attached(role, report);
            }
        }
        self.validate_server(report);
        self.access.validate(report);
    }
}

impl KubernetesSdConfig {
    /// There is one way to the API server.
    fn validate_server(&self, report: &mut Report<'_>) {
        let (server, file) = (&self.own.api_server, &self.own.kubeconfig_file);
        if !server.is_empty() {
            let url: Result<Uri, _> = server.parse();
            match url {
                Ok(url) if url.authority().is_some_and(|it| it.as_str().contains('@')) => report.help(
                    "api_server",
                    "user and password do not belong into a URL, which is logged",
                    "write them below `basic_auth:`",
                ),
                Ok(url) if matches!(url.scheme_str(), Some("http" | "https")) && url.query().is_none() => {}
                _ => report.reject("api_server", "a URL is needed that begins with http:// or https://"),
            }
        }
        if !server.is_empty() && !file.is_empty() {
            report.reject("kubeconfig_file", "api_server is set as well; keep one of them");
        }
        if server.is_empty() && self.has_access() {
            report.help(
                "",
                "keys such as basic_auth or tls_config say how `api_server` is reached, and there is none",
                "write api_server, or delete them; a service account and a kubeconfig file bring their own",
            );
        }
        if self.own.namespaces.own_namespace && !(server.is_empty() && file.is_empty()) {
            report.help(
                "namespaces::own_namespace",
                "only a pod with a service account has a namespace of its own",
                "write it in `names`",
            );
        }
    }
}

impl KubernetesSd {
    fn validate_selectors(&self, role: Role, report: &mut Report<'_>) {
        let mut seen = BTreeSet::new();
        for (index, selector) in self.selectors.iter().enumerate() {
            let at = format!("selectors::{index}::role");
            let allowed = role.selectable();
            match selector.role.filter(|selected| allowed.contains(selected)) {
                None => {
                    let names: Vec<_> = allowed.iter().map(|role| role.name()).collect();
                    let names = names.join(", ");
                    report.reject(&at, format!("the role {} has selectors for {names}", role.name()));
                }
                Some(selected) if !seen.insert(selected) => {
                    report.reject(&at, format!("there is another selector for {}", selected.name()));
                }
                Some(_) => {}
            }
        }
    }

    /// As in Prometheus these are accepted and do nothing.
    fn validate_attached(&self, role: Role, report: &mut Report<'_>) {
        let AttachMetadata { node, namespace } = self.attach_metadata;
        if node && matches!(role, Role::Node | Role::Service) {
            report.without_effect(
                "attach_metadata::node",
                match role {
                    Role::Node => "the labels of a node are there anyway",
                    _ => "a service is on no node",
                },
            );
        }
        if namespace && role == Role::Node {
            report.without_effect("attach_metadata::namespace", "a node is in no namespace");
        }
    }
}
