//! Room in which requests are made, used again from one to the next.

use bytes::Bytes;

use super::v2::Used;
use super::wire::{put_int, put_tag_of};
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
    bytes: [u8; STAMP_BYTES_MAX],
    length: usize,
    /// Kept for its room.
    fields: Vec<u8>,
}

/// Two tags and two numbers of ten bytes, and two more that make copying quick.
const STAMP_BYTES_MAX: usize = 24;

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
    /// The fields of this stamp, and how many bytes of them count.
    #[inline]
    fn of(&mut self, stamp: Stamp, has_start: bool) -> (&[u8; STAMP_BYTES_MAX], usize) {
        if self.of != Some((stamp, has_start)) {
            self.of = Some((stamp, has_start));
            let fields = &mut self.fields;
            fields.clear();
            put_int(fields, 2, stamp.time);
            if has_start {
                put_int(fields, 3, stamp.start);
            }
            self.length = fields.len();
            fields.resize(STAMP_BYTES_MAX, 0);
            self.bytes = fields.as_slice().try_into().unwrap_or(self.bytes);
        }
        (&self.bytes, self.length)
    }
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

/// Writes a series with one value, of which the head is known.
#[inline]
pub(super) fn put_known(
    out: &mut Vec<u8>,
    fields: SeriesFields,
    head: &[u8],
    sample: &Sample,
    stamp: &mut EncodedStamp,
) {
    /// Tag and length of the sample, tag and bits of the value, the stamp.
    const SAMPLE_BYTES_MAX: usize = 2 + 9 + STAMP_BYTES_MAX;
    /// Tag 1, 64 bits.
    const VALUE_TAG: u8 = 1 << 3 | 1;
    let (stamp, stamp_len) = stamp.of(sample.stamp, fields.has_start);
    let bits = sample.value.to_bits();
    let mut encoded = [0_u8; SAMPLE_BYTES_MAX];
    let mut length = 2 + stamp_len;
    if bits == 0 {
        encoded[2..2 + STAMP_BYTES_MAX].copy_from_slice(stamp); // 0.0 is not written, -0.0 is.
    } else {
        encoded[2] = VALUE_TAG;
        encoded[3..11].copy_from_slice(&bits.to_le_bytes());
        encoded[11..].copy_from_slice(stamp);
        length += 9;
    }
    encoded[0] = fields.sample_tag;
    encoded[1] = (length - 2) as u8; // At most 33.
    out.reserve(head.len() + SAMPLE_BYTES_MAX + 4);
    put_tag_of(out, fields.series, (head.len() + length) as u64);
    let encoded = encoded.get(..length).unwrap_or_default();
    let (first, second) = if fields.value_first {
        (encoded, head)
    } else {
        (head, encoded)
    };
    out.extend_from_slice(first);
    out.extend_from_slice(second);
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
