//! A page, written in turns: the store is free for others between them.

use std::ops::Bound;
use std::time::Instant;

use super::family::Family;
use super::group::{Group, Native, Point, Steps};
use super::labels::unpack;
use super::ladder::Ladder;
use super::lines::{Lines, Named};
use super::negotiate::{Format, Syntax};
use super::store::Store;
use crate::prometheus_series::FamilyKind;

/// Lines that are written while the store is held: less than a millisecond.
const LINES_PER_TURN: usize = 2_000;

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page {
    lines: Lines,
    now: Instant,
    /// The last metric and group that were looked at.
    place: Option<(Box<str>, Box<[u8]>)>,
    /// What stands above the metric that is being written.
    heading: Option<Heading>,
}

/// What is said about a metric before its series.
#[derive(Debug)]
struct Heading {
    /// The name of the metric, and the one that stands on the page.
    name: Box<str>,
    shown: Box<str>,
    word: &'static str,
    kind: FamilyKind,
    has_created: bool,
    ladder: Ladder,
}

impl Page {
    pub(super) fn new(format: Format, has_timestamps: bool, now: Instant) -> Self {
        Self {
            lines: Lines {
                out: Vec::new(),
                syntax: format.syntax,
                has_timestamps,
            },
            now,
            place: None,
            heading: None,
        }
    }

    /// The whole page.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.lines.syntax == Syntax::OpenMetrics {
            self.lines.out.extend_from_slice(b"# EOF\n");
        }
        self.lines.out
    }

    fn group(&mut self, row: &[u8], group: &Group) {
        let Some(heading) = &self.heading else { return };
        let row = group.labels.as_deref().unwrap_or(row);
        let lines = &mut self.lines;
        match &group.values {
            Point::Nothing => {}
            Point::Number { value, exemplar } => {
                let exemplar = exemplar.as_deref().filter(|_| heading.word == "counter");
                lines.sample(heading.named("", row), *value, group.stamp.time, exemplar);
            }
            Point::Steps(steps) if heading.kind == FamilyKind::Summary => {
                heading.summary(lines, row, steps, group.stamp.time);
            }
            Point::Steps(steps) => heading.histogram(lines, row, steps, group.stamp.time),
            Point::Native(native) => heading.native(lines, row, native, group.stamp.time),
        }
        if heading.has_created && group.stamp.start > 0 {
            let created = Named {
                name: &heading.shown,
                ..heading.named("_created", row)
            };
            lines.created(created, group.stamp.start);
        }
    }
}

impl Store {
    /// Writes more of a page; false once all of it is there.
    pub(super) fn write(&self, page: &mut Page) -> bool {
        let mut left = LINES_PER_TURN;
        let (at, after) = page.place.take().unzip();
        let from = at.as_deref().map_or(Bound::Unbounded, Bound::Included);
        for (name, family) in self.families.range::<str, _>((from, Bound::Unbounded)) {
            let is_begun = at.as_deref() == Some(&**name);
            let heading = page.heading.as_ref().filter(|heading| heading.name == *name);
            if heading.is_some_and(|heading| heading.kind != family.kind) {
                continue; // Another metric took its name while the page was being written.
            }
            let after = after.as_deref().filter(|_| is_begun);
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            for (row, group) in family.groups.range::<[u8], _>((from, Bound::Unbounded)) {
                if self.shows(family, group, page.now) {
                    if page.heading.as_ref().is_none_or(|heading| heading.name != *name) {
                        page.heading = Some(self.head(name, family, &mut page.lines));
                    }
                    page.group(row, group);
                }
                left = left.saturating_sub(group.lines().max(1));
                if left == 0 {
                    page.place = Some((name.clone(), row.clone()));
                    return true;
                }
            }
        }
        false
    }

    fn shows(&self, family: &Family, group: &Group, now: Instant) -> bool {
        let is_expired = now.saturating_duration_since(group.seen) > self.rules.expiration;
        !is_expired && group.is_whole(family.kind)
    }

    /// Writes what stands above the series of a metric.
    fn head(&self, name: &str, family: &Family, lines: &mut Lines) -> Heading {
        let (shown, word) = match lines.syntax {
            Syntax::Text => (name, text_word(family.kind)),
            Syntax::OpenMetrics => self.open_metrics(name, family),
        };
        let counts = matches!(word, "counter" | "histogram" | "summary");
        let natives = family.groups.values().filter_map(|group| match &group.values {
            Point::Native(native) => Some(&native.shape),
            _ => None,
        });
        lines.comment("HELP", shown, &family.help);
        lines.comment("TYPE", shown, word);
        if lines.syntax == Syntax::OpenMetrics
            && !matches!(word, "info" | "stateset")
            && shown
                .strip_suffix(&*family.unit)
                .is_some_and(|rest| rest.ends_with('_'))
        {
            lines.comment("UNIT", shown, &family.unit);
        }
        Heading {
            name: name.into(),
            shown: shown.into(),
            word,
            kind: family.kind,
            has_created: counts && lines.syntax == Syntax::OpenMetrics && !self.has(&format!("{shown}_created")),
            ladder: Ladder::over(natives),
        }
    }

