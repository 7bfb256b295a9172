//! Sources: the resources whose spans are counted.

use std::hash::BuildHasher;
use std::time::Instant;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

/// A source whose key is larger than this is counted in the overflow: the limit of sources bounds memory only if a single
/// one cannot take much. Usual resources have some hundred bytes.
const KEY_BYTES_MAX: usize = 64 * 1024;

/// Where spans came from, and the streams that were counted for it.
#[derive(Debug)]
pub struct Source<T> {
    /// What makes it this source, such as its encoded resource attributes.
    key: Box<[u8]>,
    hash: u64,
    used: Instant,
    /// Whether anything came from it since the last flush.
    touched: bool,
    /// What the connector keeps for it.
    pub streams: T,
}

impl<T> Source<T> {
    /// When something came from it last.
    pub fn used(&self) -> Instant {
        self.used
    }

    /// Whether anything came from it since the last flush.
    pub fn is_touched(&self) -> bool {
        self.touched
    }
}

/// The sources that are known, up to a limit.
///
/// Beyond the limit, the one that has been idle longest leaves; where none has been idle since the last flush, what is
/// new is counted in one source more, the overflow. So no more than the limit are waiting to be told off as well.
#[derive(Debug)]
pub struct Sources<T> {
    /// Where each stands in `held`.
    known: HashTable<u32>,
    held: Vec<Source<T>>,
    overflow: Option<Box<Source<T>>>,
    /// Left since the last flush, with what they counted.
    leaving: Vec<Source<T>>,
    most: usize,
    /// All were used since the last flush, so looking for an idle one again is vain.
    all_busy: bool,
    hashing: RandomState,
}

impl<T> Sources<T> {
    /// No source yet, and never more than `most`, which is at least one; `hashing` is the same for all that are ever
    /// absorbed into each other.
    pub fn new(most: usize, hashing: RandomState) -> Self {
        Self {
            known: HashTable::new(),
            held: Vec::new(),
            overflow: None,
            leaving: Vec::new(),
            most: most.clamp(1, u32::MAX as usize),
            all_busy: false,
            hashing,
        }
    }

    /// The source with this key. `make` makes the streams of a new one, and hears whether it is the overflow, all of
    /// whose streams are to be one.
    pub fn source(&mut self, key: &[u8], now: Instant, make: impl Fn(bool) -> T) -> &mut Source<T> {
        let hash = self.hashing.hash_one(key);
        self.hashed((hash, key), now, make)
    }

    /// Sources, without the overflow.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is no source, not even the overflow.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.overflow.is_none()
    }

    /// All sources, the overflow last.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Source<T>> {
        self.held.iter_mut().chain(self.overflow.as_deref_mut())
    }

    /// Takes out the sources that `leaves` picks, and those that have left since this was asked for last. From now on,
    /// what is not used is idle.
    pub fn take_leaving(&mut self, leaves: impl Fn(&Source<T>) -> bool) -> Vec<Source<T>> {
        for at in (0..self.held.len()).rev() {
            if self.held.get(at).is_some_and(&leaves) {
                let left = self.take(at);
                self.leaving.push(left);
            }
        }
        self.leaving
            .extend(self.overflow.take_if(|it| leaves(it)).map(|left| *left));
        self.iter_mut().for_each(|source| source.touched = false);
        self.all_busy = false;
        std::mem::take(&mut self.leaving)
    }

    /// Takes over what came to another one since it was absorbed last, with `merge`. `make` makes the streams of what
    /// is new here like those over there, and hears whether it is the overflow. Sources to which nothing came in the
    /// meantime leave the other one.
    pub fn absorb(&mut self, other: &mut Self, make: impl Fn(&T, bool) -> T, mut merge: impl FnMut(&mut T, &mut T)) {
        drop(other.take_leaving(|source| !source.touched));
        for from in &mut other.held {
            let into = self.hashed((from.hash, &from.key), from.used, |is_overflow| {
                make(&from.streams, is_overflow)
            });
            merge(&mut into.streams, &mut from.streams);
        }
        if let Some(from) = &mut other.overflow {
            let into = Self::overflow(&mut self.overflow, from.used, |is_overflow| {
                make(&from.streams, is_overflow)
            });
            merge(&mut into.streams, &mut from.streams);
        }
    }

    fn hashed(&mut self, (hash, key): (u64, &[u8]), now: Instant, make: impl Fn(bool) -> T) -> &mut Source<T> {
        let held = &self.held;
        let same = |at: &u32| held.get(*at as usize).is_some_and(|it| *it.key == *key);
        let known = self.known.find(hash, same).map(|at| *at as usize);
        let at = known.or_else(|| {
            (key.len() <= KEY_BYTES_MAX && self.make_room()).then(|| {
                self.hold(Source {
                    key: key.into(),
                    hash,
                    used: now,
                    touched: true,
                    streams: make(false),
                })
            })
        });
        match at.and_then(|at| self.held.get_mut(at)) {
            Some(source) => {
                source.used = source.used.max(now);
                source.touched = true;
                source
            }
            None => Self::overflow(&mut self.overflow, now, make),
        }
    }

    fn overflow(place: &mut Option<Box<Source<T>>>, now: Instant, make: impl Fn(bool) -> T) -> &mut Source<T> {
        let source = place.get_or_insert_with(|| {
            Box::new(Source {
                key: Box::default(),
                hash: 0,
                used: now,
                touched: true,
                streams: make(true),
            })
        });
        source.used = source.used.max(now);
        source.touched = true;
        source
    }

    /// Whether there is room for one more, if need be after one has left.
    fn make_room(&mut self) -> bool {
        if self.held.len() < self.most {
            return true;
        }
        if self.all_busy {
            return false;
        }
        let idle = self.held.iter().enumerate().filter(|(_, source)| !source.touched);
        let Some((at, _)) = idle.min_by_key(|(_, source)| source.used) else {
            self.all_busy = true;
            return false;
        };
        let left = self.take(at);
        self.leaving.push(left);
        true
    }

    fn hold(&mut self, source: Source<T>) -> usize {
        let at = self.held.len();
        let hash = source.hash;
        self.held.push(source);
        let held = &self.held;
        let hash_of = |at: &u32| held.get(*at as usize).map_or(0, |it| it.hash);
        // `most` fits into 32 bits.
        self.known.insert_unique(hash, at as u32, hash_of);
        at
    }

    /// Takes the source at a place out; the last one moves there.
    fn take(&mut self, at: usize) -> Source<T> {
        let last = self.held.len() - 1;
        let source = self.held.swap_remove(at);
        if let Ok(entry) = self.known.find_entry(source.hash, |it| *it as usize == at) {
            entry.remove();
        }
        if let Some(moved) = self.held.get(at)
            && let Some(place) = self.known.find_mut(moved.hash, |it| *it as usize == last)
        {
            *place = at as u32;
        }
        source
    }
}
