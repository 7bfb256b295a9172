//! Room in which requests are made, used again from one to the next.

use bytes::Bytes;

use super::known::EncodedStamp;
use super::snappy::Snappy;
use super::v2::Used;

/// A buffer larger than this is given back after a request: one odd batch must not hold memory for ever.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Buffers of requests.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(super) body: Vec<u8>,
    pub(super) series: Vec<u8>,
    pub(super) used: Used,
    pub(super) stamp: EncodedStamp,
    snappy: Snappy,
}

impl Room {
    /// A body in Snappy's block format, not the framed one (remote write 1.0, "Protocol"); an error where it is too
    /// large for that. `texts` as in [`Encoded`](super::Encoded).
    pub(crate) fn pack(&mut self, body: &[u8], texts: usize) -> Result<Bytes, snap::Error> {
        let packed = Bytes::copy_from_slice(self.snappy.pack(body, texts)?);
        self.snappy.shrink(KEPT_BYTES_MAX);
        Ok(packed)
    }

    /// Takes the body of a request back that is no longer needed.
    pub(crate) fn give_back(&mut self, body: Vec<u8>) {
        if body.capacity() <= KEPT_BYTES_MAX {
            self.body = body;
        }
        if self.series.capacity() > KEPT_BYTES_MAX {
            self.series = Vec::new();
        }
    }
}
