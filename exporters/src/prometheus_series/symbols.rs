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
    /// Number of the batch; texts that it uses carry the number.
    batch: u32,
    /// Bytes of the texts that it uses.
    used_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Symbol {
    start: usize,
    end: usize,
    hash: u64,
    /// Another text with the same hash.
    next: Ref,
    /// The last batch that used it.
    batch: u32,
}

impl Symbols {
    /// The empty text alone. Symbols with the same `hashing` give a text the same hash.
    pub(crate) fn new(hashing: RandomState) -> Self {
        let mut symbols = Self {
            arena: String::new(),
            known: Vec::new(),
            index: HashMap::default(),
            hashing,
            batch: 0,
            used_bytes: 0,
        };
        symbols.intern("");
        symbols
    }

    /// Another batch begins, which has used no text yet.
    pub(super) fn begin(&mut self) {
        self.batch = self.batch.wrapping_add(1);
        self.used_bytes = 0;
    }

    /// Notes that the batch uses a text.
    pub(super) fn mark(&mut self, at: Ref) {
        if let Some(symbol) = self
            .known
            .get_mut(at as usize)
            .filter(|symbol| symbol.batch != self.batch)
        {
            symbol.batch = self.batch;
            self.used_bytes += symbol.end - symbol.start;
        }
    }

    /// Bytes of all texts.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Bytes of the texts that this batch uses.
    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// The number of a text, new or old.
    pub(crate) fn intern(&mut self, text: &str) -> Ref {
        let hash = self.hashing.hash_one(text);
        let first = self.index.get(&hash).copied().unwrap_or(NONE);
        let mut at = first;
        while let Some(symbol) = self.known.get(at as usize) {
            if self.arena.get(symbol.start..symbol.end) == Some(text) {
                self.mark(at);
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
            batch: self.batch,
        });
        self.used_bytes += text.len();
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
