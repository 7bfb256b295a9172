//! Spans of time as Prometheus writes them: `15s`, `1m30s`, `1d`.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A time span in Prometheus' notation: whole numbers with the units y, w, d, h, m, s and ms, largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PromDuration(Duration);

/// The units, largest first, in milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl PromDuration {
    /// Whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for PromDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl std::str::FromStr for PromDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self::default());
        }
        let refused =
            |why: &str| format!("{text:?} is not a duration of Prometheus: {why}\nwrite it like 15s, 1m30s or 500ms");
        if text.is_empty() {
            return Err(refused("it is empty"));
        }
        let (mut rest, mut units, mut total) = (text, UNITS.as_slice(), 0_u64);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, behind) = rest.split_at(digits);
            let letters = behind.bytes().take_while(|letter| !letter.is_ascii_digit()).count();
            // The letters end before a digit, which is a boundary between characters.
            let (unit, behind) = behind.split_at(letters);
            let number: u64 = number
                .parse()
                .map_err(|_| refused("a whole number must stand before each unit"))?;
            let at = units.iter().position(|(name, _)| *name == unit);
            let at = at.ok_or_else(|| refused("the units are y, w, d, h, m, s and ms, largest first, each once"))?;
            let scale = units.get(at).map_or(1, |(_, scale)| *scale);
            let more = number.checked_mul(scale).and_then(|more| total.checked_add(more));
            total = more.ok_or_else(|| refused("it is too long"))?;
            units = units.get(at + 1..).unwrap_or_default();
            rest = behind;
        }
        Ok(Self(Duration::from_millis(total)))
    }
}

impl fmt::Display for PromDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return formatter.write_str("0s");
        }
        // Weeks and years are never written, so that 10 days stay 10 days.
        for (unit, scale) in UNITS.into_iter().skip(2) {
            if rest >= scale {
                write!(formatter, "{}{unit}", rest / scale)?;
                rest %= scale;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for PromDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = PromDuration;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a duration such as 15s or 1m30s")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PromDuration, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}
