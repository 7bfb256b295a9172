//! What becomes of one span.

use pipeline::payload::EncodedAttributes;

use super::phases::Segment;

/// What becomes of one span that waited for its trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Verdict {
    /// What the span gains.
    pub(super) attributes: EncodedAttributes,
    /// Why the span is dropped, when it is.
    pub(super) drop: Option<&'static str>,
    /// Spans made under it.
    pub(super) children: Vec<Made>,
}

/// A span to be made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    /// Its phase, times and source.
    pub(super) segment: Segment,
    /// What it says beyond that.
    pub(super) extra: EncodedAttributes,
}

impl Verdict {
    /// Whether the span leaves as it came.
    pub(super) fn is_nothing(&self) -> bool {
        self.attributes.is_empty() && self.drop.is_none() && self.children.is_empty()
    }

    /// Memory that it takes.
    pub(super) fn bytes_len(&self) -> usize {
        let made: usize = self
            .children
            .iter()
            .map(|made| size_of::<Made>() + made.extra.bytes_len())
            .sum();
        size_of::<Self>() + self.attributes.bytes_len() + made
    }
}
