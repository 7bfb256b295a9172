#![doc = include_str!("README.md")]

mod table;
mod unit;

use std::collections::HashMap;

#[cfg(test)]
pub(crate) use table::read;
pub(crate) use table::{Family, Former, Kind, Table};
pub(crate) use unit::{Unit, is_near};

/// The tables, one per exporter.
pub(crate) const TABLES: &[&str] = &[
    include_str!("vllm.txt"),
    include_str!("sglang.txt"),
    include_str!("tgi.txt"),
    include_str!("triton.txt"),
    include_str!("ray.txt"),
    include_str!("llamacpp.txt"),
    include_str!("dcgm.txt"),
    include_str!("kubernetes.txt"),
    include_str!("inferscope.txt"),
    include_str!("engines.txt"),
    include_str!("otelcol.txt"),
    include_str!("prometheus.txt"),
];

/// What is known about all exporters.
pub(crate) struct Knowledge {
    tables: Vec<Table>,
    /// Every series name, with the table and the family that it belongs to.
    series: HashMap<String, (usize, usize, Part)>,
}

/// Which of a family's series a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The family's own name.
    Whole,
    Bucket,
    Sum,
    Count,
    /// When the series began.
    Created,
}

/// What a name turned out to be.
pub(crate) enum Known<'k> {
    Series(&'k Family, Part),
    /// The family is there, but no series has this name: a classic histogram without a suffix, a native one with.
    Suffix(&'k Family, Part),
    /// A name that nobody exports (any more).
    Former(&'k Former, &'k Table),
    /// The right name behind a beginning that is not.
    Mistaken {
        right: String,
    },
    /// Begins like the names of this exporter, which has no such family.
    Missing {
        table: &'k Table,
        nearest: Option<&'k str>,
    },
    /// Somebody else's.
    Foreign,
}

impl Knowledge {
    /// Reads the tables.
    pub(crate) fn new() -> Self {
        // A test reads every table, so none of them is left out in a program that was released.
        let tables = TABLES.iter().filter_map(|text| table::read(text).ok()).collect();
        let mut knowledge = Self {
            tables,
            series: HashMap::new(),
        };
        for (at, table) in knowledge.tables.iter().enumerate() {
            for (index, family) in table.families.iter().enumerate() {
                for (name, part) in series_of(family, table.has_optional_suffixes) {
                    knowledge.series.insert(name, (at, index, part));
                }
            }
        }
        knowledge
    }

    /// What `name` is.
    pub(crate) fn look(&self, name: &str) -> Known<'_> {
        if let Some((family, part)) = self.series(name) {
            return Known::Series(family, part);
        }
        if let Some((former, table)) = self.former(name) {
            return Known::Former(former, table);
        }
        if let Some(known) = self.suffix(name) {
            return known;
        }
        for table in &self.tables {
            if let Some((mirror, original)) = &table.mirrors
                && let Some(rest) = name.strip_prefix(mirror.as_str())
            {
                return self.look_mirrored(&format!("{original}{rest}"));
            }
            let mistaken = table.mistaken.iter().find_map(|it| name.strip_prefix(it.as_str()));
            if let (Some(rest), Some(right)) = (mistaken, table.closed.first()) {
                let right = format!("{right}{rest}");
                return Known::Mistaken { right };
            }
        }
        let owner = self
            .tables
            .iter()
            .find(|table| table.closed.iter().any(|it| name.starts_with(it.as_str())));
        match owner {
            Some(table) => Known::Missing {
                table,
                nearest: self.nearest(name, table),
            },
            None => Known::Foreign,
        }
    }

    /// A name behind another prefix: what it lacks is said of the original.
    fn look_mirrored(&self, original: &str) -> Known<'_> {
        match self
            .series(original)
            .or_else(|| self.series(&format!("{original}_total")))
        {
            Some((family, part)) => Known::Series(family, part),
            None => match self.look(original) {
                // Labels and names beside these are the mirror's own business.
                Known::Missing { .. } => Known::Foreign,
                other => other,
            },
        }
    }

    /// The family that a name means, though it may be written wrongly: what is wrong with the rest of a query can be
    /// said all the same.
    pub(crate) fn meant(&self, name: &str) -> Option<(&Family, Part)> {
        match self.look(name) {
            Known::Series(family, part) | Known::Suffix(family, part) => Some((family, part)),
            Known::Former(former, _) => {
                let suffix = name.strip_prefix(former.name.as_str()).unwrap_or_default();
                self.series(&format!("{}{suffix}", former.now.as_ref()?))
            }
            Known::Mistaken { right } => self.meant(&right),
            Known::Missing { .. } | Known::Foreign => None,
        }
    }

    pub(crate) fn series(&self, name: &str) -> Option<(&Family, Part)> {
        let (table, family, part) = self.series.get(name)?;
        Some((self.tables.get(*table)?.families.get(*family)?, *part))
    }

    /// The exporter of a family.
    pub(crate) fn source(&self, name: &str) -> &str {
        let table = self.series.get(name).and_then(|(table, _, _)| self.tables.get(*table));
        table.map_or("", |table| table.source.as_str())
    }

    /// A name that is gone, with or without the suffixes of a histogram or a counter.
    pub(crate) fn former(&self, name: &str) -> Option<(&Former, &Table)> {
        let stem = stem(name);
        let all = self
            .tables
            .iter()
            .flat_map(|table| table.former.iter().map(move |it| (it, table)));
        let mut found = None;
        for (former, table) in all {
            if former.name == name {
                return Some((former, table));
            }
            if former.name == stem {
                found = Some((former, table));
            }
        }
        found
    }

    /// A classic histogram by its bare name, a native one by the name of a part, a counter without its suffix.
    fn suffix(&self, name: &str) -> Option<Known<'_>> {
        let families = self.tables.iter().flat_map(|table| &table.families);
        for family in families {
            if family.name == name && family.kind == Kind::Histogram {
                return Some(Known::Suffix(family, Part::Whole));
            }
            if family.kind == Kind::Native {
                for (suffix, part) in [("_bucket", Part::Bucket), ("_sum", Part::Sum), ("_count", Part::Count)] {
                    if name.strip_suffix(suffix) == Some(family.name.as_str()) {
                        return Some(Known::Suffix(family, part));
                    }
                }
            }
        }
        None
    }

    fn nearest<'k>(&'k self, name: &str, table: &'k Table) -> Option<&'k str> {
        let stem = stem(name);
        let suffix = name.get(stem.len()..).unwrap_or_default();
        let is_theirs = |family: &&Family| table.closed.iter().any(|it| family.name.starts_with(it.as_str()));
        let families = self.tables.iter().flat_map(|table| &table.families);
        let known: Vec<&str> = families.filter(is_theirs).map(|family| family.name.as_str()).collect();
        let near = config::nearest(name, &known).or_else(|| config::nearest(stem, &known))?;
        let full = self.series.get_key_value(&format!("{near}{suffix}"));
        Some(full.map_or(near, |(full, _)| full.as_str()))
    }

    /// The tables, for tests that compare them with what engines really export.
    #[cfg(test)]
    pub(crate) fn tables(&self) -> &[Table] {
        &self.tables
    }
}

