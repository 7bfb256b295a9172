#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;
mod joining;
mod patience;
mod resolving;
mod sharing;
mod waiting;

use pipeline::payload::Payload;
use pipeline::testing::contract;

use super::*;

#[tokio::test]
async fn the_contract_holds() {
    let payload = || Payload::Traces(harness::parse(&harness::request_of("", harness::T0, harness::T0 + 1)));
    contract::processor::<GpuContext>(vec![payload(), payload()]).await;
}

#[test]
fn the_options_of_the_readme_are_the_defaults() {
    let readme = include_str!("README.md");
    let Config {
        sample_wait,
        attribution,
        spans_max,
        bytes_max,
    } = Config::default();

    for (key, default) in [
        ("sample_wait", sample_wait.to_string()),
        ("attribution::enabled", attribution.enabled.to_string()),
        ("attribution::horizon", attribution.horizon.to_string()),
        ("attribution::known_work", attribution.known_work.to_string()),
        (
            "attribution::output_token_weight",
            format!("{:?}", attribution.output_token_weight),
        ),
        ("spans_max", spans_max.to_string()),
        ("bytes_max", bytes_max.to_string()),
    ] {
        let row = format!("| `{key}` | `{default}` |");
        assert!(readme.contains(&row), "no {row}");
    }
    assert!(readme.contains(GpuContext::EXAMPLE.trim_end()));
}
