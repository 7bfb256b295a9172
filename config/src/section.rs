//! A part of the loaded document: what the rest of the program holds instead of text.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Node, Value};
use crate::path::Path;
use crate::source::{Origin, Source};
use crate::yaml::{self, Size};

/// A node of the merged, expanded document with its path. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Section {
    pub(crate) node: Arc<Node>,
    /// Where the key of this value is written; the value itself for the root and for list items.
    pub(crate) key_origin: Origin,
    pub(crate) path: Path,
    pub(crate) ledger: Arc<Ledger>,
}

/// What decoding learned about the document, shared by all of its sections.
///
/// Printing needs it: which values are secrets is known to the types of the components alone, and a number behind
/// `${…}` that was read as text must be printed with quotes.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Mutex<LedgerEntries>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct LedgerEntries {
    /// Paths at which a `Secret` was read.
    pub(crate) secrets: BTreeSet<Path>,
    /// Paths at which the original text of an expansion was read.
    pub(crate) texts: BTreeSet<Path>,
    /// Paths at which an `Unread` was read.
    pub(crate) unread: BTreeSet<Path>,
    /// Sections that some type has read.
    pub(crate) decoded: BTreeSet<Path>,
}

impl Ledger {
    pub(crate) fn note(&self, write: impl FnOnce(&mut LedgerEntries)) {
        // A panic while noting cannot leave a half-written entry behind, so a poisoned lock is still good.
        write(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn read(&self) -> LedgerEntries {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Section {
    pub(crate) fn root(node: Arc<Node>) -> Self {
        let key_origin = node.origin.clone();
        Self {
            node,
            key_origin,
            path: Path::root(),
            ledger: Arc::default(),
        }
    }

    /// Reads one YAML text without merging or expansion, for tests and for examples.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, Diagnostics> {
        Self::from_source(&Source::new(name, text, 0), Size::CONFIGURATION)
    }

    /// The same for a text that is no configuration and may be larger than one.
    pub fn from_source(source: &Arc<Source>, size: Size) -> Result<Self, Diagnostics> {
        let parsed = yaml::parse_within(source, size);
        let diagnostics: Diagnostics = parsed.problems.into_iter().collect();
        match parsed.root {
            Some(root) if !diagnostics.has_errors() => Ok(Self::root(root)),
            _ => Err(diagnostics),
        }
    }

    /// Where to point: the value when it is a scalar, else its key, because a caret under a whole block says little.
    pub fn origin(&self) -> &Origin {
        if self.node.is_scalar() {
            &self.node.origin
        } else {
            &self.key_origin
        }
    }

    /// Where the key of this section is written.
    pub fn key_origin(&self) -> &Origin {
        &self.key_origin
    }

    /// The way from the root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the value is null, as in `otlp:` with nothing behind it.
    pub fn is_null(&self) -> bool {
        self.node.is_null()
    }

    /// Whether the value is a map.
    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    pub(crate) fn is_empty_map(&self) -> bool {
        self.is_map() && self.entries().is_empty()
    }

    /// Whether the value is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// The text, if the value is one. A value that came from `${…}` gives its original text.
    pub fn text(&self) -> Option<&str> {
        match (&self.node.original, &self.node.value) {
            (Some(original), _) => Some(original),
            (None, Value::Text(text)) => Some(&text.text),
            _ => None,
        }
    }

    /// The value of `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<Self> {
        let Value::Map(map) = &self.node.value else {
            return None;
        };
        let entry = map.get(key)?;
        Some(self.below(key, &entry.value, &entry.key_origin))
    }

    /// The entries of a map, in the order of the file; empty for anything else.
    pub fn entries(&self) -> Vec<(String, Self)> {
        let Value::Map(map) = &self.node.value else {
            return Vec::new();
        };
        let entries = map.entries.iter();
        entries
            .map(|entry| {
                (
                    entry.key.clone(),
                    self.below(&entry.key, &entry.value, &entry.key_origin),
                )
            })
            .collect()
    }

    /// The items of a list; empty for anything else.
    pub fn items(&self) -> Vec<Self> {
        let Value::List(items) = &self.node.value else {
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| self.below(&index.to_string(), item, &item.origin))
            .collect()
    }

    /// The section at `below` (`tls::cert_file`), or its nearest ancestor that exists.
    pub fn nearest(&self, below: &str) -> Self {
        let mut section = self.clone();
        for step in below.split("::").filter(|step| !step.is_empty()) {
            match section
                .get(step)
                .or_else(|| section.items().into_iter().nth(step.parse().ok()?))
            {
                Some(next) => section = next,
                None => break,
            }
        }
        section
    }

    /// The items of a list, or the pieces of text split at commas as the Collector does where a list is wanted.
    pub(crate) fn items_or_split(&self) -> Option<Vec<Self>> {
        match &self.node.value {
            Value::List(_) => Some(self.items()),
            Value::Text(text) => {
                let pieces = crate::access::split(&text.text, &self.node.origin);
                Some(
                    pieces
                        .iter()
                        .map(|piece| self.below("", piece, &piece.origin))
                        .collect(),
                )
            }
            _ => None,
        }
    }

    /// Whether an expansion failed here, which was reported already.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.node.value, Value::Failed)
    }

    /// Whether the block defines a YAML anchor at its top, judged by its text: the tree no longer knows anchors.
    pub(crate) fn holds_anchor(&self) -> bool {
        let source = self.key_origin.source();
        let line = source.line_index(self.key_origin.span().start);
        let line = source
            .text()
            .get(self.key_origin.span().end..source.line_start(line + 1))
            .unwrap_or_default();
        let block = self.node.origin.text();
        let anchored = |text: &str| {
            text.split_whitespace()
                .any(|word| word.starts_with('&') && word.len() > 1)
        };
        anchored(line) || anchored(block)
    }

    /// The error for a key that nobody reads; it stands at the key.
    pub(crate) fn unknown_key(&self, key: &str) -> Diagnostic {
        let parent = self.path.parent().unwrap_or_default();
        Diagnostic::error(parent.before(&format!("unknown key {key:?}"))).at(&self.key_origin)
    }

    /// An error at this place.
    pub fn error(&self, message: impl AsRef<str>) -> Diagnostic {
        Diagnostic::error(self.path.before(message.as_ref())).at(self.origin())
    }

    /// A warning at this place.
    pub fn warning(&self, message: impl AsRef<str>) -> Diagnostic {
        Diagnostic::warning(self.path.before(message.as_ref())).at(self.origin())
    }

    /// A notice at this place.
    pub fn notice(&self, message: impl AsRef<str>) -> Diagnostic {
        Diagnostic::notice(self.path.before(message.as_ref())).at(self.origin())
    }

    fn below(&self, step: &str, node: &Arc<Node>, key_origin: &Origin) -> Self {
        Self {
            node: Arc::clone(node),
            key_origin: key_origin.clone(),
            path: self.path.child(step),
            ledger: Arc::clone(&self.ledger),
        }
    }
}
