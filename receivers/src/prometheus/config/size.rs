//! Sizes as Prometheus writes them: `10MB`, which are mebibytes.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A number of bytes. Prometheus counts in powers of 1024, whether it says `KB` or `KiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is not a size\nwrite it like 512KB or 10MB, or 0 for the default");
        if text == "0" {
            return Ok(Self(0));
        }
        let digits = text
            .bytes()
            .take_while(|letter| letter.is_ascii_digit() || *letter == b'.')
            .count();
        let (number, unit) = text.split_at(digits);
        let unit = unit
            .strip_suffix("iB")
            .or_else(|| unit.strip_suffix('B'))
            .ok_or_else(refused)?;
        let power = UNITS.iter().position(|name| *name == unit).ok_or_else(refused)?;
        let number: f64 = number.parse().map_err(|_| refused())?;
        let bytes = number * 1024_f64.powi(i32::try_from(power).unwrap_or_default());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // No sign was read, and too much saturates.
        Ok(Self(bytes as u64))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Size;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a size such as 10MB")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Size, E> {
                number.to_string().parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Text)
    }
}
