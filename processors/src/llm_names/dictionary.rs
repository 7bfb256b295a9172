//! What keys of attributes mean, for who looks at every attribute of every span.

/// Every known key, found by its end and its length: the ends of these names differ, their beginnings do not. Most
/// attributes of a span are unknown and end at an empty place.
#[derive(Debug)]
pub(crate) struct Dictionary<M> {
    places: Box<[Option<Known<M>>; PLACES]>,
}

#[derive(Debug, Clone)]
struct Known<M> {
    tag: u64,
    key: Box<[u8]>,
    meaning: M,
}

/// Ten times as many as there are keys, so that hardly two of them meet; and a power of two.
const PLACES: usize = 512;

impl<M> Dictionary<M> {
    /// One without keys.
    pub(crate) fn new() -> Self {
        Self {
            places: Box::new([const { None }; PLACES]),
        }
    }

    /// What a key means; none for keys that say nothing here. Never inlined: a [script](super::Script) knows nearly every
    /// key, and the loop around it needs the registers.
    #[inline(never)]
    pub(crate) fn find(&self, key: &[u8]) -> Option<&M> {
        let tag = tag(key);
        let mut at = place(tag);
        // Ends at an empty place, of which there are more than keys.
        while let Some(known) = self.places.get(at)? {
            if known.tag == tag && *known.key == *key {
                return Some(&known.meaning);
            }
            at = (at + 1) % PLACES;
        }
        None
    }

    /// Adds a key.
    pub(crate) fn add(&mut self, key: &str, meaning: M) {
        let tag = tag(key.as_bytes());
        let from = place(tag);
        let free = (0..PLACES).map(|step| (from + step) % PLACES);
        let mut free = free.filter(|at| self.places.get(*at).is_some_and(Option::is_none));
        if let Some(place) = free.next().and_then(|at| self.places.get_mut(at)) {
            *place = Some(Known {
                tag,
                key: key.as_bytes().into(),
                meaning,
            });
        }
    }
}

/// The last eight bytes of a key with its length; short keys are a row of their own, which hardly any is.
#[inline]
fn tag(key: &[u8]) -> u64 {
    let end = key.last_chunk().map_or(0, |end| u64::from_le_bytes(*end));
    end ^ (key.len() as u64) << 56
}

/// Where to look for a tag first: the upper bits of a product depend on all of its bits (Knuth, multiplicative hashing).
#[inline]
fn place(tag: u64) -> usize {
    (tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES.trailing_zeros())) as usize
}
