//! Sequences of arrivals and what is sent when, as texts that a reviewer can follow.
//!
//! `UPDATE_EXPECT=1` writes what the code does; read the difference before committing it.

use std::fmt::Write;
use std::path::Path;

use super::*;

/// `120ms  acme  40 spans` arrives, `120ms  tick`, `120ms  idle` and `120ms  drain` are what a lane does.
fn play(config: &Config, script: &str) -> String {
    let mut bench = Bench::of(config);
    let mut shown = String::new();
    for line in script
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        bench.after(*words[0].parse::<::config::Duration>().unwrap());
        let sent = match words[1..] {
            ["tick"] => bench.tick(),
            ["idle"] => bench.idle(),
            ["drain"] => bench.drain(),
            [tenant, count, "spans"] => {
                let count: usize = count.parse().unwrap();
                let payload = spans((0..count).map(|index| format!("{tenant}{index}")), 0);
                bench.give(payload, super::tenant(tenant)).0
            }
            [tenant, count, "spans", "of", kilobytes, "kB"] => {
                let (count, kilobytes): (usize, usize) = (count.parse().unwrap(), kilobytes.parse().unwrap());
                let payload = spans((0..count).map(|index| format!("{tenant}{index}")), kilobytes * 1000);
                bench.give(payload, super::tenant(tenant)).0
            }
            _ => panic!("what does {line:?} mean?"),
        };
        writeln!(shown, "{line}").unwrap();
        for batch in sent {
            writeln!(shown, "    sent: {}", summary(&names(&batch))).unwrap();
            batch.settle(Outcome::Delivered);
        }
    }
    assert!(
        bench.stage.wake_at().is_none(),
        "the script leaves something behind; end it with drain"
    );
    shown
}

/// `3 x a, 2 x b`, in order.
fn summary(names: &[String]) -> String {
    let tenants: Vec<&str> = names
        .iter()
        .map(|name| name.trim_end_matches(|c: char| c.is_ascii_digit()))
        .collect();
    let runs = tenants
        .chunk_by(|one, other| one == other)
        .map(|run| format!("{} x {}", run.len(), run[0]));
    runs.collect::<Vec<_>>().join(", ")
}

#[test]
fn every_case_is_sent_as_written() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/batch/cases");
    let mut seen = 0;
    for case in std::fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let read = |file: &str| std::fs::read_to_string(case.join(file)).unwrap();
        let shown = play(&decoded(&read("config.yaml")).unwrap(), &read("input.txt"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(case.join("output.txt"), &shown).unwrap();
        }
        assert_eq!(shown, read("output.txt"), "{}", case.display());
        seen += 1;
    }
    assert!(seen >= 4, "only {seen} cases were found");
}
