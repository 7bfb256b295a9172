#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exponential;
mod small;
mod streams;
mod task;
