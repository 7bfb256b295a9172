//! Labels and annotations of a pod, its namespace or its node, as attributes.

use std::collections::BTreeMap;

use pipeline::component::BuildError;
use regex::Regex;
use serde::Deserialize;

use super::config::FieldRule;
use super::metadata::Subject;
use crate::enrichment::Enrichment;

/// Annotations under this prefix are attributes that the owner of the pod wants (OpenTelemetry's operator).
const OTEL_ANNOTATION: &str = "resource.opentelemetry.io/";

/// Whose labels or annotations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// The pod's.
    #[default]
    Pod,
    /// Its namespace's.
    Namespace,
    /// Its node's.
    Node,
}

/// Labels or annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Label,
    Annotation,
}

/// A rule, ready to be applied.
#[derive(Debug)]
pub(super) struct Field {
    kind: Kind,
    from: From,
    which: Which,
}

#[derive(Debug)]
enum Which {
    /// One name, and the attribute that it becomes.
    Key { name: String, attribute: String },
    /// Every name that matches, and a template of attributes; without one each becomes what it would by its name.
    Matching { name: Regex, attribute: Option<String> },
}

/// What is wrong with a rule.
pub(super) fn problem(rule: &FieldRule) -> Option<String> {
    match (rule.key.is_empty(), rule.key_regex.is_empty()) {
        (true, true) => Some("needs `key` or `key_regex`".to_owned()),
        (false, false) => Some("has `key` and `key_regex`; one of them is enough".to_owned()),
        (false, true) => None,
        (true, false) => whole(&rule.key_regex)
            .err()
            .map(|error| format!("key_regex {}", crate::actions::complaint(&error))),
    }
}

impl Field {
    pub(super) fn compile(kind: Kind, rule: &FieldRule) -> Result<Self, BuildError> {
        let attribute = Some(rule.tag_name.clone()).filter(|name| !name.is_empty());
        let which = if rule.key_regex.is_empty() {
            Which::Key {
                attribute: attribute.unwrap_or_else(|| usual_name(kind, rule.from, &rule.key)),
                name: rule.key.clone(),
            }
        } else {
            let name = whole(&rule.key_regex)
                .map_err(|cause| BuildError::because(format!("key_regex {:?} is invalid", rule.key_regex), cause))?;
            Which::Matching { name, attribute }
        };
        Ok(Self {
            kind,
            from: rule.from,
            which,
        })
    }

    /// Writes what it finds. How much that is, the API server bounds: 63 bytes a label, 256 KiB of annotations an object.
    pub(super) fn write(&self, subject: Subject<'_>, out: &mut Enrichment) {
        let Some(there) = self.fields(subject) else {
            return;
        };
        match &self.which {
            Which::Key { name, attribute } => {
                if let Some(value) = there.get(name) {
                    out.add(attribute, value);
                }
            }
            Which::Matching { name, attribute } => {
                for (key, value) in there {
                    let Some(groups) = name.captures(key) else {
                        continue;
                    };
                    let mut named = String::new();
                    match attribute {
                        Some(template) => groups.expand(template, &mut named),
                        None => named = usual_name(self.kind, self.from, key),
                    }
                    if !named.is_empty() {
                        out.add(&named, value);
                    }
                }
            }
        }
    }

    fn fields<'a>(&self, subject: Subject<'a>) -> Option<&'a BTreeMap<String, String>> {
        let Subject { pod, map, .. } = subject;
        match (self.from, self.kind) {
            (From::Pod, Kind::Label) => Some(&pod.labels),
            (From::Pod, Kind::Annotation) => Some(&pod.annotations),
            (From::Namespace, Kind::Label) => map.namespace(&pod.namespace).map(|it| &it.labels),
            (From::Namespace, Kind::Annotation) => map.namespace(&pod.namespace).map(|it| &it.annotations),
            (From::Node, Kind::Label) => map.node(&pod.node).map(|it| &it.labels),
            (From::Node, Kind::Annotation) => map.node(&pod.node).map(|it| &it.annotations),
        }
    }
}

/// Attributes that the pod's annotations ask for.
pub(super) fn write_otel_annotations(subject: Subject<'_>, out: &mut Enrichment) {
    for (name, value) in &subject.pod.annotations {
        if let Some(key) = name.strip_prefix(OTEL_ANNOTATION).filter(|key| !key.is_empty()) {
            out.add(key, value);
        }
    }
}

/// A name is matched as a whole, as in the Collector.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    crate::actions::compile(&format!("^(?:{pattern})$"))
}

fn usual_name(kind: Kind, from: From, key: &str) -> String {
    let whose = match from {
        From::Pod => "pod",
        From::Namespace => "namespace",
        From::Node => "node",
    };
    let what = match kind {
        Kind::Label => "label",
        Kind::Annotation => "annotation",
    };
    format!("k8s.{whose}.{what}.{key}")
}
