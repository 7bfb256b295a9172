mod document;
mod names;
mod page;
mod pages;
mod scrapes;

use super::*;

#[test]
fn they_keep_the_contract_of_components() {
    pipeline::testing::contract::<EngineReceiver<Vllm>>();
    pipeline::testing::contract::<EngineReceiver<Sglang>>();
    pipeline::testing::contract::<EngineReceiver<Tgi>>();
    pipeline::testing::contract::<EngineReceiver<Triton>>();
    pipeline::testing::contract::<EngineReceiver<RayServe>>();
    pipeline::testing::contract::<EngineReceiver<Dcgm>>();
}

#[test]
fn a_receiver_has_the_name_of_its_table() {
    let names = [
        Vllm::NAME,
        Sglang::NAME,
        Tgi::NAME,
        Triton::NAME,
        RayServe::NAME,
        Dcgm::NAME,
    ];
    let tables: Vec<&str> = tables::ALL.iter().map(|profile| profile.name).collect();

    assert_eq!(names.as_slice(), tables);
}
