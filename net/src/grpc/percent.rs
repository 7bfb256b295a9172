//! Percent-encoding of `grpc-message`: printable ASCII without `%` stays, every other byte becomes `%XX`.

use std::fmt::Write;

/// A status message longer than this is cut: trailers count against the peer's header list limit, often 8 KiB.
const MESSAGE_BYTES_MAX: usize = 1024;

pub(super) fn encode(message: &str) -> String {
    let mut encoded = String::with_capacity(message.len());
    for byte in shortened(message).bytes() {
        match byte {
            b'%' => encoded.push_str("%25"),
            0x20..=0x7e => encoded.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

pub(super) fn decode(encoded: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, behind @ ..] = rest {
        let escaped = match (first, behind) {
            (b'%', [high, low, after @ ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, after)),
            _ => None,
        };
        // A broken escape is kept as it came: the specification says not to lose the message over it.
        let (byte, after) = escaped.unwrap_or((*first, behind));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn shortened(message: &str) -> &str {
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
    message.get(..end).unwrap_or(message)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
