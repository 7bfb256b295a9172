//! Snappy's block format, written with what is known of a request: its texts are those of the request before.

use snap::raw::max_compress_len;

use super::wire::{put_varint, varint_len};

/// Compresses requests, and keeps what the next may need.
#[derive(Default)]
pub(super) struct Snappy {
    encoder: Encoder,
    packed: Vec<u8>,
    /// The texts of the request before, and what they are when compressed.
    texts: Vec<u8>,
    packed_texts: Vec<u8>,
}

/// It keeps a table of its own.
struct Encoder(snap::raw::Encoder);

impl Snappy {
    /// A body in the block format; the first `texts` bytes of it may be those of the request before.
    ///
    /// The format is the length of all, and then elements that reach back as far as they like (Snappy's format description).
    /// So what was compressed apart is one body when it stands behind one length.
    pub(super) fn pack(&mut self, body: &[u8], texts: usize) -> Result<&[u8], snap::Error> {
        // One that is too long for the format is left to the encoder, which says so.
        let texts = if max_compress_len(body.len()) == 0 { 0 } else { texts };
        let (texts, series) = body.split_at_checked(texts).unwrap_or((&[], body));
        self.pack_texts(texts)?;
        let mut front = Vec::with_capacity(self.packed_texts.len() + varint_len(u64::MAX));
        put_varint(&mut front, body.len() as u64);
        front.extend_from_slice(&self.packed_texts);
        // The encoder writes a length as well, which is the one thing that the front then covers.
        let own = varint_len(series.len() as u64);
        let start = front.len() - own;
        let bytes_max = start + max_compress_len(series.len());
        if self.packed.len() < bytes_max {
            self.packed.resize(bytes_max, 0);
        }
        let room = self.packed.get_mut(start..).unwrap_or_default();
        let length = start + self.encoder.0.compress(series, room)?;
        if let Some(place) = self.packed.get_mut(..front.len()) {
            place.copy_from_slice(&front);
        }
        Ok(self.packed.get(..length).unwrap_or_default())
    }

    /// Compresses texts, unless they are those of the request before.
    fn pack_texts(&mut self, texts: &[u8]) -> Result<(), snap::Error> {
        if self.texts == texts {
            return Ok(());
        }
        self.texts.clear();
        self.packed_texts.clear(); // Nothing is known until all is done.
        if texts.is_empty() {
            return Ok(());
        }
        let mut packed = vec![0; max_compress_len(texts.len())];
        let length = self.encoder.0.compress(texts, &mut packed)?;
        let elements = packed.get(varint_len(texts.len() as u64)..length);
        self.packed_texts.extend_from_slice(elements.unwrap_or_default());
        self.texts.extend_from_slice(texts);
        Ok(())
    }

    /// Lets go of buffers that are larger than this.
    pub(super) fn shrink(&mut self, bytes_max: usize) {
        if self.packed.capacity() > bytes_max {
            self.packed = Vec::new();
        }
        if self.texts.capacity() > bytes_max {
            (self.texts, self.packed_texts) = (Vec::new(), Vec::new());
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self(snap::raw::Encoder::new())
    }
}

impl std::fmt::Debug for Snappy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Snappy")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use proptest::prelude::*;

    use super::Snappy;

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        snap::raw::Decoder::new().decompress_vec(packed).unwrap()
    }

    /// Bytes of which some are there again, of any length around that of a block.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let short = prop::collection::vec(any::<u8>(), 0..40);
        (
            short,
            prop_oneof![0..40_usize, 65_500..65_600_usize, 131_000..131_200_usize],
        )
            .prop_map(|(short, length)| {
                let all = short.iter().copied().cycle().take(length);
                all.chain(short.iter().copied()).collect()
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bodies_are_whole_again_whatever_was_packed_before(
            parts in prop::collection::vec((0..3_usize, bytes()), 1..6),
            texts in prop::collection::vec(bytes(), 3),
        ) {
            let mut snappy = Snappy::default();
            for (number, series) in parts {
                let texts = &texts[number];
                let body = [texts.as_slice(), &series].concat();

                let packed = snappy.pack(&body, texts.len()).unwrap();

                prop_assert!(unpacked(packed) == body);
            }
        }
    }

    #[test]
    fn texts_that_are_those_of_the_request_before_are_compressed_once() {
        let (texts, series) = (b"vllm:requests vllm:tokens ".repeat(40), b"12345678".repeat(20));
        let body = [texts.as_slice(), &series].concat();
        let mut snappy = Snappy::default();
        snappy.pack(&body, texts.len()).unwrap();

        snappy.packed_texts = vec![0; 1]; // A literal of one byte.
        let packed = snappy.pack(&body, texts.len()).unwrap().to_vec();

        assert!(
            snap::raw::Decoder::new().decompress_vec(&packed).is_err(),
            "it is not what was kept"
        );
    }

    #[test]
    fn a_split_beyond_the_body_packs_it_whole() {
        let mut snappy = Snappy::default();

        let packed = snappy.pack(b"body", 5).unwrap().to_vec();

        assert_eq!(unpacked(&packed), b"body");
        assert_eq!(unpacked(snappy.pack(b"", 0).unwrap()), b"");
    }
}
