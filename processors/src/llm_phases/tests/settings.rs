//! The configuration, its example and its mistakes.

use ::config::{Diagnostics, Section, decode};

use super::harness::config;
use crate::llm_phases::config::{Config, Emit};
use crate::llm_phases::meters;
use crate::llm_phases::phase::{Phase, Source, Status};

#[test]
fn nothing_means_the_defaults() {
    assert_eq!(config("{}"), Config::default());
}

#[test]
fn words_of_phases_are_the_words_of_the_configuration() {
    for phase in Phase::ALL {
        let read = config(&format!("phases: [{}]", phase.word()));

        assert_eq!(read.phases, [phase]);
    }
    assert_eq!(config("emit: both").emit, Emit::Both);
}

#[test]
fn enums_stand_in_the_order_of_their_tables() {
    assert!(
        Phase::ALL
            .iter()
            .enumerate()
            .all(|(index, phase)| phase.index() == index)
    );
    assert!(
        Source::ALL
            .iter()
            .enumerate()
            .all(|(index, source)| *source as usize == index)
    );
    assert!(
        Status::ALL
            .iter()
            .enumerate()
            .all(|(index, status)| *status as usize == index)
    );
    let numbers: std::collections::BTreeSet<u64> = Phase::ALL.iter().map(|phase| phase.stable_number()).collect();
    assert_eq!(numbers.len(), Phase::ALL.len());
}

#[test]
fn mistakes_are_told_all_at_once() {
    let yaml = "phases: []\nengines:\n  vllm: {scopes: [a, '']}\n  sglang: {scopes: [a]}\nassembler:\n  traces_max: 0\n  \
                spans_per_trace_max: 0\n  bytes_max: 0\n  idle_window: 0s\n  wait_max: 0s\n";
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();

    let decoded = decode::<Config>(&section, &mut diagnostics);

    let told = diagnostics.render(false);
    assert!(decoded.is_none());
    for problem in [
        "must name at least one phase",
        "scope \"a\" is already mapped to vllm",
        "must not be empty",
        "must be at least 1",
        "must be longer than zero",
    ] {
        assert!(told.contains(problem), "no {problem:?} in\n{told}");
    }
}

#[test]
fn an_unknown_phase_is_an_error() {
    let section = Section::from_yaml("test.yaml", "phases: [prefil]").unwrap();
    let mut diagnostics = Diagnostics::new();

    assert!(decode::<Config>(&section, &mut diagnostics).is_none());
    assert!(diagnostics.render(false).contains("prefil"));
}

#[test]
fn the_readme_names_every_metric_every_phase_and_every_default() {
    let readme = include_str!("../README.md");
    for metric in meters::ALL {
        assert!(readme.contains(metric.name), "{}", metric.name);
    }
    for phase in Phase::ALL {
        assert!(readme.contains(&format!("`{}`", phase.word())), "{}", phase.word());
    }
    let defaults = Config::default().assembler;
    for row in [
        format!("| `assembler::traces_max` | `{}` |", defaults.traces_max),
        format!(
            "| `assembler::spans_per_trace_max` | `{}` |",
            defaults.spans_per_trace_max
        ),
        format!("| `assembler::bytes_max` | `{}` |", defaults.bytes_max),
        format!("| `assembler::idle_window` | `{}` |", defaults.idle_window),
        format!("| `assembler::wait_max` | `{}` |", defaults.wait_max),
    ] {
        assert!(readme.contains(&row), "{row}");
    }
}
