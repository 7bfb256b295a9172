//! What a span begins with.

use super::child::{FLAGS_TAG, HEAD_LEN, tag};
use super::ids::{SpanId, TraceId};
use super::span_view::{ATTRIBUTE_TAG, SpanKind, SpanView, field};
use super::value::Text;
use super::wire::{FIXED64, Fields, LEN, VARINT, sized};

/// The fields that stand in front of a span's attributes, as every encoder writes them: in the order of their numbers;
/// or as [`Child`](super::Child) writes them, those of fixed length first.
///
/// For who reads many spans and wants little of each: known fields in a known order cost a few instructions where
/// [`SpanView::fields`] costs a hundred. What stands in another order is left to `rest`, so reading both is reading
/// the span.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opening<'a> {
    /// Id of the trace.
    pub trace_id: TraceId,
    /// Id of the span.
    pub span_id: SpanId,
    /// W3C `tracestate`.
    pub trace_state: Text<'a>,
    /// Id of the parent; none at the root.
    pub parent: Option<SpanId>,
    /// Name of the span.
    pub name: Text<'a>,
    /// Which side of a call this is.
    pub kind: SpanKind,
    /// Start, in nanoseconds since 1970.
    pub start: u64,
    /// End, in nanoseconds since 1970.
    pub end: u64,
    /// W3C trace flags in the low byte, and whether the parent is remote above them; 0 where they stand behind the
    /// attributes, as most encoders put them.
    pub flags: u32,
    rest: &'a [u8],
}

impl<'a> Opening<'a> {
    #[inline]
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self::of_child(body).unwrap_or_else(|| Self::in_order(body))
    }

    /// Of a span whose fields stand in the order of their numbers.
    #[inline(always)]
    pub(super) fn in_order(body: &'a [u8]) -> Self {
        let mut opening = Self {
            rest: body,
            ..Self::default()
        };
        if let Some(id) = opening.take_id(field::TRACE_ID) {
            opening.trace_id = TraceId(id);
        }
        if let Some(id) = opening.take_id(field::SPAN_ID) {
            opening.span_id = SpanId(id);
        }
        opening.take_trace_state();
        if let Some(id) = opening.take_id(field::PARENT_SPAN_ID) {
            opening.parent = Some(SpanId(id)).filter(|id| !id.is_zero());
        }
        opening.take_name();
        opening.take_kind();
        if let Some(time) = opening.take_time(field::START) {
            opening.start = time;
        }
        if let Some(time) = opening.take_time(field::END) {
            opening.end = time;
        }
        opening
    }

    /// Of a span that begins as a stage of ours makes them.
    #[inline]
    fn of_child(body: &'a [u8]) -> Option<Self> {
        let made = Made::of(body)?;
        let mut opening = Self {
            trace_id: made.trace_id,
            span_id: made.span_id,
            parent: made.parent,
            start: made.start,
            end: made.end,
            flags: made.flags,
            rest: made.rest,
            ..Self::default()
        };
        opening.take_trace_state();
        opening.take_kind();
        opening.take_name();
        Some(opening)
    }

    /// Everything that follows: attributes, events, links and status, and what stands in an unusual order. Two spans
    /// with the same bytes here say the same in them.
    #[inline]
    pub fn rest(&self) -> SpanView<'a> {
        SpanView::of(self.rest)
    }

    /// What stands behind the attributes that follow: events, links, status and flags, as a rule; and further attributes
    /// behind those.
    #[inline]
    pub fn behind_attributes(&self) -> &'a [u8] {
        let mut fields = Fields::of(self.rest);
        loop {
            fields.pass_short(ATTRIBUTE_TAG);
            if fields.step_over(ATTRIBUTE_TAG).is_none() {
                return fields.rest();
            }
        }
    }

    /// What stands behind the tag of the next field, if that is the one with this number and wire type.
    #[inline]
    fn behind_tag(&self, number: u32, wire: u32) -> Option<&'a [u8]> {
        let (tag, behind) = self.rest.split_first()?;
        (u32::from(*tag) == number << 3 | wire).then_some(behind)
    }

    #[inline]
    fn take_trace_state(&mut self) {
        if let Some(state) = self.take_text(field::TRACE_STATE) {
            self.trace_state = state;
        }
    }

    #[inline]
    fn take_name(&mut self) {
        if let Some(name) = self.take_text(field::NAME) {
            self.name = name;
        }
    }

    #[inline]
    fn take_kind(&mut self) {
        if let &[tag, kind @ 0..0x80, ref behind @ ..] = self.rest
            && u32::from(tag) == field::KIND << 3 | VARINT
        {
            self.kind = SpanKind::from_number(i32::from(kind));
            self.rest = behind;
        }
    }

    #[inline]
    fn take_id<const N: usize>(&mut self, number: u32) -> Option<[u8; N]> {
        let (length, behind) = self.behind_tag(number, LEN)?.split_first()?;
        let (id, behind) = behind.split_first_chunk().filter(|_| usize::from(*length) == N)?;
        self.rest = behind;
        Some(*id)
    }

    #[inline]
    fn take_text(&mut self, number: u32) -> Option<Text<'a>> {
        let (text, behind) = sized(self.behind_tag(number, LEN)?)?;
        self.rest = behind;
        Some(Text::of(text))
    }

    #[inline]
    fn take_time(&mut self, number: u32) -> Option<u64> {
        let (time, behind) = self.behind_tag(number, FIXED64)?.split_first_chunk()?;
        self.rest = behind;
        Some(u64::from_le_bytes(*time))
    }
}

