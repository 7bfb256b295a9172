//! The top level of a configuration: components by id, the service's extensions, pipelines and telemetry.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Lookup};
use crate::decode::decode;
use crate::diagnostic::Diagnostics;
use crate::document::Document;
use crate::id::{Id, Kind, Signal};
use crate::rules;
use crate::section::Section;
use crate::source::Origin;
use crate::suggest;
use crate::telemetry::Telemetry;

/// A whole configuration, its references checked.
#[derive(Debug, Clone)]
pub struct Collector {
    /// Where telemetry comes from.
    pub receivers: BTreeMap<Id, Component>,
    /// What changes it.
    pub processors: BTreeMap<Id, Component>,
    /// Where it goes.
    pub exporters: BTreeMap<Id, Component>,
    /// What joins two pipelines.
    pub connectors: BTreeMap<Id, Component>,
    /// What serves the others.
    pub extensions: BTreeMap<Id, Component>,
    /// What runs.
    pub service: Service,
}

impl Collector {
    /// The components of one kind.
    pub fn components(&self, kind: Kind) -> &BTreeMap<Id, Component> {
        match kind {
            Kind::Receiver => &self.receivers,
            Kind::Processor => &self.processors,
            Kind::Exporter => &self.exporters,
            Kind::Connector => &self.connectors,
            Kind::Extension => &self.extensions,
        }
    }
}

/// One configured component.
#[derive(Debug, Clone)]
pub struct Component {
    /// What it is.
    pub kind: Kind,
    /// The id as written, which is how pipelines, logs and metrics name it.
    pub id: Id,
    /// The type under its present name; differs from `id.kind()` when the file uses an old spelling.
    pub type_name: String,
    /// Whether the program has this type. If not, that was reported, and there is nothing to decode the section with.
    pub known: bool,
    /// Its configuration, to be given to [`decode`].
    pub section: Section,
}

/// The `service` block.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// Extensions to start, in order.
    pub extensions: Vec<Reference>,
    /// Pipelines in the order of the file.
    pub pipelines: Vec<Pipeline>,
    /// Logs, metrics and resource of the program itself.
    pub telemetry: Telemetry,
}

/// One pipeline: where its telemetry comes from, what happens to it, where it goes.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The id as written, such as `traces/gpu`.
    pub id: Id,
    /// What it carries.
    pub signal: Signal,
    /// Receivers, and connectors that end another pipeline.
    pub receivers: Vec<Reference>,
    /// Processors in the order of the way.
    pub processors: Vec<Reference>,
    /// Exporters, and connectors that begin another pipeline.
    pub exporters: Vec<Reference>,
    /// Where the pipeline is written.
    pub section: Section,
}

/// The use of a component in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Which component.
    pub id: Id,
    /// Where it is used.
    pub origin: Origin,
}

/// Reads the top level and checks everything that can be known without the components' own types.
///
/// `None` only when there is no map to read; with errors in `diagnostics` there may still be a `Collector`, so that
/// the caller can decode the components and show their problems in the same run. Never start one while
/// [`Diagnostics::has_errors`]. What loading found is handed on to `diagnostics`.
pub fn collector(document: &Document, catalog: &dyn Catalog, diagnostics: &mut Diagnostics) -> Option<Collector> {
    diagnostics.append(document.diagnostics().clone());
    let root = document.root();
    if !root.is_map() {
        diagnostics.push(
            root.error("a configuration is a map")
                .help("begin with keys such as `receivers:`"),
        );
        return None;
    }
    let mut reader = Reader {
        catalog,
        diagnostics: &mut *diagnostics,
    };
    reader.top_level_keys(root);
    let collector = Collector {
        receivers: reader.components(root, Kind::Receiver),
        processors: reader.components(root, Kind::Processor),
        exporters: reader.components(root, Kind::Exporter),
        connectors: reader.components(root, Kind::Connector),
        extensions: reader.components(root, Kind::Extension),
        service: reader.service(root),
    };
    rules::check(&collector, root, catalog, diagnostics);
    Some(collector)
}

