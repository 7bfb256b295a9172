//! `file_sd_configs`: targets that others write into files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Diagnostics, Section, Validate};
use pipeline::outside::Storage;
use serde::Deserialize;

use super::super::config::TargetGroup;
use super::super::counts::Counts;
use super::{TARGETS_MAX, targets};

/// Says which file a target comes from.
const FILE_LABEL: &str = "__meta_filepath";

/// The targets of some files, by file.
#[derive(Debug)]
pub(super) struct Files {
    patterns: Arc<[String]>,
    groups: BTreeMap<PathBuf, Vec<TargetGroup>>,
}

/// A file is a list, so it is read as one field of a struct.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    groups: Vec<TargetGroup>,
}

impl Validate for Listed {}

impl Files {
    pub(super) fn new(patterns: &[String]) -> Self {
        Self {
            patterns: patterns.into(),
            groups: BTreeMap::new(),
        }
    }

    /// All groups.
    pub(super) fn groups(&self) -> Vec<TargetGroup> {
        self.groups.values().flatten().cloned().collect()
    }

    /// Reads the files again. One that cannot be read keeps its old targets: a file that is being written must not make
    /// targets vanish. One that is gone takes its targets with it.
    pub(super) async fn refresh(&mut self, storage: &Arc<dyn Storage>, counts: &Counts) {
        let (patterns, storage) = (Arc::clone(&self.patterns), Arc::clone(storage));
        let Ok(read) = tokio::task::spawn_blocking(move || read_all(&patterns, storage.as_ref())).await else {
            return; // The program ends.
        };
        let mut before = std::mem::take(&mut self.groups);
        for (path, groups) in read {
            let groups = groups.unwrap_or_else(|why| {
                counts.unfound("file", "file");
                let (receiver, job) = (counts.receiver(), counts.job());
                tracing::warn!(receiver, job, file = %path.display(), %why, "targets cannot be read; the old ones stay");
                before.remove(&path).unwrap_or_default()
            });
            self.groups.insert(path, groups);
        }
    }
}

type Read = BTreeMap<PathBuf, Result<Vec<TargetGroup>, String>>;

fn read_all(patterns: &[String], storage: &dyn Storage) -> Read {
    let mut read = Read::new();
    for path in patterns.iter().flat_map(|pattern| paths(pattern, storage)) {
        let groups = match storage.read(&path) {
            Ok(bytes) => parse(&path, &bytes),
            Err(cause) => Err(cause.to_string()),
        };
        read.insert(path, groups);
    }
    read
}

/// The files that a pattern names; one without a star names itself.
pub(in super::super) fn paths(pattern: &str, storage: &dyn Storage) -> Vec<PathBuf> {
    let (folder, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let Some((front, back)) = name.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let folder = if folder.is_empty() { "/" } else { folder };
    let matches = |path: &PathBuf| {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        name.len() >= front.len() + back.len() && name.starts_with(front) && name.ends_with(back)
    };
    let mut found = storage.list(Path::new(folder)).unwrap_or_default();
    found.retain(matches);
    found.sort();
    found
}

/// A list of groups, in YAML or in JSON, which YAML reads as well.
fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<TargetGroup>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let mut indented = String::from("groups:\n");
    for line in text.lines().filter(|line| line.trim() != "---") {
        indented.push_str("  ");
        indented.push_str(line);
        indented.push('\n');
    }
    let told = |problems: &Diagnostics| problems.render(false);
    let section = Section::from_yaml(&path.to_string_lossy(), &indented).map_err(|problems| told(&problems))?;
    let mut diagnostics = Diagnostics::new();
    let listed: Option<Listed> = config::decode(&section, &mut diagnostics);
    let mut groups = listed.ok_or_else(|| told(&diagnostics))?.groups;
    if targets(&groups) > TARGETS_MAX {
        return Err(format!("it lists more than {TARGETS_MAX} targets"));
    }
    for group in &mut groups {
        let label = path.to_string_lossy().into_owned();
        group.labels.insert(FILE_LABEL.to_owned(), label);
    }
    Ok(groups)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_yaml_and_the_same_in_json_are_read() {
        let yaml = "---\n- targets: ['a:1', b:2]\n  labels:\n    x: y\n- targets: [c:3]\n";
        let json = "[\n {\"targets\": [\"a:1\", \"b:2\"], \"labels\": {\"x\": \"y\"}},\n {\"targets\": [\"c:3\"]}\n]\n";

        let yaml = parse(Path::new("t.yml"), yaml.as_bytes()).unwrap();
        let json = parse(Path::new("t.yml"), json.as_bytes()).unwrap();

        assert_eq!(yaml, json);
        assert_eq!(yaml[0].targets, ["a:1", "b:2"]);
        assert_eq!(yaml[0].labels["x"], "y");
        assert_eq!(yaml[1].labels[FILE_LABEL], "t.yml");
    }

    #[test]
    fn what_is_no_list_of_groups_is_told() {
        assert!(
            parse(Path::new("t.yml"), b"- target: [a:1]\n")
                .unwrap_err()
                .contains("target")
        );
        assert!(parse(Path::new("t.json"), b"[{").is_err());
        assert!(parse(Path::new("t.json"), b"\xff").is_err());
    }
}
