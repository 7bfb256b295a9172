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
    if let Some(seconds) = value.plain_double() {
        return nanoseconds(seconds);
    }
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
    let ns = seconds * NS_PER_SECOND;
    if ns.abs() < ROUNDED_BELOW {
        // The sum has no bits left for a fraction, so the addition rounds, as additions do; the C library's way is a
        // call and several times as long.
        let whole = (ns + WHOLE).to_bits().wrapping_sub(WHOLE.to_bits());
        return Reading::Ns(whole as i64);
    }
    unusual_nanoseconds(seconds)
}

/// 2^52 and 2^51: doubles from 2^52 to twice as much are whole numbers.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// 2^51 nanoseconds are 26 days.
const ROUNDED_BELOW: f64 = 2_251_799_813_685_248.0;

#[cold]
fn unusual_nanoseconds(seconds: f64) -> Reading {
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

#[cfg(test)]
mod tests {
    use super::{NS_PER_SECOND, ROUNDED_BELOW, Reading, nanoseconds};

    #[test]
    fn seconds_are_rounded_half_to_even() {
        let ns = [0.0, 0.25, 0.5, 1.5, 2.5, 3.5, 124_999_999.5, 125_000_000.5, 1e12 + 0.5];
        let ends = [ROUNDED_BELOW - 0.5, ROUNDED_BELOW, ROUNDED_BELOW + 1.0, 1e18, 1e30];

        for ns in ns.into_iter().chain(ends) {
            for seconds in [ns / NS_PER_SECOND, -ns / NS_PER_SECOND] {
                let expected = (seconds * NS_PER_SECOND).round_ties_even() as i64;
                assert_eq!(nanoseconds(seconds), Reading::Ns(expected), "{seconds}");
            }
        }
    }
}