struct Reader<'a> {
    catalog: &'a dyn Catalog,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn top_level_keys(&mut self, root: &Section) {
        let known = [
            "receivers",
            "processors",
            "exporters",
            "connectors",
            "extensions",
            "service",
        ];
        for (key, section) in root.entries() {
            if known.contains(&key.as_str()) {
                continue;
            }
            let error = section.unknown_key(&key);
            let anchors = section.holds_anchor();
            let help = if key.starts_with("x-") || key.starts_with('.') || anchors {
                "a key of its own for YAML anchors is not allowed, as in the Collector: define the anchor with & where \
                 the block is used first, and repeat it with * elsewhere"
                    .to_owned()
            } else if let Some(kind) = self.kind_of(&key) {
                let section = kind.section();
                format!("`{key}` is one of the {section}: write it below `{section}:`")
            } else {
                suggest::help(&key, &known, "keys")
            };
            self.diagnostics.push(error.help(help));
        }
    }

    /// What kind of component has such an id, if there is one.
    fn kind_of(&self, key: &str) -> Option<Kind> {
        let id: Id = key.parse().ok()?;
        let kinds = [
            Kind::Receiver,
            Kind::Processor,
            Kind::Exporter,
            Kind::Connector,
            Kind::Extension,
        ];
        kinds.into_iter().find(|kind| {
            matches!(
                self.catalog.canonical(*kind, id.kind()),
                Lookup::Known | Lookup::Alias(_)
            )
        })
    }

    fn components(&mut self, root: &Section, kind: Kind) -> BTreeMap<Id, Component> {
        let mut components: BTreeMap<Id, Component> = BTreeMap::new();
        for (key, section) in self.map(root, kind.section()) {
            let id: Id = match key.parse() {
                Ok(id) => id,
                Err(error) => {
                    self.at_key(&section, &format!("{}: {error}", kind.section()), "rename it");
                    continue;
                }
            };
            if let Some(other) = components.get(&id) {
                let message = format!("{}: the id {id} is defined twice", kind.section());
                let error = crate::Diagnostic::error(message).at(section.key_origin());
                let error = error.related(other.section.key_origin(), "first defined here");
                self.diagnostics
                    .push(error.help("spaces around the / do not make a difference; rename one"));
                continue;
            }
            let (type_name, known) = self.type_name(kind, &id, &section);
            components.insert(
                id.clone(),
                Component {
                    kind,
                    id,
                    type_name,
                    known,
                    section,
                },
            );
        }
        components
    }

    /// The present name of the type and whether the program has it.
    fn type_name(&mut self, kind: Kind, id: &Id, section: &Section) -> (String, bool) {
        let written = id.kind();
        let message = |what: &str| format!("{}: {what}", kind.section());
        match self.catalog.canonical(kind, written) {
            Lookup::Known => return (written.to_owned(), true),
            Lookup::Alias(name) => {
                let text = message(&format!("the {kind} type {written:?} is deprecated"));
                let warning = crate::Diagnostic::warning(text).at(section.key_origin());
                self.diagnostics
                    .push(warning.help(format!("write `{}`; it means the same", renamed(id, &name))));
                return (name, true);
            }
            Lookup::Replaced(help) => {
                self.at_key(
                    section,
                    &message(&format!("the {kind} type {written:?} no longer exists")),
                    &help,
                );
            }
            Lookup::ElsewhereIn(help) => {
                self.at_key(
                    section,
                    &message(&format!("the {kind} type {written:?} is not part of this program")),
                    &help,
                );
            }
            Lookup::Unknown => {
                let known = self.catalog.known(kind);
                let help = suggest::help(written, &known, kind.section());
                self.at_key(section, &message(&format!("unknown {kind} type {written:?}")), &help);
            }
        }
        (written.to_owned(), false)
    }

    fn service(&mut self, root: &Section) -> Service {
        let Some(service) = root.get("service") else {
            return Service::default();
        };
        let known = ["extensions", "pipelines", "telemetry"];
        for (key, section) in self.map(root, "service") {
            if !known.contains(&key.as_str()) {
                self.diagnostics
                    .push(section.unknown_key(&key).help(suggest::help(&key, &known, "keys")));
            }
        }
        let telemetry = service.get("telemetry").filter(|section| !section.is_null());
        Service {
            extensions: self.references(&service, "extensions"),
            pipelines: self.pipelines(&service),
            telemetry: telemetry
                .and_then(|section| decode(&section, self.diagnostics))
                .unwrap_or_default(),
        }
    }

    fn pipelines(&mut self, service: &Section) -> Vec<Pipeline> {
        let mut pipelines: Vec<Pipeline> = Vec::new();
        for (key, section) in self.map(service, "pipelines") {
            let id: Id = match key.parse() {
                Ok(id) => id,
                Err(error) => {
                    self.at_key(
                        &section,
                        &format!("service::pipelines: {error}"),
                        "write a signal, or signal/name",
                    );
                    continue;
                }
            };
            let Some(signal) = self.signal(&id, &section) else {
                continue;
            };
            if let Some(other) = pipelines.iter().find(|pipeline| pipeline.id == id) {
                let message = format!("service::pipelines: the id {id} is defined twice");
                let error = crate::Diagnostic::error(message).at(section.key_origin());
                let error = error.related(other.section.key_origin(), "first defined here");
                self.diagnostics
                    .push(error.help("spaces around the / do not make a difference; rename one"));
                continue;
            }
            if !section.is_null() && !section.is_map() {
                self.expected_map(&section);
                continue;
            }
            let known = ["receivers", "processors", "exporters"];
            for (key, section) in section.entries() {
                if !known.contains(&key.as_str()) {
                    self.diagnostics
                        .push(section.unknown_key(&key).help(suggest::help(&key, &known, "keys")));
                }
            }
            pipelines.push(Pipeline {
                signal,
                receivers: self.references(&section, "receivers"),
                processors: self.references(&section, "processors"),
                exporters: self.references(&section, "exporters"),
                id,
                section,
            });
        }
        pipelines
    }

    fn signal(&mut self, id: &Id, section: &Section) -> Option<Signal> {
        let signal = Signal::parse(id.kind());
        if signal.is_none() {
            let message = format!("service::pipelines::{id}: unknown signal {:?}", id.kind());
            let signals = Signal::ALL.map(Signal::as_str);
            match id.kind() {
                "profiles" => self.at_key(
                    section,
                    &format!("service::pipelines::{id}: the signal profiles is not supported yet"),
                    "delete the pipeline; traces, metrics and logs are supported",
                ),
                kind => self.at_key(section, &message, &suggest::help(kind, &signals, "signals")),
            }
        }
        signal
    }

    /// The ids in the list at `key`. Text is split at commas, as everywhere where a list is wanted.
    fn references(&mut self, parent: &Section, key: &str) -> Vec<Reference> {
        let Some(list) = parent.get(key).filter(|list| !list.is_null() && !list.has_failed()) else {
            return Vec::new();
        };
        let Some(items) = list.items_or_split() else {
            let error = list.error(format!("expected a list, found {}", list.node.described()));
            self.diagnostics.push(error.help(format!("write {key}: [name]")));
            return Vec::new();
        };
        let mut references = Vec::new();
        for item in items {
            match item.text() {
                Some(text) => match text.parse::<Id>() {
                    Ok(id) => references.push(Reference {
                        id,
                        origin: item.origin().clone(),
                    }),
                    Err(error) => {
                        let error = item.error(error.to_string());
                        self.diagnostics
                            .push(error.help("write the id as it is defined above, type or type/name"));
                    }
                },
                None if item.has_failed() => {}
                None => {
                    let error = item.error(format!("expected an id, found {}", item.node.described()));
                    self.diagnostics
                        .push(error.help("write the id as it is defined above, type or type/name"));
                }
            }
        }
        references
    }

    /// The entries of the map at `key`; anything else there is reported. Null is the empty map.
    fn map(&mut self, parent: &Section, key: &str) -> Vec<(String, Section)> {
        let Some(section) = parent.get(key) else {
            return Vec::new();
        };
        if !section.is_map() && !section.is_null() && !section.has_failed() {
            self.expected_map(&section);
        }
        section.entries()
    }

    fn expected_map(&mut self, section: &Section) {
        let error = section.error(format!("expected a map, found {}", section.node.described()));
        self.diagnostics
            .push(error.help("write `name:` on a line of its own below, indented, and its keys below that"));
    }

    fn at_key(&mut self, section: &Section, message: &str, help: &str) {
        self.diagnostics
            .push(crate::Diagnostic::error(message).at(section.key_origin()).help(help));
    }
}

/// The id with another type.
fn renamed(id: &Id, kind: &str) -> String {
    if id.name().is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}/{}", id.name())
    }
}
