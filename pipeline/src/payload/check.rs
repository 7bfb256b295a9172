//! The one walk that can fail: wire structure, text, ids, limits. What it accepts, views read without failing.

use super::error::ParseError;
use super::limits::{DECODED_PER_WIRE, Limits, MESSAGE_DEPTH_MAX, RejectReason, Rejected};
use super::schema::{Counted, Kind, Message, PAIR_COST};
use super::utf8;
use super::value::{BOOL, DOUBLE, INT, KEY_TAG, STR, VALUE_TAG};
use super::wire::{FIXED32, FIXED64, GROUP_END, GROUP_START, LEN, VARINT, VARINT_BYTES_MAX, read_varint, sized};

/// What errors call it.
const NUMBER: &str = "a number of four or eight bytes";

/// How many messages and how many values we are inside of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depth {
    messages: u32,
    values: u32,
}

impl Depth {
    /// One message further in.
    pub(super) fn inside(self, message: &Message) -> Self {
        Self {
            messages: self.messages + 1,
            values: self.values + u32::from(message.value),
        }
    }
}

/// What a walk over one request has found so far.
pub(super) struct Check<'a> {
    /// The whole request; errors say where in it.
    frame: &'a [u8],
    limits: &'a Limits,
    items_max: u32,
    /// Decoded cost that the request may reach.
    budget: u64,
    /// Decoded cost so far, of what was accepted.
    cost: u64,
    /// The part of it that is items; the rest cannot be rejected alone.
    cost_of_items: u64,
    /// Why the item being walked is to be rejected.
    fault: Option<RejectReason>,
    in_item: bool,
    /// Whether something has to be rewritten before views may see it.
    pub(super) odd: bool,
    pub(super) accepted: u32,
    pub(super) rejected: Rejected,
}

impl<'a> Check<'a> {
    pub(super) fn new(frame: &'a [u8], limits: &'a Limits, items_max: u32) -> Self {
        Self {
            frame,
            limits,
            items_max,
            budget: limits
                .decoded_bytes
                .saturating_add((frame.len() as u64).saturating_mul(DECODED_PER_WIRE)),
            cost: 0,
            cost_of_items: 0,
            fault: None,
            in_item: false,
            odd: false,
            accepted: 0,
            rejected: Rejected::default(),
        }
    }

    /// Walks the whole request.
    pub(super) fn frame(&mut self, schema: &'static Message) -> Result<(), ParseError> {
        self.message(schema, self.frame, Depth::default())?;
        let shells = self.cost - self.cost_of_items;
        if shells > self.budget {
            return Err(ParseError::DecodedBytes {
                cost: shells,
                limit: self.budget,
            });
        }
        Ok(())
    }

    /// Charges a message that is entered field by field instead of through [`message`](Self::message).
    pub(super) fn enter(&mut self, schema: &Message) {
        self.cost = self.cost.saturating_add(schema.cost);
    }

    /// Walks one item and says whether it may stay.
    pub(super) fn item(&mut self, schema: &'static Message, body: &'a [u8], depth: Depth) -> Result<bool, ParseError> {
        let (cost_before, odd_before) = (self.cost, std::mem::take(&mut self.odd));
        self.fault = None;
        self.in_item = true;
        let walked = self.message(schema, body, depth);
        self.in_item = false;
        walked?;
        self.cost = self.cost.saturating_add(body.len() as u64);
        if self.accepted >= self.items_max {
            self.fault.get_or_insert(RejectReason::Items(self.items_max));
        }
        if self.cost > self.budget {
            self.fault.get_or_insert(RejectReason::DecodedBytes(self.budget));
        }
        // An odd item is judged when it has been mended and is walked again: of two ids, say, the last one counts.
        let odd_here = self.odd;
        self.odd |= odd_before;
        if let Some(reason) = self.fault.filter(|_| !odd_here) {
            self.rejected.reject(reason);
            self.cost = cost_before;
            return Ok(false);
        }
        self.accepted += 1;
        self.cost_of_items += self.cost - cost_before;
        Ok(true)
    }