    /// Name and type in OpenMetrics, where the name of a counter and of an info has no suffix. What cannot be said so is
    /// said as far as it can.
    fn open_metrics<'n>(&self, name: &'n str, family: &Family) -> (&'n str, &'static str) {
        let is_free = |shown: &&str| !shown.is_empty() && !self.has(shown);
        match family.kind {
            FamilyKind::Counter => {
                let shown = name.strip_suffix("_total").filter(is_free);
                let shown = shown.filter(|shown| !self.has(&format!("{shown}_created")));
                shown.map_or((name, "unknown"), |shown| (shown, "counter"))
            }
            FamilyKind::Info => {
                let shown = name.strip_suffix("_info").filter(is_free);
                let shown = shown.filter(|shown| !self.has(&format!("{shown}_total")));
                let shown = shown.filter(|_| family.all_are(|_, value| value == 1.0));
                shown.map_or((name, "gauge"), |shown| (shown, "info"))
            }
            FamilyKind::StateSet => {
                let has_state = |row: &[u8]| unpack(row).any(|(label, _)| label == name.as_bytes());
                let fits = family.all_are(|row, value| has_state(row) && (value == 0.0 || value == 1.0));
                (name, if fits { "stateset" } else { "gauge" })
            }
            FamilyKind::GaugeHistogram => (name, "gaugehistogram"),
            FamilyKind::Unknown => (name, "unknown"),
            kind => (name, text_word(kind)),
        }
    }
}

impl Family {
    fn all_are(&self, fits: impl Fn(&[u8], f64) -> bool) -> bool {
        self.groups.iter().all(|(row, group)| match group.values {
            Point::Number { value, .. } => fits(row, value),
            _ => true,
        })
    }
}

/// The type in text, which has five.
fn text_word(kind: FamilyKind) -> &'static str {
    match kind {
        FamilyKind::Unknown => "untyped",
        FamilyKind::Counter => "counter",
        FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => "gauge",
        FamilyKind::Histogram | FamilyKind::GaugeHistogram => "histogram",
        FamilyKind::Summary => "summary",
    }
}

impl Heading {
    fn named<'a>(&'a self, suffix: &'a str, row: &'a [u8]) -> Named<'a> {
        Named {
            name: &self.name,
            suffix,
            row,
            step: None,
        }
    }

    fn summary(&self, lines: &mut Lines, row: &[u8], steps: &Steps, time: i64) {
        for step in steps.iter() {
            let step_of = Some(("quantile", step.bound));
            let named = Named {
                step: step_of,
                ..self.named("", row)
            };
            lines.sample(named, step.value, time, None);
        }
        self.totals(lines, row, (steps.sum, steps.count), time);
    }

    fn histogram(&self, lines: &mut Lines, row: &[u8], steps: &Steps, time: i64) {
        for step in steps.iter() {
            let named = self.bucket(row, step.bound);
            lines.sample(named, step.value, time, step.exemplar.as_deref());
        }
        let is_below_zero = steps.iter().next().is_some_and(|step| step.bound < 0.0);
        let sum = self.sum(lines, steps.sum, is_below_zero);
        self.totals(lines, row, (sum, steps.count), time);
    }

    fn native(&self, lines: &mut Lines, row: &[u8], native: &Native, time: i64) {
        let shape = &native.shape;
        let counts = self.ladder.counts(shape);
        let finite = self.ladder.bounds.iter().copied().zip(counts);
        let mut lower = f64::NEG_INFINITY;
        for (upper, count) in finite.chain([(f64::INFINITY, shape.count)]) {
            let lies_here = |value: f64| value > lower && value <= upper;
            let exemplar = native.exemplars.iter().rfind(|it| lies_here(it.value));
            lines.sample(self.bucket(row, upper), count as f64, time, exemplar);
            lower = upper;
        }
        let first = self.ladder.bounds.first();
        let is_below_zero = first.is_some_and(|bound| *bound < 0.0) || !shape.negative.deltas.is_empty();
        let sum = self.sum(lines, Some(shape.sum), is_below_zero);
        self.totals(lines, row, (sum, Some(shape.count as f64)), time);
    }

    fn bucket<'a>(&'a self, row: &'a [u8], upper: f64) -> Named<'a> {
        Named {
            step: Some(("le", upper)),
            ..self.named("_bucket", row)
        }
    }

    /// OpenMetrics has no sum where measurements may be negative, because it would not be a counter.
    fn sum(&self, lines: &Lines, sum: Option<f64>, is_below_zero: bool) -> Option<f64> {
        sum.filter(|_| lines.syntax == Syntax::Text || !is_below_zero || self.kind == FamilyKind::GaugeHistogram)
    }

    /// Sum and count. In OpenMetrics neither is there without the other; the last bucket says the count as well.
    fn totals(&self, lines: &mut Lines, row: &[u8], (sum, count): (Option<f64>, Option<f64>), time: i64) {
        let is_open = lines.syntax == Syntax::OpenMetrics;
        let (sum_suffix, count_suffix) = if is_open && self.kind == FamilyKind::GaugeHistogram {
            ("_gsum", "_gcount")
        } else {
            ("_sum", "_count")
        };
        if let Some(sum) = sum {
            lines.sample(self.named(sum_suffix, row), sum, time, None);
        }
        if let Some(count) = count.filter(|_| sum.is_some() || !is_open) {
            lines.sample(self.named(count_suffix, row), count, time, None);
        }
    }
}
