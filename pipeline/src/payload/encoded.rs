//! Attributes that are encoded once and copied many times.

use super::span_view::field::ATTRIBUTES;
use super::value::{Attrs, KEY_TAG, RawValue, Text, VALUE_TAG};
use super::wire::{self, LEN, VARINT_BYTES_MAX, put_bytes, put_tag, put_varint, varint_len};

/// A value to be written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AttrValue<'a> {
    /// Text.
    Str(&'a str),
    /// Text that was read elsewhere; its letters were checked there.
    Text(Text<'a>),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Bytes without further meaning.
    Bytes(&'a [u8]),
    /// Texts in a row.
    StrArray(&'a [&'a str]),
    /// A value that was read elsewhere, copied as it is.
    Raw(RawValue<'a>),
}

macro_rules! from {
    ($($source:ty => |$value:ident| $target:expr;)*) => {
        $(impl<'a> From<$source> for AttrValue<'a> {
            fn from($value: $source) -> Self {
                $target
            }
        })*
    };
}

from! {
    &'a str => |value| Self::Str(value);
    &'a String => |value| Self::Str(value);
    Text<'a> => |value| Self::Text(value);
    bool => |value| Self::Bool(value);
    i64 => |value| Self::Int(value);
    i32 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    f64 => |value| Self::Double(value);
    &'a [u8] => |value| Self::Bytes(value);
    &'a [&'a str] => |value| Self::StrArray(value);
    RawValue<'a> => |value| Self::Raw(value);
}

impl AttrValue<'_> {
    /// Length of the encoded `AnyValue`.
    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Str(text) => sized_len(text.len()),
            Self::Text(text) => sized_len(text.as_bytes().len()),
            Self::Bool(_) => 2,
            Self::Int(value) => 1 + varint_len(*value as u64),
            Self::Double(_) => 9,
            Self::Bytes(bytes) => sized_len(bytes.len()),
            Self::StrArray(texts) => sized_len(texts.iter().map(|text| sized_len(sized_len(text.len()))).sum()),
            Self::Raw(raw) => raw.bytes().len(),
        }
    }

    /// Writes the `AnyValue`, without tag and length of its own.
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Str(text) => put_bytes(out, 1, text.as_bytes()),
            Self::Text(text) => put_bytes(out, 1, text.as_bytes()),
            Self::Bool(value) => wire::put_uint(out, 2, u64::from(*value)),
            Self::Int(value) => wire::put_uint(out, 3, *value as u64),
            Self::Double(value) => wire::put_fixed64(out, 4, value.to_bits()),
            Self::Bytes(bytes) => put_bytes(out, 7, bytes),
            Self::StrArray(texts) => {
                put_tag(out, 5, LEN);
                put_varint(
                    out,
                    texts.iter().map(|text| sized_len(sized_len(text.len()))).sum::<usize>() as u64,
                );
                for text in *texts {
                    put_tag(out, 1, LEN);
                    put_varint(out, sized_len(text.len()) as u64);
                    put_bytes(out, 1, text.as_bytes());
                }
            }
            Self::Raw(raw) => out.extend_from_slice(raw.bytes()),
        }
    }
}

/// Length of a field of `length` bytes with its length and a tag of one byte, which every field number below 16 has.
#[inline]
pub(crate) fn sized_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

/// Writes one attribute as field `number`, below 16, of a message.
#[inline]
pub(crate) fn put_attribute(out: &mut Vec<u8>, number: u32, key: &str, value: &AttrValue<'_>) {
    let value_len = value.len();
    let pair_len = sized_len(key.len()) + sized_len(value_len);
    out.reserve(pair_len + 1 + VARINT_BYTES_MAX);
    if pair_len < 0x80 {
        // Every length is one byte.
        out.extend_from_slice(&[(number << 3 | LEN) as u8, pair_len as u8, KEY_TAG, key.len() as u8]);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&[VALUE_TAG, value_len as u8]);
    } else {
        put_tag(out, number, LEN);
        put_varint(out, pair_len as u64);
        put_bytes(out, 1, key.as_bytes());
        put_tag(out, 2, LEN);
        put_varint(out, value_len as u64);
    }
    value.write(out);
}

/// Attributes ready to be copied into spans, resources and scopes.
///
/// Context that many spans share (tenant, pod, GPU) is kept in this form, so that enriching a span is one copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedAttributes {
    /// `KeyValue`s, framed as the attribute field of a span because spans get them most often.
    framed: Vec<u8>,
}

impl EncodedAttributes {
    /// No attributes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one more. Keys are to be distinct; that is the caller's duty.
    #[must_use]
    pub fn with<'v>(mut self, key: &str, value: impl Into<AttrValue<'v>>) -> Self {
        self.push(key, value);
        self
    }

    /// Adds one more to attributes that are kept and filled again.
    pub fn push<'v>(&mut self, key: &str, value: impl Into<AttrValue<'v>>) {
        put_attribute(&mut self.framed, ATTRIBUTES, key, &value.into());
    }

    /// Forgets the attributes and keeps the room.
    pub fn clear(&mut self) {
        self.framed.clear();
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.framed.is_empty()
    }

    /// The attributes, in order.
    pub fn attrs(&self) -> Attrs<'_> {
        Attrs::of(&self.framed, ATTRIBUTES)
    }

    /// Adds all of another set. Keys are to be distinct; that is the caller's duty.
    #[inline]
    pub fn extend(&mut self, others: &Self) {
        self.append(others);
    }

    /// Adds all of another set and shows its copy.
    #[inline]
    pub(super) fn append(&mut self, others: &Self) -> &mut [u8] {
        let begin = self.framed.len();
        self.framed.extend_from_slice(&others.framed);
        self.framed.get_mut(begin..).unwrap_or_default()
    }

    /// Exchanges the attributes, as a span has them, for those that are there.
    #[inline]
    pub(super) fn swap_framed(&mut self, attributes: &mut Vec<u8>) {
        std::mem::swap(&mut self.framed, attributes);
    }

    /// The attributes as they are kept, for telling sets apart: equal bytes are equal attributes in the same order.
    #[inline]
    pub fn framed(&self) -> &[u8] {
        &self.framed
    }

    /// Size when copied into a span.
    pub fn bytes_len(&self) -> usize {
        self.framed.len()
    }

    /// Writes the attributes as field `number`.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>, number: u32) {
        if number == ATTRIBUTES {
            out.extend_from_slice(&self.framed);
            return;
        }
        for field in wire::Fields::of(&self.framed) {
            put_bytes(out, number, field.bytes());
        }
    }
}
