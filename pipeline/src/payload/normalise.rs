//! Mends odd but legal input, so that views meet one shape only.
//!
//! Legal protobuf may repeat a field that is there at most once (the last number counts, messages are merged), put a
//! resource behind its spans, and set two members of a oneof. No known SDK does so; a decoder accepts it, and so do we.
//! Texts with invalid UTF-8 are mended here, too: a decoder would refuse the whole request for one byte of one span.
//!
//! Unknown fields stay. What was in order is copied as it came.

use super::schema::{Kind, Message};
use super::wire::{Field, Fields, LEN, Wire, put_bytes, put_tag, put_varint};

/// The request with everything odd mended. The request has been checked.
pub(super) fn normalise(schema: &'static Message, request: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(request.len());
    write(schema, request, &mut out);
    out
}

/// Writes the body of a message; says whether it came out differently.
fn write(schema: &'static Message, body: &[u8], out: &mut Vec<u8>) -> bool {
    if is_odd(schema, body) {
        let merged = merge(schema, body);
        write_fields(schema, &merged, out);
        return true;
    }
    write_fields(schema, body, out)
}

fn write_fields(schema: &'static Message, body: &[u8], out: &mut Vec<u8>) -> bool {
    let mut changed = false;
    for field in Fields::of(body) {
        let kind = schema
            .fields
            .get(field.number as usize)
            .map_or(Kind::Unknown, |field| field.kind);
        if let (Some(message), Wire::Bytes(inner)) = (kind.message(), field.value) {
            changed |= write_message(message, &field, inner, out);
        } else if let (Kind::Text, false) = (kind, super::utf8::is_valid(field.bytes())) {
            put_bytes(out, field.number, String::from_utf8_lossy(field.bytes()).as_bytes());
            changed = true;
        } else {
            out.extend_from_slice(field.raw);
        }
    }
    changed
}

/// Writes tag, length and body; the length is corrected if the body changed.
fn write_message(message: &'static Message, field: &Field<'_>, inner: &[u8], out: &mut Vec<u8>) -> bool {
    let head_at = out.len();
    let head = field.raw.get(..field.raw.len() - inner.len()).unwrap_or_default();
    out.extend_from_slice(head);
    let body_at = out.len();
    let changed = write(message, inner, out);
    if changed {
        let mut head = Vec::with_capacity(16);
        put_tag(&mut head, field.number, LEN);
        put_varint(&mut head, (out.len() - body_at) as u64);
        out.splice(head_at..body_at, head);
    }
    changed
}

/// Whether a field stands where it must not, by the clashes of the schema; not looking into nested messages.
fn is_odd(schema: &Message, body: &[u8]) -> bool {
    let mut seen = 0u32;
    for field in Fields::of(body) {
        if let Some(known) = schema.fields.get(field.number as usize) {
            if seen & known.clash != 0 {
                return true;
            }
            seen |= 1 << field.number;
        }
    }
    false
}

/// Which of repeated fields count, by field number.
#[derive(Default)]
struct Occurrences {
    /// Index of the last field with this number.
    last: [usize; 32],
    /// The last member of the oneof: its number, and since which index no other member has come between.
    member: Option<(u32, usize)>,
}

impl Occurrences {
    fn of(schema: &Message, body: &[u8]) -> Self {
        let mut found = Self::default();
        for (index, field) in Fields::of(body).enumerate() {
            if let Some(last) = found.last.get_mut(field.number as usize) {
                *last = index;
            }
            let in_oneof = field.number < 32 && schema.oneof & 1 << field.number != 0;
            if in_oneof && found.member.is_none_or(|(number, _)| number != field.number) {
                found.member = Some((field.number, index));
            }
        }
        found
    }

    /// The index from which on fields with this number count.
    fn since(&self, schema: &Message, number: u32) -> usize {
        match self.member {
            Some((member, since)) if schema.oneof & 1 << number != 0 => {
                if member == number {
                    since
                } else {
                    usize::MAX
                }
            }
            _ => 0,
        }
    }
}

/// The same message with every single field once, in front what belongs there. Merging messages is appending their
/// bodies (protobuf encoding guide, "Last one wins").
fn merge(schema: &'static Message, body: &[u8]) -> Vec<u8> {
    let occurrences = Occurrences::of(schema, body);
    let mut out = Vec::with_capacity(body.len());
    if let Some(head) = head(schema) {
        put_merged(head, 0, body, &mut out);
    }
    for (index, field) in Fields::of(body).enumerate() {
        let Some(known) = schema.fields.get(field.number as usize) else {
            out.extend_from_slice(field.raw);
            continue;
        };
        let is_single = known.clash & 1 << field.number != 0;
        if !is_single {
            out.extend_from_slice(field.raw);
            continue;
        }
        let is_last = occurrences.last.get(field.number as usize) == Some(&index);
        let since = occurrences.since(schema, field.number);
        if head(schema) == Some(field.number) || !is_last || since > index {
            continue;
        }
        match known.kind.message() {
            Some(_) => put_merged(field.number, since, body, &mut out),
            None => out.extend_from_slice(field.raw),
        }
    }
    out
}

/// The field that has to stand in front: the one that clashes with another one which is not its alternative.
fn head(schema: &Message) -> Option<u32> {
    let first = schema.fields.get(1)?;
    (schema.holds_items && schema.oneof == 0 && first.clash > 1 << 1).then_some(1)
}

/// Writes all fields with this number, from index `since` on, as one; nothing if there is none.
fn put_merged(number: u32, since: usize, body: &[u8], out: &mut Vec<u8>) {
    let pieces = || {
        let fields = Fields::of(body).enumerate();
        fields
            .filter(move |(index, field)| field.number == number && *index >= since)
            .map(|(_, field)| field.bytes())
    };
    if pieces().next().is_none() {
        return;
    }
    put_tag(out, number, LEN);
    put_varint(out, pieces().map(<[u8]>::len).sum::<usize>() as u64);
    for piece in pieces() {
        out.extend_from_slice(piece);
    }
}
