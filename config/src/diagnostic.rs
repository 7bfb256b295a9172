//! Problems as users see them: what is wrong, where it was written, and what to write instead.

use std::fmt;

use crate::hidden::{Hidden, Why};
use crate::node::Node;
use crate::path::Path;
use crate::render;
use crate::secrecy::{self, Secrecy};
use crate::source::Origin;

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but hardly means what was meant.
    Warning,
    /// Something the user may want to know, such as a key without effect.
    Notice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        })
    }
}

/// One problem with its place and remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// Which of several rules it breaks, where a checker has rules with names.
    pub rule: Option<&'static str>,
    /// What is wrong, in one sentence that names the path.
    pub message: String,
    /// Where it was written; none for a problem of the whole, such as a file that cannot be read.
    pub origin: Option<Origin>,
    /// Other places that take part, each with what it has to do with this.
    pub related: Vec<(Origin, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without place and remedy yet.
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            rule: None,
            message: message.into(),
            origin: None,
            related: Vec::new(),
            help: None,
        }
    }

    /// An error, to be completed with [`Diagnostic::at`] and [`Diagnostic::help`].
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// A notice.
    pub fn notice(message: impl Into<String>) -> Self {
        Self::new(Severity::Notice, message)
    }

    /// Says where it was written.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Self {
        self.origin = Some(origin.clone());
        self
    }

    /// Says which rule it breaks.
    #[must_use]
    pub fn rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place that takes part.
    #[must_use]
    pub fn related(mut self, origin: &Origin, label: impl Into<String>) -> Self {
        self.related.push((origin.clone(), label.into()));
        self
    }
}

/// Problems that are kept. Nobody reads more, and each new one is compared with all before it.
const KEPT_MAX: usize = 1_000;

/// Everything that one run found.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    /// Where secrets are written; the source lines show stars there.
    hidden: Hidden,
}

impl Diagnostics {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. The same problem at the same place (an anchor used twice) is kept once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.found.contains(&diagnostic) {
            return;
        }
        if self.found.len() < KEPT_MAX {
            self.found.push(diagnostic);
            return;
        }
        // An error that is not kept must still forbid the start.
        let message = format!("more than {KEPT_MAX} problems found; the rest is not shown");
        let rest = Diagnostic::new(diagnostic.severity, message).help("correct the others first");
        if !self.found.contains(&rest) {
            self.found.push(rest);
        }
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in others {
            self.push(diagnostic);
        }
    }

    /// Adds everything of `other`, and keeps its secrets out of what is rendered; [`Diagnostics::extend`] takes the
    /// problems alone.
    pub fn append(&mut self, other: Self) {
        self.extend(other.found);
        self.hidden.extend(other.hidden);
    }

    /// Keeps the text at these places out of everything rendered, but for names of variables.
    pub(crate) fn hide(&mut self, places: &[Origin]) {
        self.hidden
            .insert(places.iter().flat_map(secrecy::hidden_parts), Why::Certain);
    }

    /// Lets the text at these places be seen again where nothing but the block around them spoke against it: their type has
    /// read them and calls them no secrets.
    pub(crate) fn show(&mut self, places: &[Origin]) {
        self.hidden
            .insert(places.iter().flat_map(secrecy::hidden_parts), Why::Harmless);
    }

    /// The same for everything at `path` that its key calls a secret.
    pub(crate) fn hide_secrets(&mut self, node: &Node, path: &Path) {
        let hidden = &mut self.hidden;
        let mut found = |path: &Path, node: &Node| {
            let is_likely = Secrecy::of(path) == Secrecy::Guarded && !Secrecy::Open.hides(&node.value);
            let why = if is_likely { Why::Guarded } else { Why::Certain };
            hidden.insert(secrecy::hidden_parts(&node.origin), why);
        };
        secrecy::walk(node, path, Secrecy::of(path), &mut found);
    }

    /// Whether anything found forbids starting.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Number of errors.
    pub fn errors(&self) -> usize {
        self.found
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .count()
    }

    /// Whether nothing was found, not even a notice.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many were found.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// All, ordered by source as read and by position; problems without a place come first.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.found.iter().collect();
        sorted.sort_by_key(|diagnostic| {
            let place = diagnostic.origin.as_ref().map(Origin::sort_key);
            (place.is_some(), place, diagnostic.severity)
        });
        sorted
    }

    /// All, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.found.iter()
    }

    /// As text for people: source lines with carets, and the remedy under each.
    pub fn render(&self, colour: bool) -> String {
        render::text(&self.sorted(), &self.hidden, colour)
    }

    /// One JSON object a line, for editors and continuous integration.
    pub fn json_lines(&self) -> String {
        render::json_lines(&self.sorted(), &self.hidden)
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            found: vec![diagnostic],
            hidden: Hidden::default(),
        }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        let mut diagnostics = Self::new();
        diagnostics.extend(iter);
        diagnostics
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}
