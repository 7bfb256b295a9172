//! How many spans a sampled one stands for, as `tracestate` tells (OpenTelemetry, "Probability sampling").

/// A threshold has at most 14 hexadecimal digits, which are 56 bits.
const DIGITS_MAX: usize = 14;
const SPANS_MAX: u64 = 1 << 56;

/// How a span counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    /// For so many.
    pub(super) spans: u64,
    /// Whether the sampler said so; else it is one by itself.
    pub(super) is_extrapolated: bool,
}

impl Weight {
    pub(super) const ONE: Self = Self {
        spans: 1,
        is_extrapolated: false,
    };

    /// What a threshold means: with `th:c`, one of four spans was kept, so each counts for four. Where that is no whole
    /// number it is rounded up or down with the right probability, by the span's own id: the same span always counts
    /// the same, and the sum over many is right.
    pub(super) fn of(trace_state: &[u8], span_id: [u8; 8]) -> Self {
        let Some(kept) = threshold(trace_state).and_then(|threshold| SPANS_MAX.checked_sub(threshold)) else {
            return Self::ONE;
        };
        // A threshold has 56 bits, so at least one span in 2^56 is kept.
        let (whole, rest) = (SPANS_MAX / kept.max(1), SPANS_MAX % kept.max(1));
        let lot = mixed(u64::from_be_bytes(span_id)) % kept.max(1);
        Self {
            spans: whole + u64::from(lot < rest),
            is_extrapolated: true,
        }
    }
}

/// The threshold below which the sampler dropped spans: `th` of the member `ot`, missing digits being zeros.
fn threshold(trace_state: &[u8]) -> Option<u64> {
    let member = trace_state
        .split(|byte| *byte == b',')
        .find_map(|member| member.trim_ascii().strip_prefix(b"ot="))?;
    let digits = member
        .split(|byte| *byte == b';')
        .find_map(|it| it.strip_prefix(b"th:"))?;
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut threshold = 0;
    for digit in digits {
        threshold = threshold << 4 | u64::from(char::from(*digit).to_digit(16)?);
    }
    Some(threshold << (4 * (DIGITS_MAX - digits.len())))
}

/// Ids need not be random in every bit; SplitMix64's mixing function makes them so.
fn mixed(id: u64) -> u64 {
    let id = (id ^ (id >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let id = (id ^ (id >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    id ^ (id >> 31)
}
