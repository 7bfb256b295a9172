//! Exporters: a payload into bytes on a socket, a file or a screen.
//!
//! One call is one attempt, and the variant of the error is the decision. Queue, retry and timeout are the delivery
//! driver's.

mod answer;
mod calendar;
mod http_url;
mod printable;
mod prometheus_names;
mod prometheus_series;
mod retry_after;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

pub mod debug;
pub mod file;
pub mod nop;
pub mod otlp_grpc;
pub mod otlp_http;
pub mod prometheus;
pub mod prometheus_remote_write;

use pipeline::component::Registry;

/// Makes the exporters of this crate known.
pub fn register(registry: &mut Registry) {
    registry.exporter::<debug::Debug>();
    registry.exporter::<file::File>();
    registry.exporter::<nop::Nop>();
    registry.exporter::<otlp_grpc::OtlpGrpc>();
    registry.exporter::<otlp_http::OtlpHttp>();
    registry.exporter::<prometheus::Prometheus>();
    registry.exporter::<prometheus_remote_write::PrometheusRemoteWrite>();
}
