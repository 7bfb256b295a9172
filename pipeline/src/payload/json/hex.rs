//! Hexadecimal digits, as OTLP/JSON writes trace and span ids.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends two lower-case digits for each byte.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.extend(
            [byte >> 4, byte & 15]
                .iter()
                .filter_map(|&half| DIGITS.get(usize::from(half))),
        );
    }
}

/// Appends the byte of each two digits, in any case. `false` if these are not digits or not an even number of them;
/// then something may have been appended.
pub(super) fn decode(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let (pairs, odd) = digits.as_chunks::<2>();
    for &[high, low] in pairs {
        let (Some(high), Some(low)) = (value(high), value(low)) else {
            return false;
        };
        out.push(high << 4 | low);
    }
    odd.is_empty()
}

/// The value of a hexadecimal digit.
pub(super) fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
