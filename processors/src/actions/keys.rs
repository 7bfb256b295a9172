//! The keys that a list of actions names.

/// Keys this long and longer share a bucket; attribute keys rarely reach it.
const LENGTH_MAX: usize = 63;

/// The keys that a list of actions names, each with the index of its slot.
#[derive(Debug)]
pub(super) struct Keys {
    keys: Vec<String>,
    /// Slots by the length of the key: most attributes of a span differ in length from all of them, and need no
    /// comparison.
    by_length: Vec<Vec<usize>>,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self {
            keys: Vec::new(),
            by_length: vec![Vec::new(); LENGTH_MAX + 1],
        }
    }

    /// The slot of a key, a new one if it has none.
    pub(super) fn slot(&mut self, key: &str) -> usize {
        if let Some(slot) = self.find(key.as_bytes()) {
            return slot;
        }
        let slot = self.keys.len();
        self.keys.push(key.to_owned());
        if let Some(bucket) = self.by_length.get_mut(key.len().min(LENGTH_MAX)) {
            bucket.push(slot);
        }
        slot
    }

    /// The slot of a key, if it is named.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let bucket = self.by_length.get(key.len().min(LENGTH_MAX))?;
        bucket
            .iter()
            .copied()
            .find(|slot| self.keys.get(*slot).is_some_and(|known| known.as_bytes() == key))
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }
}
