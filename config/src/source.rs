//! Where a value was written: a named text and a range of it.
//!
//! Every node of the configuration keeps its origin through merging, `--set` and `${…}`, so that a problem found
//! at the very end can still show the line that the user typed.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One text that took part in the configuration: a file, a `--set` argument, the value of an `env:` location.
pub struct Source {
    name: String,
    text: String,
    /// Byte offset at which each line begins; the first is always 0.
    line_starts: Vec<usize>,
    /// Order in which the sources were read, so that diagnostics come in the order of the command line.
    rank: usize,
}

impl Source {
    /// Remembers `text` under the name that messages will show.
    pub fn new(name: impl Into<String>, text: impl Into<String>, rank: usize) -> Arc<Self> {
        let text = text.into();
        let breaks = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(breaks).collect();
        Arc::new(Self {
            name: name.into(),
            text,
            line_starts,
            rank,
        })
    }

    /// The name that messages show, usually a file path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Index of the line that holds the byte `at`.
    pub(crate) fn line_index(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Byte offset of the beginning of line `index`, or of the end of the text behind the last line.
    pub(crate) fn line_start(&self, index: usize) -> usize {
        self.line_starts.get(index).copied().unwrap_or(self.text.len())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// The place of one key or value: a source and a byte range in it.
#[derive(Clone)]
pub struct Origin {
    source: Arc<Source>,
    span: Range<usize>,
}

impl Origin {
    /// The range is cut to the text and to character boundaries, so that rendering can slice without checks.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let start = boundary(source.text(), span.start);
        let end = boundary(source.text(), span.end).max(start);
        Self {
            source: Arc::clone(source),
            span: start..end,
        }
    }

    /// Name of the source, usually a file path.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// Line, counted from 1.
    pub fn line(&self) -> usize {
        self.source.line_index(self.span.start) + 1
    }

    /// Column in characters, counted from 1.
    pub fn column(&self) -> usize {
        let line_start = self.source.line_start(self.source.line_index(self.span.start));
        let before = self.source.text().get(line_start..self.span.start).unwrap_or_default();
        before.chars().count() + 1
    }

    /// Bytes of the source that this place covers.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The text as the user wrote it.
    pub fn text(&self) -> &str {
        self.source.text().get(self.span.clone()).unwrap_or_default()
    }

    /// The source that holds this place.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The part of this place that reads `needle`, or the whole place when the text was made rather than written.
    pub(crate) fn narrowed(&self, needle: &str) -> Self {
        match self.text().find(needle) {
            Some(at) => Self::new(&self.source, self.span.start + at..self.span.start + at + needle.len()),
            None => self.clone(),
        }
    }

    /// Orders by source as read, then by position.
    pub(crate) fn sort_key(&self) -> (usize, usize, usize) {
        (self.source.rank, self.span.start, self.span.end)
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.span == other.span
    }
}

impl Eq for Origin {}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file(), self.line(), self.column())
    }
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
