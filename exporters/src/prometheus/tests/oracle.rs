//! Reads pages by the letter of both formats and knows nothing of how they are written.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A page that was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub families: Vec<ReadFamily>,
}

#[derive(Debug, Default)]
pub(super) struct ReadFamily {
    pub name: String,
    pub kind: String,
    pub help: Option<String>,
    pub unit: Option<String>,
    pub samples: Vec<ReadSample>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct ReadSample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
    pub exemplar: Option<ReadExemplar>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct ReadExemplar {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
    pub time: Option<String>,
}

/// What a page may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub is_open: bool,
    pub has_utf8: bool,
}

impl Read {
    pub(super) fn family(&self, name: &str) -> &ReadFamily {
        let found = self.families.iter().find(|family| family.name == name);
        found.unwrap_or_else(|| panic!("no family {name}: {:?}", self.names()))
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.families.iter().map(|family| family.name.as_str()).collect()
    }

    pub(super) fn samples(&self) -> impl Iterator<Item = &ReadSample> {
        self.families.iter().flat_map(|family| &family.samples)
    }

    /// Every sample, as text and value.
    pub(super) fn values(&self) -> BTreeMap<String, f64> {
        self.samples().map(|sample| (sample.text(), sample.value)).collect()
    }
}

impl ReadSample {
    pub(super) fn text(&self) -> String {
        format!("{}{:?}", self.name, self.labels)
    }
}

/// Reads a page; what is against the rules fails the test.
pub(super) fn read(page: &str, rules: Rules) -> Read {
    let mut lines: Vec<&str> = page.split('\n').collect();
    assert_eq!(lines.pop(), Some(""), "the last line has an end: {page}");
    if rules.is_open {
        assert_eq!(lines.pop(), Some("# EOF"), "{page}");
    }
    let mut found = Read::default();
    for line in lines {
        if let Some(comment) = line.strip_prefix("# ") {
            comment_line(comment, &mut found, rules);
        } else {
            let sample = sample_line(line, rules);
            let family = found.families.last_mut().expect("a sample stands below its metric");
            family.samples.push(sample);
        }
    }
    check(&found, rules);
    found
}

fn comment_line(comment: &str, found: &mut Read, rules: Rules) {
    let (what, rest) = comment.split_once(' ').expect("a comment says what it is");
    let mut cursor = Cursor(rest);
    let name = if cursor.0.starts_with('"') {
        assert!(rules.has_utf8, "quoted name: {comment}");
        cursor.quoted()
    } else {
        cursor.until(' ').to_owned()
    };
    let text = cursor.0.strip_prefix(' ').expect("a comment has a text");
    if found.families.last().is_none_or(|family| family.name != name) {
        found.families.push(ReadFamily {
            name,
            ..ReadFamily::default()
        });
    }
    let family = found.families.last_mut().unwrap();
    assert!(family.samples.is_empty(), "comments stand above the samples: {comment}");
    let is_new = match what {
        "TYPE" => std::mem::replace(&mut family.kind, text.to_owned()).is_empty(),
        "HELP" => family.help.replace(unescaped(text, rules.is_open)).is_none(),
        "UNIT" if rules.is_open => family.unit.replace(text.to_owned()).is_none(),
        other => panic!("{other} is no comment of this format"),
    };
    assert!(is_new, "{what} is there twice");
}

struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn until(&mut self, end: char) -> &'a str {
        let at = self.0.find(end).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(at);
        self.0 = rest;
        text
    }

    fn skip(&mut self, what: &str) -> bool {
        match self.0.strip_prefix(what) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn quoted(&mut self) -> String {
        assert!(self.skip("\""), "{:?} begins with a quote", self.0);
        let mut end = None;
        let mut letters = self.0.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => drop(letters.next()),
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let end = end.expect("a quote has an end");
        let text = unescaped(&self.0[..end], true);
        self.0 = &self.0[end + 1..];
        text
    }

    /// Labels in braces; a quoted text without a value is the name of the metric.
    fn labels(&mut self, rules: Rules) -> (Option<String>, BTreeMap<String, String>) {
        let (mut name, mut labels) = (None, BTreeMap::new());
        assert!(self.skip("{"));
        while !self.skip("}") {
            let is_quoted = self.0.starts_with('"');
            let label = if is_quoted {
                self.quoted()
            } else {
                let at = self.0.find('=').unwrap();
                let (label, rest) = self.0.split_at(at);
                self.0 = rest;
                label.to_owned()
            };
            assert!(
                is_legacy(&label, false) || (is_quoted && rules.has_utf8),
                "label {label:?}"
            );
            if is_quoted && !self.0.starts_with('=') {
                assert!(name.replace(label).is_none() && labels.is_empty());
            } else {
                assert!(self.skip("="));
                let value = self.quoted();
                assert!(!value.is_empty(), "an empty label is none");
                assert!(labels.insert(label, value).is_none(), "a label twice");
            }
            assert!(self.skip(",") || self.0.starts_with('}'));
        }
        (name, labels)
    }
}

