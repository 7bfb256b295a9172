//! The points of metrics, and the exemplars at them.

use crate::payload::ids::{SpanId, TraceId};
use crate::payload::value::Attrs;
use crate::payload::view::Repeated;
use crate::payload::wire::{Field, Fields, Wire, varint};

/// "The sender has no value here": bit 0 of a point's flags (OTLP, `DataPointFlags`).
pub(super) const NO_RECORDED_VALUE: u64 = 1;

/// A value of a point or an exemplar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A floating-point number; NaN and infinity are possible.
    Double(f64),
}

impl Number {
    /// As a floating-point number. Whole numbers beyond 2^53 lose their last digits, as they do in Prometheus.
    #[allow(clippy::cast_precision_loss)] // Said above.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Double(value) => value,
        }
    }
}

macro_rules! point {
    ($(#[$doc:meta])* $name:ident, attributes $attributes:literal, flags $flags:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<'a>(&'a [u8]);

        impl<'a> From<&'a [u8]> for $name<'a> {
            fn from(body: &'a [u8]) -> Self {
                Self(body)
            }
        }

        impl<'a> $name<'a> {
            /// The attributes, in order.
            pub fn attrs(self) -> Attrs<'a> {
                Attrs::of(self.0, $attributes)
            }

            /// Since when the point counts, in nanoseconds since 1970; 0 when not said.
            pub fn start(self) -> u64 {
                fixed(self.0, 2).unwrap_or_default()
            }

            /// When the value was so, in nanoseconds since 1970.
            pub fn time(self) -> u64 {
                fixed(self.0, 3).unwrap_or_default()
            }

            /// Whether the sender says that it has no value here: in Prometheus, the series is stale.
            pub fn has_no_value(self) -> bool {
                varint_of(self.0, $flags) & NO_RECORDED_VALUE != 0
            }

            /// The encoded point.
            pub fn bytes(self) -> &'a [u8] {
                self.0
            }
        }
    };
}

point!(
    /// A point of a gauge or a sum.
    NumberPointView, attributes 7, flags 8
);
point!(
    /// A point of a histogram with explicit bounds.
    HistogramPointView, attributes 9, flags 10
);
point!(
    /// A point of an exponential histogram.
    ExponentialPointView, attributes 1, flags 10
);
point!(
    /// A point of a summary.
    SummaryPointView, attributes 7, flags 8
);

impl<'a> NumberPointView<'a> {
    /// The value; none where there is none.
    pub fn value(self) -> Option<Number> {
        value(self.0, 4)
    }

    /// Measurements with traces, in order.
    pub fn exemplars(self) -> impl Iterator<Item = ExemplarView<'a>> {
        Repeated::of(self.0, 5).map(ExemplarView)
    }
}

impl<'a> HistogramPointView<'a> {
    /// How many measurements there were.
    pub fn count(self) -> u64 {
        fixed(self.0, 4).unwrap_or_default()
    }

    /// Their sum, if it was sent.
    pub fn sum(self) -> Option<f64> {
        fixed(self.0, 5).map(f64::from_bits)
    }

    /// Measurements in each bucket, not summed up; one more than there are bounds, or none.
    pub fn bucket_counts(self) -> impl Iterator<Item = u64> + 'a {
        fixed_list(self.0, 6)
    }

    /// Upper bounds of the buckets, inclusive; the last bucket has none.
    pub fn bounds(self) -> impl Iterator<Item = f64> + 'a {
        fixed_list(self.0, 7).map(f64::from_bits)
    }

    /// Measurements with traces, in order.
    pub fn exemplars(self) -> impl Iterator<Item = ExemplarView<'a>> {
        Repeated::of(self.0, 8).map(ExemplarView)
    }

    /// The least measurement, if it was sent.
    pub fn min(self) -> Option<f64> {
        fixed(self.0, 11).map(f64::from_bits)
    }

    /// The greatest measurement, if it was sent.
    pub fn max(self) -> Option<f64> {
        fixed(self.0, 12).map(f64::from_bits)
    }
}

impl<'a> ExponentialPointView<'a> {
    /// How many measurements there were.
    pub fn count(self) -> u64 {
        fixed(self.0, 4).unwrap_or_default()
    }

    /// Their sum, if it was sent.
    pub fn sum(self) -> Option<f64> {
        fixed(self.0, 5).map(f64::from_bits)
    }

    /// The base is 2^(2^-scale).
    pub fn scale(self) -> i32 {
        zigzag(varint_of(self.0, 6))
    }

    /// Measurements that are zero, or so near to it that no bucket takes them.
    pub fn zero_count(self) -> u64 {
        fixed(self.0, 7).unwrap_or_default()
    }

    /// How near to zero that is.
    pub fn zero_threshold(self) -> f64 {
        fixed(self.0, 14).map(f64::from_bits).unwrap_or_default()
    }

