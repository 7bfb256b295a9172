//! Is this text? Nearly always yes and nearly always ASCII, so that is the short way.

/// The high bit of each of sixteen bytes: set in none of them means ASCII.
const HIGH_BITS: u128 = u128::from_ne_bytes([0x80; 16]);

/// Whether the bytes are valid UTF-8.
#[inline]
pub(super) fn is_valid(text: &[u8]) -> bool {
    is_ascii(text) || std::str::from_utf8(text).is_ok()
}

/// Sixteen bytes a step; the last step overlaps the one before it instead of going byte by byte.
#[inline(always)]
pub(super) fn is_ascii(text: &[u8]) -> bool {
    let mut bits = 0u128;
    if let Some(last) = text.last_chunk::<16>() {
        let (chunks, _) = text.as_chunks::<16>();
        for chunk in chunks {
            bits |= u128::from_ne_bytes(*chunk);
        }
        bits |= u128::from_ne_bytes(*last);
        return bits & HIGH_BITS == 0;
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        let bits = u64::from_ne_bytes(*first) | u64::from_ne_bytes(*last);
        return bits & HIGH_BITS as u64 == 0;
    }
    text.iter().all(u8::is_ascii)
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
