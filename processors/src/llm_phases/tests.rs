#![allow(clippy::unwrap_used, clippy::expect_used)]

mod arithmetic;
mod harness;
mod sglang;
mod vllm;
