//! Diagnostics as text with source lines and carets, and as JSON lines.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};
use serde_json::json;

use crate::diagnostic::{Diagnostic, Severity};
use crate::hidden::Hidden;
use crate::source::Origin;

/// Renders each diagnostic as one block, with an empty line between blocks.
///
/// What stands at one of the `hidden` places is shown as stars, as many for each, whose number says nothing.
pub(crate) fn text(diagnostics: &[&Diagnostic], hidden: &Hidden, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let blocks: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| block(&hidden.without_secrets(diagnostic), hidden, &renderer))
        .collect();
    let mut text = blocks.join("\n\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn block(diagnostic: &Diagnostic, hidden: &Hidden, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Notice => Level::INFO.with_name("notice"),
    };
    let mut elements: Vec<Element<'_>> = Vec::new();
    let mut places: Vec<&Origin> = diagnostic.origin.iter().collect();
    let mut related: Vec<&(Origin, String)> = diagnostic.related.iter().collect();
    if let Some(origin) = &diagnostic.origin {
        let (near, far): (Vec<_>, Vec<_>) = related.into_iter().partition(|(place, _)| is_near(place, origin));
        elements.extend(shown(Some(origin), &near, hidden));
        related = far;
    }
    for place in related {
        elements.extend(shown(None, &[place], hidden));
        places.push(&place.0);
    }
    if let Some(help) = &diagnostic.help {
        elements.push(Level::HELP.message(help.as_str()).into());
    }
    let title = level.primary_title(diagnostic.message.as_str());
    let title = match diagnostic.rule {
        Some(rule) => title.id(rule),
        None => title,
    };
    let report = [Group::with_title(title).elements(elements)];
    let rendered = renderer.render(&report);
    trimmed(&with_true_columns(&rendered, &places))
}

/// The renderer counts columns in the line that it shows; where a secret in front was masked, the file's are others. The
/// places stand in the order in which they are shown.
fn with_true_columns(rendered: &str, places: &[&Origin]) -> String {
    let mut text = String::with_capacity(rendered.len());
    let mut rest = rendered;
    for place in places {
        let position = format!("{}:{}:", place.file(), place.line());
        let Some((before, behind)) = rest.split_once(&position) else {
            continue;
        };
        text.push_str(&format!("{before}{position}{}", place.column()));
        rest = behind.trim_start_matches(|letter: char| letter.is_ascii_digit());
    }
    text + rest
}

/// Longest stretch of a source that is rendered at once: the renderer looks at every byte of it.
const WINDOW_BYTES_MAX: usize = 32 * 1024;
/// Longest line that is shown, cut to the width of a terminal by the renderer. Of a problem on a longer one, which
/// nobody wrote by hand, only the position is shown.
const LINE_BYTES_MAX: usize = 10_000;

/// Whether both places can be shown in one piece of the source.
fn is_near(left: &Origin, right: &Origin) -> bool {
    Arc::ptr_eq(left.source(), right.source())
        && left.span().start.abs_diff(right.span().start) <= WINDOW_BYTES_MAX
        && !is_on_a_long_line(left)
        && !is_on_a_long_line(right)
}

fn is_on_a_long_line(place: &Origin) -> bool {
    let line = line_of(place);
    line.end - line.start > LINE_BYTES_MAX
}

/// The bytes of the line on which a place begins.
fn line_of(place: &Origin) -> Range<usize> {
    let source = place.source();
    let line = source.line_index(place.span().start);
    source.line_start(line)..source.line_start(line + 1)
}

fn shown<'a>(primary: Option<&'a Origin>, related: &[&'a (Origin, String)], hidden: &Hidden) -> Vec<Element<'a>> {
    let first = primary.or(related.first().map(|(place, _)| place));
    match first {
        Some(place) if is_on_a_long_line(place) => {
            let position = annotate_snippets::Origin::path(place.file());
            vec![position.line(place.line()).char_column(place.column()).into()]
        }
        _ => vec![window(primary, related, hidden).into()],
    }
}

/// The lines from the first to the last of the given places, all of one source; the renderer folds what lies between.
fn window<'a>(
    primary: Option<&'a Origin>,
    related: &[&'a (Origin, String)],
    hidden: &Hidden,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let places: Vec<&Origin> = primary
        .into_iter()
        .chain(related.iter().map(|(place, _)| place))
        .collect();
    let Some(first) = places.first() else {
        return Snippet::source("");
    };
    let source = first.source();
    let spans: Vec<Range<usize>> = places.iter().map(|place| one_line(place)).collect();
    let from = spans
        .iter()
        .map(|span| source.line_index(span.start))
        .min()
        .unwrap_or(0);
    let to = spans
        .iter()
        .map(|span| source.line_index(span.end))
        .max()
        .unwrap_or(from);
    let base = source.line_start(from);
    let lines = source.text().get(base..source.line_start(to + 1)).unwrap_or_default();
    let lines = hidden.lines(lines, base, source);
    let within = |span: Range<usize>| lines.place(span.start.saturating_sub(base)..span.end.saturating_sub(base));

    let mut snippet = Snippet::source(lines.text.clone())
        .path(source.name())
        .line_start(from + 1)
        .fold(true);
    if let Some(primary) = primary {
        snippet = snippet.annotation(AnnotationKind::Primary.span(within(one_line(primary))));
    }
    for (place, label) in related {
        let kind = if primary.is_some() {
            AnnotationKind::Context
        } else {
            AnnotationKind::Primary
        };
        snippet = snippet.annotation(kind.span(within(one_line(place))).label(label.as_str()));
    }
    snippet
}

/// A caret under the first line is enough: a value of many lines would bury the message.
fn one_line(origin: &Origin) -> Range<usize> {
    let span = origin.span();
    let line_end = origin.text().find(['\n', '\r']).map_or(span.end, |at| span.start + at);
    span.start..line_end
}

/// Lines without trailing blanks, so that expected outputs survive editors.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

pub(crate) fn json_lines(diagnostics: &[&Diagnostic], hidden: &Hidden) -> String {
    let mut lines = String::new();
    for diagnostic in diagnostics {
        let diagnostic = hidden.without_secrets(diagnostic);
        let related: Vec<serde_json::Value> = diagnostic
            .related
            .iter()
            .map(|(place, label)| {
                json!({"file": place.file(), "line": place.line(), "column": place.column(), "label": label})
            })
            .collect();
        let origin = diagnostic.origin.as_ref();
        let mut object = json!({
            "severity": diagnostic.severity.to_string(),
            "message": diagnostic.message,
            "file": origin.map(Origin::file),
            "line": origin.map(Origin::line),
            "column": origin.map(Origin::column),
            "help": diagnostic.help,
            "related": related,
        });
        if let Some(rule) = diagnostic.rule {
            object["rule"] = json!(rule);
        }
        lines.push_str(&object.to_string());
        lines.push('\n');
    }
    lines
}
