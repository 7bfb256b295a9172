//! The released program against real peers: a real Jaeger, a real Prometheus, a real API server of Kubernetes, the OpenTelemetry SDKs, and peers that hang,
//! lie and flood.
//!
//! Everything below talks to the program as its users do: over sockets, with files and signals. `make e2e` builds what
//! is needed and runs this; see `tests/peers/README.md`.
//!
//! Every wait in here has a bound, every process that a test starts ends with it, and a test that fails shows what the
//! processes wrote.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods, // Tests of real processes have no other clock than the real one.
    missing_docs
)]

mod capture;
mod destination;
mod doors;
mod load;
mod metrics_page;
mod otlp_metrics;
mod patience;
mod peers;
mod process;
mod program;
mod released;
mod trace_file;
mod wire;

mod agent_and_gateway;
mod command_line;
mod demo;
mod hostile;
mod jaeger;
mod kubernetes;
mod lifecycle;
mod overload;
mod prometheus;
mod rules;
mod sdk_python;
mod sdk_rust;
