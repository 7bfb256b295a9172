//! Which of several series on a page tells a further one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::Canonical;

/// The further series of one target and who may tell them. A page that carries the old and the new name of one thing
/// must not tell it twice, one that carries only the old name must tell it at all, and an alias must not stand beside a
/// series of that very name.
///
/// A series enters when it is first seen, and all are forgotten with the target's table. For every page,
/// [`begin`](Self::begin) comes first, then [`present`](Self::present) for every series on it, and [`wins`](Self::wins)
/// answers for the whole page: an array access each, because pages have thousands of series.
#[derive(Debug, Default)]
pub struct Claims {
    slots: HashMap<Identity, u32>,
    /// By slot: the best place on this page.
    best: Vec<Place>,
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
        let slot = *self.slots.entry(identity).or_insert_with(|| {
            self.best.push(NOBODY);
            u32::try_from(self.best.len() - 1).unwrap_or(u32::MAX)
        });
        self.entered = self.entered.wrapping_add(1);
        let number = self.entered;
        Claim {
            slot,
            place: Place { rank, number },
        }
    }

    /// A page begins.
    pub fn begin(&mut self) {
        self.best.fill(NOBODY);
    }

    /// A series is on the page.
    pub fn present(&mut self, claim: Claim) {
        if let Some(best) = self.best.get_mut(claim.slot as usize) {
            *best = (*best).min(claim.place);
        }
    }

    /// Whether it is this series that tells the further one, of those that are on the page.
    pub fn wins(&self, claim: Claim) -> bool {
        self.best.get(claim.slot as usize) == Some(&claim.place)
    }
}
