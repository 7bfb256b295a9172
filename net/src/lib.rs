//! Listeners, clients, TLS and codecs: what the rooms at the edge share.
//!
//! It knows HTTP and gRPC, and no telemetry: a receiver's handler gets a request and gives a response.

mod authenticator;
pub mod client;
pub mod codec;
mod endpoint;
pub mod grpc;
pub mod page;
pub mod server;
pub mod tls;
