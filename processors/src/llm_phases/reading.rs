//! Reading durations out of attribute values.

use pipeline::payload::{RawValue, Value};

const NS_PER_SECOND: f64 = 1e9;

/// What became of one attribute that should have been a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nanoseconds; negative ones are judged where the span's length is known.
    Ns(i64),
    /// Text, a list or nothing where a number of seconds belongs.
    WrongType,
    /// NaN or infinity.
    NotANumber,
}

/// Seconds as a double or a whole number, which is what vLLM, SGLang and the `gen_ai.latency` convention mean.
#[inline]
pub(super) fn seconds(value: RawValue<'_>) -> Reading {
    match value.read() {
        Value::Double(seconds) => nanoseconds(seconds),
        Value::Int(seconds) => Reading::Ns(seconds.saturating_mul(1_000_000_000)),
        _ => Reading::WrongType,
    }
}

/// Rounds half to even, as Python does, so that results can be compared to the nanosecond. What does not fit becomes
/// the largest or smallest number, which is longer than every span or negative and so not usable.
#[inline]
pub(super) fn nanoseconds(seconds: f64) -> Reading {
    if !seconds.is_finite() {
        return Reading::NotANumber;
    }
    Reading::Ns((seconds * NS_PER_SECOND).round_ties_even() as i64)
}

/// A duration as Rust's `Debug` writes it: `1.234567s`, `45.2ms`, `12.3µs`, `870ns`, with either of the two letters mu.
///
/// Read digit by digit, because a double has no room for nanoseconds of long durations. More than nine digits after the
/// point are cut off.
pub(super) fn debug_duration(text: &str) -> Option<i64> {
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at_checked(split)?;
    let ns_per_unit: i128 = match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "\u{b5}s" | "\u{3bc}s" | "us" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let mut ns = whole.checked_mul(ns_per_unit)?;
    let mut place = ns_per_unit;
    for digit in fraction.bytes() {
        place /= 10;
        ns = ns.checked_add(i128::from(digit - b'0') * place)?;
    }
    i64::try_from(ns).ok()
}
