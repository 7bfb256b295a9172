//! The data path against its oracle: prost decodes, structs are changed, and the bytes must say the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bombs;
mod captures;
mod generate;
mod parse;
mod reference;
mod split;
mod splice;
mod through_views;
mod weird;
