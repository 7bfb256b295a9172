//! Trace and span ids: sixteen and eight bytes, printed as lower-case hex.

use std::fmt;
use std::str::FromStr;

/// Names a trace. All zeros is no id (W3C trace context, "trace-id"); sixteen bytes with a zero upper half are one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceId(pub [u8; 16]);

/// Names a span inside its trace. All zeros is no id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SpanId(pub [u8; 8]);

/// What a text that should have been an id was instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id; expected {digits} hexadecimal digits")]
pub struct BadId {
    text: String,
    digits: usize,
}

/// Longest piece of a bad id that an error repeats: enough to recognise it, too little to flood a log.
const QUOTED_CHARS_MAX: usize = 40;

impl TraceId {
    /// Whether every byte is zero, which means "no trace".
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 16]
    }
}

impl SpanId {
    /// Whether every byte is zero, which means "no span".
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 8]
    }
}

macro_rules! id_text {
    ($id:ident, $bytes:literal) => {
        impl fmt::Display for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $id {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                from_hex::<$bytes>(text).map(Self)
            }
        }
    };
}

id_text!(TraceId, 16);
id_text!(SpanId, 8);

fn from_hex<const BYTES: usize>(text: &str) -> Result<[u8; BYTES], BadId> {
    let bad = || BadId {
        text: text.chars().take(QUOTED_CHARS_MAX).collect(),
        digits: 2 * BYTES,
    };
    if text.len() != 2 * BYTES {
        return Err(bad());
    }
    let mut id = [0; BYTES];
    for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        for &digit in digits {
            let value = char::from(digit).to_digit(16).ok_or_else(bad)?;
            *byte = *byte << 4 | value as u8;
        }
    }
    Ok(id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_id_prints_as_lower_case_hex_and_reads_back() {
        let id: TraceId = "0000000000000000A56435BF3549CA20".parse().unwrap();

        assert_eq!(id.to_string(), "0000000000000000a56435bf3549ca20");
        assert_eq!(format!("{id:?}"), id.to_string());
        assert_eq!(id.to_string().parse::<TraceId>().unwrap(), id);
    }

    #[test]
    fn a_text_of_the_wrong_length_or_alphabet_is_no_id() {
        assert!("5b8e".parse::<SpanId>().is_err());
        assert!("zz00000000000000".parse::<SpanId>().is_err());
        assert!("ä0000000000000b".parse::<SpanId>().is_err());
        let refused = "5b8e".parse::<TraceId>().unwrap_err().to_string();
        assert_eq!(refused, "\"5b8e\" is not an id; expected 32 hexadecimal digits");
    }
}
