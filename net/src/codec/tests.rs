use std::io::{Read, Write};

use pipeline::Budget;
use proptest::prelude::*;

use super::*;

const BOTH: [Encoding; 2] = [Encoding::Gzip, Encoding::Zstd];

fn pack(encoding: Encoding, text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    compress(encoding, None, &[Bytes::copy_from_slice(text)], &mut packed).unwrap();
    packed
}

fn unpack(encoding: Encoding, packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
    decompress(encoding, packed, bytes_max, &mut |_| Ok(()))
}

/// Text that does not compress well.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn names_are_read_as_headers_have_them() {
    for (name, encoding) in [
        ("gzip", Some(Encoding::Gzip)),
        ("GZIP", Some(Encoding::Gzip)),
        ("x-gzip", Some(Encoding::Gzip)),
        (" zstd ", Some(Encoding::Zstd)),
        ("identity", Some(Encoding::Identity)),
        ("", Some(Encoding::Identity)),
        ("snappy", None),
        ("gzip, gzip", None),
    ] {
        assert_eq!(Encoding::from_name(name), encoding, "{name:?}");
    }
}

#[test]
fn what_is_compressed_unfolds_to_itself_at_every_size() {
    for encoding in BOTH {
        for length in [0, 1, 5, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 300_000, 1_500_000] {
            let text = noise(length);
            let packed = pack(encoding, &text);
            assert_eq!(
                unpack(encoding, &packed, length.max(1)).unwrap(),
                text,
                "{encoding:?} {length}"
            );
        }
    }
}

#[test]
fn chunks_are_compressed_as_one_body_behind_what_is_there() {
    for encoding in BOTH {
        let mut output = b"prefix".to_vec();
        let chunks = [Bytes::from_static(b"one "), Bytes::new(), Bytes::from_static(b"two")];
        compress(encoding, Some(6), &chunks, &mut output).unwrap();

        assert_eq!(output[..6], *b"prefix");
        assert_eq!(unpack(encoding, &output[6..], 100).unwrap(), b"one two", "{encoding:?}");
    }
}

#[test]
fn other_programs_read_what_we_write_and_we_read_theirs() {
    let text = b"the same text ".repeat(1_000);

    let mut ours = Vec::new();
    flate2::read::GzDecoder::new(pack(Encoding::Gzip, &text).as_slice())
        .read_to_end(&mut ours)
        .unwrap();
    assert_eq!(ours, text);
    assert_eq!(zstd::decode_all(pack(Encoding::Zstd, &text).as_slice()).unwrap(), text);

    let header = flate2::GzBuilder::new()
        .filename("name")
        .comment("why")
        .extra(b"more".as_slice())
        .mtime(7);
    let mut theirs = header.write(Vec::new(), flate2::Compression::default());
    theirs.write_all(&text).unwrap();
    assert_eq!(
        unpack(Encoding::Gzip, &theirs.finish().unwrap(), text.len()).unwrap(),
        text
    );
    // A stream does not say how long it will be.
    let mut theirs = zstd::Encoder::new(Vec::new(), 19).unwrap();
    theirs.include_checksum(true).unwrap();
    theirs.write_all(&text).unwrap();
    assert_eq!(
        unpack(Encoding::Zstd, &theirs.finish().unwrap(), text.len()).unwrap(),
        text
    );
}

#[test]
fn several_members_are_one_body() {
    for encoding in BOTH {
        let packed = [pack(encoding, b"one "), pack(encoding, b""), pack(encoding, b"two")].concat();

        assert_eq!(unpack(encoding, &packed, 100).unwrap(), b"one two", "{encoding:?}");
    }
}

#[test]
fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
        for length in [1_000, 64 * 1024] {
            let packed = pack(encoding, &noise(length));
            assert_eq!(unpack(encoding, &packed, length).unwrap().len(), length, "{encoding:?}");
            let error = unpack(encoding, &packed, length - 1).unwrap_err();
            assert_eq!(error, DecodeError::TooLarge { limit: length - 1 }, "{encoding:?}");
        }
    }
}

