//! What the metrics of an engine mean, as data: one table for each engine, and the few rules for reading it.
//!
//! A scraper asks once for every series, when it first meets it: [`Dialect::canonical`] gives the metric that says the
//! same for all engines, [`Dialect::aliases`] the other names that were asked for. Nothing here knows pages, points or
//! time. A family that a page does not have is unknown and never zero: there is nothing here that could make one up.

mod alias;
mod claims;
mod metric;

use std::borrow::Cow;

pub use alias::{Alias, Aliases};
pub use claims::{Claim, Claims};
pub use metric::{Kind, Metric, Scale};

use super::metrics as m;

/// Says that a series is another name of one that is there as well.
pub const ALIAS_LABEL: &str = "inferscope_alias";

/// Says which engine a series is about, where the name of the metric is that of all engines.
pub const ENGINE_ATTRIBUTE: &str = "inferscope.engine.name";

/// Metrics that all engines share, and that carry [`ENGINE_ATTRIBUTE`].
const ENGINE_METRICS: &str = "inferscope.engine.";

/// The metrics of one engine.
#[derive(Debug)]
pub struct Profile {
    /// The engine, and the type of the receiver.
    pub name: &'static str,
    /// What families begin with, in all spellings; the engine's own comes first.
    pub prefixes: &'static [&'static str],
    /// Families with a role. Where two rows give the same series, the one that comes first is the better one.
    pub rows: &'static [Row],
    /// Families without a role, whole or up to a `*`, and why they have none.
    pub without_role: &'static [(&'static str, &'static str)],
    /// What labels are called in the metrics of all engines; others keep their names.
    pub labels: &'static [(&'static str, &'static str)],
    /// How a page tells of parts of what it is about.
    pub parts: Option<&'static Parts>,
    /// Engines whose metrics may stand on the same page. They know more of what they do than their host, so theirs win.
    pub guests: &'static [&'static Self],
}

/// Parts of a device, and what of it is the whole device's: a page repeats that with every part, and it is told once.
#[derive(Debug)]
pub struct Parts {
    /// The label that a series of a part has.
    pub label: &'static str,
    /// Families that are the part's own.
    pub own: &'static [&'static str],
    /// Labels that say which part it is and whose; they say nothing of the whole.
    pub of_part: &'static [&'static str],
}

impl Parts {
    /// The labels without those of a part, where the series is the whole's.
    fn labels<'a>(&self, family: &str, labels: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let is_whole = !value(labels, self.label).is_empty() && !self.own.contains(&family);
        let says = |label: &str| !is_whole || !self.of_part.contains(&label);
        labels.iter().filter(|(label, _)| says(label)).copied().collect()
    }
}

/// Families that play one role.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What they say, in the words of all engines. They are of its kind on the page, too.
    pub metric: &'static Metric,
    /// Their names without prefix and without a counter's `_total`, the newest first: a page that has several of them
    /// says the same several times.
    pub families: &'static [&'static str],
    /// From the page's unit to the metric's.
    pub scale: Scale,
    /// Labels that a series must have to play this role; an empty value means that it must not have the label.
    pub only: &'static [(&'static str, &'static str)],
    /// Attributes that say what the family's name said.
    pub adding: &'static [(&'static str, &'static str)],
    /// What labels are called in this row, before [`Profile::labels`].
    pub renaming: &'static [(&'static str, &'static str)],
}

