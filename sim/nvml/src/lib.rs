#![doc = include_str!("../README.md")]

// What C programs find by name is reachable without a path; a call that waits blocks its caller, as the real one does.
#[allow(unreachable_pub, clippy::cast_precision_loss, clippy::disallowed_methods)]
mod abi;
mod curve;
mod default;
mod fault;
mod run;
mod scenario;
mod stage;

pub use curve::Curve;
pub use fault::{Fault, What};
pub use run::{Device, Run};
pub use scenario::{Gpu, Instance, LinkErrors, Process, Scenario, Xid};
pub use stage::{Stage, StageError};

/// The environment variable with the path of a scenario, which the library reads when it is initialized first.
pub const SCENARIO_VARIABLE: &str = "INFERSCOPE_NVML_SCENARIO";
