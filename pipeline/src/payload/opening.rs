//! What a span begins with.

use super::ids::{SpanId, TraceId};
use super::span_view::{SpanKind, SpanView, field};
use super::value::Text;
use super::wire::{FIXED64, LEN, VARINT, sized};

/// The fields that stand in front of a span's attributes, as every encoder writes them: in the order of their numbers.
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
    rest: &'a [u8],
}

impl<'a> Opening<'a> {
    #[inline]
    pub(super) fn of(body: &'a [u8]) -> Self {
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
        if let Some(state) = opening.take_text(field::TRACE_STATE) {
            opening.trace_state = state;
        }
        if let Some(id) = opening.take_id(field::PARENT_SPAN_ID) {
            opening.parent = Some(SpanId(id)).filter(|id| !id.is_zero());
        }
        if let Some(name) = opening.take_text(field::NAME) {
            opening.name = name;
        }
        if let &[tag, kind @ 0..0x80, ref behind @ ..] = opening.rest
            && u32::from(tag) == field::KIND << 3 | VARINT
        {
            opening.kind = SpanKind::from_number(i32::from(kind));
            opening.rest = behind;
        }
        if let Some(time) = opening.take_time(field::START) {
            opening.start = time;
        }
        if let Some(time) = opening.take_time(field::END) {
            opening.end = time;
        }
        opening
    }

    /// Everything that follows: attributes, events, links and status, and what stands in an unusual order. Two spans
    /// with the same bytes here say the same in them.
    #[inline]
    pub fn rest(&self) -> SpanView<'a> {
        SpanView::of(self.rest)
    }

    /// What stands behind the tag of the next field, if that is the one with this number and wire type.
    #[inline]
    fn behind_tag(&self, number: u32, wire: u32) -> Option<&'a [u8]> {
        let (tag, behind) = self.rest.split_first()?;
        (u32::from(*tag) == number << 3 | wire).then_some(behind)
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
