//! `docs/metrics.md`, made from the tables.

use std::fmt::Write as _;

use super::super::metrics::GROUPS;
use super::super::profile::{Metric, Profile, Row, Scale};
use super::super::requests::TOLD;
use super::super::tables;

/// With this variable set, the test writes the document in place of comparing it.
const WRITE: &str = "INFERSCOPE_WRITE_DOCS";

const HEAD: &str = "# Metrics of engines

<!-- Made from the tables in receivers/src/engines/tables; a test compares. INFERSCOPE_WRITE_DOCS=1 cargo test -p receivers
     writes it again. -->

What the receivers `vllm`, `sglang`, `tgi`, `triton`, `ray_serve` and `dcgm` tell beside the engine's own metrics: the same
thing under the same name, in the same unit, for all of them. An engine that does not have something does not tell it;
nothing is filled in. Histograms keep the engine's buckets, so those of different engines cannot be compared bucket by
bucket. In Prometheus dots become underscores and the unit and `_total` are added as usual:
`inferscope.engine.request.duration` is `inferscope_engine_request_duration_seconds`.

Metrics that begin with `inferscope.engine.` have the attribute `inferscope.engine.name`. Where one engine stands with several names or
lines for the same thing, a page may have several at once; the first counts then. Names of counters stand without `_total`,
and labels in braces are those that a series must have (or, where they are empty, must not have).
";

const COMPARED_HEAD: &str = "
## Requests, compared with their spans

Told of each target as a whole, with `inferscope.engine.name` and the target's labels; how is said in the
[README of the receivers](../receivers/src/engines/README.md#requests-and-their-spans).

| metric | role | type, unit |
|---|---|---|
";

fn document() -> String {
    let mut out = HEAD.to_owned();
    for (title, metrics) in GROUPS {
        let _ = write!(
            out,
            "\n## {title}\n\n| metric | role | type, unit | from |\n|---|---|---|---|\n"
        );
        for metric in *metrics {
            about(&mut out, metric);
        }
    }
    out.push_str(COMPARED_HEAD);
    for Metric {
        name,
        unit,
        role,
        description,
        kind,
    } in TOLD
    {
        let kind = kind.name();
        let _ = writeln!(out, "| `{name}`<br>{description} | {role} | {kind}, `{unit}` |");
    }
    out.push_str("\n## Labels\n\n| engine | label | attribute |\n|---|---|---|\n");
    for profile in tables::ALL {
        for (label, attribute) in profile.labels {
            let _ = writeln!(out, "| {} | `{label}` | `{attribute}` |", profile.name);
        }
    }
    out.push_str("\nOther labels keep their names.\n\n## Without a role\n\n| engine | family | why |\n|---|---|---|\n");
    for profile in tables::ALL {
        for (family, why) in profile.without_role {
            let _ = writeln!(out, "| {} | `{family}` | {why} |", profile.name);
        }
    }
    out
}

fn about(out: &mut String, metric: &Metric) {
    let Metric {
        name,
        unit,
        role,
        description,
        ..
    } = metric;
    let kind = metric.kind.name();
    let sources: Vec<String> = tables::ALL
        .iter()
        .flat_map(|profile| profile.rows.iter().map(move |row| (profile, row)))
        .filter(|(_, row)| row.metric == metric)
        .map(|(profile, row)| source(profile, row))
        .collect();
    let sources = sources.join("<br>");
    let _ = writeln!(
        out,
        "| `{name}`<br>{description} | {role} | {kind}, `{unit}` | {sources} |"
    );
}

/// Engine, families, factor and what attributes say of the family's name.
fn source(profile: &Profile, row: &Row) -> String {
    let prefix = profile.prefixes.first().unwrap();
    let only: Vec<String> = row
        .only
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    let only = if only.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", only.join(","))
    };
    let families: Vec<String> = row
        .families
        .iter()
        .map(|family| format!("`{prefix}{family}{only}`"))
        .collect();
    let factor = match row.scale {
        Scale::One => String::new(),
        Scale::Times(factor) => format!(" × {factor}"),
        Scale::Per(divisor) => format!(" ÷ {divisor}"),
    };
    let adding: String = row
        .adding
        .iter()
        .map(|(name, value)| format!(" `{name}={value}`"))
        .collect();
    let arrow = if adding.is_empty() { "" } else { " →" };
    format!("{}: {}{factor}{arrow}{adding}", profile.name, families.join(", "))
}

#[test]
fn the_document_is_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let made = document();

    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();

    assert!(
        found == made,
        "docs/metrics.md is out of date; set {WRITE}=1 and run this test again"
    );
    assert!(made.contains("`vllm:kv_cache_usage_perc`, `vllm:gpu_cache_usage_perc`"));
    assert!(
        tables::ALL
            .iter()
            .flat_map(|it| it.rows)
            .all(|row| made.contains(row.metric.name))
    );
}
