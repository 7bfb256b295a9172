#![allow(clippy::unwrap_used, clippy::expect_used)]
//! What the demo shows, as files to read: `golden/*.txt`. `UPDATE_EXPECT=1 cargo test` writes them anew.

mod collecting;
mod drawing;
mod end_to_end;

use std::path::Path;

use super::palette::{ASCII, Palette, UNICODE};
use super::request::{GpuUse, PhaseSpan, Request, Source};
use super::terminal::Terminal;

const PLAIN: Palette = Palette {
    glyphs: &UNICODE,
    colored: false,
};
const COLORED: Palette = Palette {
    glyphs: &UNICODE,
    colored: true,
};
const SIMPLE: Palette = Palette {
    glyphs: &ASCII,
    colored: false,
};

fn terminal(width: usize, palette: Palette) -> Terminal {
    Terminal { width, palette }
}

/// Compares a text with a file in `golden/`, or writes the file when asked to.
fn expect(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/golden").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, shown).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (shown, expected)) in shown.lines().zip(expected.lines()).enumerate() {
        assert_eq!(
            shown,
            expected,
            "{name}, line {}; UPDATE_EXPECT=1 accepts what is shown",
            number + 1
        );
    }
    assert_eq!(
        shown.lines().count(),
        expected.lines().count(),
        "{name}: lines; UPDATE_EXPECT=1 accepts what is shown"
    );
}

/// A request from phases that follow one another, in microseconds.
fn request(id: &str, phases: &[(&str, Source, u64)]) -> Request {
    const START: u64 = 1_795_316_005_000_000_000;
    let mut end = START;
    let mut laid_out = Vec::new();
    for (word, source, length_us) in phases {
        let start = end;
        end += length_us * 1_000;
        laid_out.push(PhaseSpan {
            word: (*word).to_owned(),
            source: *source,
            start,
            end,
        });
    }
    Request {
        id: id.to_owned(),
        start: START,
        end,
        status: "ok".to_owned(),
        phases: laid_out,
        input_tokens: Some(1_204),
        output_tokens: Some(148),
        first_token: Some(193_000_000),
        gpus: None,
    }
}

/// The same five phases as in every vLLM request.
fn ordinary(id: &str, [frontend, queue, prefill, decode, detokenize]: [u64; 5]) -> Request {
    request(
        id,
        &[
            ("frontend", Source::UpperBound, frontend),
            ("queue", Source::Measured, queue),
            ("prefill", Source::Measured, prefill),
            ("decode", Source::Measured, decode),
            ("detokenize", Source::UpperBound, detokenize),
        ],
    )
}

/// One of each kind that a reader may meet.
fn samples() -> Vec<Request> {
    let single_token = Request {
        output_tokens: Some(1),
        ..request(
            "cmpl-one-token",
            &[
                ("frontend", Source::UpperBound, 17_950),
                ("prefill", Source::Measured, 52_300),
            ],
        )
    };
    let partial = Request {
        status: "partial".to_owned(),
        first_token: None,
        ..request(
            "cmpl-partial",
            &[
                ("queue", Source::Measured, 500_000),
                ("other", Source::Inferred, 700_000),
            ],
        )
    };
    let insufficient = Request {
        status: "insufficient".to_owned(),
        end: partial.end,
        phases: Vec::new(),
        input_tokens: None,
        output_tokens: None,
        first_token: None,
        ..partial.clone()
    };
    let skipped = Request {
        status: "skipped".to_owned(),
        ..request(
            "5b8efff798038103",
            &[
                ("queue_and_prefill", Source::Measured, 90_000),
                ("decode", Source::Inferred, 2_500_000),
            ],
        )
    };
    vec![
        ordinary("cmpl-steady", [9_000, 32_000, 152_000, 597_000, 22_000]),
        ordinary("cmpl-queued", [204_000, 3_858_000, 60_700, 1_353_000, 540]),
        ordinary(
            "chatcmpl-with-an-id-that-is-longer-than-any-column-for-ids",
            [80_000, 30, 33_087_000, 194_000, 870],
        ),
        single_token,
        partial,
        insufficient,
        skipped,
    ]
}
