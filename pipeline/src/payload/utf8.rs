//! Is this text? Nearly always yes and nearly always ASCII, so that is the short way.

/// The high bit of each of eight bytes: set in none of them means ASCII.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Whether the bytes are valid UTF-8.
#[inline]
pub(super) fn is_valid(text: &[u8]) -> bool {
    is_ascii(text) || std::str::from_utf8(text).is_ok()
}

/// Eight bytes a step; the last step overlaps the one before it instead of going byte by byte.
#[inline]
fn is_ascii(text: &[u8]) -> bool {
    let (words, tail) = text.as_chunks::<8>();
    let mut bits = 0;
    for word in words {
        bits |= u64::from_ne_bytes(*word);
    }
    match text.last_chunk::<8>() {
        Some(last) => bits |= u64::from_ne_bytes(*last),
        None => {
            for &byte in tail {
                bits |= u64::from(byte);
            }
        }
    }
    bits & HIGH_BITS == 0
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn the_short_way_and_the_standard_library_agree() {
        for length in 0..40 {
            let mut text = vec![b'a'; length];
            assert!(is_valid(&text));
            for place in 0..length {
                for byte in [0x80, 0xc3, 0xff, 0x7f, 0] {
                    text[place] = byte;
                    assert_eq!(is_valid(&text), std::str::from_utf8(&text).is_ok(), "{text:?}");
                    text[place] = b'a';
                }
            }
        }
        assert!(is_valid("größer als 日本".as_bytes()));
    }
}