    /// Measurements above zero.
    pub fn positive(self) -> BucketsView<'a> {
        BucketsView(Fields::of(self.0).payload(8))
    }

    /// Measurements below zero.
    pub fn negative(self) -> BucketsView<'a> {
        BucketsView(Fields::of(self.0).payload(9))
    }

    /// Measurements with traces, in order.
    pub fn exemplars(self) -> impl Iterator<Item = ExemplarView<'a>> {
        Repeated::of(self.0, 11).map(ExemplarView)
    }

    /// The least measurement, if it was sent.
    pub fn min(self) -> Option<f64> {
        fixed(self.0, 12).map(f64::from_bits)
    }

    /// The greatest measurement, if it was sent.
    pub fn max(self) -> Option<f64> {
        fixed(self.0, 13).map(f64::from_bits)
    }
}

/// Buckets of an exponential histogram that follow one another.
#[derive(Debug, Clone, Copy)]
pub struct BucketsView<'a>(&'a [u8]);

impl<'a> BucketsView<'a> {
    /// Index of the first; bucket `i` holds what lies in (base^i, base^(i+1)].
    pub fn offset(self) -> i32 {
        zigzag(varint_of(self.0, 1))
    }

    /// Measurements in each.
    pub fn counts(self) -> impl Iterator<Item = u64> + 'a {
        // Packed as a rule; one by one is the same to a reader.
        Fields::of(self.0)
            .filter(|field| field.number == 2)
            .flat_map(|field| match field.value {
                Wire::Varint(count) => PackedVarints {
                    rest: &[],
                    alone: Some(count),
                },
                Wire::Bytes(rest) => PackedVarints { rest, alone: None },
                _ => PackedVarints { rest: &[], alone: None },
            })
    }
}

struct PackedVarints<'a> {
    rest: &'a [u8],
    alone: Option<u64>,
}

impl Iterator for PackedVarints<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.alone.take().or_else(|| varint(&mut self.rest))
    }
}

impl<'a> SummaryPointView<'a> {
    /// How many measurements there were.
    pub fn count(self) -> u64 {
        fixed(self.0, 4).unwrap_or_default()
    }

    /// Their sum.
    pub fn sum(self) -> f64 {
        fixed(self.0, 5).map(f64::from_bits).unwrap_or_default()
    }

    /// Quantiles from 0 to 1 with their values.
    pub fn quantiles(self) -> impl Iterator<Item = (f64, f64)> + 'a {
        let number = |body, field| fixed(body, field).map(f64::from_bits).unwrap_or_default();
        Repeated::of(self.0, 6).map(move |body| (number(body, 1), number(body, 2)))
    }
}

/// One measurement with the trace in which it was made.
#[derive(Debug, Clone, Copy)]
pub struct ExemplarView<'a>(&'a [u8]);

impl<'a> ExemplarView<'a> {
    /// When, in nanoseconds since 1970.
    pub fn time(self) -> u64 {
        fixed(self.0, 2).unwrap_or_default()
    }

    /// What was measured.
    pub fn value(self) -> Option<Number> {
        value(self.0, 3)
    }

    /// The span in which it was measured; none if it was not sent.
    pub fn span_id(self) -> Option<SpanId> {
        Fields::of(self.0).payload(4).try_into().ok().map(SpanId)
    }

    /// The trace in which it was measured; none if it was not sent.
    pub fn trace_id(self) -> Option<TraceId> {
        Fields::of(self.0).payload(5).try_into().ok().map(TraceId)
    }

    /// Attributes of the measurement that the point does not have.
    pub fn attrs(self) -> Attrs<'a> {
        Attrs::of(self.0, 7)
    }
}

/// A number: a double in `double_field`, an integer in field 6.
fn value(body: &[u8], double_field: u32) -> Option<Number> {
    Fields::of(body).find_map(|field| match field.value {
        Wire::Fixed64(bits) if field.number == double_field => Some(Number::Double(f64::from_bits(bits))),
        Wire::Fixed64(bits) if field.number == 6 => Some(Number::Int(bits as i64)),
        _ => None,
    })
}

fn fixed(body: &[u8], number: u32) -> Option<u64> {
    match Fields::of(body).field(number)?.value {
        Wire::Fixed64(bits) => Some(bits),
        _ => None,
    }
}

fn varint_of(body: &[u8], number: u32) -> u64 {
    match Fields::of(body).field(number).map(|field| field.value) {
        Some(Wire::Varint(value)) => value,
        _ => 0,
    }
}

/// Numbers of eight bytes: packed as a rule; one by one is the same to a reader.
fn fixed_list(body: &[u8], number: u32) -> impl Iterator<Item = u64> + '_ {
    let of_this_number = move |field: &Field<'_>| field.number == number;
    Fields::of(body).filter(of_this_number).flat_map(|field| {
        let packed = field.bytes().chunks_exact(8).filter_map(|chunk| chunk.try_into().ok());
        let alone = match field.value {
            Wire::Fixed64(bits) => Some(bits),
            _ => None,
        };
        packed.map(u64::from_le_bytes).chain(alone)
    })
}

/// Signed numbers of the wire type `sint32`.
fn zigzag(raw: u64) -> i32 {
    let raw = raw as u32;
    (raw >> 1) as i32 ^ -((raw & 1) as i32)
}
