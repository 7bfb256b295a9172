#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod bad_input;
mod captures;
mod documented;
mod laws;
mod rig;
mod table;
mod whose;

use pipeline::payload::Payload;
use pipeline::testing::contract;

use super::LlmAttributes;
use crate::actions::tests::trial;

#[tokio::test]
async fn the_contract_holds() {
    let payload = || Payload::Traces(trial::traces(&trial::resource_with(&[])));
    contract::processor::<LlmAttributes>(vec![payload(), payload()]).await;
}
