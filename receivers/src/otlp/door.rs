//! The way of one request into the pipelines of its signal, the same for all protocols.

use std::sync::Arc;

use bytes::Bytes;
use config::Signal;
use net::codec::{self, Encoding};
use pipeline::lane::Outlet;
use pipeline::payload::json::{logs_from_json, metrics_from_json, traces_from_json};
use pipeline::payload::{Limits, Parsed, Payload, Rejected};
use pipeline::telemetry::Telemetry;
use pipeline::{Credit, Origin};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;
use tokio::time::{Instant, timeout_at};

use super::counts::ItemCounts;
use super::ferry::Ferry;
use super::refusal::{Cause, Refusal};

/// Bodies from this size take a millisecond or more to decompress and parse, which others should not wait for.
const LARGE_BODY_BYTES: usize = 512 * 1024;

/// How the message in a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

/// A body as it arrived, with the memory that it holds.
pub(super) struct Arrived {
    pub(super) body: Bytes,
    pub(super) encoding: Encoding,
    pub(super) format: Format,
    /// Bytes that the body may have after decompression.
    pub(super) bytes_max: usize,
    pub(super) credit: Credit,
}

/// The way into the pipelines of one signal, for one transport.
pub(super) struct Door {
    pub(super) signal: Signal,
    outlet: Outlet,
    limits: Limits,
    counts: ItemCounts,
}

impl Door {
    pub(super) fn new(signal: Signal, outlet: Outlet, transport: &'static str, telemetry: &Telemetry) -> Self {
        let counts = ItemCounts::new(signal, transport, telemetry);
        Self {
            signal,
            outlet,
            limits: Limits::default(),
            counts,
        }
    }

    /// Takes memory before a body is read.
    pub(super) fn admit(&self, bytes: u64) -> Result<Credit, Refusal> {
        Ok(self.outlet.admit(bytes)?)
    }

    /// Decompresses, parses and hands over; says what was taken out on the way.
    pub(super) async fn take(
        &self,
        arrived: Arrived,
        origin: Arc<Origin>,
        deadline: Option<Instant>,
    ) -> Result<Rejected, Refusal> {
        let (parsed, credit) = self.read_beside_others(arrived)?;
        let Parsed { payload, rejected } = parsed;
        self.counts.reject(&rejected);
        let items = u64::from(payload.items());
        if items == 0 {
            // Nothing to do is done (OTLP specification: an empty request is a success).
            return Ok(rejected);
        }
        let ferry = Ferry::new(self.outlet.clone(), payload, origin, credit);
        let refusal = match deadline {
            None => Refusal::of(ferry.await),
            Some(deadline) => match timeout_at(deadline, ferry).await {
                Ok(outcome) => Refusal::of(outcome),
                Err(_) => Some(Refusal::new(Cause::TimedOut, "the pipelines did not finish in time")),
            },
        };
        let counter = match &refusal {
            None => &self.counts.accepted,
            Some(Refusal { cause: Cause::Lost, .. }) => &self.counts.failed,
            Some(_) => &self.counts.refused,
        };
        counter.add(items);
        refusal.map_or(Ok(rejected), Err)
    }

    /// Reads a body; a large one without holding up the other requests of this thread.
    fn read_beside_others(&self, arrived: Arrived) -> Result<(Parsed<Payload>, Credit), Refusal> {
        let is_large = arrived.body.len() >= LARGE_BODY_BYTES;
        // A runtime with one thread has no other to send them to.
        if is_large && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            return block_in_place(|| self.read(arrived));
        }
        self.read(arrived)
    }

    fn read(&self, arrived: Arrived) -> Result<(Parsed<Payload>, Credit), Refusal> {
        let Arrived {
            body,
            encoding,
            format,
            bytes_max,
            mut credit,
        } = arrived;
        let body = match encoding {
            Encoding::Identity => body,
            _ => {
                let compressed = body.len() as u64;
                let mut admit = |bytes: u64| credit.resize(compressed + bytes);
                Bytes::from(codec::decompress(encoding, &body, bytes_max, &mut admit)?)
            }
        };
        let parsed = match format {
            Format::Protobuf => Payload::parse(self.signal, body, &self.limits).map_err(|error| invalid(&error))?,
            Format::Json => self.read_json(&body)?,
        };
        credit.resize(parsed.payload.bytes().len() as u64)?;
        Ok((parsed, credit))
    }

    fn read_json(&self, body: &[u8]) -> Result<Parsed<Payload>, Refusal> {
        let parsed = match self.signal {
            Signal::Traces => traces_from_json(body, &self.limits).map(|parsed| parsed.map(Payload::Traces)),
            Signal::Metrics => metrics_from_json(body, &self.limits).map(|parsed| parsed.map(Payload::Metrics)),
            Signal::Logs => logs_from_json(body, &self.limits).map(|parsed| parsed.map(Payload::Logs)),
        };
        parsed.map_err(|error| invalid(&error))
    }
}

fn invalid(error: &dyn std::error::Error) -> Refusal {
    Refusal::new(Cause::Invalid, error.to_string())
}
