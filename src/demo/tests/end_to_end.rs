//! The capture through real sockets, the real receiver, processor and exporter.

use super::*;
use crate::demo::page::Form;
use crate::demo::{Replayed, replayed, show_replay};

async fn whole_demo() -> Replayed {
    replayed().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_the_whole_capture() {
    let replayed = whole_demo().await;

    let shown = show_replay(&replayed, Form::Waterfall, terminal(80, PLAIN));

    assert_eq!(replayed.requests.len(), 45);
    assert_eq!(replayed.spans_in, 56);
    expect("demo_80.txt", &shown);
    expect(
        "demo_brief_200.txt",
        &show_replay(&replayed, Form::Brief, terminal(200, PLAIN)),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_capture_has_phases_that_fill_it() {
    let replayed = whole_demo().await;

    for request in &replayed.requests {
        let phases: u64 = request.phases.iter().map(PhaseSpan::duration).sum();
        assert_eq!(request.status, "ok", "{}", request.id);
        assert_eq!(phases, request.duration(), "{}", request.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_phase_on_the_screen_is_the_expected_one_to_the_nanosecond() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/engines/vllm-0.32.0/expected_decomposition.jsonl");
    let expected: Vec<serde_json::Value> = std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let replayed = whole_demo().await;

    for expected in &expected {
        let is_it = |request: &&Request| {
            // Siblings of n > 1 share id and start.
            request.start == expected["span_start"].as_u64().unwrap()
                && request.end == expected["span_end"].as_u64().unwrap()
        };
        let request = replayed.requests.iter().find(is_it).unwrap();
        for (key, word) in [
            ("frontend", "frontend"),
            ("queue", "queue"),
            ("prefill", "prefill"),
            ("decode", "decode"),
            ("detokenize_egress", "detokenize"),
        ] {
            let (from, to) = (expected[key][0].as_u64().unwrap(), expected[key][1].as_u64().unwrap());
            let shown: Vec<(u64, u64)> = request
                .phases
                .iter()
                .filter(|phase| phase.word == word)
                .map(|phase| (phase.start, phase.end))
                .collect();
            let expected = if from == to { vec![] } else { vec![(from, to)] };
            assert_eq!(shown, expected, "{word} of {}", request.id);
        }
    }
}
