//! Whole transformations as text trees: `cases/<name>/{config.yaml,input.json,output.txt}`.
//!
//! `UPDATE_EXPECT=1` writes what the code does; read the difference before committing it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use pipeline::payload::{Limits, Traces, json};

use super::harness::{Harness, spans};

/// Width of the time line, in characters.
const COLUMNS: u64 = 48;

/// Width of the names, in characters.
const LABEL: usize = 28;

#[test]
fn golden_cases_come_out_as_written() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/llm_phases/cases");
    let mut names: Vec<PathBuf> = std::fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    let mut differences = String::new();
    for case in names {
        let shown = run(&case);
        let expected = case.join("output.txt");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&expected, &shown).unwrap();
        }
        let expected = std::fs::read_to_string(expected).unwrap_or_default();
        if shown != expected {
            write!(
                differences,
                "{}:\n--- expected\n{expected}\n+++ got\n{shown}\n",
                case.display()
            )
            .unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

fn run(case: &Path) -> String {
    let mut harness = Harness::with_yaml(&std::fs::read_to_string(case.join("config.yaml")).unwrap());
    let input = std::fs::read(case.join("input.json")).unwrap();
    let input = json::traces_from_json(&input, &Limits::default()).unwrap().payload;
    let mut out = harness.send(input.bytes());
    out.extend(harness.drain());
    tree(&out)
}

fn tree(out: &[Traces]) -> String {
    let all: Vec<Span> = spans(out).into_iter().map(|(_, span)| span).collect();
    let mut shown = String::new();
    let is_root = |span: &&Span| all.iter().all(|other| other.span_id != span.parent_span_id);
    let mut roots: Vec<&Span> = all.iter().filter(is_root).collect();
    roots.sort_by_key(|span| (span.start_time_unix_nano, &span.name));
    for root in roots {
        branch(&all, root, root, "", "", &mut shown);
    }
    shown
}

fn branch(all: &[Span], root: &Span, span: &Span, here: &str, below: &str, shown: &mut String) {
    let label: String = format!("{here}{}", span.name.trim()).chars().take(LABEL).collect();
    let (from, to) = (span.start_time_unix_nano, span.end_time_unix_nano);
    let ms = |time: u64| (time - root.start_time_unix_nano) as f64 / 1e6;
    let told = notes(span);
    writeln!(
        shown,
        "{label:<LABEL$} {} {:>9.3} {:>9.3} ms  {told}",
        bar(root, from, to),
        ms(from),
        ms(to)
    )
    .unwrap();
    shown.truncate(shown.trim_end().len());
    shown.push('\n');
    let mut children: Vec<&Span> = all
        .iter()
        .filter(|child| child.parent_span_id == span.span_id)
        .collect();
    children.sort_by_key(|child| (child.start_time_unix_nano, child.end_time_unix_nano, &child.name));
    for (index, child) in children.iter().enumerate() {
        let (here, next) = if index + 1 == children.len() {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        branch(
            all,
            root,
            child,
            &format!("{below}{here}"),
            &format!("{below}{next}"),
            shown,
        );
    }
}

fn bar(root: &Span, from: u64, to: u64) -> String {
    let length = (root.end_time_unix_nano - root.start_time_unix_nano).max(1);
    let column = |time: u64| ((time - root.start_time_unix_nano) * COLUMNS / length).min(COLUMNS) as usize;
    let from = column(from).min(COLUMNS as usize - 1);
    let to = column(to).max(from + 1); // Too short for a column is not nothing.
    format!(
        "{}{}{}",
        " ".repeat(from),
        "─".repeat(to - from),
        " ".repeat(COLUMNS as usize - to)
    )
}

/// What we said about a span, without its prefix.
fn notes(span: &Span) -> String {
    let mut notes = Vec::new();
    for attribute in &span.attributes {
        let Some(key) = attribute.key.strip_prefix("inferscope.") else {
            continue;
        };
        if key == "phase" && attribute.key.len() == "inferscope.phase".len() && *span.name == *phase(span) {
            continue; // The name says it.
        }
        let value = attribute.value.as_ref().and_then(|value| value.value.clone());
        notes.push(match value {
            Some(Value::StringValue(text)) => format!("{key}={text}"),
            Some(Value::DoubleValue(number)) => format!("{key}={number}"),
            Some(Value::IntValue(number)) => format!("{key}={number}"),
            Some(Value::BoolValue(flag)) => format!("{key}={flag}"),
            other => format!("{key}={other:?}"),
        });
    }
    notes.join(" ")
}

fn phase(span: &Span) -> String {
    super::harness::text(span, "inferscope.phase")
        .unwrap_or_default()
        .to_owned()
}
