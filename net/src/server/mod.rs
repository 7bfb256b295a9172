//! Listeners: one port speaks HTTP/1.1 and HTTP/2, plain or over TLS.
//!
//! A [`Server`] takes connections and ends them (idle, too old, told to stop); a [`Handler`] answers requests and reads
//! their bodies through an [`Intake`], which holds the limits.

mod accept;
mod auth;
mod bind;
mod body;
mod certificate;
mod connection;
mod cors;
mod endpoint;
mod grpc_block;
mod handshake;
mod http_block;
mod limits;
mod protocols;
mod pulse;
mod reply;
mod rules;
mod seldom;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod wire;

pub use accept::{Handler, Peer, Server};
pub use auth::{Auth, Guard};
pub use bind::Transport;
pub use body::{Intake, IntakeError};
pub use cors::Cors;
pub use grpc_block::{EnforcementPolicy, GrpcServer, Keepalive, ServerParameters};
pub use handshake::REFUSED_HANDSHAKES;
pub use http_block::HttpServer;
pub use limits::*;
pub use reply::{Reply, retry_after};
pub use rules::Rules;
pub use seldom::Seldom;
