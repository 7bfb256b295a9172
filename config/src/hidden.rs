//! Where secrets are written, and texts without them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::mask::{MASK, Masked};
use crate::node::Value;
use crate::sketch;
use crate::source::{Origin, Source};
use crate::userinfo;
use crate::yaml;

/// Shorter secrets are not looked for in messages: they would be found in every word, and nobody would be the wiser.
const LOOKED_FOR_BYTES_MIN: usize = 3;

/// What is known of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// Its type, its key or its own text says that it is a secret.
    Certain,
    /// The block around it makes it likely.
    Guarded,
    /// Its type says that it is none, which outweighs the block alone.
    Harmless,
}

/// Places of secrets, each once for each reason.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hidden {
    places: Vec<(Origin, Why)>,
    known: BTreeSet<(Key, Why)>,
}

/// A source as its address, which stays the same while the places hold it, and the bytes in it.
type Key = (usize, usize, usize);

fn key(place: &Origin) -> Key {
    let span = place.span();
    (Arc::as_ptr(place.source()) as usize, span.start, span.end)
}

impl Hidden {
    pub(crate) fn insert(&mut self, places: impl IntoIterator<Item = Origin>, why: Why) {
        for place in places {
            if self.known.insert((key(&place), why)) {
                self.places.push((place, why));
            }
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        for (place, why) in other.places {
            self.insert([place], why);
        }
    }

    /// What must not be shown of a source.
    fn of<'a>(&'a self, source: &'a Arc<Source>) -> impl Iterator<Item = &'a Origin> {
        let all = self
            .places
            .iter()
            .filter(|(place, _)| Arc::ptr_eq(place.source(), source));
        all.filter_map(|(place, why)| {
            let is_hidden = match why {
                Why::Certain => true,
                Why::Guarded => !self.known.contains(&(key(place), Why::Harmless)),
                Why::Harmless => false,
            };
            is_hidden.then_some(place)
        })
    }

    /// These lines of a source, which begin at `base`, without the secrets in them.
    pub(crate) fn lines(&self, lines: &str, base: usize, source: &Arc<Source>) -> Masked {
        let within = self.of(source).filter_map(|place| {
            let span = place.span();
            let (start, end) = (span.start.max(base), span.end.min(base + lines.len()));
            (start < end).then(|| start - base..end - base)
        });
        let mut secrets: Vec<Range<usize>> = within.collect();
        secrets.extend(userinfo::secrets(lines));
        let mut at = 0;
        for line in lines.split_inclusive('\n') {
            secrets.extend(sketch::comment(line).map(|range| at + range.start..at + range.end));
            at += line.len();
        }
        Masked::new(lines, secrets)
    }

    /// The same problem in words that show no secret.
    pub(crate) fn without_secrets(&self, diagnostic: &Diagnostic) -> Diagnostic {
        let words = |words: &String| self.words(diagnostic, words);
        let related = diagnostic.related.iter();
        Diagnostic {
            message: words(&diagnostic.message),
            help: diagnostic.help.as_ref().map(words),
            related: related.map(|(place, label)| (place.clone(), words(label))).collect(),
            ..diagnostic.clone()
        }
    }

    /// What a diagnostic says, without the secrets that stand on its line.
    fn words(&self, diagnostic: &Diagnostic, words: &str) -> String {
        let mut words = userinfo::without_secrets(words);
        let Some(origin) = &diagnostic.origin else { return words };
        let source = origin.source();
        let line = |at: usize| source.line_index(at);
        let (first, last) = (line(origin.span().start), line(origin.span().end));
        for place in self.of(source) {
            let span = place.span();
            let secret = &meant(place.text());
            let is_near = line(span.start) <= last && line(span.end) >= first;
            if is_near && secret.len() >= LOOKED_FOR_BYTES_MIN {
                words = words.replace(secret, MASK);
                // Most messages show texts in quotes, where some letters stand behind a backslash.
                words = words.replace(format!("{secret:?}").trim_matches('"'), MASK);
            }
        }
        words
    }
}

/// The text that messages show of what is written, which may have an anchor, a tag and quotes.
fn meant(written: &str) -> String {
    let mut value = written;
    while let Some((_, behind)) = value.split_once(' ').filter(|_| value.starts_with(['&', '!'])) {
        value = behind.trim_start();
    }
    let root = yaml::parse(&Source::new("", value, 0)).root;
    match root.as_deref().map(|node| &node.value) {
        Some(Value::Text(text)) => text.text.clone(),
        _ => value.trim_matches(['"', '\'']).to_owned(),
    }
}
