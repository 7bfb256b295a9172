//! Spans of time as the Collector writes them: Go's `300ms`, `1h30m`, `1.5s`.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::de::DURATION;

/// A time span that is never negative. Reads and prints Go's notation; derefs to [`std::time::Duration`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(std::time::Duration);

impl Duration {
    /// No time at all. Many of the Collector's keys read it as "without limit".
    pub const ZERO: Self = Self(std::time::Duration::ZERO);

    /// Whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// Whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(std::time::Duration::from_millis(milliseconds))
    }

    /// The standard library's type.
    pub const fn get(self) -> std::time::Duration {
        self.0
    }

    /// `None` for zero, for keys where zero means "without limit".
    pub fn limit(self) -> Option<std::time::Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        Self(duration)
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl Deref for Duration {
    type Target = std::time::Duration;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Why a text is not a duration. The second line of its text is the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotADuration {
    problem: String,
    remedy: String,
}

impl fmt::Display for NotADuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.problem, self.remedy)
    }
}

impl std::error::Error for NotADuration {}

/// Longest duration: Go counts nanoseconds in an `int64`, about 292 years.
const NANOSECONDS_MAX: u128 = i64::MAX as u128;

impl std::str::FromStr for Duration {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        read(text).map_err(|(why, remedy)| NotADuration {
            problem: format!("invalid duration {:?}: {why}", crate::node::shortened(text)),
            remedy,
        })
    }
}

/// A reason and a remedy.
type Refused = (String, String);

fn read(text: &str) -> Result<Duration, Refused> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(no_number());
    }
    let mut total: u128 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (nanoseconds, behind) = element(rest)?;
        total = total.saturating_add(nanoseconds);
        rest = behind;
    }
    if negative && total > 0 {
        return Err((
            "a time span here cannot be negative".to_owned(),
            "write 0s or more".to_owned(),
        ));
    }
    match u64::try_from(total) {
        Ok(nanoseconds) if total <= NANOSECONDS_MAX => Ok(Duration(std::time::Duration::from_nanos(nanoseconds))),
        _ => Err(too_long()),
    }
}

fn no_number() -> Refused {
    (
        "a number and a unit are needed".to_owned(),
        "write it like 300ms, 10s or 1h30m".to_owned(),
    )
}

fn too_long() -> Refused {
    (
        "longer than 292 years".to_owned(),
        "write a shorter time, or 0 where that means without limit".to_owned(),
    )
}

/// One `number unit` from the front of `text`: its nanoseconds and what follows.
fn element(text: &str) -> Result<(u128, &str), Refused> {
    let number_len = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .count();
    let (number, rest) = text.split_at(number_len);
    let unit_len = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (unit, behind) = rest.split_at(unit_len);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(no_number());
    }
    if unit.is_empty() {
        let remedy = format!("write {number}s for seconds, {number}ms for milliseconds");
        return Err(("missing unit".to_owned(), remedy));
    }
    let scale = nanoseconds_of(unit).ok_or_else(|| unknown_unit(unit, whole))?;
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| too_long())?
    };
    let nanoseconds = whole.checked_mul(scale).ok_or_else(too_long)?;
    Ok((nanoseconds.saturating_add(part_of(scale, fraction)), behind))
}

/// Digits behind the point that can matter: an hour has 3.6e12 nanoseconds, and Go keeps 18 digits as well.
const FRACTION_DIGITS_MAX: usize = 18;

/// `0.fraction` of `scale`, cut off below a nanosecond as Go does.
fn part_of(scale: u128, fraction: &str) -> u128 {
    let (mut numerator, mut denominator) = (0_u128, 1_u128);
    for digit in fraction.bytes().take(FRACTION_DIGITS_MAX) {
        numerator = numerator * 10 + u128::from(digit - b'0');
        denominator *= 10;
    }
    numerator * scale / denominator
}

