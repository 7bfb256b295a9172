//! Native histograms: the same fields in both protocols, but for the start.

use super::wire::{
    put_double, put_int, put_member_uint, put_message, put_packed, put_packed_doubles, put_sint, put_uint, zigzag,
};
use crate::prometheus_series::{Buckets, NativeHistogram};

mod field {
    pub(super) const COUNT_INT: u32 = 1;
    pub(super) const SUM: u32 = 3;
    pub(super) const SCHEMA: u32 = 4;
    pub(super) const ZERO_THRESHOLD: u32 = 5;
    pub(super) const ZERO_COUNT_INT: u32 = 6;
    pub(super) const NEGATIVE_SPANS: u32 = 8;
    pub(super) const NEGATIVE_DELTAS: u32 = 9;
    pub(super) const POSITIVE_SPANS: u32 = 11;
    pub(super) const POSITIVE_DELTAS: u32 = 12;
    pub(super) const TIMESTAMP: u32 = 15;
    pub(super) const CUSTOM_VALUES: u32 = 16;
    /// In 2.0 alone.
    pub(super) const START_TIMESTAMP: u32 = 17;
}

/// Writes the fields of a histogram. The reset hint stays the default, UNKNOWN: OTLP does not say.
pub(super) fn put_histogram(out: &mut Vec<u8>, histogram: &NativeHistogram, has_start: bool) {
    let shape = &histogram.shape;
    put_member_uint(out, field::COUNT_INT, shape.count);
    put_double(out, field::SUM, shape.sum);
    put_sint(out, field::SCHEMA, shape.schema);
    put_double(out, field::ZERO_THRESHOLD, shape.zero_threshold);
    put_member_uint(out, field::ZERO_COUNT_INT, shape.zero_count);
    put_buckets(out, field::NEGATIVE_SPANS, field::NEGATIVE_DELTAS, &shape.negative);
    put_buckets(out, field::POSITIVE_SPANS, field::POSITIVE_DELTAS, &shape.positive);
    put_int(out, field::TIMESTAMP, histogram.stamp.time);
    put_packed_doubles(out, field::CUSTOM_VALUES, &shape.custom);
    if has_start {
        put_int(out, field::START_TIMESTAMP, histogram.stamp.start);
    }
}

fn put_buckets(out: &mut Vec<u8>, spans: u32, deltas: u32, buckets: &Buckets) {
    for (offset, length) in &buckets.spans {
        put_message(out, spans, |out| {
            put_sint(out, 1, *offset);
            put_uint(out, 2, u64::from(*length));
        });
    }
    put_packed(out, deltas, buckets.deltas.iter().map(|delta| zigzag(*delta)));
}
