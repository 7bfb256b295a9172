//! `io.prometheus.write.v2.Request`, remote write 2.0.

use super::histogram::put_histogram;
use super::wire::{put_bytes, put_double, put_int, put_message, put_packed, put_uint, varint_len};
use super::{Encoded, Holds, Item};
use crate::prometheus_series::{Ref, Symbols, Table};

const SYMBOLS: u32 = 4;
const TIMESERIES: u32 = 5;

mod series {
    pub(super) const LABELS_REFS: u32 = 1;
    pub(super) const SAMPLES: u32 = 2;
    pub(super) const HISTOGRAMS: u32 = 3;
    pub(super) const EXEMPLARS: u32 = 4;
    pub(super) const METADATA: u32 = 5;
}

/// No number was given to this text yet.
const UNNUMBERED: u32 = u32::MAX;

/// The texts that one request uses, numbered from the empty one on.
struct Used {
    /// By the number in the batch.
    numbers: Vec<u32>,
    /// Numbers in the batch, in the order of the request.
    texts: Vec<Ref>,
    /// What they take in the request.
    bytes: usize,
}

impl Used {
    fn new(symbols: &Symbols) -> Self {
        let mut used = Self {
            numbers: vec![UNNUMBERED; symbols.len()],
            texts: Vec::new(),
            bytes: 0,
        };
        used.number(0, symbols); // "symbols array MUST start with empty string" (remote write 2.0).
        used
    }

    fn number(&mut self, text: Ref, symbols: &Symbols) -> u32 {
        let next = self.texts.len() as u32;
        match self.numbers.get_mut(text as usize) {
            Some(number) if *number == UNNUMBERED => {
                *number = next;
                self.texts.push(text);
                let length = symbols.text(text).len();
                self.bytes += 1 + varint_len(length as u64) + length;
                next
            }
            Some(number) => *number,
            None => 0, // Every text of a batch is in its symbols.
        }
    }

    /// Takes back the texts after the first `count`.
    fn truncate(&mut self, count: usize) {
        for text in self.texts.drain(count.min(self.texts.len())..) {
            if let Some(number) = self.numbers.get_mut(text as usize) {
                *number = UNNUMBERED;
            }
        }
    }
}

pub(super) fn encode(table: &Table, items: &[Item], bytes_max: usize) -> Encoded {
    let mut used = Used::new(&table.symbols);
    let mut encoded = Encoded::default();
    let mut all_series = Vec::new();
    for item in items {
        let (before, texts) = (all_series.len(), used.texts.len());
        let mut holds = Holds::default();
        if let Some(series) = table.series.get(item.series as usize).filter(|it| !it.is_dropped) {
            put_message(&mut all_series, TIMESERIES, |out| {
                put_series(out, table, item, &mut used);
            });
            holds.add(series, item);
        }
        if encoded.items > 0 && all_series.len() + used.bytes > bytes_max {
            all_series.truncate(before);
            used.truncate(texts);
            break;
        }
        encoded.items += 1;
        encoded.holds.add_all(holds);
    }
    encoded.body.reserve(all_series.len() + used.bytes);
    for text in &used.texts {
        put_bytes(&mut encoded.body, SYMBOLS, table.symbols.text(*text).as_bytes());
    }
    encoded.body.extend_from_slice(&all_series);
    encoded
}

fn put_series(out: &mut Vec<u8>, table: &Table, item: &Item, used: &mut Used) {
    let Some(of) = table.series.get(item.series as usize) else {
        return;
    };
    put_labels(out, series::LABELS_REFS, table, table.labels_of(of), used);
    if of.is_native {
        for histogram in table.histograms.get(item.values.clone()).unwrap_or_default() {
            put_message(out, series::HISTOGRAMS, |out| put_histogram(out, histogram, true));
        }
    } else {
        for sample in table.samples.get(item.values.clone()).unwrap_or_default() {
            put_message(out, series::SAMPLES, |out| {
                put_double(out, 1, sample.value);
                put_int(out, 2, sample.stamp.time);
                put_int(out, 3, sample.stamp.start);
            });
        }
    }
    for exemplar in table.exemplars.get(item.exemplars.clone()).unwrap_or_default() {
        put_message(out, series::EXEMPLARS, |out| {
            put_labels(out, 1, table, table.labels_at(exemplar), used);
            put_double(out, 2, exemplar.value);
            put_int(out, 3, exemplar.time);
        });
    }
    if let Some(family) = table.families.get(of.family as usize) {
        let (help, unit) = (
            used.number(family.help, &table.symbols),
            used.number(family.unit, &table.symbols),
        );
        put_message(out, series::METADATA, |out| {
            put_uint(out, 1, family.kind as u64);
            put_uint(out, 3, u64::from(help));
            put_uint(out, 4, u64::from(unit));
        });
    }
}

fn put_labels(out: &mut Vec<u8>, number: u32, table: &Table, labels: &[(Ref, Ref)], used: &mut Used) {
    for (name, value) in labels {
        used.number(*name, &table.symbols);
        used.number(*value, &table.symbols);
    }
    let number_of = |text: &Ref| u64::from(used.numbers.get(*text as usize).copied().unwrap_or_default());
    let refs = labels.iter().flat_map(|(name, value)| [name, value]).map(number_of);
    put_packed(out, number, refs);
}
