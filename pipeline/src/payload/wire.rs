//! The protobuf wire format: reading fields out of checked bytes, writing fields into a buffer.
//!
//! Reading never fails here: [`Check`](super::check) has refused everything malformed, and on bytes that were never
//! checked an iterator simply ends early. Nothing panics and nothing is copied.

/// The low three bits of a tag (protobuf encoding guide, "Message structure").
pub(crate) const VARINT: u32 = 0;
pub(crate) const FIXED64: u32 = 1;
pub(crate) const LEN: u32 = 2;
pub(crate) const GROUP_START: u32 = 3;
pub(crate) const GROUP_END: u32 = 4;
pub(crate) const FIXED32: u32 = 5;

/// 64 bits at seven bits a byte: no varint is longer, padded or not.
pub(crate) const VARINT_BYTES_MAX: usize = 10;

/// Room kept for a length that is not known yet: four bytes hold 28 bits, 256 MiB.
const PADDED_LENGTH_BYTES: usize = 4;

/// One field as it lies in the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Wire<'a>,
    /// Tag, length and value together, for copying the field as it came.
    pub(crate) raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// The payload of a length-delimited field; every other field is empty.
    #[inline]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        match self.value {
            Wire::Bytes(bytes) => bytes,
            _ => &[],
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The fields of one message, in the order in which they lie there. Ends for good at the first malformed one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    #[inline]
    pub(crate) fn of(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// How many bytes are still to be read; the position in a body is its length minus this.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// What is still to be read.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field with this number.
    #[inline]
    pub(crate) fn field(&mut self, number: u32) -> Option<Field<'a>> {
        self.find(|field| field.number == number)
    }

    /// The payload of the first field with this number; nothing without one.
    #[inline]
    pub(crate) fn payload(mut self, number: u32) -> &'a [u8] {
        self.field(number).map_or(&[], |field| field.bytes())
    }

    /// Steps over the next field if it begins with this tag of a length-delimited field; gives its payload.
    #[inline(always)]
    pub(crate) fn step_over(&mut self, tag: u8) -> Option<&'a [u8]> {
        let &[first, length, ref rest @ ..] = self.rest else {
            return None; // Nothing follows that would be a field with a length.
        };
        if first != tag {
            return None;
        }
        let (payload, rest) = if length < 0x80 {
            rest.split_at_checked(usize::from(length))?
        } else {
            sized(self.rest.get(1..)?)?
        };
        self.rest = rest;
        Some(payload)
    }

    /// Steps over all fields that follow with this tag of a length-delimited field, unread, as far as their lengths are
    /// one byte; [`step_over`](Self::step_over) takes the others.
    #[inline(always)]
    pub(crate) fn pass_short(&mut self, tag: u8) {
        while let &[first, length @ 0..0x80, ref behind @ ..] = self.rest
            && first == tag
            && let Some(behind) = behind.get(usize::from(length)..)
        {
            self.rest = behind;
        }
    }

    #[inline(always)]
    fn step(&mut self) -> Option<Field<'a>> {
        let before = self.rest;
        let (tag, rest) = read_varint(before)?;
        let tag = tag as u32;
        let (value, rest) = match tag & 7 {
            LEN => {
                let (bytes, rest) = sized(rest)?;
                (Wire::Bytes(bytes), rest)
            }
            VARINT => {
                let (value, rest) = read_varint(rest)?;
                (Wire::Varint(value), rest)
            }
            FIXED64 => {
                let (bytes, rest) = rest.split_first_chunk()?;
                (Wire::Fixed64(u64::from_le_bytes(*bytes)), rest)
            }
            FIXED32 => {
                let (bytes, rest) = rest.split_first_chunk()?;
                (Wire::Fixed32(u32::from_le_bytes(*bytes)), rest)
            }
            _ => return None,
        };
        self.rest = rest;
        let raw = before.get(..before.len() - rest.len()).unwrap_or_default();
        Some(Field {
            number: tag >> 3,
            value,
            raw,
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Field<'a>> {
        self.step()
    }
}

/// Reads one varint; gives it and what follows.
///
/// Tags, most lengths and small numbers are one byte, lengths of spans are two: these cases are inlined. Slices are
/// passed by value, so that they stay in registers.
#[inline(always)]
pub(crate) fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((u64::from(first), rest));
    }
    match rest.split_first() {
        Some((&second, rest)) if second < 0x80 => Some((u64::from(first & 0x7f) | u64::from(second) << 7, rest)),
        _ => long_varint(bytes),
    }
}

/// Reads one varint and moves past it; leaves `rest` alone when there is none.
pub(crate) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let (value, after) = read_varint(rest)?;
    *rest = after;
    Some(value)
}

/// Reads a length and as many bytes; gives them and what follows.
#[inline(always)]
pub(crate) fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = read_varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

#[cold]
fn long_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(VARINT_BYTES_MAX).enumerate() {
        // The tenth byte has room for the last of 64 bits only.
        if index == VARINT_BYTES_MAX - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some((value, bytes.get(index + 1..).unwrap_or_default()));
        }
    }
    None
}

/// Bytes that a varint takes when written without padding.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else if value < 1 << 14 {
        out.extend_from_slice(&[value as u8 | 0x80, (value >> 7) as u8]);
    } else {
        put_long_varint(out, value);
    }
}

fn put_long_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline(always)]
pub(crate) fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    put_varint(out, u64::from(number << 3 | wire_type));
}

#[inline]
pub(crate) fn put_uint(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, VARINT);
    put_varint(out, value);
}

#[inline]
pub(crate) fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, LEN);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A length that is written before it is known.
///
/// Padding a varint is legal ("non-canonical", read by prost, upb and the Go runtime alike) and saves moving the body
/// once it is complete.
#[derive(Debug, Clone, Copy)]
#[must_use = "an open length has to be closed, or the message is cut short"]
pub(crate) struct OpenLength {
    at: usize,
}

impl OpenLength {
    /// Writes the tag and leaves room for the length.
    pub(crate) fn begin(out: &mut Vec<u8>, number: u32) -> Self {
        put_tag(out, number, LEN);
        let at = out.len();
        out.extend_from_slice(&[0; PADDED_LENGTH_BYTES]);
        Self { at }
    }

    /// Follows a change of `by` bytes that was made in front of this length.
    pub(crate) fn shift(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by);
    }

    /// Everything written since `begin` is the body.
    pub(crate) fn close(self, out: &mut Vec<u8>) {
        let body_at = self.at + PADDED_LENGTH_BYTES;
        let length = out.len().saturating_sub(body_at) as u64;
        let padded = [
            (length & 0x7f) as u8 | 0x80,
            (length >> 7 & 0x7f) as u8 | 0x80,
            (length >> 14 & 0x7f) as u8 | 0x80,
            (length >> 21 & 0x7f) as u8,
        ];
        if length < 1 << 28 {
            if let Some(slot) = out.get_mut(self.at..body_at) {
                slot.copy_from_slice(&padded);
            }
            return;
        }
        // Beyond 256 MiB the length no longer fits the room, and the body moves once.
        let mut exact = Vec::with_capacity(VARINT_BYTES_MAX);
        put_varint(&mut exact, length);
        out.splice(self.at..body_at, exact);
    }
}
