//! `${env:X}`, `${X}`, `${env:X:-default}`, `${file:…}`, `${yaml:…}` and `$$`, by the Collector's rules.
//!
//! A reference that is the whole scalar becomes whatever its text means as YAML and keeps the text for fields that
//! want text; inside a longer text it is replaced by its text. The innermost reference comes first, replaced text is
//! looked through again, and at the very end every `$$` becomes `$` once.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::environment::Environment;
use crate::location::{Fetched, How, Location};
use crate::node::{Entry, Map, Node, Text, Value};
use crate::source::{Origin, Source};
use crate::yaml::{self, INPUT_BYTES_MAX};

/// References within references that are followed. The Collector stops at 1000; nobody nests more than a few, and
/// every level costs stack.
const DEPTH_MAX: usize = 100;
/// References in one document. Bounds the work of variables that name several others each.
const REFERENCES_MAX: usize = 10_000;
/// Replacements within one scalar, the Collector's limit.
const ROUNDS_MAX: usize = 1_000;
/// Text that all references of one document bring in.
const BYTES_MAX: usize = 4 * INPUT_BYTES_MAX;
/// Text that is copied while references within longer texts are replaced, in one document.
const REPLACED_BYTES_MAX: usize = INPUT_BYTES_MAX;
/// Longest text that references within it may make; a variable that names itself twice doubles every time.
const SCALAR_BYTES_MAX: usize = 256 * 1024;

/// Values that references bring in, in one document.
const VALUES_MAX: usize = 5 * yaml::NODES_MAX;
/// Maps within maps after merging and expanding: twice what one source may have, for keys with `::` and for blocks
/// that are referred to. Everything behind this recurses over the tree.
const LEVELS_MAX: usize = 2 * yaml::DEPTH_MAX;

/// Expands every scalar of the merged document. What fails is reported and becomes [`Value::Failed`].
pub(crate) fn expand(root: &Arc<Node>, environment: &dyn Environment, diagnostics: &mut Diagnostics) -> Arc<Node> {
    let mut expander = Expander {
        environment,
        diagnostics,
        spent: Spent::default(),
    };
    let expanded = expander.node(root, Depth::default());
    unescape(&expanded)
}

/// Expansion cannot go on for this scalar; the reason was reported.
struct Stop;

/// A reference found in a text.
struct Reference {
    start: usize,
    end: usize,
}

struct Expander<'a> {
    environment: &'a dyn Environment,
    diagnostics: &'a mut Diagnostics,
    spent: Spent,
}

/// What expansion has cost so far; each figure has its limit above.
#[derive(Clone, Copy, Default)]
struct Spent {
    references: usize,
    bytes: usize,
    replaced_bytes: usize,
    values: usize,
}

/// How far down a value stands.
#[derive(Clone, Copy, Default)]
struct Depth {
    /// References within references.
    references: usize,
    /// Maps and lists within maps and lists.
    levels: usize,
}

impl Depth {
    fn below(self) -> Self {
        Self {
            levels: self.levels + 1,
            ..self
        }
    }

    fn behind_a_reference(self) -> Self {
        Self {
            references: self.references + 1,
            ..self
        }
    }
}

