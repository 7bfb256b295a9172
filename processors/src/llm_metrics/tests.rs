#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod bounds;
mod captures;
mod engines;
mod goodput;
mod harness;
mod laws;
mod mapping;
mod publishing;
mod script;
mod settings;
mod tenants;
mod timing;

use pipeline::testing::contract;

use super::LlmMetrics;

#[test]
fn the_contract_holds() {
    contract::<LlmMetrics>();
}
