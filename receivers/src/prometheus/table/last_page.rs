//! The page before, because the next one is nearly the same.

use bytes::Bytes;

use super::super::exposition::Format;
use super::number::number;

/// A page and what its lines meant. A line that begins with the same words means the same, so that of it only the value
/// is read, and not even that where the value has the same words too.
#[derive(Debug, Default)]
pub(super) struct LastPage {
    page: Bytes,
    /// None where there is no page.
    format: Option<Format>,
    marks: Vec<Mark>,
    /// How many of the marks are comments.
    comments: usize,
    /// The marks of the page that is being read.
    next: Vec<Mark>,
    next_comments: usize,
    /// The mark that the next line is compared with.
    cursor: usize,
    /// Comments that were met again.
    met: usize,
    /// Some line of the page that is being read was not the one that came next on the page before.
    is_other: bool,
    /// The page before had the lines of the one before it, and no more.
    is_settled: bool,
}

/// A line of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    start: u32,
    /// Bytes that say what the line is: with the space in front of the value, or the whole of a comment.
    words: u32,
    /// Where the line ends.
    end: u32,
    pub(super) meaning: Meaning,
    /// The value that was read.
    pub(super) value: f64,
}

impl Mark {
    /// Where the value begins, if there is one.
    pub(super) fn words_end(&self) -> u32 {
        self.start.saturating_add(self.words)
    }

    /// Where the line ends.
    pub(super) fn end(&self) -> usize {
        self.end as usize
    }
}

/// What a line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// What families mean; the same comments in the same order mean that nothing about families has changed.
    Comment,
    /// A value of this series.
    Series(u32),
    /// The start time of this point.
    Start(u32),
    /// Relabelling drops it.
    Dropped,
    /// Something that has to be read as a whole each time.
    Other,
}

/// A line that was met before.
pub(super) struct Again {
    pub(super) meaning: Meaning,
    pub(super) value: f64,
    /// Where the line behind it begins.
    pub(super) next: usize,
}

/// How many lines may have vanished from a page in one place before all that follow have to be read as a whole.
const VANISHED_LINES_MAX: usize = 1_024;

impl LastPage {
    /// A page begins.
    pub(super) fn begin(&mut self) {
        self.next.clear();
        (self.next_comments, self.cursor, self.met) = (0, 0, 0);
        self.is_other = false;
    }

    /// The line at this byte, if it is the one that comes next on the page before.
    #[inline]
    pub(super) fn again(&mut self, page: &[u8], at: usize) -> Option<Again> {
        let mark = self.marks.get(self.cursor)?;
        let words = self.page.get(mark.start as usize..(mark.start + mark.words) as usize)?;
        let rest = page.get(at..)?;
        if !rest.starts_with(words) || mark.meaning == Meaning::Other {
            return None;
        }
        let behind = rest.get(words.len()..).unwrap_or_default();
        let (value, length) = match mark.meaning {
            // A comment is compared with the end of its line.
            Meaning::Comment => (0.0, 0),
            _ => {
                let before = self.page.get((mark.start + mark.words) as usize..mark.end as usize)?;
                match behind.strip_prefix(before) {
                    Some([b'\n', ..] | []) => (mark.value, before.len()),
                    _ => number(behind)?,
                }
            }
        };
        let meaning = mark.meaning;
        let end = at + words.len() + length;
        self.next_comments += usize::from(meaning == Meaning::Comment);
        self.met += usize::from(meaning == Meaning::Comment);
        let mark = Mark {
            start: u32::try_from(at).ok()?,
            words: mark.words,
            end: u32::try_from(end).ok()?,
            meaning,
            value,
        };
        self.next.push(mark);
        self.cursor += 1;
        // The end of a comment's line is among its words.
        let next = if meaning == Meaning::Comment {
            end
        } else {
            (end + 1).min(page.len())
        };
        Some(Again { meaning, value, next })
    }

    /// Notes a line that was read as a whole. `words` are its bytes in front of the value.
    pub(super) fn note(&mut self, line: (usize, usize), words: usize, meaning: Meaning, value: f64) {
        self.is_other = true;
        let (start, end) = line;
        let (Ok(start), Ok(end), Ok(words)) = (u32::try_from(start), u32::try_from(end), u32::try_from(words)) else {
            return; // A page of four gibibytes is read as a whole each time.
        };
        self.next_comments += usize::from(meaning == Meaning::Comment);
        self.next.push(Mark {
            start,
            words,
            end,
            meaning,
            value,
        });
    }

    /// A series was met out of turn: if it is further on on the page before, what lies in between has vanished.
    pub(super) fn skip_to(&mut self, meaning: Meaning) {
        let ahead = self.marks.get(self.cursor..).unwrap_or_default();
        if ahead.first().is_some_and(|mark| mark.meaning == Meaning::Other) {
            self.cursor += 1; // That one has to be read as a whole each time, and was.
            return;
        }
        let found = ahead
            .iter()
            .take(VANISHED_LINES_MAX)
            .position(|mark| mark.meaning == meaning);
        let Some(skipped) = found else { return };
        let skipped = self.marks.get(self.cursor..self.cursor + skipped).unwrap_or_default();
        // Comments are not to be skipped unseen: `ended` tells that they were not met.
        self.cursor += skipped.len() + 1;
    }

    /// Whether all comments of the page before were met again, so that families mean what they meant. Where the last one
    /// says that the page ends, nothing may stand behind it.
    pub(super) fn met_all_comments(&self, has_end: bool) -> bool {
        let ends = self.next.last().is_some_and(|mark| mark.meaning == Meaning::Comment);
        self.comments > 0 && self.met == self.comments && (ends || !has_end)
    }

    /// The page and its lines, if it had those of the page before it: the next will have them as well.
    pub(super) fn settled(&self) -> Option<(&Bytes, &[Mark])> {
        self.is_settled.then_some((&self.page, &*self.marks))
    }

    /// Whether the page is in another format than this.
    pub(super) fn is_in_another(&self, format: Format) -> bool {
        self.format.is_some_and(|own| own != format)
    }

    /// The page has ended and is the page before from now on.
    pub(super) fn keep(&mut self, page: &Bytes, format: Format) {
        self.is_settled = !self.is_other && self.cursor == self.marks.len();
        self.page = page.clone();
        self.format = Some(format);
        std::mem::swap(&mut self.marks, &mut self.next);
        self.comments = self.next_comments;
    }
}
