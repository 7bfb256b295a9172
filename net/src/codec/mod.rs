//! Content codings: gzip and zstd, with contexts that are kept and limits that hold while the output grows.
//!
//! A body is complete before it is decompressed, so a thread needs one context and no request waits with one in its
//! hands. Contexts are the expensive part of a small message: a gzip compressor alone is a quarter of a megabyte.

mod gzip;
mod room;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod zstandard;

use std::io;

use bytes::Bytes;
use pipeline::Exhausted;

use room::Room;

/// Output up to this size is never suspicious; most requests are smaller.
pub const RATIO_FREE_BYTES: usize = 1024 * 1024;

/// Beyond [`RATIO_FREE_BYTES`] a body may grow by this factor. Telemetry compresses 5 to 20 times; a bomb, 1,000 times.
pub const RATIO_MAX: usize = 100;

/// gzip's fastest level: telemetry is repetitive, so the other levels cost three times as much for a few percent.
pub const GZIP_LEVEL: i32 = 1;

/// zstd's fastest regular level, for the same reason.
pub const ZSTD_LEVEL: i32 = 1;

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// Why a body cannot be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is longer than one message may be.
    #[error("the decompressed body is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// It grows like a bomb.
    #[error("the body grows more than {RATIO_MAX} times and beyond {RATIO_FREE_BYTES} bytes when decompressed")]
    Ratio,
    /// It is not what it says.
    #[error("the body is not valid {encoding}: {why}")]
    Corrupt {
        /// The coding it claimed.
        encoding: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// There is no memory for it now.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

impl Encoding {
    /// The codings a server accepts, for `grpc-accept-encoding` and `accept-encoding`.
    pub const ACCEPTED: &'static str = "identity,gzip,zstd";

    /// Reads a `content-encoding` or `grpc-encoding`; None for a coding that is not built in.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim() {
            "" | "identity" => Some(Self::Identity),
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => Some(Self::Gzip),
            name if name.eq_ignore_ascii_case("zstd") => Some(Self::Zstd),
            name if name.eq_ignore_ascii_case("identity") => Some(Self::Identity),
            _ => None,
        }
    }

    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Decompresses a whole body into at most `bytes_max` bytes.
///
/// `admit` is asked before the output grows, with the bytes it will then hold; it may refuse.
pub fn decompress(
    encoding: Encoding,
    input: &[u8],
    bytes_max: usize,
    admit: &mut dyn FnMut(u64) -> Result<(), Exhausted>,
) -> Result<Vec<u8>, DecodeError> {
    let mut room = Room::new(input.len(), bytes_max, admit);
    match encoding {
        Encoding::Identity => room.copy(input)?,
        Encoding::Gzip => gzip::decompress(input, &mut room)?,
        Encoding::Zstd => zstandard::decompress(input, &mut room)?,
    }
    room.finish()
}

/// Compresses the chunks of one body, behind what `output` already holds.
///
/// Levels are those of the coding; None takes [`GZIP_LEVEL`] or [`ZSTD_LEVEL`].
/// After an error the output is not to be used.
pub fn compress(encoding: Encoding, level: Option<i32>, chunks: &[Bytes], output: &mut Vec<u8>) -> io::Result<()> {
    match encoding {
        Encoding::Identity => chunks.iter().for_each(|chunk| output.extend_from_slice(chunk)),
        Encoding::Gzip => gzip::compress(level.unwrap_or(GZIP_LEVEL), chunks, output)?,
        Encoding::Zstd => zstandard::compress(level.unwrap_or(ZSTD_LEVEL), chunks, output)?,
    }
    Ok(())
}
