//! From the text of a series to the point that its value is a part of.

use pipeline::payload::scrape::{Part, bound_text};

use super::super::exposition::{Kind, Sample, value};
use super::super::labels::{INSTANCE, JOB, Labels, NAME};
use super::super::relabel;
use super::super::rules::SeriesRules;
use super::family::Families;

/// The series that describes its target (OpenMetrics, "Supporting target metadata").
const TARGET_INFO: &str = "target_info";

/// Why a page cannot be used.
pub(super) enum Refused {
    /// The line says something wrong.
    Line(&'static str),
    /// The series goes beyond a limit.
    Limit(String),
}

/// What a series is.
pub(super) enum Resolved {
    /// Nothing that is wanted.
    Dropped,
    /// A part of a point that lacks what would say which.
    Misplaced,
    /// A part of a point.
    At(Found),
}

/// A part of a point.
pub(super) struct Found {
    /// All labels of the series, its name among them.
    pub(super) labels: Labels,
    /// Job and instance.
    pub(super) owner: (String, String),
    /// Name of the metric.
    pub(super) metric: String,
    /// Its family on the page.
    pub(super) family: String,
    pub(super) kind: Kind,
    /// Which part; None for the one that says since when the point counts.
    pub(super) part: Option<Part>,
    /// The labels that make the point.
    pub(super) point: Labels,
}

/// What the name of a series says with the families of its page.
struct Belongs<'a> {
    family: &'a str,
    kind: Kind,
    part: Word,
    /// What stands behind the name of the metric.
    suffix: &'static str,
}

/// What the name of a series says of its part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Value,
    Bucket,
    Count,
    Sum,
    Quantile,
    Created,
}

/// Works out what a series is.
pub(super) fn series(sample: &Sample<'_>, rules: &SeriesRules, families: &Families) -> Result<Resolved, Refused> {
    let (name, pairs) = sample.series.labels().map_err(Refused::Line)?;
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    if names
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
    {
        return Err(Refused::Line("a label stands there twice"));
    }
    let mut labels: Labels = pairs.into_iter().collect();
    labels.set(NAME, name.as_ref());
    rules.merge(&mut labels);
    if !relabel::apply(&rules.relabel, &mut labels) {
        return Ok(Resolved::Dropped);
    }
    rules.check(&labels).map_err(Refused::Limit)?;
    rules.add_external(&mut labels);
    let Some(renamed) = labels.take(NAME) else {
        return Err(Refused::Line("metric_relabel_configs took the name away"));
    };
    Ok(place(&name, &renamed, labels, families))
}

fn place(name: &str, renamed: &str, mut labels: Labels, families: &Families) -> Resolved {
    let belongs = Belongs::of(name, families);
    let mut point = labels.clone();
    let owner = (
        point.take(JOB).unwrap_or_default(),
        point.take(INSTANCE).unwrap_or_default(),
    );
    let (metric, kind, word) = match renamed.strip_suffix(belongs.suffix) {
        Some(base) if belongs.part == Word::Created && belongs.kind == Kind::Counter => {
            (format!("{base}_total"), belongs.kind, belongs.part)
        }
        Some(base) => (base.to_owned(), belongs.kind, belongs.part),
        // The new name is not that of a part, so it is a series of its own.
        None => (renamed.to_owned(), Kind::Unknown, Word::Value),
    };
    let mut bound = |label: &str| {
        let bound = point.take(label).and_then(|text| value(text.as_bytes()));
        let bound = bound.filter(|bound| !bound.is_nan())?;
        // Prometheus 3 writes bounds in one way, so that `1` and `1.0` are not two series.
        labels.set(label, bound_text(bound));
        Some(bound)
    };
    let part = match word {
        Word::Value if metric == TARGET_INFO => Some(Part::Resource),
        Word::Value => Some(Part::Value),
        Word::Count => Some(Part::Count),
        Word::Sum => Some(Part::Sum),
        Word::Created => None,
        Word::Bucket => match bound("le") {
            Some(bound) => Some(Part::Bucket(bound)),
            None => return Resolved::Misplaced,
        },
        Word::Quantile => match bound("quantile") {
            Some(bound) => Some(Part::Quantile(bound)),
            None => return Resolved::Misplaced,
        },
    };
    labels.set(NAME, renamed);
    Resolved::At(Found {
        labels,
        owner,
        metric,
        family: belongs.family.to_owned(),
        kind,
        part,
        point,
    })
}

impl<'a> Belongs<'a> {
    /// `# TYPE` decides, and a suffix means something only where a family of the name in front of it is of a kind that
    /// has such parts: vLLM's `iteration_tokens_total` is a histogram.
    fn of(name: &'a str, families: &Families) -> Self {
        if let Some(kind) = families.kind_of(name) {
            return Self::named(name, kind, families);
        }
        const SUFFIXES: [(&str, Word); 8] = [
            ("_bucket", Word::Bucket),
            ("_count", Word::Count),
            ("_sum", Word::Sum),
            ("_created", Word::Created),
            ("_total", Word::Value),
            ("_info", Word::Value),
            ("_gcount", Word::Value),
            ("_gsum", Word::Value),
        ];
        for (suffix, part) in SUFFIXES {
            let Some(family) = name.strip_suffix(suffix) else {
                continue;
            };
            let Some(kind) = families.kind_of(family) else { continue };
            let is_whole = matches!(
                (kind, suffix),
                (Kind::Counter, "_total")
                    | (Kind::Info, "_info")
                    | (Kind::GaugeHistogram, "_bucket" | "_gcount" | "_gsum")
            );
            let is_part = match kind {
                Kind::Histogram => part != Word::Value,
                Kind::Summary => matches!(part, Word::Count | Word::Sum | Word::Created),
                Kind::Counter => part == Word::Created,
                _ => false,
            };
            if is_whole {
                return Self::whole(family, kind);
            }
            if is_part {
                return Self {
                    family,
                    kind,
                    part,
                    suffix,
                };
            }
        }
        Self::whole(name, Kind::Unknown)
    }

    /// A series with the very name of its family.
    fn named(name: &'a str, kind: Kind, families: &Families) -> Self {
        // In the text format a `_created` series has a family of its own, a gauge.
        if kind == Kind::Gauge
            && let Some(base) = name.strip_suffix("_created")
        {
            let of_base = families.kind_of(base);
            let of_total = families.kind_of(&format!("{base}_total"));
            let owner = of_total
                .filter(|kind| *kind == Kind::Counter)
                .or(of_base.filter(|kind| matches!(kind, Kind::Histogram | Kind::Summary)));
            if let Some(kind) = owner {
                return Self {
                    family: base,
                    kind,
                    part: Word::Created,
                    suffix: "_created",
                };
            }
        }
        match kind {
            Kind::Summary => Self {
                family: name,
                kind,
                part: Word::Quantile,
                suffix: "",
            },
            // No part of a histogram has its bare name.
            Kind::Histogram | Kind::GaugeHistogram => Self::whole(name, Kind::Unknown),
            _ => Self::whole(name, kind),
        }
    }

    fn whole(family: &'a str, kind: Kind) -> Self {
        Self {
            family,
            kind,
            part: Word::Value,
            suffix: "",
        }
    }
}
