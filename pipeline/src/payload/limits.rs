//! What one request may contain, and what is said about the items that go beyond.

use std::fmt;

/// Values inside each other, `AnyValue` in `AnyValue`. JSON that a person wrote stays below ten.
pub(super) const DEPTH_MAX: u32 = 32;

/// Messages inside each other, counted from the request: protobuf runtimes refuse a request that goes deeper (prost and
/// upb at 100), so one that we passed on would never arrive. 32 values inside each other in a span stay below it.
pub(super) const MESSAGE_DEPTH_MAX: u32 = 100;

/// Spans of a request: a hundred full batches of an SDK (512 spans each), and the most that one answer is worth.
pub(super) const SPANS_MAX: u32 = 65_536;

/// Log records of a request, as many as spans.
pub(super) const LOG_RECORDS_MAX: u32 = 65_536;

/// Data points of a request: they are small and come by the page, so four times as many as spans.
pub(super) const DATA_POINTS_MAX: u32 = 262_144;

/// Attributes of an item, an event, a link or an exemplar: what every OpenTelemetry SDK stops at by default
/// (`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`).
pub(super) const ATTRIBUTES_MAX: u32 = 128;

/// Events of a span: the SDKs' default (`OTEL_SPAN_EVENT_COUNT_LIMIT`).
pub(super) const EVENTS_MAX: u32 = 128;

/// Links of a span: the SDKs' default (`OTEL_SPAN_LINK_COUNT_LIMIT`).
pub(super) const LINKS_MAX: u32 = 128;

/// What a request may cost a receiver that decodes it, besides eight times its length.
pub(super) const DECODED_BYTES: u64 = 16 * 1024 * 1024;

/// Decoded bytes that every byte on the wire may turn into. Ordinary spans take four.
pub(super) const DECODED_PER_WIRE: u64 = 8;

/// Limits of one request. Items beyond them are rejected alone; the rest of the request goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Values inside each other.
    pub depth: u32,
    /// Spans of a request.
    pub spans: u32,
    /// Log records of a request.
    pub log_records: u32,
    /// Metric data points of a request.
    pub data_points: u32,
    /// Attributes of one item, event, link or exemplar.
    pub attributes: u32,
    /// Events of a span.
    pub events: u32,
    /// Links of a span.
    pub links: u32,
    /// Decoded cost of a request beyond eight times its length. What counts is what a receiver with one object per item
    /// would have to hold, because that is who stands behind us.
    pub decoded_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: DEPTH_MAX,
            spans: SPANS_MAX,
            log_records: LOG_RECORDS_MAX,
            data_points: DATA_POINTS_MAX,
            attributes: ATTRIBUTES_MAX,
            events: EVENTS_MAX,
            links: LINKS_MAX,
            decoded_bytes: DECODED_BYTES,
        }
    }
}

/// A payload that was read, and what did not get into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// The good part.
    pub payload: T,
    /// The rest, for `partial_success`.
    pub rejected: Rejected,
}

impl<T> Parsed<T> {
    /// The same verdict about a payload of another type.
    pub fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Parsed<U> {
        Parsed {
            payload: wrap(self.payload),
            rejected: self.rejected,
        }
    }
}

/// What parse took out or mended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rejected {
    /// Items that are not in the payload.
    pub items: u32,
    /// Why the first of them is not.
    pub reason: Option<RejectReason>,
    /// Texts whose invalid UTF-8 was replaced by U+FFFD; their items are in the payload.
    pub repaired: u32,
    /// At most one entry per kind of reason: the limits are the same for all items of a request.
    by_reason: Vec<(RejectReason, u32)>,
}

impl Rejected {
    /// The items by the reason of each, beginning with the reason of the first.
    pub fn by_reason(&self) -> impl Iterator<Item = (RejectReason, u32)> {
        self.by_reason.iter().copied()
    }

    /// Counts one more item that is not in the payload.
    #[cold]
    pub(super) fn reject(&mut self, reason: RejectReason) {
        self.items = self.items.saturating_add(1);
        self.reason.get_or_insert(reason);
        match self.by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, items)) => *items = items.saturating_add(1),
            None => self.by_reason.push((reason, 1)),
        }
    }

    /// Whether everything came through as it was sent.
    pub fn is_nothing(&self) -> bool {
        self.items == 0 && self.repaired == 0
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Some(reason) if self.items == 1 => write!(formatter, "1 item rejected: {reason}")?,
            Some(reason) => write!(formatter, "{} items rejected; the first: {reason}", self.items)?,
            None => {}
        }
        if self.repaired > 0 {
            let separator = if self.items > 0 { "; " } else { "" };
            let texts = if self.repaired == 1 {
                "1 text".to_owned()
            } else {
                format!("{} texts", self.repaired)
            };
            write!(formatter, "{separator}{texts} held invalid UTF-8, replaced by U+FFFD")?;
        }
        Ok(())
    }
}

/// Why an item was rejected. Its text is what `partial_success.error_message` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RejectReason {
    /// OTLP: an id that is all zeros or of another length is invalid.
    #[error("the trace id is not 16 bytes that are not all zero")]
    TraceId,
    /// As above.
    #[error("the span id is not 8 bytes that are not all zero")]
    SpanId,
    /// As above, but none at all is allowed.
    #[error("the parent span id is neither empty nor 8 bytes")]
    ParentSpanId,
    /// An id in a link, a log record or an exemplar, of a length that decoders downstream refuse a whole request for.
    #[error("an id that it refers to has a wrong length; trace ids have 16 bytes, span ids 8")]
    LinkedId,
    /// See [`Limits::attributes`].
    #[error("more than {0} attributes")]
    Attributes(u32),
    /// See [`Limits::events`].
    #[error("more than {0} events")]
    Events(u32),
    /// See [`Limits::links`].
    #[error("more than {0} links")]
    Links(u32),
    /// See [`Limits::depth`].
    #[error("a value nests more than {0} values deep")]
    Depth(u32),
    /// See [`Limits::spans`].
    #[error("more than {0} items in one request; send smaller batches")]
    Items(u32),
    /// See [`Limits::decoded_bytes`].
    #[error("the request would take more than {0} bytes once decoded; send smaller batches")]
    DecodedBytes(u64),
}
