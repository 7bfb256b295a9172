//! Percentiles per phase.

use super::bar;
use super::palette::{Ink, Palette};
use super::phase::place;
use super::quantity::{DURATION_WIDTH, SHARE_WIDTH, count, duration, share};
use super::request::{Request, Source};

/// Columns of a count, up to `100,000`.
const COUNT_WIDTH: usize = 8;

/// Share bars do not grow beyond this; a longer bar says no more.
const BAR_WIDTH_MAX: usize = 60;

/// The times of one phase over all requests that have it.
struct Row<'a> {
    word: &'a str,
    /// The least certain of its sources.
    source: Source,
    /// Ascending.
    times: Vec<u64>,
    sum: u64,
}

/// One line per phase: in how many requests, how long, and which share of time; every line ends with a line feed.
pub(super) fn table(requests: &[Request], width: usize, palette: Palette) -> String {
    let rows = rows(requests);
    let whole = Row::of(
        "request",
        Source::Measured,
        requests.iter().map(Request::duration).collect(),
    );
    let label = rows
        .iter()
        .map(|row| row.word.len() + 2)
        .max()
        .unwrap_or_default()
        .max("request".len());
    let columns = label + COUNT_WIDTH + 3 * (2 + DURATION_WIDTH) + 4 + 2 + SHARE_WIDTH + 1;
    let bar_width = width.saturating_sub(columns).min(BAR_WIDTH_MAX);

    let heading = format!(
        "{:<label$}{:>COUNT_WIDTH$}  {:>DURATION_WIDTH$}  {:>DURATION_WIDTH$}  {:>DURATION_WIDTH$}    share of time",
        "phase", "count", "p50", "p95", "p99"
    );
    let mut text = format!("{}\n", palette.paint(Ink::Quiet, &heading));
    for row in &rows {
        let bar = bar::length(row.sum, whole.sum, bar_width, palette.glyphs);
        let bar = palette.paint(palette.ink(row.word), &bar);
        text.push_str(&line(row, label, whole.sum, &bar, palette));
    }
    text.push_str(&palette.paint(Ink::Strong, line(&whole, label, whole.sum, "", palette).trim_end()));
    text.push('\n');
    text
}

fn line(row: &Row<'_>, label: usize, whole: u64, bar: &str, palette: Palette) -> String {
    let name = format!("{} {}", row.word, palette.mark(row.source));
    let times = [50, 95, 99].map(|percent| duration(row.percentile(percent), palette.glyphs.micro));
    let times = times.map(|time| format!("  {time:>DURATION_WIDTH$}")).concat();
    let line = format!(
        "{:<label$}{:>COUNT_WIDTH$}{times}    {:>SHARE_WIDTH$} {bar}",
        name.trim_end(),
        count(row.times.len() as u64),
        share(row.sum, whole),
    );
    format!("{}\n", line.trim_end())
}

fn rows(requests: &[Request]) -> Vec<Row<'_>> {
    let mut words: Vec<&str> = Vec::new();
    for phase in requests.iter().flat_map(|request| &request.phases) {
        if !words.contains(&phase.word.as_str()) {
            words.push(&phase.word);
        }
    }
    words.sort_by_key(|word| (place(word), *word));
    words.into_iter().map(|word| row(requests, word)).collect()
}

fn row<'a>(requests: &'a [Request], word: &'a str) -> Row<'a> {
    let segments = requests
        .iter()
        .flat_map(|request| &request.phases)
        .filter(|phase| phase.word == word);
    let sources: Vec<Source> = segments.map(|phase| phase.source).collect();
    let uncertain = [Source::UpperBound, Source::Inferred]
        .into_iter()
        .find(|source| sources.contains(source));
    let times = requests.iter().filter_map(|request| request.time_in(word)).collect();
    Row::of(word, uncertain.unwrap_or(Source::Measured), times)
}

impl<'a> Row<'a> {
    fn of(word: &'a str, source: Source, mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        let sum = times.iter().fold(0, |sum: u64, time| sum.saturating_add(*time));
        Self {
            word,
            source,
            times,
            sum,
        }
    }

    /// The smallest time that at least `percent` of the requests do not exceed: always one that occurred.
    fn percentile(&self, percent: usize) -> u64 {
        let rank = (self.times.len() * percent).div_ceil(100);
        self.times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}
