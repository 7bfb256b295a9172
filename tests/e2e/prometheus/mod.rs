//! Metrics into a real Prometheus, and what it answers to queries then.

pub(crate) mod api;
pub(crate) mod server;
mod target;
mod ways;

mod identity;
