//! The capture through real sockets, the real receiver, processor and exporter.

use super::*;
use crate::demo::gpus::Gpus;
use crate::demo::page::{self, Form};
use crate::demo::{Replayed, capture, replayed, show_replay};

async fn whole_demo() -> Replayed {
    replayed(&capture::contents().unwrap(), None).await.unwrap()
}

/// All that is shown but what comes next.
fn shown(replayed: &Replayed, form: Form, terminal: Terminal) -> String {
    page::opening(None, terminal) + &show_replay(replayed, form, terminal)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_the_whole_capture() {
    let replayed = whole_demo().await;

    let waterfalls = shown(&replayed, Form::Waterfall, terminal(80, PLAIN));

    assert_eq!(replayed.requests.len(), 45);
    assert_eq!(replayed.spans_in, 56);
    expect("demo_80.txt", &waterfalls);
    expect(
        "demo_brief_200.txt",
        &shown(&replayed, Form::Brief, terminal(200, PLAIN)),
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

/// What two GPUs of the scenario use while any of the requests is worked on, in joules: 90 to 650 watts each, with the
/// load of the requests that run.
fn used_j(requests: &[Request]) -> f64 {
    const STEP_NS: u64 = 1_000_000;
    let is_work = |phase: &&PhaseSpan| ["prefill", "decode"].contains(&phase.word.as_str());
    let work: Vec<&PhaseSpan> = requests.iter().flat_map(|it| &it.phases).filter(is_work).collect();
    let (begin, end) = (work.iter().map(|it| it.start).min(), work.iter().map(|it| it.end).max());
    let mut joules = 0.0;
    for time in (begin.unwrap()..end.unwrap()).step_by(STEP_NS as usize) {
        if work.iter().any(|phase| (phase.start..phase.end).contains(&time)) {
            let running = requests.iter().filter(|it| (it.start..it.end).contains(&time)).count();
            let load = (0.02 + 0.24 * running as f64).min(0.98);
            joules += 2.0 * (90.0 + 560.0 * load) * STEP_NS as f64 / 1e9;
        }
    }
    joules
}

#[tokio::test(flavor = "multi_thread")]
async fn all_shares_together_are_what_two_simulated_gpus_used() {
    let contents = capture::contents().unwrap();
    let gpus = Gpus::stage(2, &contents.requests).unwrap();

    let replayed = replayed(&contents, Some(&gpus)).await.unwrap();

    let uses: Vec<GpuUse> = replayed.requests.iter().map(|request| request.gpus.unwrap()).collect();
    assert_eq!(uses.len(), 45);
    for (request, gpus) in replayed.requests.iter().zip(&uses) {
        assert_eq!(gpus.count, 2);
        // Less is certain where two steps of the counter do not fit in.
        if request.duration() > 500_000_000 {
            assert!(gpus.coverage_percent.unwrap() > 80, "{gpus:?}");
            assert!(gpus.own_mj <= gpus.energy_mj, "{gpus:?}");
        }
    }
    let shares_j = uses.iter().map(|gpus| gpus.own_mj.unwrap()).sum::<u64>() as f64 / 1e3;
    let used_j = used_j(&replayed.requests);
    assert!((shares_j / used_j - 1.0).abs() < 0.05, "{shares_j} J of {used_j} J");
}
