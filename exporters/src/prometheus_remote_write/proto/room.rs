//! Room in which requests are made, used again from one to the next.

use bytes::Bytes;

use super::v2::Used;
use super::wire::{put_int, put_tag_of, varint_len};
use crate::prometheus_series::{Sample, Stamp};

/// A buffer larger than this is given back after a request: one odd batch must not hold memory for ever.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Buffers of requests.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(super) body: Vec<u8>,
    pub(super) series: Vec<u8>,
    pub(super) used: Used,
    pub(super) stamp: EncodedStamp,
    packed: Vec<u8>,
    snappy: Snappy,
}

/// The compressor keeps a table of its own.
struct Snappy(snap::raw::Encoder);

/// The fields of a sample that say when it was: those of one scrape have them all alike.
#[derive(Debug, Default)]
pub(super) struct EncodedStamp {
    of: Option<(Stamp, bool)>,
    bytes: Vec<u8>,
}

impl Room {
    /// A body in Snappy's block format, not the framed one (remote write 1.0, "Protocol"); an error where it is too
    /// large for that.
    pub(crate) fn pack(&mut self, body: &[u8]) -> Result<Bytes, snap::Error> {
        let bytes_max = snap::raw::max_compress_len(body.len());
        if self.packed.len() < bytes_max {
            self.packed.resize(bytes_max, 0);
        }
        let length = self.snappy.0.compress(body, &mut self.packed)?;
        let packed = Bytes::copy_from_slice(self.packed.get(..length).unwrap_or_default());
        if self.packed.len() > KEPT_BYTES_MAX {
            self.packed = Vec::new();
        }
        Ok(packed)
    }

    /// Takes the body of a request back that is no longer needed.
    pub(crate) fn give_back(&mut self, body: Vec<u8>) {
        if body.capacity() <= KEPT_BYTES_MAX {
            self.body = body;
        }
        if self.series.capacity() > KEPT_BYTES_MAX {
            self.series = Vec::new();
        }
    }
}

impl EncodedStamp {
    /// The fields of this stamp.
    #[inline]
    fn of(&mut self, stamp: Stamp, has_start: bool) -> &[u8] {
        if self.of != Some((stamp, has_start)) {
            self.of = Some((stamp, has_start));
            self.bytes.clear();
            put_int(&mut self.bytes, 2, stamp.time);
            if has_start {
                put_int(&mut self.bytes, 3, stamp.start);
            }
        }
        &self.bytes
    }
}

/// Where the parts of a series go.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeriesFields {
    /// The series, in the request.
    pub(super) series: u32,
    /// A sample, in the series.
    pub(super) samples: u32,
    /// Samples say since when they count.
    pub(super) has_start: bool,
}

/// Writes a series with one value, of which head and tail are known.
#[inline]
pub(super) fn put_known(
    out: &mut Vec<u8>,
    fields: SeriesFields,
    (head, tail): (&[u8], &[u8]),
    sample: &Sample,
    stamp: &mut EncodedStamp,
) {
    /// Tag and number of the value, a double.
    const VALUE_BYTES: usize = 9;
    /// Tag 1, 64 bits.
    const VALUE_TAG: u8 = 1 << 3 | 1;
    let stamp = stamp.of(sample.stamp, fields.has_start);
    let bits = sample.value.to_bits();
    let has_value = bits != 0; // 0.0 is not written, -0.0 is.
    let sample_len = stamp.len() + if has_value { VALUE_BYTES } else { 0 };
    let length = head.len() + 1 + varint_len(sample_len as u64) + sample_len + tail.len();
    out.reserve(length + 12);
    put_tag_of(out, fields.series, length as u64);
    out.extend_from_slice(head);
    put_tag_of(out, fields.samples, sample_len as u64);
    if has_value {
        let [a, b, c, d, e, f, g, h] = bits.to_le_bytes();
        out.extend_from_slice(&[VALUE_TAG, a, b, c, d, e, f, g, h]);
    }
    out.extend_from_slice(stamp);
    out.extend_from_slice(tail);
}

impl Default for Snappy {
    fn default() -> Self {
        Self(snap::raw::Encoder::new())
    }
}

impl std::fmt::Debug for Snappy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Snappy")
    }
}
