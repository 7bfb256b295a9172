//! Hashes of values, for those who must not be read but may be compared.

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::held::Seen;

/// How `hash` hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// What the Collector's `attributes` processor documents.
    Sha1,
    /// What the Collector's `resource` processor documents.
    Sha256,
}

/// A digest of either length.
pub(super) struct Digest {
    bytes: [u8; 32],
    len: usize,
}

impl Hash {
    /// The digest of a value as the Collector takes it: text as its bytes, numbers as eight bytes with the lowest first,
    /// a boolean as one byte. Empty text stays empty, and so become lists, maps and bytes: whoever hashes wants the value
    /// gone.
    pub(super) fn digest(self, value: Seen<'_>) -> Digest {
        match value {
            Seen::Text("") | Seen::Other(_) => Digest { bytes: [0; 32], len: 0 },
            Seen::Text(text) => self.bytes(text.as_bytes()),
            Seen::Bool(value) => self.bytes(&[u8::from(value)]),
            Seen::Int(value) => self.bytes(&value.to_le_bytes()),
            Seen::Double(value) => self.bytes(&value.to_bits().to_le_bytes()),
        }
    }

    fn bytes(self, input: &[u8]) -> Digest {
        match self {
            Self::Sha1 => Digest::of(&Sha1::digest(input)),
            Self::Sha256 => Digest::of(&Sha256::digest(input)),
        }
    }
}

impl Digest {
    fn of(digest: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = *from;
        }
        Self {
            bytes,
            len: digest.len(),
        }
    }

    /// Adds the digest in lower-case hex.
    pub(super) fn write(&self, out: &mut String) {
        for byte in self.bytes.iter().take(self.len) {
            for digit in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(digit.into(), 16));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash, value: Seen<'_>) -> String {
        let mut out = String::new();
        hash.digest(value).write(&mut out);
        out
    }

    #[test]
    fn text_hashes_to_the_published_digests() {
        // FIPS 180-4 examples for the message "abc".
        assert_eq!(
            hex(Hash::Sha1, Seen::Text("abc")),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(Hash::Sha256, Seen::Text("abc")), sha256);
    }

    #[test]
    fn numbers_hash_as_eight_bytes_with_the_lowest_first_and_booleans_as_one() {
        assert_eq!(
            hex(Hash::Sha1, Seen::Int(0x6162)),
            hex(Hash::Sha1, Seen::Text("ba\0\0\0\0\0\0"))
        );
        assert_eq!(
            hex(Hash::Sha1, Seen::Double(0.0)),
            hex(Hash::Sha1, Seen::Text("\0\0\0\0\0\0\0\0"))
        );
        assert_eq!(
            hex(Hash::Sha256, Seen::Bool(true)),
            hex(Hash::Sha256, Seen::Text("\u{1}"))
        );
    }

    #[test]
    fn nothing_hashes_to_nothing() {
        assert_eq!(hex(Hash::Sha1, Seen::Text("")), "");
        assert_eq!(hex(Hash::Sha1, Seen::Other(pipeline::payload::Value::Bytes(b"x"))), "");
    }
}
