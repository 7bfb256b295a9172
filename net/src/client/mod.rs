//! Clients for exporters: `configgrpc` and `confighttp` client blocks and the connections behind them.
//!
//! A client makes one attempt and says what came of it. Retry, queue and timeout are the delivery driver's: it drops
//! the future of an attempt that takes too long, and a client stays usable after that.

mod alert;
mod auth;
mod compression;
mod dial;
mod endpoint;
mod headers;
mod heard;

pub mod grpc;
pub mod http;

pub use auth::ClientAuth;
pub use compression::{Compression, CompressionParams, Compressor};
pub use endpoint::GrpcEndpoint;
pub use headers::Headers;

/// What we call ourselves to servers.
pub const USER_AGENT: &str = concat!("Inferscope/", env!("CARGO_PKG_VERSION"));

/// An error with its causes on one line: hyper's own words say little without them.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
