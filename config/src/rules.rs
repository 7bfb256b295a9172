//! What must hold between the parts of a configuration: every name used is defined, every pipeline has two ends.
//!
//! The messages have the Collector's shape, so that a search for them finds its documentation.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Lookup};
use crate::collector::{Collector, Component, Pipeline, Reference};
use crate::connectors;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::id::{Id, Kind};
use crate::section::Section;
use crate::suggest;

/// Checks everything and reports every violation.
pub(crate) fn check(collector: &Collector, root: &Section, catalog: &dyn Catalog, diagnostics: &mut Diagnostics) {
    let mut rules = Rules {
        collector,
        catalog,
        diagnostics: &mut *diagnostics,
        meant: BTreeSet::new(),
    };
    rules.something_is_configured(root);
    rules.ids_are_unambiguous();
    for reference in &collector.service.extensions {
        rules.extension(reference);
    }
    rules.once("service::extensions", Kind::Extension, &collector.service.extensions);
    for pipeline in &collector.service.pipelines {
        rules.pipeline(pipeline);
    }
    rules.everything_is_used();
    connectors::check(collector, catalog, diagnostics);
}

struct Rules<'a> {
    collector: &'a Collector,
    catalog: &'a dyn Catalog,
    diagnostics: &'a mut Diagnostics,
    /// Components that a wrong reference most likely means: calling them unused would say the same twice.
    meant: BTreeSet<(Kind, Id)>,
}

