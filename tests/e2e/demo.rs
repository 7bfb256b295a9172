//! `inferscope demo`, the first thing that a newcomer sees.

use std::process::Command;

use crate::capture::Capture;
use crate::released;

/// What `demo` prints when it ends well.
fn demo(arguments: &[&str]) -> String {
    let output = Command::new(released::program())
        .arg("demo")
        .args(arguments)
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ended with {}:\n{complaints}", output.status);
    assert_eq!(complaints, "", "nothing is wrong, so nothing is said");
    String::from_utf8(output.stdout).unwrap()
}

/// A line without the sequences that colour it.
fn without_colours(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.split_once('m').expect("a sequence ends").1
    })
}

/// Every character that `demo` prints takes one column.
fn columns(line: &str) -> usize {
    without_colours(line).chars().count()
}

/// The lines that begin the waterfalls: those before a first branch.
fn heads(page: &str) -> Vec<&str> {
    let lines: Vec<&str> = page.lines().collect();
    let first_branch = |line: &str| line.starts_with('├') || line.starts_with('└');
    let pairs = lines
        .windows(2)
        .filter(|pair| !first_branch(pair[0]) && first_branch(pair[1]));
    pairs.map(|pair| pair[0]).collect()
}

#[test]
fn every_request_of_the_capture_has_one_waterfall() {
    let page = demo(&["--width", "200", "--color", "never"]);

    let mut expected = Capture::of("vllm-0.32.0").request_ids();
    let mut shown: Vec<&str> = heads(&page)
        .iter()
        .map(|head| head.split_whitespace().next().unwrap())
        .collect();
    expected.sort();
    shown.sort_unstable();
    assert_eq!(shown, expected);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [80, 200] {
        for color in ["never", "always"] {
            let page = demo(&["--width", &width.to_string(), "--color", color]);

            assert_eq!(page.contains('\u{1b}'), color == "always");
            let widest = page.lines().max_by_key(|line| columns(line)).unwrap();
            assert!(
                columns(widest) <= width,
                "{} columns instead of {width}:\n{widest}",
                columns(widest)
            );
        }
    }
}

#[test]
fn a_table_of_phases_ends_the_page() {
    let page = demo(&["--width", "80", "--color", "never"]);

    let (_, table) = page
        .split_once("Where the time went")
        .expect("the table has this title");
    let head = table.lines().nth(1).unwrap();
    for column in ["phase", "count", "p50", "p95", "p99"] {
        assert!(head.contains(column), "{column} is missing in {head:?}");
    }
    for phase in ["frontend", "queue", "prefill", "decode", "detokenize", "request"] {
        let row = table.lines().find(|line| line.starts_with(phase));
        assert!(
            row.is_some_and(|row| row.split_whitespace().count() >= 6),
            "{phase} is missing in\n{table}"
        );
    }
}

#[test]
fn the_brief_form_has_one_line_a_request() {
    let page = demo(&["--brief", "--width", "200", "--color", "never"]);

    let body = page.split_once("Where the time went").unwrap().0;
    for id in Capture::of("vllm-0.32.0").request_ids() {
        assert!(body.lines().any(|line| line.starts_with(&id)), "{id} is missing");
    }
    assert!(heads(&page).is_empty());
}

#[test]
fn on_simulated_gpus_every_request_says_what_these_did() {
    let page = demo(&["--gpus", "2", "--width", "80", "--color", "never"]);

    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("   2 GPUs  ")).collect();
    assert_eq!(lines.len(), heads(&page).len());
    for line in &lines {
        for word in [" % busy  ", "W  ", "J meanwhile, its share "] {
            assert!(line.contains(word), "{word} is missing in {line}");
        }
    }
    assert!(page.contains("2 GPUs are simulated"), "{page}");
    let widest = page.lines().max_by_key(|line| columns(line)).unwrap();
    assert!(columns(widest) <= 80, "{widest}");
}

#[test]
fn without_the_library_that_plays_gpus_it_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("inferscope");
    std::fs::copy(released::program(), &alone).unwrap();

    let output = Command::new(&alone).args(["demo", "--gpus", "1"]).output().unwrap();

    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(
        complaint.contains("libinferscope_nvml_sim.so is not in")
            && complaint.contains("cargo build --release -p nvml-sim"),
        "{complaint}"
    );
}
