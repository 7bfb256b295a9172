//! `compression` of a client block: which codec, at which level, and what the peer said that it takes.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use ::http::HeaderMap;
use bytes::Bytes;
use config::Report;
use serde::de::{self, Deserialize, Deserializer};

use crate::codec::{self, Encoding};

/// Payloads up to this size are compressed where they are: 1 ms of gzip at most. Larger ones move to a thread that
/// may be busy, because a busy runtime thread delays every other connection.
const INLINE_BYTES_MAX: usize = 256 * 1024;

/// A codec for request bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Bodies as they are.
    None,
    /// RFC 1952; every OTLP server takes it.
    Gzip,
    /// RFC 8878; smaller and several times cheaper than gzip.
    Zstd,
}

impl Compression {
    /// The coding of that name.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::None => Encoding::Identity,
            Self::Gzip => Encoding::Gzip,
            Self::Zstd => Encoding::Zstd,
        }
    }
}

impl<'de> Deserialize<'de> for Compression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match name.as_str() {
            "none" | "" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            "snappy" | "x-snappy-framed" | "zlib" | "deflate" | "lz4" => Err(de::Error::custom(format!(
                "{name} is not available yet; use zstd, gzip or none"
            ))),
            _ => Err(de::Error::custom(format!(
                "{name:?} is not a compression; use zstd, gzip or none"
            ))),
        }
    }
}

/// `compression_params` of a client block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompressionParams {
    /// The level; unset means 1 for both codecs.
    pub level: Option<i32>,
}

impl CompressionParams {
    /// Reports a level that the codec does not have.
    pub fn validate(self, compression: Option<Compression>, report: &mut Report<'_>) {
        let Some(level) = self.level else { return };
        match compression {
            Some(Compression::Gzip) if !(1..=9).contains(&level) => {
                report.reject("level", "gzip has the levels 1 (fast) to 9 (small)");
            }
            Some(Compression::Zstd) if !(1..=22).contains(&level) => {
                report.reject("level", "zstd has the levels 1 (fast) to 22 (small)");
            }
            Some(Compression::None) => report.notice("level", "has no effect: compression is none"),
            None => report.help(
                "level",
                "a level needs a codec",
                "set `compression: gzip` or `compression: zstd`",
            ),
            Some(_) => {}
        }
    }
}

/// Compresses payloads with the configured codec, or with the one that the peer turned out to prefer.
#[derive(Debug)]
pub struct Compressor {
    /// None: gzip, as in the Collector, until the peer says that it takes zstd.
    configured: Option<Compression>,
    level: Option<i32>,
    peer: AtomicU8,
}

/// What is known about the peer; only used where the configuration leaves the codec open.
const PEER_UNKNOWN: u8 = 0;
const PEER_TAKES_ZSTD: u8 = 1;
/// It said so and then refused it, as a mixed set of servers behind one address does.
const PEER_REFUSED_ZSTD: u8 = 2;

impl Compressor {
    /// A compressor for `compression` and `compression_params`.
    pub fn new(configured: Option<Compression>, params: CompressionParams) -> Self {
        Self {
            configured,
            level: params.level,
            peer: AtomicU8::new(PEER_UNKNOWN),
        }
    }

    /// The coding of the next payload.
    pub fn current(&self) -> Encoding {
        match self.configured {
            Some(configured) => configured.encoding(),
            None if self.peer.load(Ordering::Relaxed) == PEER_TAKES_ZSTD => Encoding::Zstd,
            None => Encoding::Gzip,
        }
    }

    /// Reads what the peer announces in `accept-encoding` or `grpc-accept-encoding` of an answer.
    pub fn learn(&self, answer: &HeaderMap, header: &'static str) {
        if self.configured.is_some() || self.peer.load(Ordering::Relaxed) != PEER_UNKNOWN {
            return;
        }
        let announced = answer.get_all(header).iter().filter_map(|value| value.to_str().ok());
        let mut codecs = announced.flat_map(|list| list.split(','));
        if codecs.any(is_zstd) {
            self.peer.store(PEER_TAKES_ZSTD, Ordering::Relaxed);
        }
    }

    /// What to send a payload with that may have been refused for its coding; None where nothing else is allowed.
    pub fn fallback(&self, refused: Encoding) -> Option<Encoding> {
        (self.configured.is_none() && refused == Encoding::Zstd).then_some(Encoding::Gzip)
    }

    /// The peer took a [fallback](Self::fallback): from now on that is what it gets.
    pub fn settle_for_gzip(&self) {
        self.peer.store(PEER_REFUSED_ZSTD, Ordering::Relaxed);
    }