impl Rules<'_> {
    fn something_is_configured(&mut self, root: &Section) {
        if root.entries().is_empty() {
            let error = root.error("empty configuration file");
            self.diagnostics
                .push(error.help("define a receiver, an exporter and a pipeline that joins them"));
            return;
        }
        for kind in [Kind::Receiver, Kind::Exporter] {
            let section = root.get(kind.section());
            // A section with entries, or of the wrong kind, has its own problems.
            let empty = section
                .as_ref()
                .is_none_or(|section| section.is_null() || section.is_empty_map());
            if empty {
                let place = section.unwrap_or_else(|| root.clone());
                let error = Diagnostic::error(format!("no {kind} configuration specified in config"));
                let help = format!("define at least one under `{}:`", kind.section());
                self.diagnostics.push(error.at(place.origin()).help(help));
            }
        }
        let service = root.get("service");
        let pipelines = service.as_ref().and_then(|service| service.get("pipelines"));
        if pipelines
            .as_ref()
            .is_none_or(|pipelines| pipelines.entries().is_empty() && !pipelines.has_failed())
        {
            let place = pipelines.or(service).unwrap_or_else(|| root.clone());
            let error = Diagnostic::error("service::pipelines: service must have at least one pipeline");
            let help = "write a pipeline: traces: {receivers: [...], exporters: [...]}";
            self.diagnostics.push(error.at(place.origin()).help(help));
        }
    }

    fn ids_are_unambiguous(&mut self) {
        for (id, connector) in &self.collector.connectors {
            for kind in [Kind::Receiver, Kind::Exporter] {
                let Some(other) = self.collector.components(kind).get(id) else {
                    continue;
                };
                let message = format!(
                    "connectors::{id}: ambiguous id: found both {:?} {kind} and {:?} connector",
                    id.to_string(),
                    id.to_string()
                );
                let error = Diagnostic::error(message).at(connector.section.key_origin());
                let error = error.related(other.section.key_origin(), format!("the {kind} of this name"));
                let help = format!("rename one of them, for example the connector to `{id}/connector`");
                self.diagnostics.push(error.help(help));
            }
        }
    }

    fn extension(&mut self, reference: &Reference) {
        if !self.collector.extensions.contains_key(&reference.id) {
            self.not_configured("service::extensions", Kind::Extension, reference);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        let path = format!("service::pipelines::{}", pipeline.id);
        for (key, references) in [("receivers", &pipeline.receivers), ("exporters", &pipeline.exporters)] {
            let written = pipeline.section.get(key);
            let unreadable = written
                .as_ref()
                .is_some_and(|list| list.has_failed() || !list.items().is_empty());
            if references.is_empty() && !unreadable {
                let one = key.trim_end_matches('s');
                let error = Diagnostic::error(format!("{path}: must have at least one {one}"));
                let place = written.unwrap_or_else(|| pipeline.section.clone());
                self.diagnostics.push(
                    error
                        .at(place.key_origin())
                        .help(format!("write {key}: [name], or delete the pipeline")),
                );
            }
        }
        let lists = [
            (Kind::Receiver, &pipeline.receivers),
            (Kind::Processor, &pipeline.processors),
            (Kind::Exporter, &pipeline.exporters),
        ];
        for (kind, references) in lists {
            for reference in references {
                self.pipeline_reference(&path, pipeline, kind, reference);
            }
            self.once(&path, kind, references);
        }
    }

    fn pipeline_reference(&mut self, path: &str, pipeline: &Pipeline, kind: Kind, reference: &Reference) {
        let connector = kind != Kind::Processor && self.collector.connectors.contains_key(&reference.id);
        match self.collector.components(kind).get(&reference.id) {
            Some(component) if component.known => {
                if !self.catalog.supports(kind, &component.type_name, pipeline.signal) {
                    let message = format!(
                        "{path}: the {kind} {:?} does not support {}",
                        reference.id.to_string(),
                        pipeline.signal
                    );
                    let error = Diagnostic::error(message).at(&reference.origin);
                    self.diagnostics.push(error.help("delete it from this pipeline"));
                }
            }
            Some(_) => {}
            None if connector => {}
            None => self.not_configured(path, kind, reference),
        }
    }

    /// A processor twice is an error, as in the Collector; the rest would only be started once and is a warning.
    fn once(&mut self, path: &str, kind: Kind, references: &[Reference]) {
        for (index, reference) in references.iter().enumerate() {
            let Some(first) = references[..index].iter().find(|first| first.id == reference.id) else {
                continue;
            };
            let message = format!(
                "{path}: references {kind} {:?} multiple times",
                reference.id.to_string()
            );
            let diagnostic = match kind {
                Kind::Processor => Diagnostic::error(message).help(format!(
                    "define it a second time under another name, such as `{}/again`, if it shall run twice",
                    reference.id.kind()
                )),
                _ => Diagnostic::warning(message).help("delete one; it counts once"),
            };
            self.diagnostics.push(
                diagnostic
                    .at(&reference.origin)
                    .related(&first.origin, "first used here"),
            );
        }
    }

    fn not_configured(&mut self, path: &str, kind: Kind, reference: &Reference) {
        let id = &reference.id;
        let message = format!("{path}: references {kind} {:?} which is not configured", id.to_string());
        let mut error = Diagnostic::error(message).at(&reference.origin);
        let mut candidates: Vec<&Component> = self.collector.components(kind).values().collect();
        if matches!(kind, Kind::Receiver | Kind::Exporter) {
            candidates.extend(self.collector.connectors.values());
        }
        let meant = self.meant(kind, id, &candidates);
        let elsewhere = Kind::ALL.into_iter().filter(|other| *other != kind);
        let mut elsewhere = elsewhere.filter_map(|other| self.collector.components(other).get(id));
        let help = if let Some(meant) = meant {
            error = error.related(meant.section.key_origin(), "defined here");
            self.meant.insert((meant.kind, meant.id.clone()));
            format!("did you mean `{}`?", meant.id)
        } else if let Some(other) = elsewhere.next() {
            error = error.related(other.section.key_origin(), format!("the {} of this name", other.kind));
            format!("define `{id}` under `{}:`, or take it off this list", kind.section())
        } else if candidates.is_empty() {
            format!("define `{id}` under `{}:`", kind.section())
        } else {
            let ids: Vec<String> = candidates
                .iter()
                .map(|component| format!("`{}`", component.id))
                .collect();
            format!(
                "define `{id}` under `{}:`, or use one of {}",
                kind.section(),
                ids.join(", ")
            )
        };
        self.diagnostics.push(error.help(help));
    }

    /// The defined component that a wrong reference most likely means.
    fn meant<'c>(&self, kind: Kind, id: &Id, candidates: &[&'c Component]) -> Option<&'c Component> {
        // The same component under the other of its two spellings is the likeliest mistake of all.
        let present = match self.catalog.canonical(kind, id.kind()) {
            Lookup::Alias(name) => name,
            _ => id.kind().to_owned(),
        };
        let respelt = candidates
            .iter()
            .find(|known| known.type_name == present && known.id.name() == id.name());
        if let Some(respelt) = respelt {
            return Some(respelt);
        }
        let ids: Vec<String> = candidates.iter().map(|component| component.id.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let nearest = suggest::nearest(&id.to_string(), &ids)?;
        candidates
            .iter()
            .find(|component| component.id.to_string() == nearest)
            .copied()
    }

    fn everything_is_used(&mut self) {
        let pipelines = &self.collector.service.pipelines;
        if pipelines.is_empty() {
            return; // Reported already, and then nothing is used.
        }
        let used = |lists: &dyn Fn(&Pipeline) -> Vec<Reference>| -> BTreeSet<Id> {
            pipelines
                .iter()
                .flat_map(|pipeline| lists(pipeline).into_iter().map(|reference| reference.id))
                .collect()
        };
        let receivers = used(&|pipeline| pipeline.receivers.clone());
        let processors = used(&|pipeline| pipeline.processors.clone());
        let exporters = used(&|pipeline| pipeline.exporters.clone());
        let extensions = self
            .collector
            .service
            .extensions
            .iter()
            .map(|reference| reference.id.clone())
            .collect();
        for kind in Kind::ALL {
            let (used, by) = match kind {
                Kind::Receiver => (receivers.clone(), "a pipeline"),
                Kind::Processor => (processors.clone(), "a pipeline"),
                Kind::Exporter => (exporters.clone(), "a pipeline"),
                Kind::Connector => (receivers.union(&exporters).cloned().collect(), "a pipeline"),
                Kind::Extension => (BTreeSet::clone(&extensions), "service::extensions"),
            };
            for (id, component) in self.collector.components(kind) {
                if used.contains(id) || !component.known || self.meant.contains(&(kind, id.clone())) {
                    continue;
                }
                let message = format!("{}::{id}: not used by {by}, so it is not started", kind.section());
                let warning = Diagnostic::warning(message).at(component.section.key_origin());
                self.diagnostics
                    .push(warning.help(format!("add `{id}` to {by}, or delete it here")));
            }
        }
    }
}