/// A span that begins as a stage of ours makes them: with everything that is another in every span, in fixed places.
///
/// For who has read the rest before: spans with equal bytes there differ in nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// Id of the trace.
    pub trace_id: TraceId,
    /// Id of the span.
    pub span_id: SpanId,
    /// Id of the parent; none at the root.
    pub parent: Option<SpanId>,
    /// Start, in nanoseconds since 1970.
    pub start: u64,
    /// End, in nanoseconds since 1970.
    pub end: u64,
    /// W3C trace flags in the low byte, and whether the parent is remote above them.
    pub flags: u32,
    /// The fields behind all that: kind, name and attributes.
    pub rest: &'a [u8],
}

impl<'a> Made<'a> {
    /// One look at the length and one at each tag.
    #[inline(always)]
    pub(super) fn of(body: &'a [u8]) -> Option<Self> {
        let (head, rest) = body.split_first_chunk::<HEAD_LEN>()?;
        let (trace_id, head) = fixed(head, &[tag(field::TRACE_ID, LEN), 16])?;
        let (span_id, head) = fixed(head, &[tag(field::SPAN_ID, LEN), 8])?;
        let (parent, head) = fixed(head, &[tag(field::PARENT_SPAN_ID, LEN), 8])?;
        let (start, head) = fixed(head, &[tag(field::START, FIXED64)])?;
        let (end, head) = fixed(head, &[tag(field::END, FIXED64)])?;
        let (flags, _) = fixed(head, &FLAGS_TAG)?;
        Some(Self {
            trace_id: TraceId(*trace_id),
            span_id: SpanId(*span_id),
            parent: Some(SpanId(*parent)).filter(|id| !id.is_zero()),
            start: u64::from_le_bytes(*start),
            end: u64::from_le_bytes(*end),
            flags: u32::from_le_bytes(*flags),
            rest,
        })
    }
}

/// A field of fixed length that begins with these bytes; and what follows.
#[inline(always)]
fn fixed<'b, const N: usize>(bytes: &'b [u8], begin: &[u8]) -> Option<(&'b [u8; N], &'b [u8])> {
    bytes.strip_prefix(begin)?.split_first_chunk()
}
