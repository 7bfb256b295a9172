//! Values that users write into the configuration, of whatever type.

use std::fmt;

use pipeline::payload::{EncodedAttributes, SpanView, Value};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value as YAML has it; its type is the type of the attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Null inside a list or map.
    Empty,
    /// Text.
    Str(String),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// Values in a row.
    List(Vec<Literal>),
    /// Values by key, in the order of the file.
    Map(Vec<(String, Literal)>),
}

/// Field numbers of `opentelemetry.proto.common.v1`, and the span's field that holds attributes.
mod field {
    pub(super) const STRING: u64 = 1;
    pub(super) const BOOL: u64 = 2;
    pub(super) const INT: u64 = 3;
    pub(super) const DOUBLE: u64 = 4;
    pub(super) const ARRAY: u64 = 5;
    pub(super) const KVLIST: u64 = 6;
    /// The items of an array and of a list of key-values.
    pub(super) const VALUES: u64 = 1;
    pub(super) const KEY: u64 = 1;
    pub(super) const VALUE: u64 = 2;
    pub(super) const SPAN_ATTRIBUTES: u64 = 9;
}

impl Literal {
    /// One attribute, ready to be copied.
    pub fn encode(&self, key: &str) -> EncodedAttributes {
        // The payload's encoder knows no nested values, but copies what lies in a span; so this makes one around it.
        let mut attribute = Vec::new();
        put(&mut attribute, field::VALUE, &self.any_value());
        let mut span = Vec::new();
        put(&mut span, field::SPAN_ATTRIBUTES, &attribute);
        let raw = SpanView::of(&span).raw_attrs().next().map(|(_, value)| value);
        EncodedAttributes::new().with(key, raw.unwrap_or_default())
    }

    /// Whether an attribute has this value and this type.
    pub fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Empty, Value::Empty) => true,
            (Self::Str(text), Value::Str(other)) => other == text.as_str(),
            (Self::Bool(one), Value::Bool(other)) => *one == other,
            (Self::Int(one), Value::Int(other)) => *one == other,
            (Self::Double(one), Value::Double(other)) => *one == other,
            (Self::List(items), Value::Array(array)) => {
                let mut values = array.values();
                items
                    .iter()
                    .all(|item| values.next().is_some_and(|value| item.is(value)))
                    && values.next().is_none()
            }
            (Self::Map(entries), Value::KvList(list)) => {
                list.entries().count() == entries.len()
                    && entries
                        .iter()
                        .all(|(key, item)| list.entries().get(key).is_some_and(|value| item.is(value)))
            }
            _ => false,
        }
    }

    /// The encoded `AnyValue`.
    fn any_value(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Empty => {}
            Self::Str(text) => put(&mut out, field::STRING, text.as_bytes()),
            Self::Bool(value) => put_number(&mut out, field::BOOL, u64::from(*value)),
            Self::Int(value) => put_number(&mut out, field::INT, *value as u64),
            Self::Double(value) => {
                put_varint(&mut out, field::DOUBLE << 3 | 1); // Wire type 1: eight bytes.
                out.extend_from_slice(&value.to_le_bytes());
            }
            Self::List(items) => {
                let mut array = Vec::new();
                for item in items {
                    put(&mut array, field::VALUES, &item.any_value());
                }
                put(&mut out, field::ARRAY, &array);
            }
            Self::Map(entries) => {
                let mut list = Vec::new();
                for (key, item) in entries {
                    let mut entry = Vec::new();
                    put(&mut entry, field::KEY, key.as_bytes());
                    put(&mut entry, field::VALUE, &item.any_value());
                    put(&mut list, field::VALUES, &entry);
                }
                put(&mut out, field::KVLIST, &list);
            }
        }
        out
    }
}

/// Wire type 2: a length and that many bytes.
fn put(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Wire type 0: a varint.
fn put_number(out: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(out, number << 3);
    put_varint(out, value);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LiteralVisitor)
    }
}

struct LiteralVisitor;

impl<'de> Visitor<'de> for LiteralVisitor {
    type Value = Literal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true or false, a list or a map")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Literal, E> {
        Ok(Literal::Empty)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Literal, E> {
        Ok(Literal::Str(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Literal, E> {
        Ok(Literal::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Literal, E> {
        Ok(Literal::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Literal, E> {
        let fits = i64::try_from(value).map(Literal::Int);
        fits.map_err(|_| E::custom(format!("attributes hold integers up to {}, found {value}", i64::MAX)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Literal, E> {
        Ok(Literal::Double(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Literal, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Literal::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Literal, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Literal::Map(entries))
    }
}
