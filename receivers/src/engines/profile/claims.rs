//! Which of several series on a page tells a canonical one.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Canonical;

/// What makes two canonical series the same.
type Identity = (&'static str, Vec<(Cow<'static, str>, String)>);

/// The canonical series of one target and who may tell them. A page that carries the old and the new name of one thing
/// must not tell it twice, and one that carries only the old name must tell it at all.
///
/// A series enters when it is first seen and leaves when it is forgotten. For every page, [`begin`](Self::begin) comes
/// first, then [`present`](Self::present) for every series on it, and [`wins`](Self::wins) answers for the whole page:
/// an array access each, because pages have thousands of series.
#[derive(Debug, Default)]
pub struct Claims {
    slots: HashMap<Identity, u32>,
    /// By slot.
    held: Vec<Held>,
    /// Slots that nobody claims any more.
    free: Vec<u32>,
}

/// A series' claim to tell a canonical one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    slot: u32,
    rank: u32,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    /// The best rank on this page.
    rank: u32,
    claims: u32,
}

const NOBODY: u32 = u32::MAX;

impl Claims {
    /// A series is seen for the first time.
    pub fn enter(&mut self, canonical: &Canonical) -> Claim {
        let identity = (canonical.metric.name, canonical.attributes.clone());
        let slot = match self.slots.get(&identity) {
            Some(slot) => *slot,
            None => {
                let slot = self.free.pop().unwrap_or_else(|| {
                    self.held.push(Held {
                        rank: NOBODY,
                        claims: 0,
                    });
                    u32::try_from(self.held.len() - 1).unwrap_or(NOBODY)
                });
                self.slots.insert(identity, slot);
                slot
            }
        };
        if let Some(held) = self.held(slot) {
            held.claims += 1;
        }
        Claim {
            slot,
            rank: canonical.rank,
        }
    }

    /// A series is forgotten.
    pub fn leave(&mut self, canonical: &Canonical, claim: Claim) {
        let Some(held) = self.held(claim.slot) else { return };
        held.claims = held.claims.saturating_sub(1);
        if held.claims == 0 {
            held.rank = NOBODY;
            self.slots
                .remove(&(canonical.metric.name, canonical.attributes.clone()));
            self.free.push(claim.slot);
        }
    }

    /// A page begins.
    pub fn begin(&mut self) {
        self.held.iter_mut().for_each(|held| held.rank = NOBODY);
    }

    /// A series is on the page.
    pub fn present(&mut self, claim: Claim) {
        if let Some(held) = self.held(claim.slot) {
            held.rank = held.rank.min(claim.rank);
        }
    }

    /// Whether it is this series that tells the canonical one, of those that are on the page.
    pub fn wins(&self, claim: Claim) -> bool {
        let held = usize::try_from(claim.slot).ok().and_then(|slot| self.held.get(slot));
        held.is_some_and(|held| held.rank == claim.rank)
    }

    fn held(&mut self, slot: u32) -> Option<&mut Held> {
        self.held.get_mut(usize::try_from(slot).ok()?)
    }
}
