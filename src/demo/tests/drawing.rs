//! The pure part: requests in, text out.

use super::*;
use crate::demo::collect::Seen;
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
        page::opening(terminal),
        page::closing(56, of_the_capture),
        page::next("inferscope", terminal),
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
            for line in without_colors(&(words(width, palette) + &page(width, palette))).lines() {
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
