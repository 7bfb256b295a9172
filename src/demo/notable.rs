//! The few requests that a reader should look at first, one line each.

use super::bar;
use super::palette::{Palette, fitted};
use super::phase::place;
use super::quantity::{DURATION_WIDTH, duration};
use super::request::Request;

/// A request and why to look at it.
struct Notable<'a> {
    why: String,
    request: &'a Request,
}

/// Columns of the reason: `longest queue_and_prefill` is cut, all of vLLM's phases fit.
const WHY_WIDTH: usize = 18;

/// Columns of the remark: `99 % detokenize`.
const REMARK_WIDTH: usize = 15;

/// Phases shorter than this share of their request are nobody's reason to look.
const TELLING_PERCENT: u64 = 25;

/// The slowest, the one in the middle, and for every phase the one that it held up longest; a line feed after each.
pub(super) fn notable(requests: &[Request], width: usize, palette: Palette) -> String {
    let id_width = if width < 120 { 18 } else { 36 };
    let columns = WHY_WIDTH + 1 + id_width + 1 + 1 + DURATION_WIDTH + 2 + REMARK_WIDTH;
    let bar_width = width.saturating_sub(columns).max(8);
    let mut text = String::new();
    for Notable { why, request } in picks(requests) {
        text.push_str(&line(&why, WHY_WIDTH, request, id_width, bar_width, palette));
    }
    text
}

/// One request in one line, without a reason.
pub(super) fn brief(request: &Request, width: usize, palette: Palette) -> String {
    let id_width = if width < 120 { 24 } else { 36 };
    let columns = id_width + 1 + 1 + DURATION_WIDTH + 2 + REMARK_WIDTH;
    line("", 0, request, id_width, width.saturating_sub(columns).max(8), palette)
}

fn line(why: &str, why_width: usize, request: &Request, id_width: usize, bar_width: usize, palette: Palette) -> String {
    let why = format!("{:<why_width$}", fitted(why, why_width, palette.glyphs));
    let gap = if why_width == 0 { "" } else { " " };
    let line = format!(
        "{why}{gap}{:<id_width$} {} {:>DURATION_WIDTH$}  {}",
        fitted(&request.id, id_width, palette.glyphs),
        bar::strip(request, bar_width, palette),
        duration(request.duration(), palette.glyphs.micro),
        remark(request, palette),
    );
    format!("{}\n", line.trim_end())
}

fn remark(request: &Request, palette: Palette) -> String {
    let Some((word, time)) = request.largest_phase() else {
        return String::new();
    };
    let text = format!("{} % {word}", percent(time, request.duration()));
    palette.paint(palette.ink(word), &fitted(&text, REMARK_WIDTH, palette.glyphs))
}

fn picks(requests: &[Request]) -> Vec<Notable<'_>> {
    let mut by_duration: Vec<&Request> = requests.iter().collect();
    by_duration.sort_by_key(|request| request.duration());
    let (Some(slowest), Some(middle)) = (
        by_duration.last(),
        by_duration.get(by_duration.len().saturating_sub(1) / 2),
    ) else {
        return Vec::new();
    };
    let mut picks = vec![Notable {
        why: "slowest".to_owned(),
        request: slowest,
    }];
    for word in words(requests) {
        let longest = requests.iter().max_by_key(|request| request.time_in(word));
        // A request that already has a line has shown what there is to see.
        let fresh = longest.filter(|request| picks.iter().all(|pick| !std::ptr::eq(pick.request, *request)));
        let telling = |request: &&Request| {
            request
                .time_in(word)
                .is_some_and(|time| percent(time, request.duration()) >= TELLING_PERCENT)
        };
        if let Some(request) = fresh.filter(telling) {
            picks.push(Notable {
                why: format!("longest {word}"),
                request,
            });
        }
    }
    if picks.iter().all(|pick| !std::ptr::eq(pick.request, *middle)) {
        picks.push(Notable {
            why: "median".to_owned(),
            request: middle,
        });
    }
    picks
}

/// What the cells of the lines mean: every phase that occurs, in its colour or shade. The first line is `indent` columns
/// shorter; no line feed ends the last.
pub(super) fn legend(requests: &[Request], indent: usize, width: usize, palette: Palette) -> String {
    let mut text = String::new();
    let mut column = indent;
    for word in words(requests) {
        let entry = format!("{} {word}", palette.cell(word));
        let entry_width = entry.chars().count();
        if column > 0 && column + 2 + entry_width > width {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push_str("  ");
            column += 2;
        }
        text.push_str(&palette.paint(palette.ink(word), &entry));
        column += entry_width;
    }
    text
}

fn words(requests: &[Request]) -> Vec<&str> {
    let mut words: Vec<&str> = requests
        .iter()
        .flat_map(|it| &it.phases)
        .map(|phase| phase.word.as_str())
        .collect();
    words.sort_by_key(|word| (place(word), *word));
    words.dedup();
    words
}

/// Whole percent, rounded down so that only a whole is called 100 %.
fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}
