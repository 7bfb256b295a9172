//! TLS for listeners and clients, by rustls with ring. The keys are the Collector's `configtls`.

mod config;
mod material;
mod reload;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod trust;

pub use self::config::{ClientTls, ServerTls, Tls, require_both};
pub use self::material::TlsError;
pub use self::reload::Reloading;
