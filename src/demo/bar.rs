//! Bars to scale.

use super::palette::{Glyphs, Palette};
use super::request::Request;

/// One interval of a whole, drawn to scale in `width` cells with half-cell precision.
///
/// Neighbours share their rounded border, so bars under each other neither overlap nor leave gaps. What is shorter than
/// half a cell is drawn as a speck: visible, and not longer than it is.
pub(super) fn interval(from: u64, to: u64, whole: u64, width: usize, glyphs: &Glyphs) -> String {
    let halves = 2 * width;
    let (from, to) = (scaled(from, whole, halves), scaled(to, whole, halves));
    if from == to {
        let at = from.min(halves.saturating_sub(1));
        let speck = if at.is_multiple_of(2) {
            glyphs.speck_left
        } else {
            glyphs.speck_right
        };
        return placed(speck, at / 2, width);
    }
    let cells = (0..width).map(|cell| {
        match (
            from <= 2 * cell && 2 * cell < to,
            from <= 2 * cell + 1 && 2 * cell + 1 < to,
        ) {
            (true, true) => glyphs.full,
            (true, false) => glyphs.left,
            (false, true) => glyphs.right,
            (false, false) => ' ',
        }
    });
    cells.collect()
}

/// A length, drawn from the left; nothing stands behind its end.
pub(super) fn length(part: u64, whole: u64, width: usize, glyphs: &Glyphs) -> String {
    if part == 0 {
        String::new()
    } else {
        interval(0, part, whole, width, glyphs).trim_end().to_owned()
    }
}

/// A whole request in one line: its phases side by side.
pub(super) fn strip(request: &Request, width: usize, palette: Palette) -> String {
    let whole = request.duration();
    let mut text = String::new();
    let mut drawn = 0;
    for phase in &request.phases {
        let from = scaled(phase.start.saturating_sub(request.start), whole, width).max(drawn);
        let to = scaled(phase.end.saturating_sub(request.start), whole, width).max(from);
        text.push_str(&" ".repeat(from - drawn));
        let cells: String = (from..to).map(|_| palette.cell(&phase.word)).collect();
        text.push_str(&palette.paint(palette.ink(&phase.word), &cells));
        drawn = to;
    }
    text.push_str(&" ".repeat(width - drawn));
    text
}

fn placed(glyph: char, at: usize, width: usize) -> String {
    (0..width).map(|cell| if cell == at { glyph } else { ' ' }).collect()
}

/// A time on a scale of `steps`, to the nearest step; never beyond the scale.
fn scaled(time: u64, whole: u64, steps: usize) -> usize {
    if whole == 0 {
        return 0;
    }
    let step = (time as f64 / whole as f64 * steps as f64).round();
    (step as usize).min(steps)
}

#[cfg(test)]
mod tests {
    use super::super::palette::{ASCII, UNICODE};
    use super::*;

    #[test]
    fn neighbours_share_their_border() {
        let (first, second) = (interval(0, 5, 20, 10, &UNICODE), interval(5, 20, 20, 10, &UNICODE));

        assert_eq!(first, "━━╸       ");
        assert_eq!(second, "  ╺━━━━━━━");
    }

    #[test]
    fn what_is_too_short_to_draw_is_a_speck_at_its_place() {
        assert_eq!(interval(0, 1, 1_000, 10, &UNICODE), "╴         ");
        assert_eq!(interval(999, 1_000, 1_000, 10, &UNICODE), "         ╶");
        assert_eq!(interval(500, 501, 1_000, 10, &ASCII), "     -    ");
    }

    #[test]
    fn a_bar_is_as_wide_as_asked_whatever_the_times() {
        for (from, to, whole) in [
            (0, 0, 0),
            (5, 3, 10),
            (20, 30, 10),
            (0, u64::MAX, u64::MAX),
            (1, 2, u64::MAX),
        ] {
            assert_eq!(
                interval(from, to, whole, 12, &UNICODE).chars().count(),
                12,
                "{from} {to} {whole}"
            );
        }
    }
}
