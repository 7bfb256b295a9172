//! Where spans like the one at hand were counted a moment ago.
//!
//! One scope of one batch has few kinds of spans, so the stream of most is found without making a key and hashing it.

use super::sketch::Likeness;

/// Most kinds of spans that are remembered. A request to a service makes a handful; looking through more of them costs
/// as much as it saves.
const KNOWN_MAX: usize = 8;

/// Spans of one scope and batch, with the places of their streams.
#[derive(Debug, Default)]
pub(super) struct Lately<'a> {
    known: [Option<(Likeness<'a>, usize)>; KNOWN_MAX],
    /// Spans come in the order of those before, so this one is looked at first.
    next: usize,
    /// The one that has been known longest.
    oldest: usize,
}

impl<'a> Lately<'a> {
    /// The place of the stream of spans that are like this one.
    #[inline(always)]
    pub(super) fn recall(&mut self, likeness: &Likeness<'a>) -> Option<usize> {
        let (at, place) = match self.known.get(self.next) {
            Some(Some((known, place))) if known == likeness => (self.next, *place),
            _ => self.search(likeness)?,
        };
        let is_followed = matches!(self.known.get(at + 1), Some(Some(_)));
        self.next = if is_followed { at + 1 } else { 0 };
        Some(place)
    }

    /// Remembers the place of a stream.
    #[cold]
    pub(super) fn remember(&mut self, likeness: Likeness<'a>, place: usize) {
        if let Some(slot) = self.known.get_mut(self.oldest) {
            *slot = Some((likeness, place));
        }
        self.oldest = (self.oldest + 1) % KNOWN_MAX;
    }

    #[inline(never)]
    fn search(&self, likeness: &Likeness<'a>) -> Option<(usize, usize)> {
        let mut known = self.known.iter().map_while(Option::as_ref).enumerate();
        let found = known.find(|(_, (known, _))| known == likeness);
        found.map(|(at, (_, place))| (at, *place))
    }
}
