//! The house rules that a machine can check. Each failure names the file, the rule and the remedy.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which rooms each room may know. Cargo would accept more; the map in ARCHITECTURE.md would no longer be true.
const ARROWS: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("pipeline", &["config"]),
    ("net", &["config", "pipeline"]),
    ("kubernetes", &[]),
    ("receivers", &["config", "pipeline", "net", "kubernetes"]),
    ("processors", &["config", "pipeline"]),
    ("exporters", &["config", "pipeline", "net"]),
    ("extensions", &["config", "pipeline", "net", "kubernetes"]),
    ("lint", &["config"]),
    ("sim/nvml", &["config"]),
];

/// Folders whose sub-folders are components.
const COMPONENT_ROOMS: &[&str] = &["receivers", "processors", "exporters", "extensions"];

/// What every component folder holds.
const COMPONENT_FILES: &[&str] = &["mod.rs", "config.rs", "README.md", "example.yaml", "tests.rs"];

/// The longest a file may be; tests, golden files and generated code are not counted.
const FILE_LINES_MAX: usize = 700;

/// A function fits a screen.
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files with this extension that are part of the repository's own code.
fn files(extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with(".git") {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), extension, &mut found);
    found.sort();
    found
}

fn is_test(path: &Path) -> bool {
    let relative = path.strip_prefix(root()).unwrap();
    path.ends_with("tests.rs") || relative.components().any(|part| part.as_os_str() == "tests")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn complain(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The component folders: those with a `mod.rs` that implements `Component`.
fn components() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for room in COMPONENT_ROOMS {
        for entry in fs::read_dir(root().join(room).join("src")).unwrap() {
            let folder = entry.unwrap().path();
            let module = fs::read_to_string(folder.join("mod.rs")).unwrap_or_default();
            // One type may stand for several components that differ in data only: `impl<E: Engine> Component for …`.
            if module
                .lines()
                .any(|line| line.starts_with("impl") && line.contains(" Component for "))
            {
                found.push(folder);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn rooms_know_only_the_rooms_they_may() {
    let rooms: Vec<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut problems = Vec::new();

    for (room, allowed) in ARROWS {
        let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        let dependencies = manifest
            .split("[dependencies]")
            .nth(1)
            .unwrap()
            .split("\n[")
            .next()
            .unwrap();
        for line in dependencies.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            if rooms.contains(&name) && !allowed.contains(&name) {
                problems.push(format!(
                    "{room}/Cargo.toml: {room} may not know {name}; see ARCHITECTURE.md"
                ));
            }
        }
    }

    complain(&problems);
}

#[test]
fn component_folders_are_complete() {
    let components = components();
    assert!(
        components.len() >= 10,
        "only {} components were found",
        components.len()
    );
    let mut problems = Vec::new();

    for folder in &components {
        for file in COMPONENT_FILES {
            if !folder.join(file).exists() {
                problems.push(format!("{}: {file} is missing", shown(folder)));
            }
        }
        let module = fs::read_to_string(folder.join("mod.rs")).unwrap();
        if !module.starts_with("#![doc = include_str!(\"README.md\")]") {
            problems.push(format!("{}/mod.rs: must begin with its README", shown(folder)));
        }
        let tests = fs::read_to_string(folder.join("tests.rs")).unwrap_or_default();
        if !tests.contains("contract::") {
            problems.push(format!("{}/tests.rs: does not run the contract test", shown(folder)));
        }
    }

    complain(&problems);
}

#[test]
fn component_readmes_name_every_option() {
    let shared: Vec<Block> = files("rs")
        .iter()
        .filter(|path| {
            ["net", "pipeline"]
                .iter()
                .any(|room| path.starts_with(root().join(room)))
        })
        .flat_map(|path| blocks(&fs::read_to_string(path).unwrap()))
        .collect();
    let mut problems = Vec::new();
    let mut options = 0;

    for folder in components() {
        let readme = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
        let own = blocks(&fs::read_to_string(folder.join("config.rs")).unwrap_or_default());
        let Some(config) = own.iter().find(|block| block.name == "Config") else {
            continue;
        };
        for name in keys(config, &own, &shared) {
            options += 1;
            if !readme.contains(&format!("`{name}")) && !readme.contains(&format!("::{name}`")) {
                problems.push(format!(
                    "{}/README.md: the option `{name}` is not described",
                    shown(&folder)
                ));
            }
        }
    }

    complain(&problems);
    assert!(
        options > 100,
        "only {options} options were found: this test no longer reads the configurations"
    );
}

/// A struct of options: the fields and their types. One that does not read itself by derive is made of others, whose
/// keys stand at its level.
struct Block {
    name: String,
    is_derived: bool,
    fields: Vec<(String, String)>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut derives = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("#[derive(") {
            derives = line;
        }
        let Some((_, name)) = line.split_once("struct ").filter(|_| line.ends_with('{')) else {
            continue;
        };
        let mut fields = Vec::new();
        let mut renamed = None;
        for line in lines.by_ref().take_while(|line| *line != "}") {
            let line = line.trim().trim_end_matches(',');
            if let Some((_, name)) = line.split_once("rename = \"") {
                renamed = name.split('"').next().map(str::to_owned);
            }
            let Some((name, kind)) = line.split_once(": ").filter(|_| !line.starts_with(['/', '#'])) else {
                continue;
            };
            let name = name.rsplit(' ').next().unwrap_or_default().to_owned();
            fields.push((renamed.take().unwrap_or(name), kind.to_owned()));
        }
        found.push(Block {
            name: name.trim_end_matches(" {").to_owned(),
            is_derived: std::mem::take(&mut derives).contains("Deserialize"),
            fields,
        });
    }
    found
}

/// The keys of a block. Blocks in the component's own file are followed; those that several components share are
/// described by the component's README as a whole, except where their keys stand at its own level.
fn keys(block: &Block, own: &[Block], shared: &[Block]) -> Vec<String> {
    let named = |kind: &str, among: &'_ [Block]| {
        let kind = kind
            .trim_start_matches("Option<")
            .trim_start_matches("Vec<")
            .trim_end_matches('>');
        among.iter().position(|block| block.name == kind)
    };
    let mut keys = Vec::new();
    for (name, kind) in &block.fields {
        if block.is_derived {
            keys.push(name.clone());
        }
        if let Some(at) = named(kind, own) {
            keys.extend(self::keys(&own[at], own, shared));
        } else if let Some(at) = named(kind, shared).filter(|_| !block.is_derived) {
            keys.extend(shared[at].fields.iter().map(|(name, _)| name.clone()));
        }
    }
    keys
}

#[test]
fn files_are_about_one_noun() {
    let mut problems = Vec::new();

    for path in files("rs").iter().filter(|path| !is_test(path)) {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        if lines > FILE_LINES_MAX {
            problems.push(format!(
                "{}: {lines} lines; {FILE_LINES_MAX} is the limit, split it by noun",
                shown(path)
            ));
        }
    }

    complain(&problems);
}

#[test]
fn functions_fit_a_screen() {
    let mut problems = Vec::new();

    for path in files("rs").iter().filter(|path| !is_test(path)) {
        let text = fs::read_to_string(path).unwrap();
        for (line, name, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                problems.push(format!(
                    "{}:{line}: fn {name} has {length} lines; {FUNCTION_LINES_MAX} is the limit",
                    shown(path)
                ));
            }
        }
    }

    complain(&problems);
}

/// Line, name and length of every function, as rustfmt lays them out: the closing brace stands under the opening line.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once("fn ") else {
            continue;
        };
        let words = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "extern"];
        if !before.split_whitespace().all(|word| words.contains(&word)) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let Some(length) = lines[start..].iter().position(|line| *line == end) else {
            continue;
        };
        let name: String = after
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect();
        found.push((start + 1, name, length + 1));
    }
    found
}

