//! From protobuf to JSON, message by message, without decoding anything into objects.

use super::super::base64;
use super::hex;
use super::schema::{FIELDS_MAX, Field, Kind, Message, Presence};
use crate::payload::wire::{Field as WireField, Fields, Wire, varint};
use std::io::Write as _;

/// Appends a message as an object.
pub(super) fn message(schema: &'static Message, body: &[u8], out: &mut Vec<u8>) {
    let found = Found::scan(schema, body);
    let mut object = Separator::open(b'{');
    for (field, met) in schema.fields.iter().zip(&found.fields) {
        let Some(met) = met else {
            continue;
        };
        match (field.presence, field.kind) {
            (Presence::Repeated, _) => list(field, body, &mut object, out),
            (_, Kind::Message(inner)) => {
                object.key(field, out);
                if met.times == 1 {
                    message(inner, met.last.bytes(), out);
                } else {
                    message(inner, &merged(field, body, met), out);
                }
            }
            (presence, kind) => scalar(field, presence, kind, &met.last, &mut object, out),
        }
    }
    object.close(b'}', out);
}

/// The fields of a message by their place in the schema.
struct Found<'a> {
    fields: [Option<Met<'a>>; FIELDS_MAX],
}

#[derive(Debug, Clone, Copy)]
struct Met<'a> {
    last: WireField<'a>,
    times: u32,
    /// Where the first of them begins, counted from the end of the message.
    first_left: usize,
}

impl<'a> Found<'a> {
    fn scan(schema: &'static Message, body: &'a [u8]) -> Self {
        let mut fields = [None; FIELDS_MAX];
        let mut rest = Fields::of(body);
        let mut left = rest.left();
        while let Some(wire) = rest.next() {
            let first_left = std::mem::replace(&mut left, rest.left());
            let Some((place, field)) = schema.field_numbered(wire.number) else {
                continue;
            };
            if field.presence == Presence::Choice {
                forget_other_choices(schema, place, &mut fields);
            }
            if let Some(slot) = fields.get_mut(place) {
                let before = slot.unwrap_or(Met {
                    last: wire,
                    times: 0,
                    first_left,
                });
                *slot = Some(Met {
                    last: wire,
                    times: before.times + 1,
                    ..before
                });
            }
        }
        Self { fields }
    }
}

