//! Which of several series on a page tells a further one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::Canonical;

/// The further series of one target and who may tell them. A page that carries the old and the new name of one thing
/// must not tell it twice, one that carries only the old name must tell it at all, and an alias must not stand beside a
/// series of that very name.
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
    /// How many claims there were, which numbers them.
    entered: u32,
    hashers: [RandomState; 2],
}

/// What makes two series the same: a hash of 128 bits of name and labels, so that they need not be kept.
type Identity = (u64, u64);

/// A series' claim to tell a further one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    slot: u32,
    place: Place,
}

/// The lower one tells: by rank, and of equal ranks who came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: u32,
    number: u32,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    identity: Identity,
    /// The best place on this page.
    best: Place,
    claims: u32,
}

const NOBODY: Place = Place {
    rank: u32::MAX,
    number: u32::MAX,
};

impl Claims {
    /// A series with this canonical one is seen for the first time.
    pub fn enter(&mut self, canonical: &Canonical) -> Claim {
        let labels = canonical.attributes.iter().map(|(name, value)| (&**name, &**value));
        self.claim(canonical.metric.name, labels, canonical.rank)
    }

    /// Where aliases are told, every series claims its own name, too: its labels come in the order of their names.
    pub fn enter_itself<'a>(&mut self, name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> Claim {
        self.claim(name, labels, 0)
    }

    /// The same for an alias, which stands back behind a series of that name.
    pub fn enter_alias<'a>(&mut self, alias: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> Claim {
        self.claim(alias, labels, 1)
    }

    fn claim<'a>(&mut self, name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>, rank: u32) -> Claim {
        let series = (name, labels.collect::<Vec<_>>());
        let [one, other] = self.hashers.each_ref().map(|hasher| hasher.hash_one(&series));
        let identity = (one, other);
        let slot = match self.slots.get(&identity) {
            Some(slot) => *slot,
            None => self.take_slot(identity),
        };
        if let Some(held) = self.held(slot) {
            held.claims += 1;
        }
        self.entered = self.entered.wrapping_add(1);
        let number = self.entered;
        Claim {
            slot,
            place: Place { rank, number },
        }
    }

    fn take_slot(&mut self, identity: Identity) -> u32 {
        let new = Held {
            identity,
            best: NOBODY,
            claims: 0,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.held.push(new);
            u32::try_from(self.held.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(held) = self.held(slot) {
            *held = new;
        }
        self.slots.insert(identity, slot);
        slot
    }

    /// A series is forgotten.
    pub fn leave(&mut self, claim: Claim) {
        let Some(held) = self.held(claim.slot) else { return };
        held.claims = held.claims.saturating_sub(1);
        if held.claims == 0 {
            let identity = held.identity;
            self.slots.remove(&identity);
            self.free.push(claim.slot);
        }
    }

    /// A page begins.
    pub fn begin(&mut self) {
        self.held.iter_mut().for_each(|held| held.best = NOBODY);
    }

    /// A series is on the page.
    pub fn present(&mut self, claim: Claim) {
        if let Some(held) = self.held(claim.slot) {
            held.best = held.best.min(claim.place);
        }
    }

    /// Whether it is this series that tells the further one, of those that are on the page.
    pub fn wins(&self, claim: Claim) -> bool {
        let held = usize::try_from(claim.slot).ok().and_then(|slot| self.held.get(slot));
        held.is_some_and(|held| held.best == claim.place)
    }

    fn held(&mut self, slot: u32) -> Option<&mut Held> {
        self.held.get_mut(usize::try_from(slot).ok()?)
    }
}
