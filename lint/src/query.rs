//! A query as it stands in a file: its text, what it is for, and where each byte of it was written.

use std::ops::Range;
use std::sync::Arc;

use config::{Origin, Section, Source};

use crate::promql::{self, Binary, Dialect, Node, variable};

/// One PromQL expression of a file.
#[derive(Debug, Clone)]
pub struct Query {
    /// The name of the rule, or the title of the panel, with what it belongs to: `alert "QueueGrows"`.
    pub title: String,
    /// The expression as its reader gets it, with Grafana's variables still in it.
    pub expr: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The scalar in the file.
    origin: Origin,
}

/// What a query is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Fires when it gives anything.
    Alert {
        /// Its name.
        name: String,
        /// Whether it has `for` (or `keep_firing_for`).
        waits: bool,
    },
    /// Its result is stored under a name.
    Record {
        /// That name.
        name: String,
    },
    /// Is drawn.
    Panel {
        /// Grafana's name of the unit that the values are shown in.
        unit: Option<String>,
    },
    /// Fills a variable of a dashboard.
    Variable {
        /// The label whose values are listed.
        label: Option<String>,
    },
    /// Marks times on the panels of a dashboard.
    Annotation,
}

/// What a comment begins with that takes rules back for its expression.
const ALLOW: &str = "# lint-rules: allow ";

/// The operators that leave out series unless `bool` stands behind them.
const COMPARISONS: [&str; 6] = ["==", "!=", ">", "<", ">=", "<="];

/// Longest line of a file that a finding shows: longer ones `config` does not render. A dashboard of one line is shown
/// query by query.
const LINE_BYTES_MAX: usize = 10_000;

impl Query {
    pub(crate) fn new(title: String, expr: String, purpose: Purpose, section: &Section) -> Self {
        Self {
            title,
            expr,
            purpose,
            origin: section.origin().clone(),
        }
    }

    /// Who reads it.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.purpose {
            Purpose::Alert { .. } | Purpose::Record { .. } => Dialect::Prometheus,
            _ => Dialect::Grafana,
        }
    }

    /// The expression with every variable of Grafana replaced by what `value` says for its name.
    pub fn filled(&self, value: impl Fn(&str) -> String) -> String {
        filled(&self.expr, value)
    }

    /// The selectors in it, in order and filled likewise, without their ranges. None where it cannot be read.
    pub fn filled_selectors(&self, value: impl Fn(&str) -> String) -> Option<Vec<String>> {
        let expr = promql::parse(&self.expr, self.dialect()).ok()?;
        let written = expr.selectors().into_iter().map(|(selector, _)| selector.span.clone());
        written.map(|span| Some(filled(self.expr.get(span)?, &value))).collect()
    }

    /// The expression with comparisons that answer 0 or 1 for each series, where they leave out those for which they are
    /// wrong: an alert that does not fire has an answer then as well. None where it cannot be read.
    pub fn with_bool(&self) -> Option<String> {
        let expr = promql::parse(&self.expr, self.dialect()).ok()?;
        let mut places = Vec::new();
        expr.walk(&mut |part, _| {
            if let Node::Binary(Binary { op, left, right, .. }) = &part.node
                && COMPARISONS.contains(op)
            {
                places.push((left.span.end..right.span.start, *op));
            }
        });
        places.sort_by_key(|(between, _)| std::cmp::Reverse(between.start));
        let mut text = self.expr.clone();
        for (between, op) in places {
            let written = text.get(between.clone())?;
            if !written.contains("bool") {
                text.insert_str(between.start + written.find(op)? + op.len(), " bool");
            }
        }
        Some(text)
    }

    /// The rules that a comment in the expression takes back: `# lint-rules: allow not-exported`.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = &str> {
        let comments = self.expr.lines().filter_map(|line| line.trim().strip_prefix(ALLOW));
        comments.flat_map(|ids| ids.split(',').map(str::trim))
    }

    /// The file that it stands in.
    pub fn file(&self) -> &str {
        self.origin.file()
    }

    /// The line on which it begins, counted from 1.
    pub fn line(&self) -> usize {
        self.origin.line()
    }

    /// Where the bytes `span` of the expression were written.
    pub(crate) fn place(&self, span: &Range<usize>) -> Origin {
        let line = self.origin.source().text().lines().nth(self.origin.line() - 1);
        if line.is_some_and(|line| line.len() > LINE_BYTES_MAX) {
            let name = format!("{} ({})", self.origin.file(), self.title);
            return Origin::new(&Source::new(name, self.expr.as_str(), 0), span.clone());
        }
        self.written(span).unwrap_or_else(|| self.origin.clone())
    }

    /// The same in the file itself; none when the text cannot be found there again.
    fn written(&self, span: &Range<usize>) -> Option<Origin> {
        let source: &Arc<Source> = self.origin.source();
        let from = self.origin.span().start;
        let places = places(self.origin.text(), &self.expr);
        let start = places.get(span.start).copied().flatten()?;
        let last = span.end.checked_sub(1).filter(|last| *last >= span.start)?;
        let end = places.get(last).copied().flatten()? + 1;
        Some(Origin::new(source, from + start..from + end))
    }
}

fn filled(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = variable(rest).filter(|_| matches!(first, '$' | '[')) {
            let written = rest.get(..length).unwrap_or_default();
            let name = written.trim_matches(['$', '{', '}', '[', ']']);
            filled.push_str(&value(name.split(':').next().unwrap_or(name)));
            rest = rest.get(length..).unwrap_or_default();
        } else {
            filled.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    filled
}

/// For every byte of `value` where `written`, the same text with its quotes, escapes and indentation, has it.
///
/// Both are walked side by side; what stands in `written` alone is skipped. A byte that is not found has no place, and
/// neither has any behind it.
fn places(written: &str, value: &str) -> Vec<Option<usize>> {
    let mut places = Vec::with_capacity(value.len());
    let mut at = match written.as_bytes().first() {
        // The sign of a block, with its modifiers, says nothing that could be mistaken for the text behind it.
        Some(b'|' | b'>') => written.find('\n').unwrap_or(0),
        Some(b'"' | b'\'') => 1,
        _ => 0,
    };
    for character in value.chars() {
        let found = position(written, at, character);
        let width = character.len_utf8();
        for byte in 0..width {
            places.push(found.as_ref().map(|found| found.start + byte.min(found.len() - 1)));
        }
        match found {
            Some(found) => at = found.end,
            None => break,
        }
    }
    places.resize(value.len(), None);
    places
}

/// Where `character` is written at or behind `at`.
fn position(written: &str, at: usize, character: char) -> Option<Range<usize>> {
    let mut at = at;
    loop {
        let rest = written.get(at..)?;
        let first = rest.chars().next()?;
        if first == character || (first.is_whitespace() && character.is_whitespace()) {
            return Some(at..at + first.len_utf8());
        }
        if first == '\\' {
            let length = match rest.as_bytes().get(1)? {
                b'u' => 6,
                _ => 2,
            };
            let is_blank = matches!(rest.as_bytes().get(1)?, b'n' | b't' | b'r');
            let is_it = match rest.get(2..6).filter(|_| length == 6) {
                Some(digits) => u32::from_str_radix(digits, 16).ok() == Some(u32::from(character)),
                None => rest[1..].starts_with(character) || (is_blank && character.is_whitespace()),
            };
            return is_it.then_some(at..at + length);
        }
        // A doubled quote within single quotes is found by its first; indentation and line ends stand in the file alone.
        if !first.is_whitespace() && first != '\'' {
            return None;
        }
        at += first.len_utf8();
    }
}
