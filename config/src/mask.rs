//! A text in which stars stand for what must not be shown, and where its other parts have gone.

use std::ops::Range;

/// What stands for a secret of any length: how long it is, is a part of it.
pub(crate) const MASK: &str = "********";

/// A text with masks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Masked {
    pub(crate) text: String,
    /// What was taken out, in order, and the places of the masks.
    pieces: Vec<(Range<usize>, Range<usize>)>,
}

impl Masked {
    /// Masks these ranges of `text`, each line by itself. They may overlap and stand in any order.
    pub(crate) fn new(text: &str, secrets: Vec<Range<usize>>) -> Self {
        let mut lines: Vec<Range<usize>> = secrets.into_iter().flat_map(|secret| by_line(text, secret)).collect();
        lines.sort_by_key(|range| (range.start, range.end));
        let mut masked = Self {
            text: String::with_capacity(text.len()),
            pieces: Vec::new(),
        };
        let mut shown = 0;
        let mut lines = lines.into_iter().peekable();
        while let Some(mut secret) = lines.next() {
            while let Some(next) = lines.next_if(|next| next.start <= secret.end) {
                secret.end = secret.end.max(next.end);
            }
            masked.text.push_str(&text[shown..secret.start]);
            let start = masked.text.len();
            masked.text.push_str(MASK);
            shown = secret.end;
            masked.pieces.push((secret, start..start + MASK.len()));
        }
        masked.text.push_str(&text[shown..]);
        masked
    }

    /// Where a part of the text is now. What begins or ends within a secret begins or ends with its mask.
    pub(crate) fn place(&self, span: Range<usize>) -> Range<usize> {
        let start = self.offset(span.start, false);
        start..self.offset(span.end, span.end > span.start).max(start)
    }

    fn offset(&self, at: usize, is_end: bool) -> usize {
        let before = self.pieces.partition_point(|(secret, _)| secret.start < at);
        let Some((secret, mask)) = before.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return at;
        };
        match at.checked_sub(secret.end) {
            Some(behind) => mask.end + behind,
            None if is_end => mask.end,
            None => mask.start,
        }
    }
}

/// The part of a range on each of its lines, without the blanks around it.
fn by_line(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut at = range.start;
    let mut lines = Vec::new();
    for line in text.get(range).unwrap_or_default().split_inclusive('\n') {
        let start = at + line.len() - line.trim_start().len();
        let end = at + line.trim_end().len();
        if start < end {
            lines.push(start..end);
        }
        at += line.len();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_has_the_same_length_and_the_rest_keeps_its_place() {
        let text = "a: x, b: gehëim, c: d";
        let masked = Masked::new(text, vec![9..16, 3..4, 10..12]);

        assert_eq!(masked.text, "a: ********, b: ********, c: d");
        let place = |part: &str| {
            let at = text.find(part).map_or(0..0, |at| at..at + part.len());
            masked.text[masked.place(at)].to_owned()
        };
        assert_eq!(place("b:"), "b:");
        assert_eq!(place("c: d"), "c: d");
        assert_eq!(place("gehëim"), MASK);
        assert_eq!(place("ëi"), MASK);
        assert_eq!(place("b: gehëim"), format!("b: {MASK}"));
        assert_eq!(
            masked.place(text.len()..text.len()),
            masked.text.len()..masked.text.len()
        );
    }

    #[test]
    fn of_a_secret_of_several_lines_each_line_is_masked() {
        let text = "key: |\n  one\n\n    two\nend";

        assert_eq!(
            Masked::new(text, vec![5..8, 8..21]).text,
            "key: ********\n  ********\n\n    ********\nend"
        );
    }
}
