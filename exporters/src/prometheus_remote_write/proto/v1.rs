//! `prometheus.WriteRequest`, remote write 1.0.

use std::collections::HashSet;

use super::histogram::put_histogram;
use super::known::{SeriesFields, put_known};
use super::room::Room;
use super::wire::{put_double, put_int, put_message, put_text, put_uint, tag_of};
use super::{Encoded, Item};
use crate::prometheus_series::{HeadWriter, Ref, Symbols, Table};

const TIMESERIES: u32 = 1;
const METADATA: u32 = 3;

mod series {
    pub(super) const LABELS: u32 = 1;
    pub(super) const SAMPLES: u32 = 2;
    pub(super) const EXEMPLARS: u32 = 3;
    pub(super) const HISTOGRAMS: u32 = 4;
}

const FIELDS: SeriesFields = SeriesFields {
    series: TIMESERIES,
    sample_tag: tag_of(series::SAMPLES),
    has_start: false,
    value_first: false,
};

pub(super) const HEADS: HeadWriter = HeadWriter {
    name: "1.0",
    write: |labels, _, symbols, out| put_labels(out, series::LABELS, symbols, labels),
};

pub(super) fn encode(table: &Table, items: &[Item], bytes_max: usize, room: &mut Room) -> Encoded {
    let mut encoded = Encoded {
        body: std::mem::take(&mut room.body),
        ..Encoded::default()
    };
    encoded.body.clear();
    let has_heads = table.kept.is_written_with(HEADS);
    for item in items {
        let before = encoded.body.len();
        let mut holds = encoded.holds;
        if let Some(series) = table.series.get(item.series as usize).filter(|it| !it.is_dropped) {
            match table
                .known(series.kept, item.values)
                .filter(|_| has_heads && item.exemplars.is_empty())
            {
                Some((head, sample)) => put_known(&mut encoded.body, FIELDS, head, sample, &mut room.stamp),
                None => put_message(&mut encoded.body, TIMESERIES, |out| put_series(out, table, item)),
            }
            holds.add(series, item);
        }
        if encoded.items > 0 && encoded.body.len() > bytes_max {
            encoded.body.truncate(before);
            break;
        }
        encoded.items += 1;
        encoded.holds = holds;
    }
    encoded
}

fn put_series(out: &mut Vec<u8>, table: &Table, item: &Item) {
    let Some(of) = table.series.get(item.series as usize) else {
        return;
    };
    put_labels(out, series::LABELS, &table.symbols, table.labels_of(of));
    if of.is_native {
        for histogram in table.histograms.get(item.values.range()).unwrap_or_default() {
            put_message(out, series::HISTOGRAMS, |out| put_histogram(out, histogram, false));
        }
    } else {
        for sample in table.samples.get(item.values.range()).unwrap_or_default() {
            put_message(out, series::SAMPLES, |out| {
                put_double(out, 1, sample.value);
                put_int(out, 2, sample.stamp.time);
            });
        }
    }
    for exemplar in table.exemplars.get(item.exemplars.range()).unwrap_or_default() {
        put_message(out, series::EXEMPLARS, |out| {
            put_labels(out, 1, &table.symbols, table.labels_at(exemplar));
            put_double(out, 2, exemplar.value);
            put_int(out, 3, exemplar.time);
        });
    }
}

fn put_labels(out: &mut Vec<u8>, number: u32, symbols: &Symbols, labels: &[(Ref, Ref)]) {
    for (name, value) in labels {
        put_message(out, number, |out| {
            put_text(out, 1, symbols.text(*name));
            put_text(out, 2, symbols.text(*value));
        });
    }
}

/// Requests that hold the metadata of all families and no series; a family is told once.
pub(crate) fn metadata(table: &Table, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut body = Vec::new();
    let mut seen = HashSet::new();
    for family in table.families.iter().filter(|family| seen.insert(family.name)) {
        let before = body.len();
        put_message(&mut body, METADATA, |out| {
            put_uint(out, 1, family.kind as u64);
            put_text(out, 2, table.symbols.text(family.name));
            put_text(out, 4, table.symbols.text(family.help));
            put_text(out, 5, table.symbols.text(family.unit));
        });
        if before > 0 && body.len() > bytes_max {
            let next = body.split_off(before);
            bodies.push(std::mem::replace(&mut body, next));
        }
    }
    if !body.is_empty() {
        bodies.push(body);
    }
    bodies
}
