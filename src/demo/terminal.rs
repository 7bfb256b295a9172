//! What the terminal can show, from the environment and the command line.

use std::io::IsTerminal;

use clap::ColorChoice;

use super::DemoOptions;
use super::palette::{ASCII, Palette, UNICODE};

/// Narrower, and ids and numbers leave no room for bars.
const WIDTH_MIN: usize = 72;

/// Wider, and the eye no longer finds from a bar to its number.
const WIDTH_MAX: usize = 200;

/// What a terminal has when nobody says otherwise.
const WIDTH_DEFAULT: usize = 80;

/// How to draw and how wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terminal {
    /// Columns to use.
    pub(super) width: usize,
    /// Glyphs and colours.
    pub(super) palette: Palette,
}

/// What is known about standard output.
struct Output<'a> {
    /// Environment variables; empty ones count as not set.
    variable: &'a dyn Fn(&str) -> Option<String>,
    is_terminal: bool,
    /// The terminal's width.
    columns: Option<usize>,
}

impl Terminal {
    /// Looks at standard output and the environment.
    pub(super) fn detect(options: &DemoOptions) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let output = Output {
            variable: &variable,
            is_terminal: std::io::stdout().is_terminal(),
            columns,
        };
        Self::of(&output, options.color, options.width)
    }

    fn of(output: &Output<'_>, color: ColorChoice, width: Option<usize>) -> Self {
        let variable = |name| (output.variable)(name);
        let from_variable = || variable("COLUMNS").and_then(|columns| columns.parse().ok());
        // A terminal of width 0 is one that does not know it.
        let from_terminal = output.columns.filter(|columns| *columns > 0);
        let width = width.or(from_terminal).or_else(from_variable).unwrap_or(WIDTH_DEFAULT);
        let glyphs = if output.is_unicode() { &UNICODE } else { &ASCII };
        let colored = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => output.wants_color(),
        };
        Self {
            width: width.clamp(WIDTH_MIN, WIDTH_MAX),
            palette: Palette { glyphs, colored },
        }
    }
}

impl Output<'_> {
    /// <https://no-color.org> and <https://bixense.com/clicolors>: who says no is heard first.
    fn wants_color(&self) -> bool {
        let is = |name, value| (self.variable)(name).is_some_and(|set| set == value);
        if (self.variable)("NO_COLOR").is_some() {
            return false;
        }
        if (self.variable)("CLICOLOR_FORCE").is_some() && !is("CLICOLOR_FORCE", "0") {
            return true;
        }
        self.is_terminal && !self.is_dumb() && !is("CLICOLOR", "0")
    }

    /// POSIX: the first of these that is set decides the character set. Containers set none of them, while the terminal
    /// outside speaks UTF-8, so silence counts as yes.
    fn is_unicode(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| (self.variable)(name));
        let charset = locale.map(|locale| locale.to_ascii_lowercase().replace('-', ""));
        charset.is_none_or(|charset| charset.contains("utf8")) && !self.is_dumb()
    }

    fn is_dumb(&self) -> bool {
        (self.variable)("TERM").is_some_and(|term| term == "dumb")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(variables: &[(&str, &str)], is_terminal: bool) -> Terminal {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Terminal::of(
            &Output {
                variable: &variable,
                is_terminal,
                columns: None,
            },
            ColorChoice::Auto,
            None,
        )
    }

    #[test]
    fn a_terminal_gets_colour_and_a_file_does_not() {
        assert!(seen(&[], true).palette.colored);
        assert!(!seen(&[], false).palette.colored);
        assert!(!seen(&[("TERM", "dumb")], true).palette.colored);
    }

    #[test]
    fn no_color_wins_over_everything_in_the_environment() {
        assert!(!seen(&[("NO_COLOR", "1")], true).palette.colored);
        assert!(
            !seen(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true)
                .palette
                .colored
        );
        assert!(!seen(&[("CLICOLOR", "0")], true).palette.colored);
    }

    #[test]
    fn clicolor_force_colours_a_file() {
        assert!(seen(&[("CLICOLOR_FORCE", "1")], false).palette.colored);
        assert!(!seen(&[("CLICOLOR_FORCE", "0")], false).palette.colored);
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let variable = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
        let output = Output {
            variable: &variable,
            is_terminal: false,
            columns: Some(100),
        };

        let terminal = Terminal::of(&output, ColorChoice::Always, Some(150));

        assert!(terminal.palette.colored);
        assert_eq!(terminal.width, 150);
    }

    #[test]
    fn a_locale_without_utf_8_gets_ascii() {
        assert_eq!(seen(&[], true).palette.glyphs, &UNICODE);
        assert_eq!(seen(&[("LANG", "de_DE.UTF-8")], true).palette.glyphs, &UNICODE);
        assert_eq!(seen(&[("LANG", "C.utf8")], true).palette.glyphs, &UNICODE);
        assert_eq!(seen(&[("LANG", "C")], true).palette.glyphs, &ASCII);
        assert_eq!(
            seen(&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")], true)
                .palette
                .glyphs,
            &ASCII
        );
        assert_eq!(
            seen(&[("TERM", "dumb"), ("LANG", "en_US.UTF-8")], true).palette.glyphs,
            &ASCII
        );
    }

    #[test]
    fn the_width_is_the_terminals_then_the_shells_then_eighty() {
        let variable = |name: &str| (name == "COLUMNS").then(|| "132".to_owned());
        let of = |columns| {
            Terminal::of(
                &Output {
                    variable: &variable,
                    is_terminal: true,
                    columns,
                },
                ColorChoice::Auto,
                None,
            )
        };

        assert_eq!(of(Some(100)).width, 100);
        assert_eq!(of(Some(0)).width, 132);
        assert_eq!(of(None).width, 132);
        assert_eq!(seen(&[], true).width, WIDTH_DEFAULT);
        assert_eq!(seen(&[("COLUMNS", "7")], true).width, WIDTH_MIN);
        assert_eq!(seen(&[("COLUMNS", "9999")], true).width, WIDTH_MAX);
    }
}