#[test]
fn nothing_is_left_undone_in_the_code() {
    let mut problems = Vec::new();
    let marks = [
        "todo!(",
        "unimplemented!(",
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("#[ig", "nore"),
    ];

    for path in files("rs").iter().filter(|path| !path.ends_with("tidy.rs")) {
        let text = fs::read_to_string(path).unwrap();
        for mark in marks {
            if text.contains(mark) {
                problems.push(format!(
                    "{}: {mark} – finish it or say in the documentation that it is missing",
                    shown(path)
                ));
            }
        }
    }

    complain(&problems);
}

#[test]
fn the_readme_lists_the_components_of_this_build() {
    let listed = Command::new(env!("CARGO_BIN_EXE_inferscope"))
        .args(["components", "--format", "markdown"])
        .output()
        .unwrap();
    let table = String::from_utf8(listed.stdout).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();

    assert!(
        readme.contains(&table),
        "README.md: the component table is not what `inferscope components --format markdown` prints:\n{table}"
    );
}

#[test]
fn the_example_configurations_are_valid() {
    let mut problems = Vec::new();

    let folders = ["docs/examples", "deploy/configs"].map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let examples: Vec<PathBuf> = folders.into_iter().flatten().map(|it| it.unwrap().path()).collect();
    assert!(!examples.is_empty());
    for path in examples
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
    {
        let output = Command::new(env!("CARGO_BIN_EXE_inferscope"))
            .arg("validate")
            .arg("--config")
            .arg(path)
            .output()
            .unwrap();
        if !output.status.success() || !output.stderr.is_empty() {
            problems.push(format!("{}:\n{}", shown(path), String::from_utf8_lossy(&output.stderr)));
        }
    }

    complain(&problems);
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut problems = Vec::new();

    for path in files("md") {
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") || target.contains(' ') {
                continue;
            }
            // Links to Rust items are rustdoc's business.
            let is_item = target.contains("::") || !target.contains(['/', '.']);
            if !is_item && !path.parent().unwrap().join(target).exists() {
                problems.push(format!("{}: the link to {target} leads nowhere", shown(&path)));
            }
        }
    }

    complain(&problems);
}
