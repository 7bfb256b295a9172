//! The same message in another, equally legal encoding: shuffled, repeated, padded, with fields nobody knows.

use crate::payload::schema::{Kind, Message};
use crate::payload::wire::{FIXED32, FIXED64, Fields, LEN, VARINT, Wire, put_tag, put_varint};

/// A small generator of its own: proptest gives the seed, and shrinking the structure comes first.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// Encodes the message anew. Prost reads the same from it, except where a oneof was given a second member.
pub(super) fn weird(schema: &'static Message, body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut pieces = Vec::new();
    for field in Fields::of(body) {
        let kind = schema
            .fields
            .get(field.number as usize)
            .map_or(Kind::Unknown, |field| field.kind);
        let (Some(message), Wire::Bytes(inner)) = (kind.message(), field.value) else {
            pieces.push(field.raw.to_vec());
            continue;
        };
        let is_single = schema.fields[field.number as usize].clash & 1 << field.number != 0;
        if is_single && dice.one_in(4) {
            let (first, second) = halves(inner, dice);
            pieces.push(framed(field.number, &weird(message, first, dice), dice));
            pieces.push(framed(field.number, &weird(message, second, dice), dice));
        } else {
            pieces.push(framed(field.number, &weird(message, inner, dice), dice));
        }
    }
    if dice.one_in(6) {
        repeat_a_scalar(schema, &mut pieces, dice);
    }
    if dice.one_in(4) {
        let at = dice.roll(pieces.len() as u64 + 1) as usize;
        pieces.insert(at, unknown(dice));
    }
    if dice.one_in(4) && pieces.len() > 1 && schema.oneof == 0 {
        let (from, to) = (
            dice.roll(pieces.len() as u64) as usize,
            dice.roll(pieces.len() as u64) as usize,
        );
        let piece = pieces.remove(from);
        pieces.insert(to.min(pieces.len()), piece);
    }
    pieces.concat()
}

/// Cuts a message between two of its fields.
fn halves<'a>(body: &'a [u8], dice: &mut Dice) -> (&'a [u8], &'a [u8]) {
    let fields: Vec<_> = Fields::of(body).map(|field| field.raw.len()).collect();
    let front = dice.roll(fields.len() as u64 + 1) as usize;
    body.split_at(fields.iter().take(front).sum())
}

/// Puts an earlier value in front of a single number, which then does not count.
fn repeat_a_scalar(schema: &'static Message, pieces: &mut Vec<Vec<u8>>, dice: &mut Dice) {
    let number = dice.roll(schema.fields.len() as u64) as u32;
    let mut piece = Vec::new();
    match schema.fields[number as usize].kind {
        Kind::Varint => {
            put_tag(&mut piece, number, VARINT);
            put_varint(&mut piece, dice.roll(1 << 40));
        }
        Kind::Fixed64 => {
            put_tag(&mut piece, number, FIXED64);
            piece.extend_from_slice(&dice.roll(1 << 40).to_le_bytes());
        }
        Kind::Text => piece = framed(number, b"earlier", dice),
        Kind::Id(_) => piece = framed(number, &[1, 2, 3], dice),
        _ => return,
    }
    pieces.insert(0, piece);
}

fn framed(number: u32, body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = Vec::new();
    put_tag(&mut out, number, LEN);
    put_varint(&mut out, body.len() as u64);
    if dice.one_in(4) {
        // Longer than needed, and legal.
        *out.last_mut().unwrap() |= 0x80;
        out.push(0);
    }
    out.extend_from_slice(body);
    out
}

/// A field that no version of OTLP has.
pub(super) fn unknown(dice: &mut Dice) -> Vec<u8> {
    let number = 30 + dice.roll(200) as u32;
    let mut out = Vec::new();
    match dice.roll(4) {
        0 => {
            put_tag(&mut out, number, VARINT);
            put_varint(&mut out, dice.roll(u64::MAX));
        }
        1 => {
            put_tag(&mut out, number, FIXED64);
            out.extend_from_slice(&dice.roll(u64::MAX).to_le_bytes());
        }
        2 => {
            put_tag(&mut out, number, FIXED32);
            out.extend_from_slice(&7u32.to_le_bytes());
        }
        _ => out = framed(number, b"\xffopaque", dice),
    }
    out
}
