//! Loading: every location read, merged, set and expanded into one tree.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::environment::Environment;
use crate::expand;
use crate::location::{How, Location};
use crate::merge;
use crate::node::{Map, Node, Value};
use crate::path::Path;
use crate::section::Section;
use crate::sketch;
use crate::source::Source;
use crate::yaml;

/// Most `--config` arguments, the Collector's limit.
const LOCATIONS_MAX: usize = 100;

/// What to load.
pub struct Request<'a> {
    /// The `--config` arguments, in order; later ones win.
    pub locations: Vec<String>,
    /// The `--set` arguments, `key.of.value=yaml`, applied after all locations.
    pub sets: Vec<String>,
    /// Where variables and files come from.
    pub environment: &'a dyn Environment,
}

/// A loaded configuration: one tree, and what was found on the way.
#[derive(Debug, Clone)]
pub struct Document {
    root: Section,
    diagnostics: Diagnostics,
}

impl Document {
    /// The whole configuration.
    pub fn root(&self) -> &Section {
        &self.root
    }

    /// What loading found: unset variables, duplicate keys, failed references. May hold errors; `collector`
    /// hands them on, so that they appear with the rest.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }
}

/// Reads, merges and expands. Fails only when there is no tree to go on with; other problems are in the document.
pub fn load(request: &Request<'_>) -> Result<Document, Diagnostics> {
    let mut loader = Loader {
        environment: request.environment,
        diagnostics: Diagnostics::new(),
        sources: 0,
    };
    if request.locations.is_empty() {
        let error = Diagnostic::error("no configuration given");
        return Err(error.help("name a file: --config config.yaml").into());
    }
    if request.locations.len() > LOCATIONS_MAX {
        let error = Diagnostic::error(format!(
            "{} configurations given, at most 100 are read",
            request.locations.len()
        ));
        return Err(error.help("join some of the files").into());
    }
    let mut parts = Vec::new();
    for location in &request.locations {
        parts.push(loader.location(location));
    }
    for set in &request.sets {
        parts.push(loader.set(set));
    }
    // A missing part would make everything that refers to it look wrong, so its own problems are all there is to say.
    let Some(parts) = parts.into_iter().collect::<Option<Vec<_>>>() else {
        return Err(loader.diagnostics);
    };
    let empty = Node::new(
        Value::Map(Map::default()),
        crate::source::Origin::new(&Source::new("", "", 0), 0..0),
    );
    let merged = parts.iter().fold(None, |merged, part| match merged {
        None => Some(Arc::clone(part)),
        Some(merged) => Some(merge::merge(&merged, part)),
    });
    let merged = merged.unwrap_or(empty);
    let expanded = expand::expand(&merged, request.environment, &mut loader.diagnostics);
    loader.diagnostics.hide_secrets(&expanded, &Path::root());
    Ok(Document {
        root: Section::root(expanded),
        diagnostics: loader.diagnostics,
    })
}

struct Loader<'a> {
    environment: &'a dyn Environment,
    diagnostics: Diagnostics,
    /// Sources read so far; their rank.
    sources: usize,
}

