//! Series with one value of which everything else is known: most of what is written.

use super::Item;
use super::wire::{put_tag_of, tag_of};
use crate::prometheus_series::{KeptHead, Sample, Stamp, Table};

/// Two tags and two numbers of ten bytes, and two more that make copying quick.
const STAMP_BYTES_MAX: usize = 24;
/// Tag and length of the sample, tag and bits of the value, the stamp.
const SAMPLE_BYTES_MAX: usize = 2 + 9 + STAMP_BYTES_MAX;
/// A head up to here is copied as a block: a few instructions instead of a call. In 2.0 one with fifteen labels is shorter.
const BLOCK_BYTES: usize = 64;
/// Tag and length of the series, and the rest.
const SERIES_BYTES_MAX: usize = 2 + SAMPLE_BYTES_MAX + BLOCK_BYTES;
/// Series for which room is made at once: up to two KiB are cleared by the quick way of clearing.
const RUN_SERIES: usize = 16;

/// Tag 1, 64 bits.
const VALUE_TAG: u8 = 1 << 3 | 1;

/// The fields of a sample that say when it was: those of one scrape have them nearly all alike.
#[derive(Debug)]
pub(super) struct EncodedStamp {
    of: Stamp,
    has_start: bool,
    bytes: [u8; STAMP_BYTES_MAX],
    /// 0 where nothing was encoded yet.
    length: usize,
}

/// Where the parts of a series go.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeriesFields {
    /// The series, in the request.
    pub(super) series: u32,
    /// The tag of a sample, in the series.
    pub(super) sample_tag: u8,
    /// Samples say since when they count.
    pub(super) has_start: bool,
    /// The value stands in front of the head; readers take fields in any order.
    pub(super) value_first: bool,
}

impl Default for EncodedStamp {
    fn default() -> Self {
        Self {
            of: Stamp { time: 0, start: 0 },
            has_start: false,
            bytes: [0; STAMP_BYTES_MAX],
            length: 0,
        }
    }
}

impl EncodedStamp {
    /// The fields of this stamp, and how many bytes of them count.
    #[inline]
    fn of(&mut self, stamp: Stamp, has_start: bool) -> (&[u8; STAMP_BYTES_MAX], usize) {
        if self.length == 0 || self.of != stamp || self.has_start != has_start {
            self.encode(stamp, has_start);
        }
        (&self.bytes, self.length)
    }

    #[inline(never)]
    fn encode(&mut self, stamp: Stamp, has_start: bool) {
        (self.of, self.has_start, self.length) = (stamp, has_start, 0);
        self.put(2 << 3, stamp.time);
        if has_start {
            self.put(3 << 3, stamp.start);
        }
    }

    /// Tag and number; 0 is not written.
    fn put(&mut self, tag: u8, value: i64) {
        if value == 0 {
            return;
        }
        self.push(tag);
        let mut rest = value as u64;
        while rest >= 0x80 {
            self.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.push(rest as u8);
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte; // There is room for the longest.
            self.length += 1;
        }
    }
}

/// Writes items from the first on as long as they are known series with short heads and fit into `bytes_max`; gives how many
/// these were. The value stands in front of the head.
#[inline(never)]
pub(super) fn put_run(
    out: &mut Vec<u8>,
    (table, items): (&Table, &[Item]),
    fields: SeriesFields,
    bytes_max: usize,
    stamp: &mut EncodedStamp,
) -> usize {
    let items = items.get(..RUN_SERIES).unwrap_or(items);
    let start = out.len();
    out.resize(start + items.len() * SERIES_BYTES_MAX, 0);
    let (room, mut written, mut count) = (out.get_mut(start..).unwrap_or_default(), 0, 0);
    let bytes_max = bytes_max.saturating_sub(start);
    for item in items {
        let Some((head, sample)) = table
            .known(item.kept, item.values)
            .filter(|_| item.exemplars.is_empty())
        else {
            break;
        };
        let block = head.from.first_chunk().filter(|_| head.length <= BLOCK_BYTES);
        let place = room.get_mut(written..).and_then(|rest| rest.first_chunk_mut());
        let (Some(block), Some(place)) = (block, place) else {
            break;
        };
        let length = put_short(place, fields, (block, head.length), sample, stamp);
        if written + length > bytes_max {
            break;
        }
        written += length;
        count += 1;
    }
    out.truncate(start + written);
    count
}

/// Gives how many bytes it wrote; what lies behind them is of no meaning.
#[inline]
fn put_short(
    place: &mut [u8; SERIES_BYTES_MAX],
    fields: SeriesFields,
    (head, head_len): (&[u8; BLOCK_BYTES], usize),
    sample: &Sample,
    stamp: &mut EncodedStamp,
) -> usize {
    let (stamp, stamp_len) = stamp.of(sample.stamp, fields.has_start);
    let bits = sample.value.to_bits();
    let head_at = if bits == 0 {
        place[4..4 + STAMP_BYTES_MAX].copy_from_slice(stamp); // 0.0 is not written, -0.0 is.
        4 + stamp_len
    } else {
        place[4] = VALUE_TAG;
        place[5..13].copy_from_slice(&bits.to_le_bytes());
        place[13..13 + STAMP_BYTES_MAX].copy_from_slice(stamp);
        13 + stamp_len
    };
    let length = head_at + head_len;
    // Neither length is above 97.
    place[..4].copy_from_slice(&[
        tag_of(fields.series),
        (length - 2) as u8,
        fields.sample_tag,
        (head_at - 4) as u8,
    ]);
    if let Some(rest) = place.get_mut(head_at..head_at + BLOCK_BYTES) {
        rest.copy_from_slice(head);
    }
    length
}

/// Writes a series with one value, of which the head is known.
#[inline]
pub(super) fn put_known(
    out: &mut Vec<u8>,
    fields: SeriesFields,
    head: KeptHead<'_>,
    sample: &Sample,
    stamp: &mut EncodedStamp,
) {
    let (stamp, stamp_len) = stamp.of(sample.stamp, fields.has_start);
    let bits = sample.value.to_bits();
    let mut encoded = [0; SAMPLE_BYTES_MAX];
    let mut length = 2 + stamp_len;
    if bits == 0 {
        encoded[2..2 + STAMP_BYTES_MAX].copy_from_slice(stamp);
    } else {
        encoded[2] = VALUE_TAG;
        encoded[3..11].copy_from_slice(&bits.to_le_bytes());
        encoded[11..].copy_from_slice(stamp);
        length += 9;
    }
    encoded[0] = fields.sample_tag;
    encoded[1] = (length - 2) as u8; // At most 33.
    out.reserve(head.length + 2 * SAMPLE_BYTES_MAX);
    put_tag_of(out, fields.series, (head.length + length) as u64);
    let head = head.from.get(..head.length).unwrap_or_default();
    if !fields.value_first {
        out.extend_from_slice(head);
    }
    let end = out.len() + length;
    out.extend_from_slice(&encoded);
    out.truncate(end);
    if fields.value_first {
        out.extend_from_slice(head);
    }
}