#[test]
fn a_bomb_is_stopped_by_its_ratio_before_it_is_unfolded() {
    for encoding in BOTH {
        let packed = pack(encoding, &vec![0; 8 * 1024 * 1024]);
        let mut largest = 0;
        let unfolded = decompress(encoding, &packed, usize::MAX, &mut |bytes| {
            largest = bytes;
            Ok(())
        });

        assert_eq!(unfolded, Err(DecodeError::Ratio), "{encoding:?}");
        let allowed = (packed.len() * RATIO_MAX).max(RATIO_FREE_BYTES) as u64 + 1;
        assert!(
            largest <= allowed,
            "{encoding:?}: asked for {largest} bytes of {allowed}"
        );
    }
}

#[test]
fn below_a_mebibyte_any_ratio_is_fine() {
    for encoding in BOTH {
        let text = vec![0; RATIO_FREE_BYTES];

        assert_eq!(
            unpack(encoding, &pack(encoding, &text), text.len()).unwrap(),
            text,
            "{encoding:?}"
        );
    }
}

#[test]
fn memory_is_asked_for_before_it_is_taken_and_its_refusal_ends_the_work() {
    let budget = Budget::new(50_000);
    for encoding in BOTH {
        let mut credit = budget.admit(0).unwrap();
        let small = pack(encoding, &noise(40_000));
        let large = pack(encoding, &noise(60_000));

        assert!(
            decompress(encoding, &small, 100_000, &mut |bytes| credit.resize(bytes)).is_ok(),
            "{encoding:?}"
        );
        let refused = decompress(encoding, &large, 100_000, &mut |bytes| credit.resize(bytes));
        assert!(
            matches!(refused, Err(DecodeError::Exhausted(_))),
            "{encoding:?}: {refused:?}"
        );
    }
}

#[test]
fn every_cut_and_every_flipped_bit_of_the_frame_is_noticed_or_harmless() {
    for encoding in BOTH {
        let text = noise(300);
        let packed = pack(encoding, &text);
        for end in 0..packed.len() {
            let cut = unpack(encoding, &packed[..end], 1_000);
            assert!(
                matches!(cut, Err(DecodeError::Corrupt { .. })),
                "{encoding:?} cut at {end}: {cut:?}"
            );
        }
        let garbage = [packed.as_slice(), b"garbage"].concat();
        assert!(
            unpack(encoding, &garbage, 1_000).is_err(),
            "{encoding:?} with garbage behind it"
        );
    }
    let mut wrong = pack(Encoding::Gzip, b"checked");
    let at = wrong.len() - 8;
    wrong[at] ^= 1;
    let error = unpack(Encoding::Gzip, &wrong, 100).unwrap_err();
    assert_eq!(
        error,
        DecodeError::Corrupt {
            encoding: "gzip",
            why: "the checksum does not match"
        }
    );
}

#[test]
fn a_window_beyond_eight_mebibytes_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&noise(100)).unwrap();
    let packed = encoder.finish().unwrap();

    let refused = unpack(Encoding::Zstd, &packed, 1_000);

    assert!(matches!(refused, Err(DecodeError::Corrupt { .. })), "{refused:?}");
    assert_eq!(
        unpack(Encoding::Zstd, &pack(Encoding::Zstd, b"next"), 100).unwrap(),
        b"next",
        "the context still works"
    );
}

proptest! {
    #[test]
    fn any_text_round_trips_and_any_bytes_do_not_panic(text in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        for encoding in BOTH {
            prop_assert_eq!(unpack(encoding, &pack(encoding, &text), 4_000).unwrap(), text.clone());
            let _ = unpack(encoding, &text, 4_000);
            // Behind a header that is right.
            let _ = unpack(encoding, &[&pack(encoding, b"")[..6], &text].concat(), 4_000);
        }
    }
}
