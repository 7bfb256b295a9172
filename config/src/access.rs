//! Maps, lists and enums, one element at a time, each with its own place.

use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::de::{Reader, read};
use crate::fault::{Fault, Place};
use crate::node::{Entry, Map, Node, Text, Value};
use crate::parts::PartKeys;
use crate::resolve;
use crate::run::Trail;
use crate::source::Origin;

/// The entries of a map, for a struct or for a map type.
pub(crate) struct MapReader<'a> {
    parent: Reader<'a>,
    entries: std::slice::Iter<'a, Entry>,
    /// The keys of the struct; none for a map type, which takes any key.
    fields: Option<&'static [&'static str]>,
    value: Option<&'a Entry>,
}

impl<'a> MapReader<'a> {
    pub(crate) fn of_map(parent: &Reader<'a>, entries: &'a [Entry]) -> Self {
        Self {
            parent: *parent,
            entries: entries.iter(),
            fields: None,
            value: None,
        }
    }

    pub(crate) fn of_struct(parent: &Reader<'a>, entries: &'a [Entry], fields: &'static [&'static str]) -> Self {
        Self {
            parent: *parent,
            entries: entries.iter(),
            fields: Some(fields),
            value: None,
        }
    }

    /// Whether an earlier run stumbled over this entry, or another part takes it.
    fn skips(&self, entry: &Entry) -> bool {
        let foreign = self.parent.part.is_some() && self.fields.is_some_and(|fields| !fields.contains(&&*entry.key));
        foreign || self.parent.run.is_aside(&Trail::Key(self.parent.trail, &entry.key))
    }
}

impl MapAccess<'static> for MapReader<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'static>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        while let Some(entry) = self.entries.next() {
            if self.skips(entry) {
                continue;
            }
            let place = || Place {
                path: Trail::Key(self.parent.trail, &entry.key).path(),
                origin: entry.key_origin.clone(),
            };
            // Checked here and not left to `deny_unknown_fields`, so that no type can forget it.
            if let Some(fields) = self.fields
                && !fields.contains(&entry.key.as_str())
            {
                return Err(unknown_key(&entry.key, fields.iter().copied()).or_at(place));
            }
            let key = seed
                .deserialize(KeyReader { key: &entry.key })
                .map_err(|fault| fault.or_at(place))?;
            self.value = Some(entry);
            return Ok(Some(key));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(entry) = self.value.take() else {
            return Err(Fault::problem("a value was asked for before its key"));
        };
        let trail = Trail::Key(self.parent.trail, &entry.key);
        let reader = Reader {
            node: &entry.value,
            key_origin: &entry.key_origin,
            trail: &trail,
            run: self.parent.run,
            field: self.fields.is_some(),
            secrecy: self.parent.secrecy.below(&entry.key),
            part: None,
        };
        read(seed, reader)
    }
}

pub(crate) fn unknown_key<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> Fault {
    let known = known.map(str::to_owned).collect();
    Fault::new(crate::fault::Reason::UnknownKey {
        key: key.to_owned(),
        known,
    })
}

/// A key: text, or what the text means where a map has numbers for keys.
struct KeyReader<'a> {
    key: &'a str,
}

impl KeyReader<'_> {
    fn not_a_number(&self, expected: &str) -> Fault {
        let message = format!("expected {expected} as the key, found {:?}", self.key);
        Fault::with_help(message, format!("write {expected} before the colon"))
    }
}

impl Deserializer<'static> for KeyReader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.key)
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_i64<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        match resolve::integer(self.key).and_then(|value| i64::try_from(value).ok()) {
            Some(value) => visitor.visit_i64(value),
            None => Err(self.not_a_number("an integer")),
        }
    }

    fn deserialize_u64<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        match resolve::integer(self.key).and_then(|value| u64::try_from(value).ok()) {
            Some(value) => visitor.visit_u64(value),
            None => Err(self.not_a_number("a positive integer")),
        }
    }

    fn deserialize_u16<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_i32<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_enum<V: Visitor<'static>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(serde::de::value::StrDeserializer::new(self.key))
    }

    forward_to_deserialize_any! {
        <V: Visitor<'static>>
        bool i8 i16 i128 u8 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The items of a list.
pub(crate) struct ListReader<'a> {
    parent: Reader<'a>,
    items: std::iter::Enumerate<std::slice::Iter<'a, Arc<Node>>>,
}

impl<'a> ListReader<'a> {
    pub(crate) fn new(parent: &Reader<'a>, items: &'a [Arc<Node>]) -> Self {
        Self {
            parent: *parent,
            items: items.iter().enumerate(),
        }
    }
}

