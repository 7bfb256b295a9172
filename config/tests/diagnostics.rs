//! Good files load without a word; bad files give exactly the text beside them.
//!
//! `bad/<what>.yaml` stands beside `bad/<what>.diagnostic`. `UPDATE_EXPECT=1 cargo test -p config` writes the
//! expected texts anew; read the difference before you keep it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod stand;

use std::fs;
use std::path::{Path, PathBuf};

use stand::{World, check};

/// Files in `folder` with the extension `yaml`, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    files
}

/// What `validate` would print for a file, and whether it would fail.
fn validate(path: &Path) -> (String, bool) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let world = World::default()
        .var("HOST", "collector")
        .var("PORT", "4317")
        .var("WORD", "hello")
        .var("EMPTY", "")
        .var("LOOP", "${env:LOOP}")
        .file("queue.yaml", "num_consumers: 2\nqueue_size: many\n")
        .file(name, &fs::read_to_string(path).unwrap());
    match world.load(&[name], &[]) {
        Err(diagnostics) => (diagnostics.render(false), true),
        Ok(document) => {
            let (_, diagnostics) = check(&document);
            (diagnostics.render(false), diagnostics.has_errors())
        }
    }
}

fn difference(expected: &str, found: &str) -> String {
    let mut lines = String::new();
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    for index in 0..expected.len().max(found.len()) {
        let (old, new) = (expected.get(index), found.get(index));
        if old == new {
            lines.push_str(&format!("  {}\n", old.unwrap_or(&"")));
            continue;
        }
        lines.extend(old.map(|line| format!("- {line}\n")));
        lines.extend(new.map(|line| format!("+ {line}\n")));
    }
    lines
}

#[test]
fn good_files_load_without_a_word() {
    let files = files("good");
    assert!(files.len() >= 5);

    for path in files {
        let (text, _) = validate(&path);
        assert_eq!(text, "", "{}", path.display());
    }
}

#[test]
fn bad_files_give_exactly_the_text_beside_them() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let files = files("bad");
    assert!(files.len() >= 40, "{} bad files", files.len());
    let mut wrong = 0;

    for path in files {
        let (found, failed) = validate(&path);
        // Files named warn_… may start; they only have something to say.
        let only_warns = path.file_name().unwrap().to_str().unwrap().starts_with("warn_");
        assert_eq!(failed, !only_warns, "{}:\n{found}", path.display());
        let beside = path.with_extension("diagnostic");
        if update {
            fs::write(&beside, &found).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if expected != found {
            wrong += 1;
            eprintln!("{}:\n{}", path.display(), difference(&expected, &found));
        }
    }

    assert_eq!(wrong, 0, "differences above; UPDATE_EXPECT=1 accepts them");
}

#[test]
fn every_problem_of_a_bad_file_has_a_place_and_a_remedy() {
    for path in files("bad") {
        let (text, _) = validate(&path);
        for block in text.split("\n\n") {
            let placed = block.contains("--> ");
            let remedied = block.contains("= help: ");
            assert!(placed && remedied, "{}:\n{block}", path.display());
        }
    }
}

#[test]
fn json_lines_hold_one_object_for_each_problem() {
    let world = World::default().file(
        "c.yaml",
        "receivers: {otlp: {protocols: {grpc: {endpoint: 5, endpont: x}}}}\n",
    );
    let document = world.load(&["c.yaml"], &[]).unwrap();
    let (_, diagnostics) = check(&document);

    let lines: Vec<serde_json::Value> = diagnostics
        .json_lines()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();

    assert_eq!(lines.len(), diagnostics.len());
    let place = lines
        .iter()
        .find(|line| line["message"].as_str().unwrap().contains("endpont"))
        .unwrap();
    assert_eq!(
        (place["file"].as_str(), place["line"].as_u64(), place["column"].as_u64()),
        (Some("c.yaml"), Some(1), Some(52))
    );
    assert_eq!(place["severity"], "error");
    assert!(place["help"].as_str().unwrap().contains("`endpoint`"));
}

#[test]
fn of_a_very_long_line_only_the_position_is_shown() {
    let text = format!("exporters: {{nop: {{{}}}}}\n", "a: 1, ".repeat(4_000));
    let document = World::default().file("c.yaml", &text).load(&["c.yaml"], &[]).unwrap();

    let rendered = document.diagnostics().render(false);

    assert!(rendered.contains("--> c.yaml:1:25\n"), "{rendered}");
    assert!(rendered.lines().all(|line| line.chars().count() < 200), "{rendered}");
}

#[test]
fn set_arguments_are_shown_as_they_were_typed() {
    let world = World::default().file("c.yaml", "processors: {batch: {}}\n");
    let document = world.load(&["c.yaml"], &["processors.batch.timeout=5x"]).unwrap();
    let (_, diagnostics) = check(&document);
    let text = diagnostics.render(false);

    assert!(text.contains(" --> --set:1:26"), "{text}");
    assert!(text.contains("processors.batch.timeout=5x"), "{text}");
}