    /// Walks one message and everything in it.
    pub(super) fn message(&mut self, schema: &'static Message, body: &'a [u8], depth: Depth) -> Result<(), ParseError> {
        self.enter(schema);
        self.check_depth(schema, body, depth)?;
        let mut rest = body;
        let mut seen = 0u32;
        let mut odd = false;
        let mut ids = 0u8;
        let mut counts = [0u32; 4];
        let mut plain_pairs = 0u32;
        while !rest.is_empty() {
            if let Some(after) = plain_pair(rest, schema.pair_tag) {
                plain_pairs += 1;
                rest = after;
                continue;
            }
            let start = rest;
            let (tag, after) = self.tag(start, schema)?;
            let number = tag >> 3;
            let Some(field) = schema.fields.get(number as usize) else {
                rest = self.unknown(start, tag, after, schema)?;
                continue;
            };
            odd |= seen & field.clash != 0;
            seen |= 1u32.wrapping_shl(number);
            if tag & 7 != LEN {
                rest = self.number(field.kind, start, tag, after, schema)?;
                continue;
            }
            let (inner, after) = self.sized(after, schema)?;
            rest = after;
            match field.kind {
                Kind::Text => self.text(inner),
                Kind::Id(id) if id.is_valid(inner) => ids |= id.bit(),
                Kind::Id(id) => self.reject(id.reason()),
                Kind::Message(message) => {
                    counts[field.counted as usize] += 1;
                    self.nested(message, inner, depth)?;
                }
                Kind::Bytes => {}
                Kind::Unknown if number != 0 => {}
                Kind::PackedVarint => self.packed_varints(inner, schema)?,
                Kind::PackedFixed64 => self.packed_fixed64(inner, schema)?,
                _ => return Err(self.wire_type(start, tag, schema)),
            }
        }
        self.odd |= odd;
        self.cost = self.cost.saturating_add(u64::from(plain_pairs) * PAIR_COST);
        counts[Counted::Attributes as usize] += plain_pairs;
        if schema.required_ids & !ids != 0 {
            self.missing_id(schema, ids);
        }
        self.check_counts(counts);
        Ok(())
    }

    fn nested(&mut self, message: &'static Message, body: &'a [u8], depth: Depth) -> Result<(), ParseError> {
        let depth = depth.inside(message);
        if message.item {
            return self.item(message, body, depth).map(|_| ());
        }
        self.message(message, body, depth)
    }

    fn check_depth(&mut self, schema: &Message, body: &[u8], depth: Depth) -> Result<(), ParseError> {
        if depth.messages > MESSAGE_DEPTH_MAX {
            return Err(ParseError::Depth {
                offset: self.offset(body),
                limit: MESSAGE_DEPTH_MAX,
            });
        }
        if schema.value && depth.values > self.limits.depth {
            if !self.in_item {
                return Err(ParseError::Depth {
                    offset: self.offset(body),
                    limit: self.limits.depth,
                });
            }
            self.reject(RejectReason::Depth(self.limits.depth));
        }
        Ok(())
    }

    #[inline]
    fn text(&mut self, text: &[u8]) {
        if !utf8::is_valid(text) {
            self.odd = true;
            self.rejected.repaired = self.rejected.repaired.saturating_add(1);
        }
    }

    /// Rejects the item at hand; outside of an item nothing comes of it.
    fn reject(&mut self, reason: RejectReason) {
        self.fault.get_or_insert(reason);
    }

    #[cold]
    fn missing_id(&mut self, schema: &Message, ids: u8) {
        let trace_is_missing = schema.required_ids & !ids & super::schema::Id::Trace.bit() != 0;
        self.reject(if trace_is_missing {
            RejectReason::TraceId
        } else {
            RejectReason::SpanId
        });
    }

    #[inline]
    fn check_counts(&mut self, counts: [u32; 4]) {
        let [_, attributes, events, links] = counts;
        if attributes > self.limits.attributes {
            self.reject(RejectReason::Attributes(self.limits.attributes));
        }
        if events > self.limits.events {
            self.reject(RejectReason::Events(self.limits.events));
        }
        if links > self.limits.links {
            self.reject(RejectReason::Links(self.limits.links));
        }
    }