/// The last choice counts.
fn forget_other_choices(schema: &Message, chosen: usize, fields: &mut [Option<Met<'_>>; FIELDS_MAX]) {
    for (place, (field, met)) in schema.fields.iter().zip(fields).enumerate() {
        if field.presence == Presence::Choice && place != chosen {
            *met = None;
        }
    }
}

/// A message that was sent in pieces is their concatenation (protobuf encoding guide, "Last One Wins").
fn merged(field: &Field, body: &[u8], met: &Met<'_>) -> Vec<u8> {
    let from_first = body.get(body.len() - met.first_left..).unwrap_or_default();
    let mut whole = Vec::new();
    for piece in Fields::of(from_first) {
        if piece.number == field.number {
            whole.extend_from_slice(piece.bytes());
        }
    }
    whole
}

fn list(field: &Field, body: &[u8], object: &mut Separator, out: &mut Vec<u8>) {
    let begin = out.len();
    let before = *object;
    object.key(field, out);
    let mut array = Separator::open(b'[');
    for wire in Fields::of(body) {
        if wire.number != field.number {
            continue;
        }
        match (field.kind, wire.value) {
            (Kind::Message(inner), Wire::Bytes(bytes)) => {
                array.next(out);
                message(inner, bytes, out);
            }
            (Kind::Text, Wire::Bytes(bytes)) => {
                array.next(out);
                text(bytes, out);
            }
            (kind, Wire::Bytes(packed)) => packed_numbers(kind, packed, &mut array, out),
            (kind, value) => {
                array.next(out);
                number(kind, bits(value), out);
            }
        }
    }
    if array.is_empty() {
        // A list of numbers that was sent with none in it.
        out.truncate(begin);
        *object = before;
        return;
    }
    array.close(b']', out);
}

fn packed_numbers(kind: Kind, packed: &[u8], array: &mut Separator, out: &mut Vec<u8>) {
    if let Kind::Fixed64 | Kind::Double = kind {
        for word in packed.as_chunks::<8>().0 {
            array.next(out);
            number(kind, u64::from_le_bytes(*word), out);
        }
        return;
    }
    let mut rest = packed;
    while let Some(value) = varint(&mut rest) {
        array.next(out);
        number(kind, value, out);
    }
}

fn scalar(
    field: &Field,
    presence: Presence,
    kind: Kind,
    wire: &WireField<'_>,
    object: &mut Separator,
    out: &mut Vec<u8>,
) {
    let is_default = match wire.value {
        Wire::Bytes(bytes) => bytes.is_empty(),
        value => bits(value) == 0,
    };
    if is_default && presence == Presence::Implicit {
        return;
    }
    object.key(field, out);
    match kind {
        Kind::Text => text(wire.bytes(), out),
        Kind::Id | Kind::Bytes => {
            out.push(b'"');
            if let Kind::Id = kind {
                hex::encode(wire.bytes(), out);
            } else {
                base64::append(wire.bytes(), out);
            }
            out.push(b'"');
        }
        _ => number(kind, bits(wire.value), out),
    }
}

fn bits(value: Wire<'_>) -> u64 {
    match value {
        Wire::Varint(bits) | Wire::Fixed64(bits) => bits,
        Wire::Fixed32(bits) => bits.into(),
        Wire::Bytes(_) => 0,
    }
}

/// Appends a number. Protobuf reads the low half of what stands there when a field has 32 bits.
fn number(kind: Kind, bits: u64, out: &mut Vec<u8>) {
    // Writing into a vector cannot fail.
    let _ = match kind {
        Kind::Bool if bits == 0 => write!(out, "false"),
        Kind::Bool => write!(out, "true"),
        Kind::I32 | Kind::Enum(_) => write!(out, "{}", bits as i32),
        Kind::S32 => write!(out, "{}", (bits as u32 >> 1).cast_signed() ^ -(bits as i32 & 1)),
        Kind::U32 | Kind::Fixed32 => write!(out, "{}", bits as u32),
        Kind::I64 | Kind::Sfixed64 => write!(out, "\"{}\"", bits.cast_signed()),
        Kind::Double => return double(f64::from_bits(bits), out),
        _ => write!(out, "\"{bits}\""),
    };
}

/// Appends a double in the shortest form that reads back the same.
fn double(number: f64, out: &mut Vec<u8>) {
    let special: &[u8] = match number {
        _ if number.is_nan() => b"\"NaN\"",
        f64::INFINITY => b"\"Infinity\"",
        f64::NEG_INFINITY => b"\"-Infinity\"",
        _ => {
            // Debug, because Display writes 1e300 with all its zeros. Writing into a vector cannot fail.
            let _ = write!(out, "{number:?}");
            return;
        }
    };
    out.extend_from_slice(special);
}

/// Appends a text in quotes. What is not UTF-8 in it, which the parse of a payload never leaves, becomes U+FFFD.
fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        escape(chunk.valid().as_bytes(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

fn escape(mut rest: &[u8], out: &mut Vec<u8>) {
    while let Some(place) = rest
        .iter()
        .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        let (plain, special) = rest.split_at(place);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            return;
        };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                out.extend_from_slice(b"\\u00");
                hex::encode(&[control], out);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

/// What stands in front of the next member of an object or array: the opening, then commas.
#[derive(Debug, Clone, Copy)]
struct Separator {
    next: u8,
}

impl Separator {
    fn open(opening: u8) -> Self {
        Self { next: opening }
    }

    fn is_empty(self) -> bool {
        self.next != b','
    }

    fn next(&mut self, out: &mut Vec<u8>) {
        out.push(std::mem::replace(&mut self.next, b','));
    }

    /// Names in the schema need no escapes.
    fn key(&mut self, field: &Field, out: &mut Vec<u8>) {
        self.next(out);
        out.push(b'"');
        out.extend_from_slice(field.name.as_bytes());
        out.extend_from_slice(b"\":");
    }

    fn close(self, closing: u8, out: &mut Vec<u8>) {
        if self.is_empty() {
            out.push(self.next);
        }
        out.push(closing);
    }
}
