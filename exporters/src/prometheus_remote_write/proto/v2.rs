//! `io.prometheus.write.v2.Request`, remote write 2.0.

use super::histogram::put_histogram;
use super::known::{SeriesFields, put_known, put_run};
use super::room::Room;
use super::wire::{put_double, put_int, put_message, put_packed, put_tag_of, put_uint, tag_of, varint_len};
use super::{Encoded, Item};
use crate::prometheus_series::{Family, HeadWriter, Ref, Symbols, Table};

const SYMBOLS: u32 = 4;
const TIMESERIES: u32 = 5;

mod series {
    pub(super) const LABELS_REFS: u32 = 1;
    pub(super) const SAMPLES: u32 = 2;
    pub(super) const HISTOGRAMS: u32 = 3;
    pub(super) const EXEMPLARS: u32 = 4;
    pub(super) const METADATA: u32 = 5;
}

/// A request may carry a third more texts than it uses, where that spares giving each a number of its own.
const SPARE_SHARE: usize = 3;
/// And so many bytes more in any case.
const SPARE_BYTES: usize = 256;
/// Texts that the whole batch uses are too many for a request with fewer of its series than one of so many.
const SERIES_SHARE: usize = 8;
/// And in no request may they take more than one of so many bytes that it may have: what is cut because of its length
/// must not become requests of texts.
const TEXTS_SHARE: usize = 4;

const FIELDS: SeriesFields = SeriesFields {
    series: TIMESERIES,
    sample_tag: tag_of(series::SAMPLES),
    has_start: true,
    // What is the same in neighbouring series stands together like this, which packs better by a twentieth.
    value_first: true,
};

/// These count on the numbers of texts in the table, so they hold in requests that carry all of its texts.
pub(super) const HEADS: HeadWriter = HeadWriter {
    name: "2.0",
    write: |labels, family, _, out| {
        put_metadata(out, family, |text| text);
        let refs = labels.iter().flat_map(|(name, value)| [*name, *value]);
        put_packed(out, series::LABELS_REFS, refs.map(u64::from));
    },
};

/// How texts are numbered in a request: as in the table, or as they are used.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// The request carries all texts, so that the numbers of the table hold.
    carries_all: bool,
    /// By the number in the table: the request in which it was last used, and the number there.
    numbers: Vec<(u32, u32)>,
    request: u32,
    /// Numbers in the table, in the order of the request.
    texts: Vec<Ref>,
    /// What they take in the request.
    bytes: usize,
}

impl Used {
    /// Begins a request with so many series, if all fit into `bytes_max`.
    fn begin(&mut self, table: &Table, items: usize, bytes_max: usize) {
        let symbols = &table.symbols;
        self.request = self.request.wrapping_add(1);
        self.texts.clear();
        self.bytes = 0;
        let spare = symbols.bytes().saturating_sub(symbols.used_bytes());
        let is_little = spare <= symbols.used_bytes() / SPARE_SHARE + SPARE_BYTES;
        let are_many = items.saturating_mul(SERIES_SHARE) >= table.series.len();
        let is_short = symbols.bytes() <= bytes_max / TEXTS_SHARE;
        self.carries_all = is_little && are_many && is_short && table.has_known();
        if self.carries_all {
            return;
        }
        self.numbers.resize(symbols.len(), (self.request.wrapping_sub(1), 0));
        self.number(0, symbols); // "symbols array MUST start with empty string" (remote write 2.0).
    }

    fn number(&mut self, text: Ref, symbols: &Symbols) -> u32 {
        if self.carries_all {
            return text;
        }
        let next = self.texts.len() as u32;
        match self.numbers.get_mut(text as usize) {
            Some((request, number)) if *request != self.request => {
                (*request, *number) = (self.request, next);
                self.texts.push(text);
                self.bytes += field_len(symbols.text(text));
                next
            }
            Some((_, number)) => *number,
            None => 0, // Every text of a batch is in its symbols.
        }
    }

    /// Takes back the texts after the first `count`.
    fn truncate(&mut self, count: usize) {
        for text in self.texts.drain(count.min(self.texts.len())..) {
            if let Some((request, _)) = self.numbers.get_mut(text as usize) {
                *request = request.wrapping_sub(1);
            }
        }
    }

    /// Writes the texts of the request.
    fn put(&self, symbols: &Symbols, out: &mut Vec<u8>) {
        let count = symbols.len() as u32;
        let all = (0..count)
            .filter(|_| self.carries_all)
            .chain(self.texts.iter().copied());
        for text in all {
            let text = symbols.text(text).as_bytes();
            put_tag_of(out, SYMBOLS, text.len() as u64);
            out.extend_from_slice(text);
        }
    }
}

