//! One request as a tree of bars to scale.

use super::bar;
use super::gpu_line::gpu_line;
use super::palette::{Ink, Palette, fitted};
use super::quantity::{DURATION_WIDTH, SHARE_WIDTH, count, counted, duration, share};
use super::request::{PhaseSpan, Request, Source};

/// From this width on, the request has a bar of its own and every line has room for a note.
const WIDE_COLUMNS: usize = 120;

/// Columns of a note: `1,204 tokens out, 22.9 ms each`.
const NOTE_WIDTH: usize = 32;

/// Longest phase that gets its full name: `└─ queue_and_prefill`.
const LABEL_WIDTH_MIN: usize = 13;

/// The columns of one waterfall.
struct Layout {
    width: usize,
    label: usize,
    bar: usize,
    /// Whether there is room for notes behind the numbers.
    wide: bool,
}

/// Draws a request in `width` columns; every line ends with a line feed.
pub(super) fn waterfall(request: &Request, width: usize, palette: Palette) -> String {
    let layout = Layout::of(request, width);
    let mut text = if layout.wide {
        wide_head(request, &layout, palette)
    } else {
        narrow_head(request, &layout, palette)
    };
    for (index, phase) in request.phases.iter().enumerate() {
        let last = index + 1 == request.phases.len();
        text.push_str(&phase_line(request, phase, last, &layout, palette));
    }
    if request.phases.is_empty() {
        let why = "the engine sent no durations to lay out";
        text.push_str(&format!(
            "{}{}\n",
            palette.glyphs.last,
            palette.paint(Ink::Warning, why)
        ));
    }
    if let Some(gpus) = &request.gpus {
        text.push_str(&gpu_line(gpus, layout.width, palette));
    }
    text
}

impl Layout {
    fn of(request: &Request, width: usize) -> Self {
        let wide = width >= WIDE_COLUMNS;
        let longest = request
            .phases
            .iter()
            .map(|phase| 3 + phase.word.len())
            .max()
            .unwrap_or_default();
        let label = if wide { width / 5 } else { longest.max(LABEL_WIDTH_MIN) };
        // A mark and a space stand in front of the duration, gaps of one or two columns between everything.
        let numbers = 1 + 2 + DURATION_WIDTH + 2 + SHARE_WIDTH;
        let notes = if wide { 2 + NOTE_WIDTH } else { 0 };
        let bar = width.saturating_sub(label + 1 + numbers + notes).max(8);
        Self {
            width,
            label,
            bar,
            wide,
        }
    }
}

/// The request's own bar, as wide as all of its phases together.
fn wide_head(request: &Request, layout: &Layout, palette: Palette) -> String {
    let id = format!(
        "{:<width$}",
        fitted(&request.id, layout.label, palette.glyphs),
        width = layout.label
    );
    let rule: String = (0..layout.bar).map(|_| palette.glyphs.rule).collect();
    let total = total(request, palette);
    let trouble = trouble(request).map(|text| palette.paint(Ink::Warning, &text));
    let facts: Vec<String> = first_token(request, palette).into_iter().chain(trouble).collect();
    let line = format!(
        "{} {}   {total:>DURATION_WIDTH$}  {:>SHARE_WIDTH$}  {}",
        palette.paint(Ink::Strong, &id),
        palette.paint(Ink::Quiet, &rule),
        "",
        facts.join("  "),
    );
    format!("{}\n", line.trim_end())
}

