//! Base64 (RFC 4648): written in the standard alphabet with padding, read in either alphabet with or without it.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Four digits for each three bytes, padded.
pub fn encode(bytes: &[u8]) -> String {
    let mut digits = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    append(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default() // They are ASCII.
}

/// The same behind what is there.
pub(super) fn append(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let mut bits = 0u32;
        for place in 0..3 {
            bits = bits << 8 | group.get(place).copied().map_or(0, u32::from);
        }
        for place in 0..4 {
            // One byte needs two digits, two need three; the rest is padding.
            if place > group.len() {
                out.push(b'=');
                continue;
            }
            let digit = bits >> (18 - 6 * place) & 63;
            out.extend(DIGITS.get(digit as usize));
        }
    }
}

/// Appends the bytes behind the digits. `false` if these are no digits, or a number of them that no bytes lead to;
/// then something may have been appended.
pub fn decode(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let padding = digits.iter().rev().take_while(|&&digit| digit == b'=').count();
    let padded = padding > 0;
    if padding > 2 || padded && !digits.len().is_multiple_of(4) {
        return false;
    }
    let digits = digits.get(..digits.len() - padding).unwrap_or_default();
    for group in digits.chunks(4) {
        if group.len() == 1 {
            return false;
        }
        let mut bits = 0u32;
        for &digit in group {
            let Some(value) = value(digit) else {
                return false;
            };
            bits = bits << 6 | value;
        }
        bits <<= 6 * (4 - group.len());
        let bytes = bits.to_be_bytes();
        out.extend(bytes.iter().skip(1).take(group.len() - 1));
    }
    true
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    fn decoded(digits: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        decode(digits.as_bytes(), &mut bytes).then_some(bytes)
    }

    #[test]
    fn the_vectors_of_rfc_4648_hold_in_both_directions() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, digits) in vectors {
            assert_eq!(encode(bytes.as_bytes()), digits);
            assert_eq!(decoded(digits).as_deref(), Some(bytes.as_bytes()));
            assert_eq!(decoded(digits.trim_end_matches('=')).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn both_alphabets_are_read() {
        assert_eq!(encode(&[0xfb, 0xff]), "+/8=");
        assert_eq!(decoded("+/8="), Some(vec![0xfb, 0xff]));
        assert_eq!(decoded("-_8"), Some(vec![0xfb, 0xff]));
    }

    #[test]
    fn what_no_bytes_lead_to_is_refused() {
        for digits in [
            "Z", "Zm9vY", "Zg=", "Zg===", "Zm9v=", "=", "====", "Zm 8=", "Zm8=Zm8=", "Z!==", "Zmä",
        ] {
            assert_eq!(decoded(digits), None, "{digits}");
        }
    }

    #[test]
    fn every_byte_survives() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&encode(&bytes)), Some(bytes));
    }
}