fn field_len(text: &str) -> usize {
    1 + varint_len(text.len() as u64) + text.len()
}

pub(super) fn encode(table: &Table, items: &[Item], bytes_max: usize, room: &mut Room) -> Encoded {
    let Room { used, stamp, .. } = room;
    used.begin(table, items.len(), bytes_max);
    let mut encoded = Encoded {
        body: std::mem::take(&mut room.body),
        ..Encoded::default()
    };
    encoded.body.clear();
    if used.carries_all {
        used.put(&table.symbols, &mut encoded.body);
        encoded.texts = encoded.body.len();
    }
    let has_heads = used.carries_all && table.kept.is_written_with(HEADS);
    // Texts come first, so series wait until it is known which texts they use.
    let mut aside = std::mem::take(&mut room.series);
    aside.clear();
    let out = if used.carries_all {
        &mut encoded.body
    } else {
        &mut aside
    };
    let mut rest = items;
    while let Some((item, behind)) = rest.split_first() {
        if has_heads {
            let run = put_run(out, (table, rest), FIELDS, bytes_max, stamp);
            encoded.items += run;
            encoded.holds.samples += run as u64;
            if run > 0 {
                rest = rest.get(run..).unwrap_or_default();
                continue;
            }
        }
        let (before, texts) = (out.len(), used.texts.len());
        let mut holds = encoded.holds;
        if let Some(series) = table.series.get(item.series as usize).filter(|it| !it.is_dropped) {
            match table
                .known(series.kept, item.values)
                .filter(|_| has_heads && item.exemplars.is_empty())
            {
                Some((head, sample)) => put_known(out, FIELDS, head, sample, stamp),
                None => put_message(out, TIMESERIES, |out| put_series(out, table, item, used)),
            }
            holds.add(series, item);
        }
        if encoded.items > 0 && out.len() + used.bytes > bytes_max {
            out.truncate(before);
            used.truncate(texts);
            break;
        }
        encoded.items += 1;
        encoded.holds = holds;
        rest = behind;
    }
    if !used.carries_all {
        used.put(&table.symbols, &mut encoded.body);
        encoded.body.extend_from_slice(&aside);
    }
    room.series = aside;
    encoded
}

fn put_series(out: &mut Vec<u8>, table: &Table, item: &Item, used: &mut Used) {
    let Some(of) = table.series.get(item.series as usize) else {
        return;
    };
    put_labels(out, series::LABELS_REFS, table, table.labels_of(of), used);
    if of.is_native {
        for histogram in table.histograms.get(item.values.range()).unwrap_or_default() {
            put_message(out, series::HISTOGRAMS, |out| put_histogram(out, histogram, true));
        }
    } else {
        for sample in table.samples.get(item.values.range()).unwrap_or_default() {
            put_message(out, series::SAMPLES, |out| {
                put_double(out, 1, sample.value);
                put_int(out, 2, sample.stamp.time);
                put_int(out, 3, sample.stamp.start);
            });
        }
    }
    for exemplar in table.exemplars.get(item.exemplars.range()).unwrap_or_default() {
        put_message(out, series::EXEMPLARS, |out| {
            put_labels(out, 1, table, table.labels_at(exemplar), used);
            put_double(out, 2, exemplar.value);
            put_int(out, 3, exemplar.time);
        });
    }
    if let Some(family) = table.families.get(of.family as usize) {
        put_metadata(out, family, |text| used.number(text, &table.symbols));
    }
}

fn put_metadata(out: &mut Vec<u8>, family: &Family, mut number: impl FnMut(Ref) -> u32) {
    let (help, unit) = (number(family.help), number(family.unit));
    put_message(out, series::METADATA, |out| {
        put_uint(out, 1, family.kind as u64);
        put_uint(out, 3, u64::from(help));
        put_uint(out, 4, u64::from(unit));
    });
}

fn put_labels(out: &mut Vec<u8>, number: u32, table: &Table, labels: &[(Ref, Ref)], used: &mut Used) {
    for (name, value) in labels {
        used.number(*name, &table.symbols);
        used.number(*value, &table.symbols);
    }
    let number_of = |text: &Ref| match used.numbers.get(*text as usize) {
        _ if used.carries_all => u64::from(*text),
        Some((_, number)) => u64::from(*number),
        None => 0,
    };
    let refs = labels.iter().flat_map(|(name, value)| [name, value]).map(number_of);
    put_packed(out, number, refs);
}
