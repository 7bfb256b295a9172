//! Spans about the program's own work: the hook, without an SDK behind it.

use std::time::{Duration, SystemTime};

/// Makes spans about the program's own work. Who calls it looks first whether there is one, which is all that own
/// spans cost where nobody asked for them.
pub trait OwnSpans: Send + Sync {
    /// Records a span that has ended, unless the sampler leaves it out. It must not wait, and must not go through a
    /// pipeline of this process: the export of a span would make the next one.
    fn record(&self, span: OwnSpan<'_>);
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub struct OwnSpan<'a> {
    /// Such as `exporter/otlp/traces`.
    pub name: String,
    /// When the work began.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What there is to say about it.
    pub attributes: Vec<(&'static str, SpanValue<'a>)>,
    /// Why it failed; none if it did not.
    pub error: Option<&'a str>,
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanValue<'a> {
    /// A word or a sentence.
    Text(&'a str),
    /// A count.
    Number(u64),
    /// Yes or no.
    Truth(bool),
}
