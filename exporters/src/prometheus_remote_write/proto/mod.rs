//! Requests of remote write 1.0 and 2.0, written field by field.

mod histogram;
mod known;
mod room;
mod snappy;
mod v1;
mod v2;
mod wire;

use crate::prometheus_series::{HeadWriter, Series, Span, Table};

pub(super) use room::Room;

pub(super) use v1::metadata;

/// The protocol of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}

/// A series with some of its values: what a request is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) series: u32,
    /// Its number among the kept ones.
    pub(crate) kept: u32,
    /// Of the table's samples or histograms.
    pub(crate) values: Span,
    pub(crate) exemplars: Span,
}

/// An encoded request.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) body: Vec<u8>,
    /// How many of the items are in it; at least one if there was one.
    pub(crate) items: usize,
    pub(crate) holds: Holds,
    /// How many bytes at the front are likely to be the same in the next request.
    pub(crate) texts: usize,
}

/// How many values of each kind a request has.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holds {
    pub(crate) samples: u64,
    pub(crate) histograms: u64,
    pub(crate) exemplars: u64,
}

/// Encodes items from the first on, as many as fit into `bytes_max`.
pub(crate) fn encode(table: &Table, items: &[Item], protocol: Protocol, bytes_max: usize, room: &mut Room) -> Encoded {
    match protocol {
        Protocol::V1 => v1::encode(table, items, bytes_max, room),
        Protocol::V2 => v2::encode(table, items, bytes_max, room),
    }
}

impl Protocol {
    /// Writes what stays the same of a series from request to request.
    pub(super) fn heads(self) -> HeadWriter {
        match self {
            Self::V1 => v1::HEADS,
            Self::V2 => v2::HEADS,
        }
    }
}

impl Holds {
    fn add(&mut self, series: &Series, item: &Item) {
        let values = item.values.len() as u64;
        if series.is_native {
            self.histograms += values;
        } else {
            self.samples += values;
        }
        self.exemplars += item.exemplars.len() as u64;
    }
}
