//! gRPC as a convention on HTTP/2: a unary call is a POST with one framed message in, one framed message and trailers
//! out. Shared by our server and our client.
//!
//! Facts are from "gRPC over HTTP2" (grpc/doc/PROTOCOL-HTTP2.md) and "Status codes and their use in gRPC".

mod binary;
mod code;
mod frame;
mod percent;
mod rpc;
mod status;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod timeout;

pub use code::Code;
pub use frame::{PREFIX_BYTES, Prefix};
pub use rpc::{Any, BadRequest, FieldViolation, RetryInfo, RpcStatus};
pub use status::Status;
pub use timeout::{format_timeout, parse_timeout};

/// `content-type` of a message in protobuf.
pub const CONTENT_TYPE: &str = "application/grpc";
/// How the message of this call is coded.
pub const ENCODING: &str = "grpc-encoding";
/// Which codings the peer accepts.
pub const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
/// How long the client waits.
pub const TIMEOUT: &str = "grpc-timeout";
/// The status code in the trailers.
pub const STATUS: &str = "grpc-status";
/// The message in the trailers, percent-encoded.
pub const MESSAGE: &str = "grpc-message";
/// `google.rpc.Status` in the trailers, base64.
pub const STATUS_DETAILS: &str = "grpc-status-details-bin";
