//! Attribute keys and values as they lie in the bytes.

use super::wire::{self, Field, Fields, Wire};
use std::fmt;

// Tags of the members of `AnyValue` that nearly every value is, and of the halves of a `KeyValue`.
pub(super) const STR: u8 = 1 << 3 | wire::LEN as u8;
pub(super) const BOOL: u8 = 2 << 3 | wire::VARINT as u8;
pub(super) const INT: u8 = 3 << 3 | wire::VARINT as u8;
pub(super) const DOUBLE: u8 = 4 << 3 | wire::FIXED64 as u8;
pub(super) const KEY_TAG: u8 = 1 << 3 | wire::LEN as u8;
pub(super) const VALUE_TAG: u8 = 2 << 3 | wire::LEN as u8;

/// Text inside a batch. Valid UTF-8 since [`Traces::parse`](super::Traces::parse).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<'a>(&'a [u8]);

/// The key of an attribute. Compare its bytes: that needs no look at UTF-8.
pub type Key<'a> = Text<'a>;

impl<'a> Text<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes as they came.
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The text. Looks at every byte again, because this crate has no unsafe code; prefer `as_bytes` in hot places.
    #[inline]
    pub fn as_str(self) -> &'a str {
        if self.0.is_empty() {
            return ""; // As most trace states are.
        }
        std::str::from_utf8(self.0).unwrap_or_default()
    }

    /// Whether there is no character.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), formatter)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A value without content, which OTLP allows.
    Empty,
    /// Text.
    Str(Text<'a>),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number; NaN and infinity are possible.
    Double(f64),
    /// Bytes without further meaning.
    Bytes(&'a [u8]),
    /// Values in a row.
    Array(ArrayView<'a>),
    /// Values by key.
    KvList(KvListView<'a>),
}

impl<'a> Value<'a> {
    /// The text of a text value.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The number of an integer value. A double is not converted: its fraction would be lost silently.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The number of a double or integer value.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Double(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The content of a boolean value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

/// A value that nobody has looked at yet: the bytes of one `AnyValue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RawValue<'a>(&'a [u8]);

impl<'a> RawValue<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The encoded value, for copying it elsewhere.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// A floating-point number that is encoded as usual; for who expects one and [reads](Self::read) what is none.
    #[inline(always)]
    pub fn plain_double(self) -> Option<f64> {
        match self.0 {
            [DOUBLE, bits @ ..] => bits.try_into().ok().map(f64::from_le_bytes),
            _ => None,
        }
    }

    /// A whole number from 0 to two million that is encoded as usual; a token count hardly ever is another.
    #[inline(always)]
    pub fn plain_int(self) -> Option<i64> {
        match *self.0 {
            [INT, a @ 0..0x80] => Some(i64::from(a)),
            [INT, a @ 0x80..=0xff, b @ 0..0x80] => Some(i64::from(a & 0x7f) | i64::from(b) << 7),
            [INT, a @ 0x80..=0xff, b @ 0x80..=0xff, c @ 0..0x80] => {
                Some(i64::from(a & 0x7f) | i64::from(b & 0x7f) << 7 | i64::from(c) << 14)
            }
            _ => None,
        }
    }

    /// A text of up to 127 bytes that is encoded as usual.
    #[inline(always)]
    pub fn plain_text(self) -> Option<Text<'a>> {
        match self.0 {
            [STR, length @ 0..0x80, text @ ..] if usize::from(*length) == text.len() => Some(Text(text)),
            _ => None,
        }
    }

    /// What the value is.
    #[inline]
    pub fn read(self) -> Value<'a> {
        // The first byte decides: parse has left one member only. What it does not know comes with a longer look.
        let Some((&tag, rest)) = self.0.split_first() else {
            return Value::Empty;
        };
        let value = match tag {
            STR => wire::sized(rest).map(|(text, _)| Value::Str(Text(text))),
            BOOL => wire::read_varint(rest).map(|(value, _)| Value::Bool(value != 0)),
            INT => wire::read_varint(rest).map(|(value, _)| Value::Int(value as i64)),
            DOUBLE => rest.first_chunk().map(|bits| Value::Double(f64::from_le_bytes(*bits))),
            _ => None,
        };
        value.unwrap_or_else(|| self.read_any())
    }

    #[cold]
    fn read_any(self) -> Value<'a> {
        for field in Fields::of(self.0) {
            let value = match (field.number, field.value) {
                (1, Wire::Bytes(bytes)) => Value::Str(Text(bytes)),
                (2, Wire::Varint(value)) => Value::Bool(value != 0),
                (3, Wire::Varint(value)) => Value::Int(value as i64),
                (4, Wire::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
                (5, Wire::Bytes(bytes)) => Value::Array(ArrayView(bytes)),
                (6, Wire::Bytes(bytes)) => Value::KvList(KvListView(bytes)),
                (7, Wire::Bytes(bytes)) => Value::Bytes(bytes),
                _ => continue,
            };
            return value;
        }
        Value::Empty
    }
}

/// The values of an array, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrayView<'a>(&'a [u8]);

impl<'a> ArrayView<'a> {
    /// The values, in order.
    pub fn values(self) -> impl Iterator<Item = Value<'a>> {
        Fields::of(self.0)
            .filter(|field| field.number == 1)
            .map(|field| RawValue(field.bytes()).read())
    }
}

