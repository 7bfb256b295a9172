//! Reads the tables of families. Their form is described in `README.md` beside them.

use super::unit::Unit;

/// How a family is exposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    /// With `_bucket`, `_sum` and `_count`.
    Histogram,
    /// One series of buckets that Prometheus keeps together.
    Native,
    Summary,
}

/// A metric family that somebody exports.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// None where it is not known or differs by label.
    pub(crate) unit: Option<Unit>,
    pub(crate) labels: Vec<KnownLabel>,
    /// Whether it has labels that cannot be listed.
    pub(crate) has_more_labels: bool,
    /// Whether it is a share from 0 to 1, or a percentage: then it cannot be larger.
    pub(crate) is_share: bool,
    /// Upper bound of the first bucket by default.
    pub(crate) first_bucket: Option<f64>,
    /// Whether the exporter has to be told to export it.
    pub(crate) is_off: bool,
    pub(crate) note: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct KnownLabel {
    pub(crate) name: String,
    /// All values that it can have; empty when they cannot be listed.
    pub(crate) values: Vec<String>,
}

/// A name that gives no data, and what to write instead.
#[derive(Debug, Clone)]
pub(crate) struct Former {
    pub(crate) name: String,
    /// Since this version; none for a name that never existed.
    pub(crate) until: Option<String>,
    /// The family that has it now.
    pub(crate) now: Option<String>,
    pub(crate) note: Option<String>,
}

/// What one exporter exports.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// Who, with the version that was read.
    pub(crate) source: String,
    /// Beginnings of names that nobody else uses: a name with one of these that is in no table does not exist.
    pub(crate) closed: Vec<String>,
    /// Beginnings that people write for the first closed one.
    pub(crate) mistaken: Vec<String>,
    /// Whether counters have `_total` (and names their unit) or not as the scraped side is configured.
    pub(crate) has_optional_suffixes: bool,
    pub(crate) families: Vec<Family>,
    pub(crate) former: Vec<Former>,
    /// `(prefix, prefix)`: everything with the second exists with the first as well, with more labels.
    pub(crate) mirrors: Option<(String, String)>,
}

/// Why a table cannot be read. The tables are part of the program, so only its tests ever see one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadLine {
    pub(crate) line: usize,
    pub(crate) why: String,
}

/// Reads a table.
pub(crate) fn read(text: &str) -> Result<Table, BadLine> {
    let mut table = Table::default();
    let mut labels: Vec<KnownLabel> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        row(line, &mut table, &mut labels).map_err(|why| BadLine { line: index + 1, why })?;
    }
    Ok(table)
}

fn row(line: &str, table: &mut Table, labels: &mut Vec<KnownLabel>) -> Result<(), String> {
    let (line, note) = match line.split_once(" -- ") {
        Some((line, note)) => (line, Some(note.trim().to_owned())),
        None => (line, None),
    };
    let mut words = line.split_whitespace();
    let word = words.next().unwrap_or_default();
    let kind = match word {
        "source" => {
            table.source = words.collect::<Vec<_>>().join(" ");
            return Ok(());
        }
        "closed" => {
            table.closed.extend(words.map(str::to_owned));
            return Ok(());
        }
        "mistaken" => {
            table.mistaken.extend(words.map(str::to_owned));
            return Ok(());
        }
        "suffixes" => {
            table.has_optional_suffixes = words.next() == Some("optional");
            return Ok(());
        }
        "labels" => {
            *labels = words.map(label).collect();
            return Ok(());
        }
        "mirrors" => {
            let pair = (words.next(), words.next());
            table.mirrors = Some(pair.0.zip(pair.1).map(owned).ok_or("two prefixes are needed")?);
            return Ok(());
        }
        "former" => {
            table.former.push(former(words, note)?);
            return Ok(());
        }
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        "native" => Kind::Native,
        "summary" => Kind::Summary,
        other => return Err(format!("{other:?} begins no line")),
    };
    let family = family(kind, words, note, labels)?;
    table.families.push(family);
    Ok(())
}

fn owned(pair: (&str, &str)) -> (String, String) {
    (pair.0.to_owned(), pair.1.to_owned())
}

/// `name=value|value`, or the name alone.
fn label(word: &str) -> KnownLabel {
    let (name, values) = word.split_once('=').unwrap_or((word, ""));
    KnownLabel {
        name: name.to_owned(),
        values: values
            .split('|')
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}

fn family<'l>(
    kind: Kind,
    mut words: impl Iterator<Item = &'l str>,
    note: Option<String>,
    labels: &[KnownLabel],
) -> Result<Family, String> {
    let name = words.next().ok_or("a name is missing")?.to_owned();
    let unit = words.next().ok_or("a unit is missing; write ? when it is not known")?;
    let mut family = Family {
        name,
        kind,
        unit: Unit::read(unit),
        labels: labels.to_vec(),
        has_more_labels: false,
        is_share: matches!(unit, "1" | "%"),
        first_bucket: None,
        is_off: false,
        note,
    };
    if family.labels.iter().any(|label| label.name == "*") {
        family.labels.retain(|label| label.name != "*");
        family.has_more_labels = true;
    }
    if family.unit.is_none() && unit != "?" {
        return Err(format!("the unit {unit:?} is not known"));
    }
    for word in words {
        match word
            .strip_prefix('@')
            .map(|setting| setting.split_once('=').unwrap_or((setting, "")))
        {
            Some(("first", bound)) => family.first_bucket = Some(bound.parse().map_err(|_| "no number")?),
            Some(("off", "")) => family.is_off = true,
            Some((other, _)) => return Err(format!("the setting @{other} is not known")),
            None if word == "*" => family.has_more_labels = true,
            None if word == "-" => family.labels.clear(),
            None => match word.strip_prefix('-') {
                Some(gone) => family.labels.retain(|label| label.name != gone),
                None => family.labels.push(label(word)),
            },
        }
    }
    Ok(family)
}

/// `former NAME VERSION NOW`, with `-` where there is none.
fn former<'l>(mut words: impl Iterator<Item = &'l str>, note: Option<String>) -> Result<Former, String> {
    let mut next = |what: &str| words.next().map(str::to_owned).ok_or(format!("{what} is missing"));
    let given = |word: String| (word != "-").then_some(word);
    let former = Former {
        name: next("a name")?,
        until: given(next("a version")?),
        now: given(next("the name to write")?),
        note,
    };
    if former.now.is_none() && former.note.is_none() {
        return Err("a name that is gone needs a note that says what to write".to_owned());
    }
    Ok(former)
}