/// Only what the formats escape may be escaped.
fn unescaped(text: &str, quotes_too: bool) -> String {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            assert!(letter != '"' || !quotes_too, "a bare quote in {text:?}");
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => plain.push('\n'),
            Some('\\') => plain.push('\\'),
            Some('"') if quotes_too => plain.push('"'),
            other => panic!("{other:?} needs no backslash in {text:?}"),
        }
    }
    plain
}

fn sample_line(line: &str, rules: Rules) -> ReadSample {
    let mut cursor = Cursor(line);
    let plain = match cursor.0.find(['{', ' ']) {
        Some(at) => {
            let (name, rest) = cursor.0.split_at(at);
            cursor.0 = rest;
            name
        }
        None => panic!("no value: {line}"),
    };
    let (quoted, labels) = if cursor.0.starts_with('{') {
        cursor.labels(rules)
    } else {
        (None, BTreeMap::new())
    };
    let name = match quoted {
        Some(name) => {
            assert!(plain.is_empty() && rules.has_utf8, "{line}");
            name
        }
        None => {
            assert!(is_legacy(plain, true), "{line}");
            plain.to_owned()
        }
    };
    assert!(cursor.skip(" "), "{line}");
    let (values, exemplar) = match cursor.0.split_once(" # ") {
        Some((values, exemplar)) => (values, Some(exemplar_of(exemplar, rules))),
        None => (cursor.0, None),
    };
    let mut values = values.split(' ');
    let value = float(values.next().unwrap());
    // Milliseconds in one format, seconds in the other.
    let time = values.next();
    assert!(time.is_none_or(|time| time.contains('.') == rules.is_open), "{line}");
    assert_eq!(values.next(), None, "{line}");
    ReadSample {
        name,
        labels,
        value,
        exemplar,
    }
}

fn exemplar_of(text: &str, rules: Rules) -> ReadExemplar {
    assert!(rules.is_open, "text has no exemplars");
    let mut cursor = Cursor(text);
    let (name, labels) = cursor.labels(rules);
    assert_eq!(name, None);
    let letters: usize = labels
        .iter()
        .map(|(name, value)| name.chars().count() + value.chars().count())
        .sum();
    assert!(letters <= 128, "an exemplar of {letters} characters");
    assert!(cursor.skip(" "));
    let mut values = cursor.0.split(' ');
    ReadExemplar {
        labels,
        value: float(values.next().unwrap()),
        time: values.next().map(str::to_owned),
    }
}

fn float(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        digits => {
            assert!(!digits.contains(['i', 'I', 'n', 'N']), "{digits}");
            digits.parse().unwrap()
        }
    }
}

fn is_legacy(name: &str, is_metric: bool) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || (is_metric && letter == ':');
    !name.is_empty() && !name.starts_with(|letter: char| letter.is_ascii_digit()) && name.chars().all(fits)
}

fn suffixes(kind: &str, is_open: bool) -> &'static [&'static str] {
    match (kind, is_open) {
        ("counter", true) => &["_total", "_created"],
        ("info", true) => &["_info"],
        ("histogram", true) => &["_bucket", "_count", "_sum", "_created"],
        ("histogram", false) => &["_bucket", "_count", "_sum"],
        ("gaugehistogram", true) => &["_bucket", "_gcount", "_gsum"],
        ("summary", true) => &["", "_count", "_sum", "_created"],
        ("summary", false) => &["", "_count", "_sum"],
        ("gauge", _) | ("unknown" | "stateset", true) | ("counter" | "untyped", false) => &[""],
        other => panic!("no such type: {other:?}"),
    }
}

