#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod arithmetic;
mod bounds;
mod golden;
mod harness;
mod laws;
mod settings;
mod sglang;
mod tgi;
mod vllm;
