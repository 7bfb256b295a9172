//! What is written of each pod, encoded once.

use std::collections::HashMap;
use std::sync::Arc;

use pipeline::component::BuildError;
use pipeline::context::pods::{Container, Pod, PodMap};
use pipeline::payload::{RawAttrs, Value, names};
use regex::Regex;

use super::Config;
use super::fields::{self, Field, Kind};
use super::metadata::{Metadata, Subject};
use crate::enrichment::Enrichment;

/// A pod with this annotation wants to be left alone, as in the Collector.
const IGNORE: &str = "opentelemetry.io/k8s-processor/ignore";

/// What is written of a pod.
pub(super) struct Template {
    metadata: Vec<Metadata>,
    fields: Vec<Field>,
    otel_annotations: bool,
    excluded: Vec<Regex>,
    /// Empty for all.
    namespace: String,
}

/// The attributes of pods that sent something since the map changed: one entry for a pod, and one more for each of its
/// containers that says which it is. Bounded by the map, with which they are forgotten.
#[derive(Default)]
pub(super) struct Descriptions {
    map: Arc<PodMap>,
    /// By the place of the pod in memory, which does not change as long as `map` is held.
    of: HashMap<(usize, Option<usize>), Option<Enrichment>, foldhash::fast::RandomState>,
    /// Of namespaces and nodes, by their places in memory, whose pods are not known.
    of_places: HashMap<(Option<usize>, Option<usize>), Option<Enrichment>, foldhash::fast::RandomState>,
}

impl Template {
    pub(super) fn compile(config: &Config) -> Result<Self, BuildError> {
        let label = |rule| Field::compile(Kind::Label, rule);
        let annotation = |rule| Field::compile(Kind::Annotation, rule);
        let labels = config.extract.labels.iter().map(label);
        let annotations = config.extract.annotations.iter().map(annotation);
        let pattern = |name: &String| {
            crate::actions::compile(name)
                .map_err(|cause| BuildError::because(format!("exclude: {name:?} is invalid"), cause))
        };
        Ok(Self {
            metadata: config
                .extract
                .metadata
                .iter()
                .filter_map(|name| Metadata::named(name))
                .collect(),
            fields: labels.chain(annotations).collect::<Result<_, _>>()?,
            otel_annotations: config.extract.otel_annotations,
            excluded: config
                .exclude
                .pods
                .iter()
                .map(|pod| pattern(&pod.name))
                .collect::<Result<_, _>>()?,
            namespace: config.filter.namespace.clone(),
        })
    }

    /// The attributes of a pod; None where it is excluded.
    fn describe(&self, subject: Subject<'_>) -> Option<Enrichment> {
        if self.excludes(subject.pod) {
            return None;
        }
        let mut out = Enrichment::default();
        // Of two with one key the first counts: what the owner of the pod asked for goes before what is known anyhow.
        if self.otel_annotations {
            fields::write_otel_annotations(subject, &mut out);
        }
        self.metadata.iter().for_each(|it| it.write(subject, &mut out));
        self.fields.iter().for_each(|it| it.write(subject, &mut out));
        Some(out)
    }

    fn excludes(&self, pod: &Pod) -> bool {
        let is_elsewhere = !self.namespace.is_empty() && pod.namespace != self.namespace;
        let is_ignored = pod.annotations.get(IGNORE).is_some_and(|value| value == "true");
        is_elsewhere || is_ignored || self.excluded.iter().any(|name| name.is_match(&pod.name))
    }
}

impl Descriptions {
    /// From now on by this map.
    pub(super) fn follow(&mut self, map: Arc<PodMap>) {
        if !Arc::ptr_eq(&self.map, &map) {
            self.of.clear();
            self.of_places.clear();
            self.map = map;
        }
    }

    pub(super) fn map(&self) -> Arc<PodMap> {
        Arc::clone(&self.map)
    }

    /// The attributes of a pod of this map; None where it is excluded.
    pub(super) fn of(&mut self, pod: &Arc<Pod>, resource: RawAttrs<'_>, template: &Template) -> Option<&Enrichment> {
        let container = container(pod, resource);
        let key = (Arc::as_ptr(pod).addr(), container);
        let map = &self.map;
        let described = self.of.entry(key).or_insert_with(|| {
            template.describe(Subject {
                pod,
                container: container.and_then(|at| pod.containers.get(at)),
                map,
            })
        });
        described.as_ref()
    }

    /// What is known of the namespace and the node that a resource names whose pod is not known; None where that is nothing.
    pub(super) fn of_place(&mut self, resource: RawAttrs<'_>, template: &Template) -> Option<&Enrichment> {
        let map = &self.map;
        let namespace = text(resource, names::K8S_NAMESPACE_NAME).and_then(|name| map.namespace(name));
        let node = text(resource, names::K8S_NODE_NAME).and_then(|name| map.node(name));
        if namespace.is_none() && node.is_none() {
            return None;
        }
        let key = (
            namespace.map(|it| Arc::as_ptr(it).addr()),
            node.map(|it| Arc::as_ptr(it).addr()),
        );
        let described = self.of_places.entry(key).or_insert_with(|| {
            // A pod of which nothing else is known.
            let pod = Pod {
                namespace: namespace.map(|it| it.name.clone()).unwrap_or_default(),
                node: node.map(|it| it.name.clone()).unwrap_or_default(),
                ..Pod::default()
            };
            template.describe(Subject {
                pod: &pod,
                container: None,
                map,
            })
        });
        described.as_ref()
    }
}

fn text<'a>(resource: RawAttrs<'a>, key: &str) -> Option<&'a str> {
    match resource.get(key)?.read() {
        Value::Str(text) => Some(text.as_str()),
        _ => None,
    }
}

/// Which container of the pod it is: the one that the resource names, or the only one.
fn container(pod: &Pod, resource: RawAttrs<'_>) -> Option<usize> {
    if pod.containers.len() == 1 {
        return Some(0);
    }
    let named = |key: &str, of: fn(&Container) -> &str| {
        let Value::Str(text) = resource.get(key)?.read() else {
            return None;
        };
        pod.containers
            .iter()
            .position(|it| of(it).as_bytes() == text.as_bytes())
    };
    named(names::CONTAINER_ID, |it| &it.id).or_else(|| named(names::K8S_CONTAINER_NAME, |it| &it.name))
}
