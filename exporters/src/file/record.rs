//! One batch as it stands in the file.

use net::codec::{self, Encoding};
use pipeline::payload::Payload;
use pipeline::payload::json::to_json;

use super::{Compression, Format};

/// How records are told from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// A line each.
    Lines,
    /// Four bytes with the length, big-endian, in front of each.
    Lengths,
}

/// How batches become records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorder {
    format: Format,
    compression: Compression,
}

/// The batch cannot be a record.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRecord {
    #[error("the batch could not be compressed")]
    Compression(#[from] std::io::Error),
    #[error("the batch has {0} bytes, more than a length of four bytes can say")]
    TooLarge(usize),
}

/// Room for the length.
const LENGTH_BYTES: usize = 4;

impl Recorder {
    pub(super) fn new(format: Format, compression: Compression) -> Self {
        Self { format, compression }
    }

    /// As in the Collector: only plain JSON has lines; compressed bytes may contain line feeds.
    pub(super) fn framing(self) -> Framing {
        match (self.format, self.compression) {
            (Format::Json, Compression::None) => Framing::Lines,
            _ => Framing::Lengths,
        }
    }

    /// The whole record, with what tells it from the next.
    pub(super) fn record(self, payload: &Payload) -> Result<Vec<u8>, NoRecord> {
        let mut record = Vec::with_capacity(payload.bytes().len() * 3 / 2);
        if self.framing() == Framing::Lines {
            to_json(payload, &mut record);
            record.push(b'\n');
            return Ok(record);
        }
        record.extend_from_slice(&[0; LENGTH_BYTES]);
        let plain = match self.format {
            Format::Proto => payload.bytes().clone(),
            Format::Json => {
                let mut json = Vec::new();
                to_json(payload, &mut json);
                json.into()
            }
        };
        match self.compression {
            Compression::None => record.extend_from_slice(&plain),
            Compression::Zstd => codec::compress(Encoding::Zstd, None, &[plain], &mut record)?,
        }
        let length = record.len() - LENGTH_BYTES;
        let prefix = u32::try_from(length)
            .map_err(|_| NoRecord::TooLarge(length))?
            .to_be_bytes();
        record.iter_mut().zip(prefix).for_each(|(place, byte)| *place = byte);
        Ok(record)
    }
}
