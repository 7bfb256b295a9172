pub(crate) mod rig;
mod scrapes;
mod targets;

use super::*;

#[test]
fn it_keeps_the_contract_of_components() {
    pipeline::testing::contract::<PrometheusReceiver>();
}
