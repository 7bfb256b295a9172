//! Metrics into a real Prometheus, and what it answers to queries then.

pub(crate) mod api;
mod gate;
mod promtool;
pub(crate) mod server;
pub(crate) mod target;
mod ways;

mod dcgm_names;
mod engine;
mod engine_requests;
mod identity;
mod llm_metrics;
mod outages;
mod own_page;
pub(crate) mod phases;
mod shipped;
mod staleness;
mod translation;