fn nanoseconds_of(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn unknown_unit(unit: &str, number: &str) -> Refused {
    let remedy = match unit {
        "d" => number
            .parse::<u64>()
            .ok()
            .and_then(|days| Some(format!("write {}h", days.checked_mul(24)?))),
        "sec" | "secs" | "second" | "seconds" => Some(format!("write {number}s")),
        "min" | "mins" | "minute" | "minutes" => Some(format!("write {number}m")),
        _ => None,
    };
    let remedy = remedy.unwrap_or_else(|| "the units are ns, us, ms, s, m and h".to_owned());
    (format!("unknown unit {:?}", crate::node::shortened(unit)), remedy)
}

impl fmt::Display for Duration {
    /// Go's form: `1h30m0s`, `1.5s`, `300ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let (scale, unit) = match nanoseconds {
            0 => return f.write_str("0s"),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        if unit != "s" {
            return write!(f, "{}{unit}", decimal(nanoseconds, scale));
        }
        let minute = 60 * scale;
        let (hours, minutes) = (nanoseconds / (60 * minute), nanoseconds / minute % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(nanoseconds % minute, scale))
    }
}

/// `value / scale` without trailing zeros.
fn decimal(value: u128, scale: u128) -> String {
    let (whole, fraction) = (value / scale, value % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = (scale.ilog10()) as usize;
    let fraction = format!("{fraction:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(DURATION, DurationVisitor(PhantomData))
    }
}

/// The newtype tells our own deserializer that a bare number here means nanoseconds, which it then warns about.
struct DurationVisitor(PhantomData<()>);

impl<'de> Visitor<'de> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 300ms, 10s or 1h30m")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Duration, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, nanoseconds: i64) -> Result<Duration, E> {
        let nanoseconds = u64::try_from(nanoseconds)
            .map_err(|_| E::custom("a time span here cannot be negative\nwrite 0s or more"))?;
        Ok(Duration(std::time::Duration::from_nanos(nanoseconds)))
    }

    fn visit_u64<E: de::Error>(self, nanoseconds: u64) -> Result<Duration, E> {
        Ok(Duration(std::time::Duration::from_nanos(nanoseconds)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn nanoseconds(text: &str) -> Result<u128, String> {
        text.parse::<Duration>()
            .map(|duration| duration.as_nanos())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn gos_notation_is_read_exactly() {
        let table = [
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("300ms", 300_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1us", 1_000),
            ("1µs", 1_000),
            ("1μs", 1_000),
            ("2h45m30.123456789s", 9_930_123_456_789),
            ("0.000000001s", 1),
            ("0.3333333333333333333h", 1_199_999_999_999),
            ("9223372036854775807ns", i64::MAX as u128),
        ];

        for (text, expected) in table {
            assert_eq!(nanoseconds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_a_remedy() {
        let table = [
            ("", "a number and a unit are needed"),
            ("5", "missing unit\nwrite 5s"),
            ("1d", "unknown unit \"d\"\nwrite 24h"),
            ("10 s", "unknown unit \" s\""),
            ("1min", "unknown unit \"min\"\nwrite 1m"),
            ("s", "a number and a unit are needed"),
            (".s", "a number and a unit are needed"),
            ("1.2.3s", "a number and a unit are needed"),
            ("-1s", "cannot be negative"),
            ("9223372036854775808ns", "longer than 292 years"),
            ("99999999999999999999999999999999999999999999h", "longer than 292 years"),
            ("é", "a number and a unit are needed"),
        ];

        for (text, expected) in table {
            let error = nanoseconds(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        let table = [
            ("0", "0s"),
            ("1ns", "1ns"),
            ("1100ns", "1.1µs"),
            ("2200us", "2.2ms"),
            ("3300ms", "3.3s"),
            ("245s", "4m5s"),
            ("90m", "1h30m0s"),
            ("1h0m0.001s", "1h0m0.001s"),
        ];

        for (text, expected) in table {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), expected);
        }
    }
}
