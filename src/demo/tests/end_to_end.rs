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
    expect("demo_brief_200.txt", &show_replay(&replayed, Form::Brief, terminal(200, PLAIN)));
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
