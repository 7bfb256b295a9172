//! Batches of traces and logs: each is its own OTLP bytes and the number of items in them. Metrics have a second form
//! and a file of their own.

use super::check::Check;
use super::cut::cut;
use super::error::ParseError;
use super::limits::{Limits, Parsed};
use super::normalise::normalise;
use super::schema::{self, Message};
use super::split::{self, SplitLimit};
use super::view::Resources;
use bytes::Bytes;

macro_rules! signal {
    ($(#[$doc:meta])* $name:ident, $count:ident, $count_doc:literal, $schema:path, $items_max:ident) => {
        $(#[$doc])*
        ///
        /// Cloning counts a reference; the bytes are shared.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name {
            bytes: Bytes,
            $count: u32,
        }

        impl $name {
            /// Reads an export request, the only place that can fail. Bytes that are in order stay the same `Bytes`.
            pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Parsed<Self>, ParseError> {
                let Parsed { payload: (bytes, $count), rejected } =
                    parse(&$schema, bytes, limits, limits.$items_max)?;
                Ok(Parsed { payload: Self { bytes, $count }, rejected })
            }

            /// The export request.
            pub fn bytes(&self) -> &Bytes {
                &self.bytes
            }

            #[doc = $count_doc]
            pub fn $count(&self) -> u32 {
                self.$count
            }

            /// Whether there is no item in it. Resources without items count as nothing.
            pub fn is_empty(&self) -> bool {
                self.$count == 0
            }

            /// All of them in one: appending serialized requests yields a request.
            pub fn concat(parts: &[Self]) -> Self {
                if let [only] = parts {
                    return only.clone();
                }
                let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.bytes.len()).sum());
                for part in parts {
                    bytes.extend_from_slice(&part.bytes);
                }
                let $count = parts.iter().fold(0, |sum: u32, part| sum.saturating_add(part.$count));
                Self { bytes: bytes.into(), $count }
            }

            /// Cuts into pieces within the limit, in order. An item that is too large alone stands alone.
            pub fn split(&self, max: SplitLimit) -> Vec<Self> {
                if max.admits(self.$count, self.bytes.len()) {
                    return vec![self.clone()];
                }
                split::split(&$schema, &self.bytes, max)
                    .into_iter()
                    .map(|(bytes, $count)| Self { bytes, $count })
                    .collect()
            }
        }
    };
}

signal!(
    /// Spans.
    Traces, spans, "Number of spans.", schema::TRACES, spans
);
signal!(
    /// Logs. They pass through as they came.
    Logs, records, "Number of log records.", schema::LOGS, log_records
);

impl Traces {
    /// Wraps bytes that this program made or has checked before.
    pub(super) fn trusted(bytes: Bytes, spans: u32) -> Self {
        Self { bytes, spans }
    }

    /// Looks into the batch.
    pub fn resources(&self) -> Resources<'_> {
        Resources::of(&self.bytes)
    }
}

/// Checks a request; mends and cuts it where that is needed.
pub(super) fn parse(
    schema: &'static Message,
    bytes: Bytes,
    limits: &Limits,
    items_max: u32,
) -> Result<Parsed<(Bytes, u32)>, ParseError> {
    let mut first = Check::new(&bytes, limits, items_max);
    first.frame(schema)?;
    if !first.odd && first.rejected.items == 0 {
        let (accepted, rejected) = (first.accepted, first.rejected);
        return Ok(Parsed {
            payload: (bytes, accepted),
            rejected,
        });
    }
    if !first.odd {
        return without_rejected(schema, &bytes, limits, items_max);
    }
    let repaired = first.rejected.repaired;
    let mended = Bytes::from(normalise(schema, &bytes));
    let mut parsed = judge_mended(schema, mended, limits, items_max)?;
    parsed.rejected.repaired = repaired;
    Ok(parsed)
}

fn judge_mended(
    schema: &'static Message,
    mended: Bytes,
    limits: &Limits,
    items_max: u32,
) -> Result<Parsed<(Bytes, u32)>, ParseError> {
    let mut check = Check::new(&mended, limits, items_max);
    check.frame(schema)?;
    debug_assert!(!check.odd, "mending leaves nothing odd");
    let (accepted, rejected) = (check.accepted, check.rejected);
    if rejected.items > 0 {
        return without_rejected(schema, &mended, limits, items_max);
    }
    Ok(Parsed {
        payload: (mended, accepted),
        rejected,
    })
}

fn without_rejected(
    schema: &'static Message,
    bytes: &Bytes,
    limits: &Limits,
    items_max: u32,
) -> Result<Parsed<(Bytes, u32)>, ParseError> {
    let mut check = Check::new(bytes, limits, items_max);
    let kept = cut(schema, bytes, &mut check)?;
    Ok(Parsed {
        payload: (Bytes::from(kept), check.accepted),
        rejected: check.rejected,
    })
}