/// The name without the suffix of a part.
fn stem(name: &str) -> &str {
    ["_bucket", "_count", "_sum", "_total", "_created"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// The names of a family's series.
fn series_of(family: &Family, has_optional_suffixes: bool) -> Vec<(String, Part)> {
    let names = if has_optional_suffixes {
        forms(family)
    } else {
        vec![family.name.clone()]
    };
    names.iter().flat_map(|name| parts_of(name, family.kind)).collect()
}

fn parts_of(name: &str, kind: Kind) -> Vec<(String, Part)> {
    let with = |suffix: &str, part| (format!("{name}{suffix}"), part);
    let base = name.strip_suffix("_total").unwrap_or(name);
    match kind {
        Kind::Gauge | Kind::Native => vec![with("", Part::Whole)],
        Kind::Counter => vec![with("", Part::Whole), (format!("{base}_created"), Part::Created)],
        Kind::Histogram | Kind::Summary => {
            let mut series = vec![
                with("_sum", Part::Sum),
                with("_count", Part::Count),
                with("_created", Part::Created),
            ];
            series.push(match kind {
                Kind::Summary => with("", Part::Whole),
                _ => with("_bucket", Part::Bucket),
            });
            series
        }
    }
}

/// The family's name with and without its unit and the suffix of a counter.
fn forms(family: &Family) -> Vec<String> {
    let name = family.name.as_str();
    let of_type = match family.kind {
        Kind::Counter => "_total",
        _ => "",
    };
    let of_unit = match &family.unit {
        Some(unit) if unit.is_time() => "_seconds",
        Some(unit) if Unit::read("By").is_some_and(|bytes| bytes == *unit) => "_bytes",
        _ => "",
    };
    let of_unit = if name.ends_with(of_unit) { "" } else { of_unit };
    let mut names: Vec<String> = ["", of_unit]
        .iter()
        .flat_map(|unit| ["", of_type].map(|of_type| format!("{name}{unit}{of_type}")))
        .collect();
    names.dedup();
    names
}
