//! The tables: one file for each engine, with nothing in it but names and what they mean.

mod dcgm;
mod ray_serve;
mod sglang;
mod tgi;
mod triton;
mod vllm;

pub use dcgm::DCGM;
pub(crate) use dcgm::OF_INSTANCE;
pub use ray_serve::RAY_SERVE;
pub use sglang::SGLANG;
pub use tgi::TGI;
pub use triton::TRITON;
pub use vllm::VLLM;

use super::profile::Profile;

/// All of them.
pub const ALL: &[&Profile] = &[&VLLM, &SGLANG, &TGI, &TRITON, &RAY_SERVE, &DCGM];

/// Attributes for tokens that were read, in the words of the GenAI conventions.
const INPUT: &[(&str, &str)] = &[("gen_ai.token.type", "input")];
/// Attributes for tokens that were made.
const OUTPUT: &[(&str, &str)] = &[("gen_ai.token.type", "output")];
