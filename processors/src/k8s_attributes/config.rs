//! What users write.

use config::{Duration, Report, Unread, Validate};
use serde::Deserialize;

use super::association::{self, Known};
use super::fields::{self, From};
use super::metadata::Metadata;

/// Sources of one rule, as in the Collector.
const SOURCES_MAX: usize = 4;

/// Says which pod sent telemetry.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is written of a pod.
    pub extract: Extract,
    /// How a sender is recognised; the first rule of which everything is known counts.
    pub pod_association: Option<Vec<Association>>,
    /// Pods about which nothing is written.
    pub exclude: Exclude,
    /// Only writes the sender's address, for a gateway that knows the pods.
    pub passthrough: bool,
    /// Which pods are known.
    pub filter: Filter,
    auth_type: Option<Unread>,
    context: Option<Unread>,
    wait_for_metadata: bool,
    wait_for_metadata_timeout: Option<Duration>,
    pod_delete_grace_period: Option<Duration>,
    watch_sync_period: Option<Duration>,
    kubelet: Option<Unread>,
}

/// What is written of a pod.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extract {
    /// Attributes by their names.
    pub metadata: Vec<String>,
    /// Labels of the pod, its namespace or its node.
    pub labels: Vec<FieldRule>,
    /// The same for annotations.
    pub annotations: Vec<FieldRule>,
    /// Annotations `resource.opentelemetry.io/<key>` become attributes `<key>`.
    pub otel_annotations: bool,
}

/// A label or an annotation, or all whose names match.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldRule {
    /// The attribute; `$1` is a group of `key_regex`.
    pub tag_name: String,
    /// The name of the label or annotation.
    pub key: String,
    /// Whole names of labels or annotations.
    pub key_regex: String,
    /// `pod`, `namespace` or `node`.
    pub from: From,
}

/// One way to recognise a sender.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Association {
    /// All of them have to be those of the pod.
    pub sources: Vec<Source>,
}

/// One thing that is known of a sender.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// `connection` or `resource_attribute`.
    pub from: String,
    /// The attribute.
    pub name: String,
}

/// Pods about which nothing is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exclude {
    /// By name.
    pub pods: Vec<ExcludedPod>,
}

/// Pods about which nothing is written.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExcludedPod {
    /// A regular expression that matches anywhere in the name.
    pub name: String,
}

/// Which pods are known. The extension `k8s` decides that; here only the namespace is looked at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Only pods of this namespace.
    pub namespace: String,
    node: Option<Unread>,
    node_from_env_var: Option<Unread>,
    fields: Option<Unread>,
    labels: Option<Unread>,
}

impl Default for Extract {
    fn default() -> Self {
        Self {
            metadata: Metadata::DEFAULT.map(|it| it.key().to_owned()).to_vec(),
            labels: Vec::new(),
            annotations: Vec::new(),
            otel_annotations: false,
        }
    }
}

impl Default for Exclude {
    fn default() -> Self {
        let named = |name: &str| ExcludedPod { name: name.to_owned() };
        Self {
            pods: vec![named("jaeger-agent"), named("jaeger-collector")],
        }
    }
}

impl Config {
    /// Whether pods may be known by the address of a connection, as they are unless other ways are configured.
    pub(super) fn asks_the_connection(&self) -> bool {
        let sources = |rules: &[Association]| {
            rules
                .iter()
                .flat_map(|it| &it.sources)
                .any(|it| it.from == "connection")
        };
        self.passthrough || self.pod_association.as_deref().is_none_or(sources)
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        self.extract.validate(report);
        for (index, rule) in self.pod_association.iter().flatten().enumerate() {
            rule.validate(&format!("pod_association::{index}"), report);
        }
        for (index, pod) in self.exclude.pods.iter().enumerate() {
            let path = format!("exclude::pods::{index}::name");
            if let Err(problem) = crate::actions::compile(&pod.name) {
                report.reject(at(report, &path, "exclude"), crate::actions::complaint(&problem));
            }
        }
        for key in ["filter::fields", "filter::labels"] {
            if report.has(key) {
                report.help(
                    key,
                    "pods cannot be chosen by fields or labels here",
                    "set `node` or `namespaces` of the extension `k8s`, or `exclude`",
                );
            }
        }
        for key in ["filter::node", "filter::node_from_env_var"] {
            let own = key.trim_start_matches("filter::");
            report.without_effect(key, format!("the extension `k8s` watches pods; set its `{own}`"));
        }
        for key in ["auth_type", "context", "pod_delete_grace_period"] {
            report.without_effect(key, format!("the extension `k8s` watches pods; set its `{key}`"));
        }
        report.without_effect("watch_sync_period", "the extension `k8s` is told of every change");
        for key in ["wait_for_metadata", "wait_for_metadata_timeout"] {
            let why = "the extension `k8s` waits for pods before pipelines take anything; set its `wait`";
            report.without_effect(key, why);
        }
        if report.has("kubelet") {
            report.help(
                "kubelet",
                "pods cannot be asked of the kubelet",
                "delete the key; the extension `k8s` asks the API server",
            );
        }
    }
}

impl Extract {
    fn validate(&self, report: &mut Report<'_>) {
        for (index, name) in self.metadata.iter().enumerate() {
            if Metadata::named(name).is_none() {
                let path = format!("extract::metadata::{index}");
                report.help(
                    at(report, &path, "extract"),
                    format!("{name:?} is not known of pods"),
                    format!("use some of: {}", Metadata::ALL.map(Metadata::key).join(", ")),
                );
            }
        }
        for (list, rules) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            for (index, rule) in rules.iter().enumerate() {
                if let Some(problem) = fields::problem(rule) {
                    let path = format!("extract::{list}::{index}");
                    report.reject(at(report, &path, "extract"), problem);
                }
            }
        }
    }
}

impl Association {
    fn validate(&self, path: &str, report: &mut Report<'_>) {
        let mut known = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            match Known::of(source) {
                Ok(one) => known.push(one),
                Err(problem) => {
                    let path = format!("{path}::sources::{index}");
                    report.reject(at(report, &path, "pod_association"), problem);
                    return;
                }
            }
        }
        if self.sources.len() > SOURCES_MAX {
            report.reject(at(report, path, "pod_association"), "has more than four sources");
        } else if let Some(problem) = association::problem(&known) {
            report.reject(at(report, path, "pod_association"), problem);
        }
    }
}

/// The place in the file, or the nearest that is there.
fn at<'p>(report: &Report<'_>, path: &'p str, otherwise: &'p str) -> &'p str {
    if report.has(path) { path } else { otherwise }
}
