//! Phase spans that say what was read before.
//!
//! Whoever lays out phases writes the same few bytes behind the times of every span: its phase and its source. Those
//! are compared instead of read again.

use super::tally::PhaseKey;

/// Most pairs of a phase and a source that are remembered; one engine has five, and there are some engines.
const KNOWN_MAX: usize = 32;

/// Longer ends of spans say more than a phase, and so are hardly the same twice.
const BYTES_MAX: usize = 256;

/// Ends of phase spans, with what they say.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    known: Vec<(Box<[u8]>, PhaseKey)>,
    /// Phases come in the order of the request before, so this one is looked at first.
    next: usize,
}

impl Familiar {
    /// What a span says that ends in these bytes, if that was read before.
    #[inline(always)]
    pub(super) fn recall(&mut self, end: &[u8]) -> Option<PhaseKey> {
        if end.len() > BYTES_MAX {
            return None; // A request, as a rule.
        }
        let expected = self.known.get(self.next).filter(|(known, _)| **known == *end);
        let (at, key) = match expected {
            Some((_, key)) => (self.next, *key),
            None => self.search(end)?,
        };
        self.next = if at + 1 < self.known.len() { at + 1 } else { 0 };
        Some(key)
    }

    /// Remembers what a span says.
    pub(super) fn remember(&mut self, end: &[u8], key: PhaseKey) {
        let is_known = self.known.iter().any(|(known, _)| **known == *end);
        if !is_known && end.len() <= BYTES_MAX && self.known.len() < KNOWN_MAX {
            self.known.push((end.into(), key));
        }
    }

    fn search(&self, end: &[u8]) -> Option<(usize, PhaseKey)> {
        let at = self.known.iter().position(|(known, _)| **known == *end)?;
        self.known.get(at).map(|(_, key)| (at, *key))
    }
}
