//! Attributes that are worked out once and then written onto resource after resource.

use pipeline::payload::{AttrValue, AttributeEdit, EncodedAttributes, RawAttrs, Value};

/// Attributes of one origin – a pod, this host – as they lie in a resource.
#[derive(Debug, Clone, Default)]
pub(crate) struct Enrichment {
    encoded: EncodedAttributes,
    keys: Vec<String>,
    /// A bit for each length that a key has, so that most keys of a resource are told apart without being compared.
    lengths: u64,
}

/// What becomes of an attribute that the resource has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Present {
    /// It stays, unless its value is empty.
    Stays,
    /// It is replaced.
    Goes,
}

impl Enrichment {
    /// Adds an attribute; of two with one key the first counts.
    pub(crate) fn add<'v>(&mut self, key: &str, value: impl Into<AttrValue<'v>>) {
        if !self.has(key.as_bytes()) {
            self.encoded.push(key, value);
            self.lengths |= bit(key.len());
            self.keys.push(key.to_owned());
        }
    }

    /// Adds those of another origin that are not there yet.
    pub(crate) fn add_all(&mut self, others: &Self) {
        for (key, value) in others.encoded.attrs().raw() {
            self.add(key.as_str(), value);
        }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Writes them onto a resource that has these attributes. One copy where none of the keys is there, which is the rule.
    pub(crate) fn write(&self, resource: RawAttrs<'_>, present: Present, edit: &mut AttributeEdit<'_>) {
        let mut attrs = resource;
        let is_new = !attrs.any(|(key, _)| self.has(key.as_bytes()));
        if is_new {
            edit.append(&self.encoded);
            return;
        }
        for (key, value) in self.encoded.attrs().raw() {
            let key = key.as_str();
            let stays = present == Present::Stays && resource.get(key).is_some_and(|there| !is_empty(there.read()));
            if !stays {
                edit.set_encoded(key, value);
            }
        }
    }

    #[inline]
    fn has(&self, key: &[u8]) -> bool {
        self.lengths & bit(key.len()) != 0 && self.keys.iter().any(|own| own.as_bytes() == key)
    }
}

#[inline]
fn bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// A sender that knows a key and no value writes it empty.
fn is_empty(value: Value<'_>) -> bool {
    match value {
        Value::Empty => true,
        Value::Str(text) => text.is_empty(),
        _ => false,
    }
}
