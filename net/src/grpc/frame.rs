//! The five bytes in front of a message.

/// Length of a [`Prefix`] on the wire.
pub const PREFIX_BYTES: usize = 5;

/// What stands in front of a message: whether it is compressed, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Coded as `grpc-encoding` says.
    pub compressed: bool,
    /// Bytes that follow.
    pub length: u32,
}

impl Prefix {
    /// Reads it; None if the flag is neither 0 nor 1.
    pub fn read(bytes: [u8; PREFIX_BYTES]) -> Option<Self> {
        let [flag, length @ ..] = bytes;
        (flag <= 1).then(|| Self {
            compressed: flag == 1,
            length: u32::from_be_bytes(length),
        })
    }

    /// Writes it.
    pub fn bytes(self) -> [u8; PREFIX_BYTES] {
        let [a, b, c, d] = self.length.to_be_bytes();
        [u8::from(self.compressed), a, b, c, d]
    }
}
