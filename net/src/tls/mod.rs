//! TLS for listeners and clients, by rustls with ring. The keys are the Collector's `configtls`.

mod config;
mod material;
mod reload;
#[cfg(test)]
mod tests;
mod trust;

pub use self::config::{ClientTls, ServerTls, Tls};
pub use self::material::TlsError;
pub use self::reload::Reloading;