impl Expander<'_> {
    fn node(&mut self, node: &Arc<Node>, depth: Depth) -> Arc<Node> {
        let referred = usize::from(depth.references > 0);
        self.spent.values += referred;
        if depth.levels > LEVELS_MAX || self.spent.values > VALUES_MAX {
            let _: Result<(), Stop> = self.too_many(&node.origin);
            return Node::new(Value::Failed, node.origin.clone());
        }
        let value = match &node.value {
            Value::Text(text) if find(&text.text).is_some() => {
                return match self.scalar(&text.text, &node.origin, depth) {
                    Ok(expanded) => expanded,
                    Err(Stop) => Node::new(Value::Failed, node.origin.clone()),
                };
            }
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item, depth.below())).collect()),
            Value::Map(map) => {
                let entry = |entry: &Entry| Entry {
                    value: self.node(&entry.value, depth.below()),
                    ..entry.clone()
                };
                Value::Map(Map::of(map.entries.iter().map(entry).collect()))
            }
            _ => return Arc::clone(node),
        };
        Arc::new(Node {
            value,
            ..node.as_ref().clone()
        })
    }

    /// A scalar with at least one reference.
    fn scalar(&mut self, text: &str, origin: &Origin, depth: Depth) -> Result<Arc<Node>, Stop> {
        let mut text = text.to_owned();
        for _ in 0..ROUNDS_MAX {
            let Some(reference) = find(&text) else {
                return Ok(Node::new(Value::Text(Text { text, plain: false }), origin.clone()));
            };
            let written = text[reference.start..reference.end].to_owned();
            let fetched = self.fetch(&written, origin, depth)?;
            if written.len() == text.len() {
                return self.whole(&written, &fetched, origin, depth);
            }
            text = text.replace(&written, &fetched.text);
            self.spent.replaced_bytes += text.len();
            if text.len() > SCALAR_BYTES_MAX || self.spent.replaced_bytes > REPLACED_BYTES_MAX {
                return self.stop(origin, "the expanded text is too long", "shorten what is referred to");
            }
        }
        self.too_many(origin)
    }

    /// A reference that is all of the scalar: its text, read as YAML.
    fn whole(&mut self, written: &str, fetched: &Fetched, origin: &Origin, depth: Depth) -> Result<Arc<Node>, Stop> {
        let file = written.strip_prefix("${file:").and_then(|rest| rest.strip_suffix('}'));
        let source = Source::new(file.unwrap_or(written), fetched.text.as_str(), usize::MAX);
        let parsed = yaml::parse(&source);
        let readable = parsed.problems.is_empty();
        let as_text = Value::Text(Text {
            text: fetched.text.clone(),
            plain: true,
        });
        let root = match parsed.root {
            _ if fetched.how == How::EmptyDefault => Node::new(as_text, origin.clone()),
            Some(root) if readable => match &root.value {
                // Text stays exactly as it is, quotes and line breaks included.
                Value::Text(_) => Node::new(as_text, origin.clone()),
                _ if file.is_some() => root,
                _ => placed_at(&root, origin),
            },
            // What is no YAML, such as a certificate, is text.
            _ => Node::new(as_text, origin.clone()),
        };
        let expanded = self.node(&root, depth.behind_a_reference());
        let mut node = expanded.as_ref().clone();
        // A text's own expansion is its original already; expanding it twice would double the work at every level.
        let is_text = matches!(root.value, Value::Text(_));
        match &node.value {
            Value::Failed => {}
            Value::Text(text) if is_text && node.original.is_none() => node.original = Some(Arc::from(&*text.text)),
            _ if is_text && node.original.is_some() => {}
            _ => node.original = self.original(&fetched.text, origin, depth.behind_a_reference()),
        }
        Ok(Arc::new(node))
    }

    /// The text behind a reference with its own references expanded; none if one of them fails, because only
    /// comments may hold broken ones and then the value is right without them.
    fn original(&mut self, text: &str, origin: &Origin, depth: Depth) -> Option<Arc<str>> {
        if find(text).is_none() {
            return Some(Arc::from(text));
        }
        let mut unheard = Diagnostics::new();
        let mut quiet = Expander {
            diagnostics: &mut unheard,
            ..*self
        };
        let expanded = quiet.scalar(text, origin, depth);
        self.spent = quiet.spent;
        let node = expanded.ok()?;
        match (&node.original, &node.value) {
            (Some(original), _) => Some(Arc::clone(original)),
            (None, Value::Text(text)) => Some(Arc::from(text.text.as_str())),
            _ => None,
        }
    }

    fn fetch(&mut self, written: &str, origin: &Origin, depth: Depth) -> Result<Fetched, Stop> {
        let place = origin.narrowed(written);
        self.spent.references += 1;
        if depth.references > DEPTH_MAX || self.spent.references > REFERENCES_MAX {
            return self.too_many(&place);
        }
        let inside = &written["${".len()..written.len() - "}".len()];
        let fetched = Location::reference(inside).and_then(|location| {
            if location.rest.contains('$') && location.scheme != "yaml" {
                return Err(crate::location::Unreachable {
                    message: format!("the uri {inside:?} contains unsupported characters ('$')"),
                    help: "write the name without $; a reference within a reference is ${env:${env:X}}".to_owned(),
                });
            }
            location.fetch(self.environment)
        });
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => return self.stop(&place, &error.message, &error.help),
        };
        self.spent.bytes += fetched.text.len();
        if self.spent.bytes > BYTES_MAX {
            return self.stop(
                &place,
                "the references bring in more than 4 MiB",
                "shorten what is referred to",
            );
        }
        let name = inside.strip_prefix("env:").unwrap_or(inside);
        let name = name.split_once(":-").map_or(name, |(name, _default)| name);
        match fetched.how {
            How::Unset => self.diagnostics.push(
                Diagnostic::warning(format!("environment variable {name:?} is not set and reads as empty"))
                    .at(&place)
                    .help(format!("set it, or give a default: ${{env:{name}:-default}}")),
            ),
            How::Empty => self.diagnostics.push(
                Diagnostic::notice(format!("environment variable {name:?} is set to nothing"))
                    .at(&place)
                    .help("an empty variable does not take the default; unset it for that"),
            ),
            How::Found | How::EmptyDefault => {}
        }
        Ok(fetched)
    }

    fn too_many<T>(&mut self, origin: &Origin) -> Result<T, Stop> {
        self.stop(
            origin,
            "too many recursive expansions",
            "a variable seems to refer to itself, or brings in very much; break the circle",
        )
    }

    fn stop<T>(&mut self, origin: &Origin, message: &str, help: &str) -> Result<T, Stop> {
        self.diagnostics.push(Diagnostic::error(message).at(origin).help(help));
        Err(Stop)
    }
}