    /// A field that is not length-delimited; gives what follows it.
    #[inline(always)]
    fn number(
        &self,
        kind: Kind,
        start: &[u8],
        tag: u32,
        rest: &'a [u8],
        schema: &Message,
    ) -> Result<&'a [u8], ParseError> {
        let skipped = match (tag & 7, kind) {
            (FIXED64, Kind::Fixed64 | Kind::PackedFixed64) => rest.get(8..),
            (VARINT, Kind::Varint | Kind::PackedVarint) => return Ok(self.varint(rest, schema)?.1),
            (FIXED32, Kind::Fixed32) => rest.get(4..),
            (_, Kind::Unknown) => return self.unknown(start, tag, rest, schema),
            _ => return Err(self.wire_type(start, tag, schema)),
        };
        skipped.ok_or_else(|| self.truncated(rest, schema, NUMBER))
    }

    fn packed_varints(&mut self, mut rest: &'a [u8], schema: &Message) -> Result<(), ParseError> {
        while !rest.is_empty() {
            rest = self.varint(rest, schema)?.1;
            self.cost = self.cost.saturating_add(8);
        }
        Ok(())
    }

    fn packed_fixed64(&self, rest: &[u8], schema: &Message) -> Result<(), ParseError> {
        if !rest.len().is_multiple_of(8) {
            return Err(self.truncated(rest, schema, "packed numbers of eight bytes each"));
        }
        Ok(())
    }

    #[inline(always)]
    fn tag(&self, bytes: &'a [u8], schema: &Message) -> Result<(u32, &'a [u8]), ParseError> {
        match bytes.split_first() {
            Some((&tag, rest)) if tag < 0x80 => Ok((u32::from(tag), rest)),
            _ => self.long_tag(bytes, schema),
        }
    }

    fn long_tag(&self, bytes: &'a [u8], schema: &Message) -> Result<(u32, &'a [u8]), ParseError> {
        let (tag, rest) = self.varint(bytes, schema)?;
        let tag = u32::try_from(tag).map_err(|_| ParseError::BadTag {
            offset: self.offset(bytes),
            tag,
        })?;
        Ok((tag, rest))
    }

    /// A field that is not in the table, or stands there for none.
    fn unknown(&self, start: &[u8], tag: u32, rest: &'a [u8], schema: &Message) -> Result<&'a [u8], ParseError> {
        let skipped = match tag & 7 {
            _ if tag >> 3 == 0 => return Err(self.wire_type(start, tag, schema)),
            VARINT => return Ok(self.varint(rest, schema)?.1),
            LEN => return Ok(self.sized(rest, schema)?.1),
            FIXED64 => rest.get(8..),
            FIXED32 => rest.get(4..),
            _ => return Err(self.wire_type(start, tag, schema)),
        };
        skipped.ok_or_else(|| self.truncated(rest, schema, NUMBER))
    }

    #[inline(always)]
    fn varint(&self, bytes: &'a [u8], schema: &Message) -> Result<(u64, &'a [u8]), ParseError> {
        read_varint(bytes).ok_or_else(|| self.bad_varint(bytes, schema))
    }

    #[inline(always)]
    fn sized(&self, bytes: &'a [u8], schema: &Message) -> Result<(&'a [u8], &'a [u8]), ParseError> {
        sized(bytes).ok_or_else(|| self.bad_length(bytes, schema))
    }

    #[cold]
    fn bad_length(&self, bytes: &[u8], schema: &Message) -> ParseError {
        match read_varint(bytes) {
            None => self.bad_varint(bytes, schema),
            Some((_, rest)) => self.truncated(rest, schema, "as many bytes as its length says"),
        }
    }

    #[cold]
    fn bad_varint(&self, rest: &[u8], schema: &Message) -> ParseError {
        if rest.len() < VARINT_BYTES_MAX && rest.iter().all(|byte| byte & 0x80 != 0) {
            return self.truncated(rest, schema, "a varint");
        }
        ParseError::Varint {
            offset: self.offset(rest),
        }
    }

    #[cold]
    fn truncated(&self, rest: &[u8], schema: &Message, expected: &'static str) -> ParseError {
        ParseError::Truncated {
            offset: self.offset(rest),
            message: schema.name,
            expected,
        }
    }

    /// What is wrong with a field whose wire type does not belong to it.
    #[cold]
    fn wire_type(&self, start: &[u8], tag: u32, schema: &Message) -> ParseError {
        if tag >> 3 == 0 || tag & 7 > FIXED32 {
            return ParseError::BadTag {
                offset: self.offset(start),
                tag: u64::from(tag),
            };
        }
        if let GROUP_START | GROUP_END = tag & 7 {
            return ParseError::Group {
                offset: self.offset(start),
                message: schema.name,
            };
        }
        let number = tag >> 3;
        let expected = match schema.fields.get(number as usize).map(|field| field.kind) {
            Some(Kind::Varint) => VARINT,
            Some(Kind::Fixed32) => FIXED32,
            Some(Kind::Fixed64) => FIXED64,
            _ => LEN,
        };
        let offset = self.offset(start);
        ParseError::WireType {
            offset,
            number,
            message: schema.name,
            expected,
            found: tag & 7,
        }
    }

    /// Where a piece of the request lies in it.
    fn offset(&self, piece: &[u8]) -> usize {
        (piece.as_ptr() as usize)
            .saturating_sub(self.frame.as_ptr() as usize)
            .min(self.frame.len())
    }
}

/// Steps over a short attribute in the shape in which every encoder writes the plain kinds of values: there is nothing
/// to find in it. Most of a request is such attributes, so this is the way that has to be short.
#[inline(always)]
fn plain_pair(bytes: &[u8], pair_tag: u16) -> Option<&[u8]> {
    let &[tag, length, KEY_TAG, key_len, ref rest @ ..] = bytes else {
        return None;
    };
    // Every length is one byte: a longer one would not fit into a pair whose own length is one byte.
    if u16::from(tag) != pair_tag || length >= 0x80 {
        return None;
    }
    let (pair, rest) = rest.split_at_checked(usize::from(length).checked_sub(2)?)?;
    let (key, value) = pair.split_at_checked(usize::from(key_len))?;
    let &[VALUE_TAG, value_len, kind, ref content @ ..] = value else {
        return None;
    };
    if usize::from(value_len) != content.len() + 1 {
        return None;
    }
    let is_plain = match kind {
        // Tags and short lengths are ASCII, too: one look at the pair is one at both texts.
        STR => {
            content
                .first()
                .is_some_and(|&length| usize::from(length) + 1 == content.len())
                && utf8::is_ascii(pair)
        }
        DOUBLE => content.len() == 8 && utf8::is_ascii(key),
        INT | BOOL => read_varint(content)?.1.is_empty() && utf8::is_ascii(key),
        _ => false,
    };
    is_plain.then_some(rest)
}
