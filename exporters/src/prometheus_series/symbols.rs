//! Texts of a batch, each kept once.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// The number of a text in its [`Symbols`].
pub(crate) type Ref = u32;

/// No text yet.
const NONE: Ref = Ref::MAX;

/// Texts, each kept once; the first is the empty one.
#[derive(Debug)]
pub(crate) struct Symbols {
    arena: String,
    known: Vec<Symbol>,
    /// By the hash of the text.
    index: HashMap<u64, Ref, BuildHasherDefault<AsItIs>>,
    hashing: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Symbol {
    start: usize,
    end: usize,
    hash: u64,
    /// Another text with the same hash.
    next: Ref,
}

impl Symbols {
    /// The empty text alone. Symbols with the same `hashing` give a text the same hash.
    pub(crate) fn new(hashing: RandomState) -> Self {
        let mut symbols = Self {
            arena: String::new(),
            known: Vec::new(),
            index: HashMap::default(),
            hashing,
        };
        symbols.intern("");
        symbols
    }

    /// The number of a text, new or old.
    pub(crate) fn intern(&mut self, text: &str) -> Ref {
        let hash = self.hashing.hash_one(text);
        let first = self.index.get(&hash).copied().unwrap_or(NONE);
        let mut at = first;
        while let Some(symbol) = self.known.get(at as usize) {
            if self.arena.get(symbol.start..symbol.end) == Some(text) {
                return at;
            }
            at = symbol.next;
        }
        let start = self.arena.len();
        self.arena.push_str(text);
        let new = self.known.len() as Ref;
        self.known.push(Symbol {
            start,
            end: self.arena.len(),
            hash,
            next: first,
        });
        self.index.insert(hash, new);
        new
    }

    /// The text of a number; empty for one that was never given.
    pub(crate) fn text(&self, at: Ref) -> &str {
        let symbol = self.known.get(at as usize);
        symbol
            .and_then(|symbol| self.arena.get(symbol.start..symbol.end))
            .unwrap_or_default()
    }

    /// The hash of a text, the same in every batch of this exporter.
    pub(crate) fn hash(&self, at: Ref) -> u64 {
        self.known.get(at as usize).map_or(0, |symbol| symbol.hash)
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

/// Keys that are hashes already.
#[derive(Debug, Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