/// The first reference that is not escaped, the innermost one where they are nested.
///
/// A `${` behind an odd number of `$` is escaped, and then the search goes on behind its closing brace.
fn find(text: &str) -> Option<Reference> {
    let mut from = 0;
    while let Some(close) = text[from..].find('}').map(|at| from + at) {
        if let Some(open) = text[from..close].rfind("${").map(|at| from + at) {
            let dollars = text[from..open].bytes().rev().take_while(|byte| *byte == b'$').count();
            if dollars % 2 == 0 {
                return Some(Reference {
                    start: open,
                    end: close + 1,
                });
            }
        }
        from = close + 1;
    }
    None
}

/// The same values, all written at `origin`: a variable's content has no place of its own.
fn placed_at(node: &Arc<Node>, origin: &Origin) -> Arc<Node> {
    let value = match &node.value {
        Value::List(items) => Value::List(items.iter().map(|item| placed_at(item, origin)).collect()),
        Value::Map(map) => {
            let entry = |entry: &Entry| Entry {
                key: entry.key.clone(),
                key_origin: origin.clone(),
                value: placed_at(&entry.value, origin),
            };
            Value::Map(Map::of(map.entries.iter().map(entry).collect()))
        }
        value => value.clone(),
    };
    Arc::new(Node {
        value,
        origin: origin.clone(),
        original: node.original.clone(),
    })
}

/// `$$` becomes `$` in every text, once.
fn unescape(node: &Arc<Node>) -> Arc<Node> {
    let value = match &node.value {
        Value::Text(text) if text.text.contains("$$") => Value::Text(Text {
            text: text.text.replace("$$", "$"),
            plain: text.plain,
        }),
        Value::List(items) => Value::List(items.iter().map(unescape).collect()),
        Value::Map(map) => {
            let entry = |entry: &Entry| Entry {
                value: unescape(&entry.value),
                ..entry.clone()
            };
            Value::Map(Map::of(map.entries.iter().map(entry).collect()))
        }
        _ if node.original.is_none() => return Arc::clone(node),
        value => value.clone(),
    };
    let original = node.original.as_ref().map(|text| Arc::from(text.replace("$$", "$")));
    Arc::new(Node {
        value,
        origin: node.origin.clone(),
        original,
    })
}