impl Loader<'_> {
    /// One `--config` argument; none if it gave no map.
    fn location(&mut self, argument: &str) -> Option<Arc<Node>> {
        let location = Location::argument(argument);
        let fetched = match location.fetch(self.environment) {
            Ok(fetched) => fetched,
            Err(error) => {
                let message = format!("cannot retrieve the configuration: {error}");
                self.diagnostics.push(Diagnostic::error(message).help(error.help));
                return None;
            }
        };
        if matches!(fetched.how, How::Unset | How::Empty) {
            let message = format!("{argument}: the variable holds no configuration");
            self.diagnostics
                .push(Diagnostic::warning(message).help("set it to YAML text, or drop the argument"));
        }
        let name = match location.scheme {
            "file" => location.rest,
            "yaml" => "--config yaml", // What follows is the text itself, which may hold secrets.
            _ => argument,
        };
        let source = Source::new(name.lines().next().unwrap_or(name), fetched.text, self.next_rank());
        let root = self.parse(&source)?;
        self.map(&root, &source)
    }

    /// One `--set` argument. Its value keeps its place within the argument.
    fn set(&mut self, argument: &str) -> Option<Arc<Node>> {
        let source = Source::new("--set", argument, self.next_rank());
        let Some((key, value)) = argument.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
            let origin = crate::source::Origin::new(&source, 0..argument.len());
            let error = Diagnostic::error("missing equal sign").at(&origin);
            self.diagnostics.push(error.help("write --set key.of.value=text"));
            self.diagnostics.hide(&sketch::secrets(&source));
            return None;
        };
        // Blanks in the place of the key keep the columns of the value true.
        let blank: String = argument[..=key.len()].chars().map(|_| ' ').collect();
        let blank_len = blank.len();
        let value_source = Source::new("--set", format!("{blank}{value}"), 0);
        let parsed = yaml::parse(&value_source);
        let shift = argument.len() - value.len() - blank_len;
        let moved = |origin: &crate::source::Origin| {
            let span = origin.span();
            crate::source::Origin::new(&source, span.start + shift..span.end + shift)
        };
        for mut problem in parsed.problems {
            problem.origin = problem.origin.map(|origin| moved(&origin));
            problem.related = problem
                .related
                .into_iter()
                .map(|(place, label)| (moved(&place), label))
                .collect();
            self.diagnostics.push(problem);
        }
        if parsed.root.is_none() {
            self.diagnostics.hide(&sketch::secrets(&source));
        }
        let value = replaced(&parsed.root?, &moved);
        let key_text = key.trim();
        let key_at = key.len() - key.trim_start().len();
        let key_origin = crate::source::Origin::new(&source, key_at..key_at + key_text.len());
        let entry = crate::node::Entry {
            key: key_text.replace('.', "::"),
            key_origin: key_origin.clone(),
            value,
        };
        let root = Node::new(Value::Map(Map::of(vec![entry])), key_origin);
        self.map(&root, &source)
    }

    fn parse(&mut self, source: &Arc<Source>) -> Option<Arc<Node>> {
        let parsed = yaml::parse(source);
        self.diagnostics.extend(parsed.problems);
        if parsed.root.is_none() {
            self.diagnostics.hide(&sketch::secrets(source));
        }
        parsed.root
    }

    fn map(&mut self, root: &Arc<Node>, source: &Arc<Source>) -> Option<Arc<Node>> {
        // As it is written: what a later file replaces is shown where the two are compared.
        self.diagnostics.hide_secrets(root, &Path::root());
        match &root.value {
            Value::Null => Some(Node::new(Value::Map(Map::default()), root.origin.clone())),
            Value::Map(_) => match merge::unfold(root) {
                Ok(unfolded) => {
                    self.diagnostics.hide_secrets(&unfolded, &Path::root());
                    Some(unfolded)
                }
                Err(problem) => {
                    self.diagnostics.push(problem);
                    None
                }
            },
            _ => {
                let message = format!(
                    "{}: a configuration is a map, found {}",
                    source.name(),
                    root.described()
                );
                let help =
                    "begin with keys such as `receivers:`; a file that holds a path or a token is no configuration";
                self.diagnostics
                    .push(Diagnostic::error(message).at(&root.origin).help(help));
                None
            }
        }
    }

    fn next_rank(&mut self) -> usize {
        self.sources += 1;
        self.sources
    }
}

/// The same tree with every origin moved.
fn replaced(node: &Arc<Node>, moved: &dyn Fn(&crate::source::Origin) -> crate::source::Origin) -> Arc<Node> {
    let value = match &node.value {
        Value::List(items) => Value::List(items.iter().map(|item| replaced(item, moved)).collect()),
        Value::Map(map) => {
            let entry = |entry: &crate::node::Entry| crate::node::Entry {
                key: entry.key.clone(),
                key_origin: moved(&entry.key_origin),
                value: replaced(&entry.value, moved),
            };
            Value::Map(Map {
                entries: map.entries.iter().map(entry).collect(),
                repeated: map.repeated.iter().map(entry).collect(),
            })
        }
        value => value.clone(),
    };
    Arc::new(Node {
        value,
        origin: moved(&node.origin),
        original: node.original.clone(),
    })
}
