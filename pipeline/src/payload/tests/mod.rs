//! The data path against its oracle: prost decodes, structs are changed, and the bytes must say the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The stages under test never look at the clock; any moment will do.
#![allow(clippy::disallowed_methods)]

mod bombs;
mod captures;
mod generate;
mod items;
mod metrics;
mod opening;
mod parse;
mod plain;
mod reference;
mod refusals;
mod splice;
mod split;
mod through_views;
mod weird;
