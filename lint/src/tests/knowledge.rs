//! The tables against what engines really serve.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::knowledge::{Kind, Knowledge, Known, Part};

/// Labels that the client library puts on parts of families.
const OF_PARTS: &[&str] = &["le", "quantile"];

fn pages() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/engines/vllm-0.32.0/metrics");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 5);
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Name and label names of a sample.
fn sample(line: &str) -> (String, BTreeSet<String>) {
    let series = &line[..line.rfind(' ').unwrap()];
    let Some((name, labels)) = series.split_once('{') else {
        return (series.to_owned(), BTreeSet::new());
    };
    // No value on these pages holds a comma followed by a name and an equals sign.
    let labels = labels
        .trim_end_matches('}')
        .split(',')
        .filter_map(|pair| pair.split_once("=\""));
    (name.to_owned(), labels.map(|(name, _)| name.to_owned()).collect())
}

#[test]
fn every_table_can_be_read() {
    let knowledge = Knowledge::new();

    let sources: Vec<&str> = knowledge.tables().iter().map(|table| table.source.as_str()).collect();
    assert_eq!(sources.len(), 12, "{sources:?}");
    for text in crate::knowledge::TABLES {
        crate::knowledge::read(text).unwrap();
    }
}

#[test]
fn names_that_take_the_place_of_others_exist() {
    let knowledge = Knowledge::new();

    for former in knowledge.tables().iter().flat_map(|table| &table.former) {
        let name = &former.name;
        assert!(knowledge.series(name).is_none(), "{name} is gone and there");
        let Some(now) = &former.now else {
            continue;
        };
        let exists = ["", "_total", "_bucket"]
            .iter()
            .any(|suffix| knowledge.series(&format!("{now}{suffix}")).is_some());
        assert!(exists, "{name}: {now} does not exist");
    }
}

#[test]
fn vllms_table_has_every_family_of_the_captured_pages_with_its_type_and_labels() {
    let knowledge = Knowledge::new();
    let mut families = BTreeSet::new();

    for page in pages() {
        for line in page.lines() {
            if let Some(typed) = line.strip_prefix("# TYPE vllm:") {
                let (name, kind) = typed.split_once(' ').unwrap();
                let name = format!("vllm:{name}");
                if name.ends_with("_created") {
                    assert!(matches!(knowledge.series(&name), Some((_, Part::Created))), "{name}");
                    continue;
                }
                let (family, _) = knowledge
                    .meant(&name)
                    .unwrap_or_else(|| panic!("{name} is in no table"));
                let expected = match kind {
                    "counter" => Kind::Counter,
                    "gauge" => Kind::Gauge,
                    "histogram" => Kind::Histogram,
                    other => panic!("{name} is a {other}"),
                };
                assert_eq!(family.name, name);
                assert_eq!(family.kind, expected, "{name}");
                families.insert(name);
            } else if line.starts_with("vllm:") {
                let (name, labels) = sample(line);
                let (family, _) = knowledge
                    .series(&name)
                    .unwrap_or_else(|| panic!("{name} is in no table"));
                let known: BTreeSet<String> = family.labels.iter().map(|label| label.name.clone()).collect();
                let labels: BTreeSet<String> = labels
                    .into_iter()
                    .filter(|label| !OF_PARTS.contains(&label.as_str()))
                    .collect();
                if family.has_more_labels {
                    assert!(labels.is_superset(&known), "{name}");
                } else {
                    assert_eq!(labels, known, "{name}");
                }
            }
        }
    }

    assert!(families.len() > 40, "only {} families were compared", families.len());
}

#[test]
fn values_and_buckets_in_vllms_table_are_those_of_the_captured_pages() {
    let knowledge = Knowledge::new();
    let mut first_buckets: BTreeMap<String, f64> = BTreeMap::new();

    for line in pages()
        .iter()
        .flat_map(|page| page.lines())
        .filter(|line| line.starts_with("vllm:"))
    {
        let (name, _) = sample(line);
        let (family, part) = knowledge.series(&name).unwrap();
        for label in &family.labels {
            let marker = format!("{}=\"", label.name);
            let value = line.split(&marker).nth(1).and_then(|rest| rest.split('"').next());
            let is_listed =
                label.values.is_empty() || value.is_none_or(|value| label.values.iter().any(|it| it == value));
            assert!(is_listed, "{line}");
        }
        if part == Part::Bucket {
            let bound = line.split("le=\"").nth(1).unwrap().split('"').next().unwrap();
            let bound: f64 = bound.parse().unwrap();
            let first = first_buckets.entry(family.name.clone()).or_insert(f64::INFINITY);
            *first = first.min(bound);
        }
    }

    for (name, bound) in first_buckets {
        let (family, _) = knowledge.meant(&name).unwrap();
        if let Some(first) = family.first_bucket {
            assert_eq!(first, bound, "{name}");
        }
    }
}

#[test]
fn a_name_through_ray_is_the_engines_own() {
    let knowledge = Knowledge::new();

    let known = |name: &str| matches!(knowledge.look(name), Known::Series(..));
    assert!(known("ray_vllm_time_to_first_token_seconds_bucket"));
    assert!(known("ray_vllm_generation_tokens"));
    assert!(matches!(
        knowledge.look("ray_vllm_gpu_cache_usage_perc"),
        Known::Former(..)
    ));
    assert!(matches!(knowledge.look("something_else"), Known::Foreign));
}

/// Rows of tables that begin with the name of a metric of ours.
#[test]
fn every_metric_that_our_documentation_lists_is_known() {
    let knowledge = Knowledge::new();
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let pages = fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().path());

    for page in pages.filter(|path| path.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(&page).unwrap();
        let names = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name));
        for name in names.filter(|name| name.starts_with("inferscope") || name.starts_with("otelcol")) {
            let plain = name.replace('.', "_");
            // OpenTelemetry's names gain their unit and the suffix of counters on the way to Prometheus.
            let units = [
                "",
                "_seconds",
                "_bytes",
                "_ratio",
                "_hertz",
                "_watts",
                "_bytes_per_second",
            ];
            let is_known = units.iter().any(|unit| {
                let known = |suffix: &str| knowledge.series(&format!("{plain}{unit}{suffix}")).is_some();
                known("") || known("_total") || known("_bucket")
            });
            assert!(
                is_known,
                "{}: {name} is in no table of lint/src/knowledge",
                page.display()
            );
        }
    }
}
