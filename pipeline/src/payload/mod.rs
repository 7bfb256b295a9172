//! Telemetry as the bytes that arrived: read through views, changed by splicing.
//!
//! A batch is its own OTLP protobuf. [`Traces::parse`] walks it once and refuses, mends or rejects; after that nothing
//! fails. Processors are [`SpanStage`]s or [`ItemStage`]s: they look through views and state [`Edit`]s, and one [`Walk`]
//! runs all stages of a pipeline and writes the outcome. A batch that nobody edits stays the same [`Bytes`].
//!
//! What a batch is worth, who waits for it and where it goes is not known here.

pub mod base64;
mod builder;
mod check;
mod child;
mod counts;
mod cut;
mod edit;
mod encoded;
mod error;
mod expected;
mod form;
mod ids;
mod item_view;
pub mod json;
mod limits;
pub mod metrics;
pub mod names;
mod normalise;
mod opening;
mod pass;
mod schema;
pub mod scrape;
mod signals;
mod span_view;
mod splice;
mod split;
mod stage;
#[cfg(test)]
mod tests;
mod utf8;
mod value;
mod view;
mod walk;
pub(crate) mod wire;

pub use builder::{Place, TracesBuilder};
pub use child::{Child, EmittedScope, Stamp};
pub use counts::{Released, StageCounts};
pub use edit::{AttributeEdit, Edit};
pub use encoded::{AttrValue, EncodedAttributes};
pub use error::ParseError;
pub use expected::ExpectedKey;
pub use form::Form;
pub use ids::{BadId, SpanId, TraceId};
pub use item_view::{ItemView, PointView, RecordView};
pub use limits::{Limits, Parsed, RejectReason, Rejected};
pub use metrics::Metrics;
pub use opening::{Made, Opening};
pub use signals::{Logs, Traces};
pub use span_view::{EventView, LinkView, SpanField, SpanFields, SpanKind, SpanView, StatusCode, StatusView};
pub use split::SplitLimit;
pub use stage::{BatchContext, ItemStage, SpanStage};
pub use value::{ArrayView, Attrs, Key, KvListView, RawAttrs, RawValue, Text, Value};
pub use view::{ResourceSpansView, ResourceView, Resources, ScopeSpansView, ScopeView};
pub use walk::{Walk, Walked};

use bytes::Bytes;
use config::Signal;

/// A batch of any signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Spans.
    Traces(Traces),
    /// Metrics.
    Metrics(Metrics),
    /// Logs.
    Logs(Logs),
}

impl Payload {
    /// Which signal it is.
    pub fn signal(&self) -> Signal {
        match self {
            Self::Traces(_) => Signal::Traces,
            Self::Metrics(_) => Signal::Metrics,
            Self::Logs(_) => Signal::Logs,
        }
    }

    /// Reads an export request of this signal.
    pub fn parse(signal: Signal, bytes: Bytes, limits: &Limits) -> Result<Parsed<Self>, ParseError> {
        Ok(match signal {
            Signal::Traces => Traces::parse(bytes, limits)?.map(Self::Traces),
            Signal::Metrics => Metrics::parse(bytes, limits)?.map(Self::Metrics),
            Signal::Logs => Logs::parse(bytes, limits)?.map(Self::Logs),
        })
    }

    /// The export request.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Traces(traces) => traces.bytes(),
            Self::Metrics(metrics) => metrics.bytes(),
            Self::Logs(logs) => logs.bytes(),
        }
    }

    /// About as many bytes as the export request has. Unlike [`bytes`](Self::bytes) it never makes one.
    pub fn size(&self) -> usize {
        match self {
            Self::Traces(traces) => traces.bytes().len(),
            Self::Metrics(metrics) => metrics.size(),
            Self::Logs(logs) => logs.bytes().len(),
        }
    }

    /// Bytes of memory that it takes, or will once somebody asks for its [`bytes`](Self::bytes).
    pub fn memory(&self) -> usize {
        match self {
            Self::Traces(_) | Self::Logs(_) => self.size(),
            Self::Metrics(metrics) => metrics.memory(),
        }
    }

    /// Spans, data points or log records in it.
    pub fn items(&self) -> u32 {
        match self {
            Self::Traces(traces) => traces.spans(),
            Self::Metrics(metrics) => metrics.points(),
            Self::Logs(logs) => logs.records(),
        }
    }

    /// Whether there is no item in it.
    pub fn is_empty(&self) -> bool {
        self.items() == 0
    }

    /// All of them in one; none if there is none, or if they are of several signals.
    pub fn concat(parts: &[Self]) -> Option<Self> {
        macro_rules! all {
            ($variant:ident, $signal:ty) => {{
                let same: Option<Vec<$signal>> = parts
                    .iter()
                    .map(|part| match part {
                        Self::$variant(payload) => Some(payload.clone()),
                        _ => None,
                    })
                    .collect();
                Some(Self::$variant(<$signal>::concat(&same?)))
            }};
        }
        match parts.first()? {
            Self::Traces(_) => all!(Traces, Traces),
            Self::Metrics(_) => all!(Metrics, Metrics),
            Self::Logs(_) => all!(Logs, Logs),
        }
    }

    /// Cuts into pieces within the limit, in order. An item that is too large alone stands alone.
    pub fn split(&self, max: SplitLimit) -> Vec<Self> {
        match self {
            Self::Traces(traces) => traces.split(max).into_iter().map(Self::Traces).collect(),
            Self::Metrics(metrics) => metrics.split(max).into_iter().map(Self::Metrics).collect(),
            Self::Logs(logs) => logs.split(max).into_iter().map(Self::Logs).collect(),
        }
    }
}