/// The entries of a key-value list, in order; keys may repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvListView<'a>(&'a [u8]);

impl<'a> KvListView<'a> {
    /// The entries, in order.
    pub fn entries(self) -> Attrs<'a> {
        Attrs::of(self.0, 1)
    }
}

/// The attributes of one span, resource, scope, event or link, in order. Every look at them is one pass.
#[derive(Debug, Clone, Copy)]
pub struct Attrs<'a> {
    raw: RawAttrs<'a>,
}

impl<'a> Attrs<'a> {
    /// Attributes are the fields `number`, below 16, of the message `body`.
    #[inline]
    pub(crate) fn of(body: &'a [u8], number: u32) -> Self {
        Self {
            raw: RawAttrs {
                fields: Fields::of(body),
                tag: (number << 3 | wire::LEN) as u8,
            },
        }
    }

    /// The same attributes with their values unread, for a stage that wants few of many.
    #[inline]
    pub fn raw(self) -> RawAttrs<'a> {
        self.raw
    }

    /// The first value under this key.
    #[inline]
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        self.raw.get(key).map(RawValue::read)
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = (Key<'a>, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.raw.next()?;
        Some((key, value.read()))
    }
}

/// Attributes whose values are read on demand.
#[derive(Debug, Clone, Copy)]
pub struct RawAttrs<'a> {
    fields: Fields<'a>,
    /// Of the attribute field: one byte in every message.
    tag: u8,
}

impl<'a> RawAttrs<'a> {
    /// The first value under this key.
    #[inline]
    pub fn get(mut self, key: &str) -> Option<RawValue<'a>> {
        self.find(|(found, _)| found.as_bytes() == key.as_bytes())
            .map(|(_, value)| value)
    }
}

impl<'a> Iterator for RawAttrs<'a> {
    type Item = (Key<'a>, RawValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(pair) = self.fields.step_over(self.tag) {
                return Some(key_value(pair));
            }
            // Something else, or the tag in more bytes than it needs.
            let field = self.fields.next()?;
            if u32::from(self.tag) == field.number << 3 | wire::LEN {
                return Some(key_value(field.bytes()));
            }
        }
    }
}

/// Takes one `KeyValue` apart. Each half is there at most once, because parse has merged repeated ones.
#[inline(always)]
pub(crate) fn key_value(body: &[u8]) -> (Key<'_>, RawValue<'_>) {
    short_key_value(body).unwrap_or_else(|| any_key_value(body))
}

/// A short `KeyValue` as every encoder writes it: the key, then the value, then nothing. Its lengths are one byte each.
#[inline(always)]
fn short_key_value(body: &[u8]) -> Option<(Key<'_>, RawValue<'_>)> {
    let &[KEY_TAG, key_len, ref rest @ ..] = body else {
        return None;
    };
    if key_len >= 0x80 {
        return None;
    }
    let (key, rest) = rest.split_at_checked(usize::from(key_len))?;
    let &[VALUE_TAG, value_len, ref value @ ..] = rest else {
        return None;
    };
    (value_len < 0x80 && usize::from(value_len) == value.len()).then_some((Text(key), RawValue(value)))
}

#[inline(never)]
fn any_key_value(body: &[u8]) -> (Key<'_>, RawValue<'_>) {
    let mut key = Text::default();
    let mut value = RawValue::default();
    for Field {
        number, value: wire, ..
    } in Fields::of(body)
    {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => key = Text(bytes),
            (2, Wire::Bytes(bytes)) => value = RawValue(bytes),
            _ => {}
        }
    }
    (key, value)
}