    /// Compresses a payload; identity shares the bytes.
    pub async fn pack(&self, payload: &Bytes, encoding: Encoding) -> io::Result<Bytes> {
        let level = self.level;
        if encoding == Encoding::Identity {
            return Ok(payload.clone());
        }
        let payload = payload.clone();
        if payload.len() <= INLINE_BYTES_MAX {
            return compress(encoding, level, payload);
        }
        let work = move || compress(encoding, level, payload);
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
    }
}

fn compress(encoding: Encoding, level: Option<i32>, payload: Bytes) -> io::Result<Bytes> {
    // OTLP shrinks to a tenth as a rule; the codec makes more room where that is not enough.
    let mut packed = Vec::with_capacity(payload.len() / 8 + 256);
    codec::compress(encoding, level, &[payload], &mut packed)?;
    Ok(Bytes::from(packed))
}

fn is_zstd(codec: &str) -> bool {
    let (name, weight) = codec.split_once(';').unwrap_or((codec, ""));
    // `zstd;q=0` means that it is not taken (RFC 9110 §12.5.3).
    name.trim().eq_ignore_ascii_case("zstd") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A byte that no codec can guess from its neighbours.
    fn random(at: usize) -> u8 {
        let mixed = (at as u64 ^ (at as u64 >> 3)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 56) as u8
    }

    /// Every fourth byte is random, so that it shrinks as telemetry does and not as a bomb.
    fn payload(len: usize) -> Bytes {
        (0..len)
            .map(|at| {
                if at % 4 == 0 {
                    random(at)
                } else {
                    b"service.name=vllm;"[at % 18]
                }
            })
            .collect()
    }

    async fn round_trip(codec: Compression, payload: &Bytes) -> Vec<u8> {
        let (compressor, encoding) = (
            Compressor::new(Some(codec), CompressionParams::default()),
            codec.encoding(),
        );
        let packed = compressor.pack(payload, encoding).await.unwrap();
        codec::decompress(encoding, &packed, 8 << 20, &mut |_| Ok(())).unwrap()
    }

    #[tokio::test]
    async fn every_codec_gives_back_what_it_took() {
        // Bytes that do not shrink come through as well.
        let random: Bytes = (0..300_000).map(random).collect();
        for codec in [Compression::None, Compression::Gzip, Compression::Zstd] {
            for len in [0, 1, 700, 70_000, INLINE_BYTES_MAX + 1, 3_000_000, 5] {
                assert_eq!(round_trip(codec, &payload(len)).await, payload(len), "{codec:?} {len}");
            }
            assert_eq!(round_trip(codec, &random).await, random, "{codec:?}");
        }
    }

    #[tokio::test]
    async fn without_compression_the_bytes_are_shared() {
        let compressor = Compressor::new(Some(Compression::None), CompressionParams::default());
        let payload = payload(100);

        let packed = compressor.pack(&payload, Encoding::Identity).await.unwrap();

        assert_eq!(packed.as_ptr(), payload.as_ptr());
    }

    #[test]
    fn an_open_codec_is_gzip_until_the_peer_announces_zstd() {
        let compressor = Compressor::new(None, CompressionParams::default());
        let mut answer = HeaderMap::new();
        compressor.learn(&answer, "accept-encoding");
        assert_eq!(compressor.current(), Encoding::Gzip);

        answer.insert("accept-encoding", "gzip, zstd".parse().unwrap());
        compressor.learn(&answer, "accept-encoding");

        assert_eq!(compressor.current(), Encoding::Zstd);
    }

    #[test]
    fn a_peer_that_refuses_zstd_after_all_gets_gzip_for_good() {
        let compressor = Compressor::new(None, CompressionParams::default());
        let answer: HeaderMap = [("accept-encoding".parse().unwrap(), "zstd".parse().unwrap())]
            .into_iter()
            .collect();
        compressor.learn(&answer, "accept-encoding");

        assert_eq!(compressor.fallback(Encoding::Zstd), Some(Encoding::Gzip));
        compressor.settle_for_gzip();
        compressor.learn(&answer, "accept-encoding");

        assert_eq!(compressor.current(), Encoding::Gzip);
        assert_eq!(
            compressor.fallback(Encoding::Gzip),
            None,
            "nothing is left to fall back to"
        );
    }

    #[test]
    fn a_configured_codec_is_never_changed() {
        let compressor = Compressor::new(Some(Compression::Gzip), CompressionParams::default());
        let answer: HeaderMap = [("accept-encoding".parse().unwrap(), "zstd".parse().unwrap())]
            .into_iter()
            .collect();

        compressor.learn(&answer, "accept-encoding");

        assert_eq!(compressor.current(), Encoding::Gzip);
        assert_eq!(compressor.fallback(Encoding::Zstd), None);
    }

    #[test]
    fn a_codec_of_weight_zero_is_not_announced() {
        assert!(is_zstd(" ZSTD;q=0.5"));
        assert!(!is_zstd("zstd;q=0"));
        assert!(!is_zstd("gzip"));
    }
}
