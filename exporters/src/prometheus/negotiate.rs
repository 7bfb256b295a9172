//! What a scraper is given of what it accepts (Prometheus' "Content Negotiation").

use std::fmt::Write;

use net::codec::Encoding;

const OPEN_METRICS: &str = "application/openmetrics-text";
const TEXT: &str = "text/plain";

/// Entries of a header that are looked at. Prometheus sends five; more would be work for nothing.
const ENTRIES_MAX: usize = 32;

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) syntax: Syntax,
    version: &'static str,
    /// Names may hold any character.
    pub(super) has_utf8: bool,
    /// The scraper said how it wants names, so it is told how they are.
    says_escaping: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Text,
    OpenMetrics,
}

/// One thing that a scraper would take.
struct Entry<'h> {
    name: &'h str,
    parameters: &'h str,
    /// In thousandths.
    quality: u32,
}

impl Format {
    /// The best of what the scraper accepts; text as it was ever where it accepts nothing of ours.
    pub(super) fn accepted(accept: &str, has_open_metrics: bool) -> Self {
        let formats = entries(accept)
            .into_iter()
            .filter_map(|entry| of(&entry, has_open_metrics));
        formats.into_iter().next().unwrap_or(Self::oldest())
    }

    fn oldest() -> Self {
        Self {
            syntax: Syntax::Text,
            version: "0.0.4",
            has_utf8: false,
            says_escaping: false,
        }
    }

    /// The type of a page in this format.
    pub(super) fn content_type(self) -> String {
        let name = match self.syntax {
            Syntax::Text => TEXT,
            Syntax::OpenMetrics => OPEN_METRICS,
        };
        let mut text = format!("{name}; version={}; charset=utf-8", self.version);
        let escaping = if self.has_utf8 { "allow-utf-8" } else { "underscores" };
        if self.says_escaping {
            // Writing to a String cannot fail.
            let _ = write!(text, "; escaping={escaping}");
        }
        text
    }
}

/// The best of the codings that the scraper accepts.
pub(super) fn encoding(accept: &str) -> Encoding {
    let known = |entry: &Entry<'_>| Encoding::from_name(entry.name).filter(|_| !entry.name.is_empty());
    let accepted: Vec<(Encoding, u32)> = entries(accept)
        .iter()
        .filter_map(|entry| Some((known(entry)?, entry.quality)))
        .collect();
    let best = accepted.iter().map(|(_, quality)| *quality).max().unwrap_or_default();
    let all = [Encoding::Zstd, Encoding::Gzip];
    let mut preferred = all.into_iter().filter(|one| accepted.contains(&(*one, best)));
    preferred.next().unwrap_or(Encoding::Identity)
}

fn of(entry: &Entry<'_>, has_open_metrics: bool) -> Option<Format> {
    let asked = parameter(entry.parameters, "version").unwrap_or_default();
    let (syntax, versions): (_, &[&'static str]) = match entry.name {
        name if name.eq_ignore_ascii_case(OPEN_METRICS) && has_open_metrics => {
            (Syntax::OpenMetrics, &["1.0.0", "0.0.1"])
        }
        name if name.eq_ignore_ascii_case(TEXT) => (Syntax::Text, &["0.0.4", "1.0.0"]),
        "text/*" | "*/*" => (Syntax::Text, &["0.0.4"]),
        _ => return None,
    };
    let mut fitting = versions.iter().filter(|known| asked.is_empty() || asked == **known);
    let version = fitting.next()?;
    let escaping = parameter(entry.parameters, "escaping");
    Some(Format {
        syntax,
        version,
        has_utf8: escaping.is_some_and(|it| it.eq_ignore_ascii_case("allow-utf-8")),
        says_escaping: escaping.is_some(),
    })
}

/// What a header lists, the best first; what is listed first where two are as good.
fn entries(header: &str) -> Vec<Entry<'_>> {
    let entry = |text| {
        let (name, parameters) = match str::split_once(text, ';') {
            Some((name, parameters)) => (name, parameters),
            None => (text, ""),
        };
        let quality = parameter(parameters, "q").and_then(|text| text.parse::<f64>().ok());
        Entry {
            name: name.trim(),
            parameters,
            quality: (quality.unwrap_or(1.0).clamp(0.0, 1.0) * 1_000.0) as u32,
        }
    };
    let all = header.split(',').take(ENTRIES_MAX).map(entry);
    let mut entries: Vec<Entry<'_>> = all.filter(|entry| entry.quality > 0).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.quality));
    entries
}

fn parameter<'p>(parameters: &'p str, name: &str) -> Option<&'p str> {
    let mut pairs = parameters.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| known.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}
