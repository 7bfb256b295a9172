//! Why a request cannot be read at all.

/// The bytes are not the message that they should be. Answered as INVALID_ARGUMENT or 400: sending them again is no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes end inside a field.
    #[error("{message} ends at byte {offset} inside a field; expected {expected}")]
    Truncated {
        /// Where in the request.
        offset: usize,
        /// The message that ends too early.
        message: &'static str,
        /// What should have come.
        expected: &'static str,
    },
    /// A varint longer than ten bytes, or with more than 64 bits.
    #[error("byte {offset}: expected a varint of at most ten bytes and 64 bits, found a longer one")]
    Varint {
        /// Where in the request.
        offset: usize,
    },
    /// No field number or no wire type.
    #[error("byte {offset}: expected a field tag (number from 1, wire type 0, 1, 2 or 5), found {tag:#x}")]
    BadTag {
        /// Where in the request.
        offset: usize,
        /// What stands there.
        tag: u64,
    },
    /// Groups are an encoding that OTLP has never used.
    #[error("byte {offset}: expected a field of {message}, found a protobuf group")]
    Group {
        /// Where in the request.
        offset: usize,
        /// The message that it stands in.
        message: &'static str,
    },
    /// A known field in the wrong encoding.
    #[error("byte {offset}: expected field {number} of {message} with wire type {expected}, found wire type {found}")]
    WireType {
        /// Where in the request.
        offset: usize,
        /// The field.
        number: u32,
        /// The message that it stands in.
        message: &'static str,
        /// What OTLP defines.
        expected: u32,
        /// What stands there.
        found: u32,
    },
    /// Nested so deep that protobuf runtimes refuse it, or too deep outside of any item that could be rejected alone.
    #[error("byte {offset}: expected at most {limit} levels, found more")]
    Depth {
        /// Where in the request.
        offset: usize,
        /// How deep is allowed.
        limit: u32,
    },
    /// Resources, scopes and metrics alone are more than a receiver could hold.
    #[error("expected resources and scopes that take at most {limit} bytes once decoded, found {cost}")]
    DecodedBytes {
        /// What they would take.
        cost: u64,
        /// What is allowed.
        limit: u64,
    },
}
