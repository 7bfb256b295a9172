//! The pure part: requests in, text out.

use super::*;
use crate::demo::collect::Seen;
use crate::demo::gpus::Wait;
use crate::demo::notable::{brief, notable};
use crate::demo::page::{self, Form};
use crate::demo::table::table;
use crate::demo::waterfall::waterfall;

/// Everything that is drawn from requests, on one page.
fn page(width: usize, palette: Palette) -> String {
    let terminal = terminal(width, palette);
    let mut text = String::new();
    for form in [Form::Waterfall, Form::Brief] {
        for request in samples() {
            text.push_str(&page::request(&request, form, terminal));
        }
        text.push('\n');
    }
    text + &page::summary(&samples(), terminal)
}

/// A text as a terminal would show it: without the colours.
fn without_colors(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = escape.split_once('m').unwrap().1;
    }
    plain + rest
}

#[test]
fn eighty_columns_are_enough() {
    expect("samples_80.txt", &page(80, PLAIN));
    expect("samples_80_colored.txt", &page(80, COLORED));
    expect("samples_80_ascii.txt", &page(80, SIMPLE));
}

/// What GPUs may have done: known in full, guessed, in part, not at all.
fn with_gpus() -> Vec<Request> {
    let full = GpuUse {
        count: 2,
        busy_percent: Some(57),
        power_mw: Some(1_024_300),
        energy_mj: Some(283_100),
        own_mj: Some(142_020),
        coverage_percent: Some(100),
    };
    let guessed = GpuUse {
        coverage_percent: Some(49),
        ..full
    };
    let part = GpuUse {
        count: 1,
        energy_mj: None,
        own_mj: None,
        ..full
    };
    let nothing = GpuUse {
        count: 16,
        coverage_percent: Some(0),
        ..GpuUse::default()
    };
    let most = GpuUse {
        count: 16,
        busy_percent: Some(100),
        power_mw: Some(16_000_000),
        energy_mj: Some(u64::MAX),
        own_mj: Some(u64::MAX),
        coverage_percent: Some(10),
    };
    let requests = samples().into_iter().zip([full, guessed, part, nothing, most]);
    let with = requests.map(|(request, gpus)| Request {
        gpus: Some(gpus),
        ..request
    });
    with.collect()
}

#[test]
fn gpus_have_a_line_under_the_phases() {
    for (name, palette) in [("gpus_80.txt", PLAIN), ("gpus_80_ascii.txt", SIMPLE)] {
        let terminal = terminal(80, palette);
        let mut text = page::opening(Some(Wait { gpus: 2, seconds: 6 }), terminal);
        for request in with_gpus().iter().take(4) {
            text.push_str(&page::request(request, Form::Waterfall, terminal));
        }
        text.push_str(&page::closing(56, Seen::default(), &with_gpus()[..3]));
        expect(name, &text);
    }
}

#[test]
fn two_hundred_columns_are_used() {
    expect("samples_200.txt", &page(200, PLAIN));
    expect("samples_200_colored.txt", &page(200, COLORED));
}

/// Everything that is said around the bars.
fn words(width: usize, palette: Palette) -> String {
    let terminal = terminal(width, palette);
    let seen = Seen {
        requests: 10_045,
        phases: 40_224,
        others: 1_100,
    };
    let of_the_capture = Seen {
        requests: 45,
        phases: 224,
        others: 11,
    };
    let words = [
        page::opening(None, terminal),
        page::opening(Some(Wait { gpus: 16, seconds: 10 }), terminal),
        page::closing(56, of_the_capture, &with_gpus()),
        page::next("inferscope", false, terminal),
        page::listening(4317, 4318, terminal),
        page::farewell(&samples(), seen, terminal),
    ];
    words.concat()
}

#[test]
fn a_farewell_says_what_it_is_made_of() {
    let seen = Seen {
        requests: 8,
        phases: 0,
        others: 1,
    };

    let farewell = page::farewell(&samples(), seen, terminal(80, PLAIN));

    let first: Vec<&str> = farewell.lines().filter(|line| !line.is_empty()).take(2).collect();
    assert_eq!(
        first,
        [
            "8 request spans (below: the last 7)",
            "1 other span, which is no request"
        ]
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 72..=200 {
        for palette in [PLAIN, COLORED, SIMPLE] {
            let gpus: String = with_gpus().iter().map(|it| waterfall(it, width, palette)).collect();
            for line in without_colors(&(words(width, palette) + &page(width, palette) + &gpus)).lines() {
                assert!(
                    line.chars().count() <= width,
                    "{} of {width} columns: {line}",
                    line.chars().count()
                );
            }
        }
    }
}

#[test]
fn nothing_is_told_by_colour_alone() {
    for width in [80, 200] {
        assert_eq!(without_colors(&page(width, COLORED)), page(width, PLAIN));
    }
}

#[test]
fn without_unicode_every_character_is_ascii() {
    let page = page(80, SIMPLE);

    assert!(page.is_ascii(), "{page}");
}

#[test]
fn a_request_without_length_is_still_drawn() {
    let nothing = ordinary("cmpl-instant", [0; 5]);

    assert!(waterfall(&nothing, 80, PLAIN).contains("0 ns"));
    assert!(brief(&nothing, 80, PLAIN).contains("cmpl-instant"));
    assert!(table(&[nothing], 80, PLAIN).contains("request"));
}

#[test]
fn percentiles_are_times_that_occurred() {
    let requests: Vec<Request> = (1..=100).map(|ms| ordinary("cmpl", [0, ms * 1_000, 0, 0, 0])).collect();

    let table = table(&requests, 80, PLAIN);

    let queue: Vec<&str> = table
        .lines()
        .find(|line| line.starts_with("queue"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(queue[1..8], ["100", "50.0", "ms", "95.0", "ms", "99.0", "ms"]);
}

#[test]
fn a_request_is_worth_a_look_once() {
    let slow = ordinary("cmpl-slow", [0, 0, 33_000_000, 0, 0]);
    let queued = ordinary("cmpl-queued", [1_000, 5_000_000, 1_000, 1_000, 0]);
    let quick = ordinary("cmpl-quick", [10, 10, 10, 10, 10]);

    let notable = notable(&[quick, slow, queued], 80, PLAIN);

    let why: Vec<&str> = notable.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(why, ["slowest", "longest queue"]);
}

#[test]
fn nothing_to_show_is_shown_without_a_panic() {
    assert_eq!(notable(&[], 80, PLAIN), "");
    assert!(table(&[], 80, PLAIN).contains("request"));
}