impl SeqAccess<'static> for ListReader<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'static>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        for (index, item) in self.items.by_ref() {
            let trail = Trail::Index(self.parent.trail, index);
            if self.parent.run.is_aside(&trail) {
                continue;
            }
            let reader = Reader {
                node: item,
                key_origin: &item.origin,
                trail: &trail,
                run: self.parent.run,
                field: false,
                secrecy: self.parent.secrecy,
                part: None,
            };
            return read(seed, reader).map(Some);
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The pieces of `a,b` where a list is wanted. Empty text is the empty list.
pub(crate) fn split(text: &str, origin: &Origin) -> Vec<Arc<Node>> {
    if text.is_empty() {
        return Vec::new();
    }
    let piece = |piece: &str| {
        let text = Text {
            text: piece.to_owned(),
            plain: false,
        };
        Node::new(Value::Text(text), origin.narrowed(piece))
    };
    text.split(',').map(piece).collect()
}

/// `{variant: content}`.
pub(crate) struct EnumReader<'a> {
    parent: Reader<'a>,
    map: &'a Map,
}

impl<'a> EnumReader<'a> {
    /// `map` has exactly one entry.
    pub(crate) fn new(parent: &Reader<'a>, map: &'a Map) -> Self {
        Self { parent: *parent, map }
    }
}

impl<'a> EnumAccess<'static> for EnumReader<'a> {
    type Error = Fault;
    type Variant = VariantReader<'a>;

    fn variant_seed<V: DeserializeSeed<'static>>(self, seed: V) -> Result<(V::Value, VariantReader<'a>), Fault> {
        let Some(entry) = self.map.entries.first() else {
            return Err(Fault::problem("expected a map with one key"));
        };
        let place = || Place {
            path: Trail::Key(self.parent.trail, &entry.key).path(),
            origin: entry.key_origin.clone(),
        };
        let variant = seed
            .deserialize(KeyReader { key: &entry.key })
            .map_err(|fault| fault.or_at(place))?;
        Ok((
            variant,
            VariantReader {
                parent: self.parent,
                entry,
            },
        ))
    }
}

/// What stands behind the variant's name.
pub(crate) struct VariantReader<'a> {
    parent: Reader<'a>,
    entry: &'a Entry,
}

impl VariantReader<'_> {
    fn with<T>(&self, use_it: impl FnOnce(Reader<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let trail = Trail::Key(self.parent.trail, &self.entry.key);
        let reader = Reader {
            node: &self.entry.value,
            key_origin: &self.entry.key_origin,
            trail: &trail,
            run: self.parent.run,
            field: false,
            secrecy: self.parent.secrecy.below(&self.entry.key),
            part: None,
        };
        use_it(reader).map_err(|fault| fault.or_at(|| reader.place()))
    }
}

impl VariantAccess<'static> for VariantReader<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        self.with(|reader| serde::Deserialize::deserialize(reader))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'static>>(self, seed: T) -> Result<T::Value, Fault> {
        self.with(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'static>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.with(|reader| reader.deserialize_tuple(len, visitor))
    }

    fn struct_variant<V: Visitor<'static>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.with(|reader| reader.deserialize_struct("", fields, visitor))
    }
}

/// One map read by several types in turn; see [`mod@crate::parts`].
pub(crate) struct PartReader<'a> {
    reader: Reader<'a>,
}

impl<'a> PartReader<'a> {
    pub(crate) fn new(reader: Reader<'a>) -> Self {
        Self { reader }
    }

    /// The first key that none of the parts knows.
    fn unknown(&self, keys: &PartKeys) -> Option<Fault> {
        let Value::Map(map) = &self.reader.node.value else {
            return None;
        };
        for entry in &map.entries {
            let trail = Trail::Key(self.reader.trail, &entry.key);
            if keys.has(&entry.key) || self.reader.run.is_aside(&trail) {
                continue;
            }
            let place = Place {
                path: trail.path(),
                origin: entry.key_origin.clone(),
            };
            return Some(unknown_key(&entry.key, keys.sorted().into_iter()).or_at(|| place));
        }
        None
    }
}

impl Deserializer<'static> for PartReader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        let own = PartKeys::default();
        let keys = self.reader.part.unwrap_or(&own);
        let reader = Reader {
            part: Some(keys),
            ..self.reader
        };
        let value = visitor.visit_seq(PartsInTurn { reader })?;
        // Parts within a part are checked by the outermost, which alone knows all keys.
        match self.reader.part {
            None => self.unknown(keys).map_or(Ok(value), Err),
            Some(_) => Ok(value),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'static>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct PartsInTurn<'a> {
    reader: Reader<'a>,
}

impl SeqAccess<'static> for PartsInTurn<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'static>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        read(seed, self.reader).map(Some)
    }
}