fn check(read: &Read, rules: Rules) {
    let names = read.names();
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(unique.len(), names.len(), "a metric is there twice: {names:?}");
    let mut seen = HashSet::new();
    for family in &read.families {
        assert!(!family.samples.is_empty(), "{} has no samples", family.name);
        assert!(is_legacy(&family.name, true) || rules.has_utf8, "{}", family.name);
        let allowed = suffixes(&family.kind, rules.is_open);
        for sample in &family.samples {
            assert!(seen.insert(sample.text()), "{} is there twice", sample.text());
            let suffix = sample.name.strip_prefix(&family.name);
            assert!(
                suffix.is_some_and(|suffix| allowed.contains(&suffix)),
                "{} in the {} {}",
                sample.name,
                family.kind,
                family.name
            );
            let may_have = ["_total", "_bucket"].contains(&suffix.unwrap()) && family.kind != "unknown";
            assert!(sample.exemplar.is_none() || may_have, "{}", sample.text());
        }
        if let Some(unit) = &family.unit {
            assert!(family.name.ends_with(&format!("_{unit}")), "{}: {unit}", family.name);
        }
        check_groups(family, rules);
    }
}

/// Labels without those that tell the parts of a point apart.
fn group_of(family: &ReadFamily, sample: &ReadSample) -> BTreeMap<String, String> {
    let mut labels = sample.labels.clone();
    match family.kind.as_str() {
        "histogram" | "gaugehistogram" => drop(labels.remove("le")),
        "summary" => drop(labels.remove("quantile")),
        _ => {}
    }
    labels
}

fn check_groups(family: &ReadFamily, rules: Rules) {
    let mut groups: Vec<(BTreeMap<String, String>, Vec<&ReadSample>)> = Vec::new();
    let mut known = BTreeSet::new();
    for sample in &family.samples {
        let labels = group_of(family, sample);
        match groups.last_mut() {
            Some((last, samples)) if *last == labels => samples.push(sample),
            _ => {
                let is_new = known.insert(labels.clone());
                assert!(is_new, "{}: {labels:?} is not in one piece", family.name);
                groups.push((labels, vec![sample]));
            }
        }
    }
    if matches!(family.kind.as_str(), "histogram" | "gaugehistogram") {
        for (_, samples) in &groups {
            check_histogram(family, samples, rules);
        }
    }
}

fn check_histogram(family: &ReadFamily, samples: &[&ReadSample], rules: Rules) {
    let of = |suffix: &str| -> Vec<&&ReadSample> {
        let name = format!("{}{suffix}", family.name);
        samples.iter().filter(|sample| sample.name == name).collect()
    };
    let buckets = of("_bucket");
    let mut last = (f64::NEG_INFINITY, 0.0);
    for bucket in &buckets {
        let text = &bucket.labels["le"];
        let upper = float(text);
        if rules.is_open && upper.is_finite() {
            assert!(text.contains('.'), "le={text:?}");
        }
        assert!(upper > last.0, "bounds rise: {}", bucket.text());
        assert!(bucket.value >= last.1, "buckets grow: {}", bucket.text());
        if let Some(exemplar) = &bucket.exemplar {
            assert!(exemplar.value <= upper || exemplar.value.is_nan(), "{}", bucket.text());
        }
        last = (upper, bucket.value);
    }
    assert_eq!(last.0, f64::INFINITY, "{} has an infinite bucket", family.name);
    let (count, sum) = if family.kind == "gaugehistogram" {
        (of("_gcount"), of("_gsum"))
    } else {
        (of("_count"), of("_sum"))
    };
    assert!(count.iter().all(|count| count.value == last.1), "{}", family.name);
    if rules.is_open {
        assert_eq!(count.len(), sum.len(), "{}: neither without the other", family.name);
        let is_below_zero = float(&buckets[0].labels["le"]) < 0.0;
        assert!(sum.is_empty() || !is_below_zero || family.kind == "gaugehistogram");
    } else {
        assert_eq!(count.len(), 1);
    }
}