/// Everything about the request in one line, since there is no room beside its phases.
fn narrow_head(request: &Request, layout: &Layout, palette: Palette) -> String {
    /// Shorter, and an id says nothing.
    const ID_WIDTH_MIN: usize = 16;
    let total = total(request, palette);
    let total = total.trim_end();
    let per_token = request
        .per_token()
        .map(|time| format!("TPOT {}", duration(time, palette.glyphs.micro).trim_end()));
    let facts = [tokens(request, palette), first_token(request, palette), per_token]
        .into_iter()
        .flatten();
    let mut facts: Vec<(Option<Ink>, String)> = facts.map(|fact| (None, fact)).collect();
    facts.splice(0..0, trouble(request).map(|text| (Some(Ink::Warning), text)));
    // A rule of at least two cells and three spaces stand between the facts and the duration.
    let room = layout.width.saturating_sub(total.chars().count() + 5);
    let taken = |facts: &[(_, String)]| facts.iter().map(|(_, fact)| 2 + fact.chars().count()).sum::<usize>();
    while taken(&facts) + ID_WIDTH_MIN > room && facts.pop().is_some() {}
    let id = fitted(&request.id, room.saturating_sub(taken(&facts)), palette.glyphs);
    let used = id.chars().count() + taken(&facts);
    let rule: String = (used..room + 2).map(|_| palette.glyphs.rule).collect();
    let mut line = palette.paint(Ink::Strong, &id);
    for (ink, fact) in &facts {
        line.push_str("  ");
        line.push_str(&ink.map_or_else(|| fact.clone(), |ink| palette.paint(ink, fact)));
    }
    format!(
        "{line} {} {}\n",
        palette.paint(Ink::Quiet, &rule),
        palette.paint(Ink::Strong, total)
    )
}

fn phase_line(request: &Request, phase: &PhaseSpan, last: bool, layout: &Layout, palette: Palette) -> String {
    let glyphs = palette.glyphs;
    let (start, end) = (
        phase.start.saturating_sub(request.start),
        phase.end.saturating_sub(request.start),
    );
    let word = fitted(&phase.word, layout.label.saturating_sub(3), glyphs);
    let padding = " ".repeat(layout.label.saturating_sub(3 + word.chars().count()));
    let bar = bar::interval(start, end, request.duration(), layout.bar, glyphs);
    let length = duration(phase.duration(), glyphs.micro);
    let line = format!(
        "{}{word}{padding} {} {} {length:>DURATION_WIDTH$}  {:>SHARE_WIDTH$}  {}",
        palette.paint(Ink::Quiet, if last { glyphs.last } else { glyphs.branch }),
        palette.paint(palette.ink(&phase.word), &bar),
        palette.mark(phase.source),
        share(phase.duration(), request.duration()),
        if layout.wide {
            palette.paint(Ink::Quiet, &note(request, phase, palette))
        } else {
            String::new()
        },
    );
    format!("{}\n", line.trim_end())
}

fn total(request: &Request, palette: Palette) -> String {
    duration(request.duration(), palette.glyphs.micro)
}

fn tokens(request: &Request, palette: Palette) -> Option<String> {
    let known = |tokens: Option<u64>| tokens.map_or("?".to_owned(), count);
    let any = request.input_tokens.or(request.output_tokens);
    let (input, output) = (known(request.input_tokens), known(request.output_tokens));
    let noun = if request.output_tokens == Some(1) {
        "token"
    } else {
        "tokens"
    };
    any.map(|_| format!("{input} {} {output} {noun}", palette.glyphs.arrow))
}

fn first_token(request: &Request, palette: Palette) -> Option<String> {
    request
        .first_token
        .map(|time| format!("TTFT {}", duration(time, palette.glyphs.micro).trim_end()))
}

/// What a reader should know before trusting the phases.
fn trouble(request: &Request) -> Option<String> {
    match request.status.as_str() {
        "ok" => None,
        "skipped" => Some("phases as sent".to_owned()),
        other => Some(other.to_owned()),
    }
}

/// What else is known about a phase.
fn note(request: &Request, phase: &PhaseSpan, palette: Palette) -> String {
    let each = request
        .per_token()
        .map(|time| format!(", {} each", duration(time, palette.glyphs.micro).trim_end()));
    match (
        phase.word.as_str(),
        phase.source,
        request.input_tokens,
        request.output_tokens,
    ) {
        ("prefill", _, Some(tokens), _) => counted(tokens, "token in", "tokens in"),
        ("decode", _, _, Some(tokens)) => {
            format!(
                "{}{}",
                counted(tokens, "token out", "tokens out"),
                each.unwrap_or_default()
            )
        }
        (_, Source::UpperBound, ..) => "upper bound".to_owned(),
        (_, Source::Inferred, ..) => "inferred".to_owned(),
        (_, Source::Measured, ..) => String::new(),
    }
}
