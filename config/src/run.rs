//! One decoding of a section: what earlier readings stumbled over, and what this one notes.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::path::Path;
use crate::source::Origin;

/// What one decoding run knows and learns.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Values that an earlier run stumbled over; this run reads as if they were absent.
    pub(crate) aside: HashMap<Path, Aside>,
    pub(crate) notes: RefCell<Notes>,
}

/// Why a value was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aside {
    /// A problem was reported for it.
    Reported,
    /// It is null, which means absent.
    Null,
}

#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) secrets: Vec<Path>,
    /// Where secrets are written.
    pub(crate) secret_origins: Vec<Origin>,
    /// Items of lists that were read as plain text, below a block about credentials that is none of its type's secrets.
    pub(crate) plain_origins: Vec<Origin>,
    pub(crate) texts: Vec<Path>,
    pub(crate) unread: Vec<Path>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// The way down to a value, as a chain on the stack; it becomes a [`Path`] only when somebody asks.
#[derive(Clone, Copy)]
pub(crate) enum Trail<'a> {
    Root(&'a Path),
    Key(&'a Trail<'a>, &'a str),
    Index(&'a Trail<'a>, usize),
}

impl Trail<'_> {
    pub(crate) fn path(&self) -> Path {
        match self {
            Self::Root(path) => (*path).clone(),
            Self::Key(parent, key) => parent.path().child(*key),
            Self::Index(parent, index) => parent.path().child(index.to_string()),
        }
    }
}

impl Run {
    /// Whether an earlier reading stumbled over this value.
    pub(crate) fn is_aside(&self, trail: &Trail<'_>) -> bool {
        !self.aside.is_empty() && self.aside.contains_key(&trail.path())
    }

    /// Whether a problem was reported for `path` itself.
    pub(crate) fn is_reported(&self, path: &Path) -> bool {
        self.aside.get(path) == Some(&Aside::Reported)
    }

    /// Whether something was set aside for a reason other than being null.
    pub(crate) fn failed(&self) -> bool {
        self.aside.values().any(|why| *why == Aside::Reported)
    }
}
