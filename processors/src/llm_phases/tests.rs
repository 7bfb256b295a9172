#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod arithmetic;
mod bounds;
mod dice;
mod golden;
mod harness;
mod laws;
mod many;
mod native;
mod settings;
mod sglang;
mod tgi;
mod vllm;
mod work;

use pipeline::payload::Payload;
use pipeline::testing::contract;

use super::LlmPhases;

/// With spans of an engine that spans processes, the stage holds some of them until the lane ends.
#[tokio::test]
async fn the_contract_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/engines");
    let mut payloads = Vec::new();
    for engine in ["vllm-0.32.0", "sglang-0.5.23-driven"] {
        let mut files: Vec<_> = std::fs::read_dir(format!("{folder}/{engine}/otlp"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "pb"));
        files.sort();
        let requests = files.iter().map(|path| harness::parse(&std::fs::read(path).unwrap()));
        payloads.extend(requests.map(Payload::Traces));
    }
    assert!(payloads.len() >= 30);

    contract::processor::<LlmPhases>(payloads).await;
}
