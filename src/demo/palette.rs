//! Glyphs and colours: how the demo draws on this terminal.

use super::phase::{Family, family};
use super::request::Source;

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Palette {
    /// What bars and trees are made of.
    pub(super) glyphs: &'static Glyphs,
    /// Whether colours may be used.
    pub(super) colored: bool,
}

/// What bars and trees are made of. Every bar glyph is one column wide.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Glyphs {
    /// A whole cell of a bar.
    pub(super) full: char,
    /// The left half of a cell.
    pub(super) left: char,
    /// The right half of a cell.
    pub(super) right: char,
    /// Something too short to draw, in the left half of a cell.
    pub(super) speck_left: char,
    /// Something too short to draw, in the right half of a cell.
    pub(super) speck_right: char,
    /// The whole request.
    pub(super) rule: char,
    /// In front of a child.
    pub(super) branch: &'static str,
    /// In front of the last child.
    pub(super) last: &'static str,
    /// In front of an upper bound.
    pub(super) at_most: &'static str,
    /// Microseconds.
    pub(super) micro: &'static str,
    /// From one thing to the next.
    pub(super) arrow: &'static str,
    /// Where a text was cut.
    pub(super) ellipsis: &'static str,
    /// Families side by side in one bar, in the order of [`Family`].
    shades: [char; 6],
}

pub(super) static UNICODE: Glyphs = Glyphs {
    full: '━',
    left: '╸',
    right: '╺',
    speck_left: '╴',
    speck_right: '╶',
    rule: '─',
    branch: "├─ ",
    last: "└─ ",
    at_most: "≤",
    micro: "µs",
    arrow: "→",
    ellipsis: "…",
    shades: ['░', '▒', '▓', '█', '▁', '·'],
};

/// For terminals and logs that know no more.
pub(super) static ASCII: Glyphs = Glyphs {
    full: '=',
    left: '=',
    right: '=',
    speck_left: '-',
    speck_right: '-',
    rule: '-',
    branch: "|- ",
    last: "`- ",
    at_most: "<",
    micro: "us",
    arrow: "->",
    ellipsis: "..",
    shades: ['f', 'q', 'p', 'd', 't', '?'],
};

/// What a text is for; decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Time of this kind.
    Family(Family),
    /// The thing that a line is about.
    Strong,
    /// What may be overlooked.
    Quiet,
    /// What must not be overlooked.
    Warning,
}

impl Palette {
    /// The ink of a phase.
    pub(super) fn ink(self, word: &str) -> Ink {
        Ink::Family(family(word))
    }

    /// One cell of a bar in which several phases stand side by side. Shades or letters tell them apart even where colours
    /// do too: not everybody sees those, and they are lost when the text is copied.
    pub(super) fn cell(self, word: &str) -> char {
        let [arrival, waiting, prompt, answer, delivery, unknown] = self.glyphs.shades;
        match family(word) {
            Family::Arrival => arrival,
            Family::Waiting => waiting,
            Family::Prompt => prompt,
            Family::Answer => answer,
            Family::Delivery => delivery,
            Family::Unknown => unknown,
        }
    }

    /// What stands in front of a length that was not measured.
    pub(super) fn mark(self, source: Source) -> &'static str {
        match source {
            Source::Measured => " ",
            Source::Inferred => "~",
            Source::UpperBound => self.glyphs.at_most,
        }
    }

    /// Puts a text into its colour. Only the sixteen colours that every theme defines are used, so that the demo is
    /// readable on light and on dark.
    pub(super) fn paint(self, ink: Ink, text: &str) -> String {
        if !self.colored || text.trim().is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Family(Family::Arrival) => "36",
            Ink::Family(Family::Waiting) => "33",
            Ink::Family(Family::Prompt) => "35",
            Ink::Family(Family::Answer) => "32",
            Ink::Family(Family::Delivery) => "34",
            Ink::Family(Family::Unknown) | Ink::Quiet => "90",
            Ink::Strong => "1",
            Ink::Warning => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// A text cut to `width` columns, with a sign where something is missing. The text is ASCII, so characters are columns.
pub(super) fn fitted(text: &str, width: usize, glyphs: &Glyphs) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(glyphs.ellipsis.chars().count());
    let mut cut: String = text.chars().take(kept).collect();
    cut.push_str(glyphs.ellipsis);
    cut
}
