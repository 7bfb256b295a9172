mod faults;
mod instances;
mod links;
mod pods;
mod rig;
mod words;

use super::*;

#[test]
fn it_keeps_the_contract_of_components() {
    pipeline::testing::contract::<NvmlReceiver>();
}
