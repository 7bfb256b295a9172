//! The value that a line ends with, read the short way where it has few digits, as most have.

use memchr::memchr;

use super::super::exposition::value;

/// Every whole number of so many digits is a double.
const DIGITS_MAX: usize = 15;

/// Powers of ten that are doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The value at the beginning, and its length. It reaches to the end of its line; None where that is no number.
#[inline]
pub(super) fn number(behind: &[u8]) -> Option<(f64, usize)> {
    short(behind).or_else(|| long(behind))
}

/// A whole number of a few digits, with or without `.0`: all of them at once.
#[inline]
fn short(behind: &[u8]) -> Option<(f64, usize)> {
    const EIGHT_ZEROS: u64 = 0x3030_3030_3030_3030;
    let letters = u64::from_le_bytes(*behind.first_chunk()?);
    let digits = letters ^ EIGHT_ZEROS;
    // The highest bit of each byte that is no digit: above 9 with the bits below it, or not ASCII.
    let others = (((digits & 0x7f7f_7f7f_7f7f_7f7f) + 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
    let bits = others.trailing_zeros() & !7;
    if bits == 0 || bits == 64 {
        return None;
    }
    let count = (bits / 8) as usize;
    let rest = letters >> bits;
    let length = if rest & 0xff == u64::from(b'\n') {
        count
    } else if rest & 0x00ff_ffff == u64::from_le_bytes(*b".0\n\0\0\0\0\0") {
        count + 2
    } else {
        return None;
    };
    // What is no digit goes out, and zeros come in front.
    Some((f64::from(of_eight(digits << (64 - bits))), length))
}

/// The number of eight digits, the first in the lowest byte: of neighbours become two digits, of those four, then eight.
#[inline]
fn of_eight(digits: u64) -> u32 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    (high.wrapping_add(low) >> 32) as u32
}

fn long(behind: &[u8]) -> Option<(f64, usize)> {
    let length = memchr(b'\n', behind).unwrap_or(behind.len());
    let token = behind.get(..length)?;
    let value = decimal(token).or_else(|| value(token))?;
    Some((value, length))
}

/// Digits with a point and a power of ten. Where both digits and power are doubles, their product or quotient is rounded
/// once, which is the double nearest to what is written; None for anything else.
fn decimal(token: &[u8]) -> Option<f64> {
    let (mut whole, mut digits, mut places, mut rest) = (0_u64, 0_usize, 0_usize, token);
    let mut is_behind_point = false;
    while let [letter, next @ ..] = rest {
        match letter {
            b'0'..=b'9' if digits < DIGITS_MAX => {
                whole = whole * 10 + u64::from(letter - b'0');
                digits += 1;
                places += usize::from(is_behind_point);
            }
            b'.' if !is_behind_point && digits > 0 => is_behind_point = true,
            _ => break,
        }
        rest = next;
    }
    if digits == 0 || (is_behind_point && places == 0) {
        return None;
    }
    let power = i32::try_from(places).ok()?.checked_neg()? + exponent(rest)?;
    let scale = *POWERS.get(power.unsigned_abs() as usize)?;
    #[allow(clippy::cast_precision_loss)] // It has 15 digits at most.
    let whole = whole as f64;
    Some(if power < 0 { whole / scale } else { whole * scale })
}

/// The power behind `e`; 0 where there is nothing.
fn exponent(rest: &[u8]) -> Option<i32> {
    let (sign, digits) = match rest {
        [] => return Some(0),
        [b'e', b'-', digits @ ..] => (-1, digits),
        [b'e', b'+', digits @ ..] | [b'e', digits @ ..] => (1, digits),
        _ => return None,
    };
    match digits {
        [one @ b'0'..=b'9'] => Some(sign * i32::from(one - b'0')),
        [ten @ b'0'..=b'9', one @ b'0'..=b'9'] => Some(sign * (i32::from(ten - b'0') * 10 + i32::from(one - b'0'))),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::exposition::value;
    use super::number;

    /// What a value is by the long way, as bits, with its length.
    fn slowly(text: &str) -> Option<(u64, usize)> {
        value(text.as_bytes()).map(|value| (value.to_bits(), text.len()))
    }

    fn quickly(line: &str) -> Option<(u64, usize)> {
        number(line.as_bytes()).map(|(value, length)| (value.to_bits(), length))
    }

    #[test]
    fn numbers_of_any_form_are_what_the_long_way_makes_of_them() {
        for text in [
            "0",
            "0.0",
            "-0",
            "-0.0",
            "7",
            "46.0",
            "46.05",
            "46.",
            ".5",
            "1234567",
            "12345678",
            "123456.0",
            "1234567.0",
            "99999999.0",
            "999999999999999",
            "9007199254740993",
            "1e400",
            "-1e400",
            "+Inf",
            "-Inf",
            "NaN",
            "-NaN",
            "Inf",
            "1e22",
            "1e23",
            "1e-22",
            "1e-23",
            "1.7953160057559893e+09",
            "1.123590144e+09",
            "1593.488839093",
            "1e5e5",
            "e5",
            "1e",
            "1e+",
            "1e007",
            "1_000",
            "0x10",
            "4 6",
            "46.0 123",
            "1.5.5",
            "",
            "5e-324",
            "0.1",
            "0.30000000000000004",
            "1:",
            "1/",
            "1\u{2030}",
            "4é",
            "000000000000000000001",
            "0.000000000000000000001",
            "123456789012345.0",
        ] {
            for behind in ["\n", "\n# TYPE a gauge\n", "", "\n46.0 and more"] {
                assert_eq!(quickly(&format!("{text}{behind}")), slowly(text), "{text:?} {behind:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_number_is_what_the_long_way_makes_of_it(
            text in prop_oneof![
                "[0-9]{1,20}", "[0-9]{1,9}\\.0", "[0-9]{0,18}\\.[0-9]{0,18}", "-?[0-9]{1,3}\\.?[0-9]{0,16}e[+-]?[0-9]{1,3}",
                "[0-9.e+-]{0,10}", any::<f64>().prop_map(|value| format!("{value:?}")),
                any::<u32>().prop_map(|value| format!("{:?}", f64::from(value) / 1000.0)),
            ],
            has_end: bool,
        ) {
            let line = if has_end { format!("{text}\nnext 1\n") } else { text.clone() };

            prop_assert_eq!(quickly(&line), slowly(&text));
        }
    }
}
