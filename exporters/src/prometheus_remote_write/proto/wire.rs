//! Writing the protobuf wire format: the few shapes that remote write needs.

/// The low three bits of a tag (protobuf encoding guide, "Message structure").
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LEN: u32 = 2;

/// Bytes that a varint takes.
pub(super) fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_tag(out: &mut Vec<u8>, number: u32, kind: u32) {
    put_varint(out, u64::from(number << 3 | kind));
}

/// Tag and length of a field below 16 with bytes.
#[inline]
pub(super) fn put_tag_of(out: &mut Vec<u8>, number: u32, length: u64) {
    let tag = (number << 3 | LEN) as u8;
    if length < 0x80 {
        out.extend_from_slice(&[tag, length as u8]);
    } else {
        out.push(tag);
        put_varint(out, length);
    }
}

/// A number; the default is not written.
pub(super) fn put_uint(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        put_member_uint(out, number, value);
    }
}

/// A number that is a member of a `oneof`: written even where it is the default, because its presence says something.
pub(super) fn put_member_uint(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, VARINT);
    put_varint(out, value);
}

/// A signed number of type `int64`: ten bytes where it is negative.
pub(super) fn put_int(out: &mut Vec<u8>, number: u32, value: i64) {
    put_uint(out, number, value as u64);
}

/// A signed number of type `sint32`.
pub(super) fn put_sint(out: &mut Vec<u8>, number: u32, value: i32) {
    put_uint(out, number, zigzag(i64::from(value)));
}

/// A double; 0.0 is not written, -0.0 is.
pub(super) fn put_double(out: &mut Vec<u8>, number: u32, value: f64) {
    if value.to_bits() != 0 {
        put_tag(out, number, FIXED64);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

pub(super) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, LEN);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A text; the empty one is not written.
pub(super) fn put_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_bytes(out, number, text.as_bytes());
    }
}

/// Numbers in one field.
pub(super) fn put_packed(out: &mut Vec<u8>, number: u32, values: impl Iterator<Item = u64> + Clone) {
    let length: usize = values.clone().map(varint_len).sum();
    if length > 0 {
        put_tag(out, number, LEN);
        put_varint(out, length as u64);
        values.for_each(|value| put_varint(out, value));
    }
}

/// Doubles in one field.
pub(super) fn put_packed_doubles(out: &mut Vec<u8>, number: u32, values: &[f64]) {
    if !values.is_empty() {
        put_tag(out, number, LEN);
        put_varint(out, values.len() as u64 * 8);
        values
            .iter()
            .for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    }
}

/// A message in a field; `write` writes its fields.
pub(super) fn put_message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    put_tag(out, number, LEN);
    // Most lengths take one byte; for the others the message moves up.
    let start = out.len();
    out.push(0);
    write(out);
    let length = (out.len() - start - 1) as u64;
    match out.get_mut(start) {
        Some(place) if length < 0x80 => *place = length as u8,
        _ => {
            let mut encoded = Vec::with_capacity(varint_len(length));
            put_varint(&mut encoded, length);
            out.splice(start..=start, encoded);
        }
    }
}

/// Signed numbers so that small ones are short.
pub(super) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}
