//! Base64 for `-bin` headers (RFC 4648 section 4): written without padding, read with or without.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut word = [0_u8; 4];
        word.iter_mut()
            .skip(1)
            .zip(group)
            .for_each(|(place, byte)| *place = *byte);
        let word = u32::from_be_bytes(word);
        for digit in 0..=group.len() {
            let index = word >> (18 - 6 * digit) & 0x3f;
            encoded.push(char::from(ALPHABET[index as usize]));
        }
    }
    encoded
}

pub(super) fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len() / 4 * 3 + 2);
    let digits = encoded
        .iter()
        .rposition(|byte| *byte != b'=')
        .map_or(0, |last| last + 1);
    let (mut word, mut bits) = (0_u32, 0_u32);
    for digit in encoded.get(..digits)? {
        let value = ALPHABET.iter().position(|letter| letter == digit)?;
        word = (word << 6 | u32::try_from(value).ok()?) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}
