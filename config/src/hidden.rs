//! Where secrets are written, and texts without them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::mask::{MASK, Masked};
use crate::source::{Origin, Source};
use crate::userinfo;

/// Shorter secrets are not looked for in messages: they would be found in every word, and nobody would be the wiser.
const LOOKED_FOR_BYTES_MIN: usize = 3;

/// Places of secrets, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hidden {
    places: Vec<Origin>,
    /// The sources as their addresses, which stay the same while the places hold them.
    known: BTreeSet<(usize, usize, usize)>,
}

impl Hidden {
    pub(crate) fn insert(&mut self, place: Origin) {
        let span = place.span();
        let source = Arc::as_ptr(place.source()) as usize;
        if self.known.insert((source, span.start, span.end)) {
            self.places.push(place);
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        for place in other.places {
            self.insert(place);
        }
    }

    /// These lines of a source, which begin at `base`, without the secrets in them.
    pub(crate) fn lines(&self, lines: &str, base: usize, source: &Arc<Source>) -> Masked {
        let of_source = self.places.iter().filter(|place| Arc::ptr_eq(place.source(), source));
        let within = of_source.filter_map(|place| {
            let span = place.span();
            let (start, end) = (span.start.max(base), span.end.min(base + lines.len()));
            (start < end).then(|| start - base..end - base)
        });
        let mut secrets: Vec<Range<usize>> = within.collect();
        secrets.extend(userinfo::secrets(lines));
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
        for place in self.places.iter().filter(|place| Arc::ptr_eq(place.source(), source)) {
            let span = place.span();
            let secret = place.text().trim_matches(['"', '\'']);
            let is_near = line(span.start) <= last && line(span.end) >= first;
            if is_near && secret.len() >= LOOKED_FOR_BYTES_MIN && words.contains(secret) {
                words = words.replace(secret, MASK);
            }
        }
        words
    }
}