/// Begins a row.
pub const fn row(metric: &'static Metric, families: &'static [&'static str]) -> Row {
    Row {
        metric,
        families,
        scale: Scale::One,
        only: &[],
        adding: &[],
        renaming: &[],
    }
}

impl Row {
    /// Values of the page are divided by this.
    pub const fn per(mut self, divisor: f64) -> Self {
        self.scale = Scale::Per(divisor);
        self
    }

    /// Values of the page are multiplied by this.
    pub const fn times(mut self, factor: f64) -> Self {
        self.scale = Scale::Times(factor);
        self
    }

    /// Only series with these labels.
    pub const fn only(mut self, labels: &'static [(&'static str, &'static str)]) -> Self {
        self.only = labels;
        self
    }

    /// With these attributes.
    pub const fn adding(mut self, attributes: &'static [(&'static str, &'static str)]) -> Self {
        self.adding = attributes;
        self
    }

    /// With other names for labels.
    pub const fn renaming(mut self, labels: &'static [(&'static str, &'static str)]) -> Self {
        self.renaming = labels;
        self
    }
}

/// What a series says in the words of all engines.
#[derive(Debug, Clone, PartialEq)]
pub struct Canonical {
    /// Name, unit, kind and description.
    pub metric: &'static Metric,
    /// What values, sums and bounds go through, once. Counts stay as they are.
    pub scale: Scale,
    /// The labels under their new names, by name; without `inferscope.engine.name`.
    pub attributes: Vec<(Cow<'static, str>, String)>,
    /// The engine, where the metric is one that engines share.
    pub engine: Option<&'static str>,
    /// Of series with the same metric and attributes on one page, the one with the lowest rank tells them.
    rank: u32,
}

impl Canonical {
    /// Of series with the same metric and attributes on one page, the one with the lowest rank tells them.
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// All attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let engine = self.engine.map(|engine| (ENGINE_ATTRIBUTE, engine));
        let labels = self.attributes.iter().map(|(name, value)| (&**name, &**value));
        labels.chain(engine)
    }
}

/// What is known about a family.
#[derive(Debug, Clone, Copy)]
pub enum Class {
    /// It plays a role, with some labels at least.
    Role(&'static Row),
    /// It plays none, for this reason.
    None(&'static str),
    /// When the series of another family began.
    StartTime,
}

impl Profile {
    /// Whether the page of this engine says anything about requests that their spans say as well.
    pub fn has_requests(&'static self) -> bool {
        let rows = self.and_guests().flat_map(|profile| profile.rows);
        let mut metrics = rows.map(|row| row.metric.name);
        metrics.any(|name| name == m::REQUESTS_FINISHED.name || name == m::REQUEST_DURATION.name)
    }

    /// The canonical series of a series: `name` is that of its metric (for a histogram without `_bucket`, for a counter
    /// as it stands on the page), `kind` that of its `# TYPE`. None where it has no role.
    pub fn canonical(&'static self, name: &str, kind: Kind, labels: &[(&str, &str)]) -> Option<Canonical> {
        if !value(labels, ALIAS_LABEL).is_empty() {
            return None; // What it is an alias of is there as well.
        }
        for profile in self.and_guests() {
            let found = profile.matches(name, kind);
            let found = found.into_iter().find(|found| found.row.fits(labels));
            let Some(Match {
                row,
                at,
                family,
                prefix,
            }) = found
            else {
                continue;
            };
            // Guests come before the host, rows before families, families before spellings.
            let is_host = u32::from(std::ptr::eq(profile, self));
            let shares_name = row.metric.name.starts_with(ENGINE_METRICS);
            let named = row.families.get(family as usize).copied().unwrap_or_default();
            let of_whole = profile.parts.map(|parts| parts.labels(named, labels));
            let labels = of_whole.as_deref().unwrap_or(labels);
            return Some(Canonical {
                metric: row.metric,
                scale: row.scale,
                attributes: row.attributes(labels, [self.labels, profile.labels]),
                engine: shares_name.then_some(profile.name),
                rank: ((is_host * 1024 + at) * 16 + family) * 16 + prefix,
            });
        }
        None
    }

    /// What is known about a family; None where nothing is.
    pub fn class(&'static self, name: &str, kind: Kind) -> Option<Class> {
        for profile in self.and_guests() {
            if let Some(found) = profile.matches(name, kind).first() {
                return Some(Class::Role(found.row));
            }
            for base in profile.bases(name).map(|(_, base)| base).chain([name]) {
                let base = kind.without_suffix(base);
                let without = profile.without_role.iter().find(|(pattern, _)| matches(pattern, base));
                if let Some((_, why)) = without {
                    return Some(Class::None(why));
                }
            }
        }
        let owner = name.strip_suffix("_created").filter(|_| kind == Kind::Gauge)?;
        let kinds = [Kind::Counter, Kind::Histogram, Kind::Summary];
        let is_known = kinds.into_iter().any(|kind| self.class(owner, kind).is_some());
        is_known.then_some(Class::StartTime)
    }

    /// This profile and those of engines on the same page, which are asked first.
    fn and_guests(&'static self) -> impl Iterator<Item = &'static Self> {
        self.guests.iter().copied().chain([self])
    }

    /// The name without each of the prefixes that it begins with.
    fn bases<'a>(&self, name: &'a str) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let prefixes = self.prefixes.iter().enumerate();
        let bases: Vec<_> = prefixes
            .filter_map(|(at, prefix)| Some((at, name.strip_prefix(prefix)?)))
            .collect();
        bases.into_iter()
    }

    /// The rows that a family of this kind is named in.
    fn matches(&'static self, name: &str, kind: Kind) -> Vec<Match> {
        let mut found = Vec::new();
        for (prefix, base) in self.bases(name) {
            let base = kind.without_suffix(base);
            for (at, row) in self.rows.iter().enumerate() {
                if row.metric.kind != kind {
                    continue;
                }
                if let Some(family) = row.families.iter().position(|family| *family == base) {
                    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                    found.push(Match {
                        row,
                        at: number(at),
                        family: number(family),
                        prefix: number(prefix),
                    });
                }
            }
        }
        found
    }
}

/// A row that names a family, and where it does so.
struct Match {
    row: &'static Row,
    at: u32,
    family: u32,
    prefix: u32,
}

impl Row {
    fn fits(&self, labels: &[(&str, &str)]) -> bool {
        self.only.iter().all(|(name, wanted)| value(labels, name) == *wanted)
    }

    fn attributes(
        &self,
        labels: &[(&str, &str)],
        renames: [&'static [(&'static str, &'static str)]; 2],
    ) -> Vec<(Cow<'static, str>, String)> {
        let mut attributes: Vec<(Cow<'static, str>, String)> = Vec::with_capacity(labels.len() + self.adding.len());
        let renamed = |label: &str| {
            let all = self.renaming.iter().chain(renames.into_iter().flatten());
            let mut all = all.filter(|(from, _)| *from == label);
            all.next().map(|(_, to)| *to)
        };
        for (label, value) in labels {
            // What the row asks for is what its name says.
            let is_said = self.only.iter().any(|(name, _)| name == label);
            if value.is_empty() || is_said {
                continue;
            }
            let name = renamed(label).map_or_else(|| Cow::Owned((*label).to_owned()), Cow::Borrowed);
            // Two labels may get one name: dcgm-exporter writes `Hostname` and `hostname`.
            if attributes.iter().all(|(taken, _)| *taken != name) {
                attributes.push((name, (*value).to_owned()));
            }
        }
        for (name, value) in self.adding {
            attributes.retain(|(taken, _)| taken != name);
            attributes.push((Cow::Borrowed(name), (*value).to_owned()));
        }
        attributes.sort_unstable();
        attributes
    }
}

/// The value of a label; in Prometheus an empty one is the same as none.
fn value<'a>(labels: &[(&'a str, &'a str)], name: &str) -> &'a str {
    labels
        .iter()
        .find(|(label, _)| *label == name)
        .map_or("", |(_, value)| value)
}

/// Whether a name is the one of a pattern, or begins with what stands in front of its `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(front) => name.starts_with(front),
        None => pattern == name,
    }
}

/// Whose words a page is in, and what is wanted beside them. Copied to every target of a receiver.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The engine.
    pub profile: &'static Profile,
    /// Whether the metrics of all engines are told as well.
    pub canonical: bool,
    /// Which other names are told as well.
    pub aliases: Aliases,
    /// How long after its end the span of a request may come.
    pub spans_within: std::time::Duration,
}

impl Dialect {
    /// [`Profile::canonical`], where that is wanted.
    pub fn canonical(&self, name: &str, kind: Kind, labels: &[(&str, &str)]) -> Option<Canonical> {
        self.canonical.then(|| self.profile.canonical(name, kind, labels))?
    }

    /// Whether any other names are wanted.
    pub fn has_aliases(&self) -> bool {
        self.aliases != Aliases::default()
    }

    /// [`Profile::aliases`], where they are wanted. Each is told with [`ALIAS_LABEL`] `="1"`, and only where the page
    /// does not have that name itself.
    pub fn aliases(&self, name: &str, kind: Kind) -> Vec<String> {
        self.profile.aliases(name, kind, self.aliases)
    }
}
