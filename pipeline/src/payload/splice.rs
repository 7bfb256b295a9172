//! The writer of a walk: copies what stays, in pieces as large as possible, and writes nothing before the first edit.

use super::view::shell;
use super::wire::{Field, Fields, OpenLength, put_bytes};
use std::ops::Range;

/// A message of the batch that items lie in, while the walk is inside of it: a resource, a scope, a metric or its data.
///
/// Its head (tag, length, the resource or scope message) is written only when something inside it has changed.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// Field number of the whole message in the one around it.
    number: u32,
    /// Where the whole field lies in the input.
    field: Range<usize>,
    /// Where its body lies in the input.
    body: Range<usize>,
    /// Where the field of the resource or scope message lies; empty, at the start of the body, if there is none.
    about_field: Range<usize>,
    /// Where the resource or scope message itself lies.
    about: Range<usize>,
    /// Whether a stage has edited the message; then it is `now`.
    edited: bool,
    now: Vec<u8>,
    head: Option<Head>,
    /// Items inside that stay.
    pub(super) kept: u32,
    /// Items inside that went.
    pub(super) lost: u32,
    /// Whether there are others inside that stay uncounted, because no stage looks at them.
    pub(super) holds_whole: bool,
}

/// Where the head of a level lies in the output.
#[derive(Debug)]
struct Head {
    start: usize,
    length: OpenLength,
    about: Range<usize>,
}

impl Level {
    /// Enters a message of the input that holds no other message to be edited: a metric, the data of a metric.
    pub(super) fn enter(&mut self, number: u32, field: Range<usize>, body: &[u8]) {
        let body_at = field.end - body.len();
        self.reset();
        self.number = number;
        self.body = body_at..field.end;
        self.about_field = body_at..body_at;
        self.about = body_at..body_at;
        self.field = field;
    }

    /// Enters a resource or scope of the input, with the message that says which it is.
    pub(super) fn enter_shell(&mut self, number: u32, field: Range<usize>, body: &[u8]) {
        self.enter(number, field, body);
        for (at, field) in placed(body, self.body.end) {
            // Parse has put it in front of the content.
            if field.number == shell::CONTENT {
                break;
            }
            if field.number == shell::ABOUT {
                self.about = at.end - field.bytes().len()..at.end;
                self.about_field = at;
                break;
            }
        }
    }

    /// Enters a scope that is not in the input; `write` writes its message.
    pub(super) fn enter_made(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.reset();
        self.number = shell::CONTENT;
        self.now.clear();
        write(&mut self.now);
        self.edited = true;
    }

    fn reset(&mut self) {
        (self.field, self.body, self.about_field, self.about) = (0..0, 0..0, 0..0, 0..0);
        (self.edited, self.head) = (false, None);
        (self.kept, self.lost, self.holds_whole) = (0, 0, false);
    }

    /// The resource or scope message as it stands.
    pub(super) fn message<'a>(&'a self, input: &'a [u8]) -> &'a [u8] {
        if self.edited {
            &self.now
        } else {
            input.get(self.about.clone()).unwrap_or_default()
        }
    }

    /// The whole `ResourceSpans` or `ScopeSpans` of the input.
    pub(super) fn shell<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        input.get(self.body.clone()).unwrap_or_default()
    }

    /// Where it keeps an edited or made message.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.now
    }

    /// Takes an edited message; `buffer` gets an old one to be filled again.
    pub(super) fn replace_message(&mut self, buffer: &mut Vec<u8>) {
        std::mem::swap(&mut self.now, buffer);
        self.edited = true;
    }

    /// Counts what became of the items in a message inside of it.
    pub(super) fn count(&mut self, inner: &Self) {
        self.kept = self.kept.saturating_add(inner.kept);
        self.lost = self.lost.saturating_add(inner.lost);
    }

    /// Whether every item in it went.
    fn is_emptied(&self) -> bool {
        self.kept == 0 && self.lost > 0 && !self.holds_whole
    }

    /// Whether it has to be written anew.
    pub(super) fn is_touched(&self) -> bool {
        self.edited || self.head.is_some()
    }

    /// Follows a change of `by` bytes in front of it.
    fn shift(&mut self, by: isize) {
        if let Some(head) = &mut self.head {
            head.start = head.start.saturating_add_signed(by);
            head.length.shift(by);
            head.about = head.about.start.saturating_add_signed(by)..head.about.end.saturating_add_signed(by);
        }
    }
}

/// The output of one walk.
pub(super) struct Splice<'a> {
    input: &'a [u8],
    pub(super) out: Vec<u8>,
    /// Up to here the input is in the output, or was left out on purpose.
    copied: usize,
    /// Room to take when the first byte is written.
    expected: usize,
}

impl<'a> Splice<'a> {
    pub(super) fn new(input: &'a [u8], expected: usize) -> Self {
        Self {
            input,
            out: Vec::new(),
            copied: 0,
            expected,
        }
    }

    /// Whether nothing was written, left out or edited.
    pub(super) fn is_untouched(&self) -> bool {
        self.copied == 0 && self.out.is_empty()
    }

    #[inline]
    fn copy_to(&mut self, at: usize) {
        if self.out.capacity() == 0 {
            self.out.reserve(self.expected);
        }
        self.out
            .extend_from_slice(self.input.get(self.copied..at).unwrap_or_default());
        self.copied = at;
    }

    /// Leaves a stretch of the input out.
    #[inline]
    pub(super) fn cut(&mut self, at: Range<usize>) {
        self.copy_to(at.start);
        self.copied = at.end;
    }

    /// Writes the head of a level of the input, unless it is there.
    #[inline]
    pub(super) fn open(&mut self, level: &mut Level) {
        if level.head.is_none() {
            self.write_head(level);
        }
    }

    fn write_head(&mut self, level: &mut Level) {
        self.copy_to(level.field.start);
        let start = self.out.len();
        let length = OpenLength::begin(&mut self.out, level.number);
        self.copied = level.body.start;
        self.copy_to(level.about_field.start);
        let about_at = self.out.len();
        if level.edited {
            put_bytes(&mut self.out, shell::ABOUT, &level.now);
        } else {
            self.copy_to(level.about_field.end);
        }
        self.copied = level.about_field.end;
        level.head = Some(Head {
            start,
            length,
            about: about_at..self.out.len(),
        });
    }

    /// Writes the head of a scope that is not in the input. Its resource is open and copied to its end.
    pub(super) fn open_made(&mut self, level: &mut Level, schema_url: &str) {
        if level.head.is_some() {
            return;
        }
        let start = self.out.len();
        let length = OpenLength::begin(&mut self.out, level.number);
        let about_at = self.out.len();
        put_bytes(&mut self.out, shell::ABOUT, &level.now);
        level.head = Some(Head {
            start,
            length,
            about: about_at..self.out.len(),
        });
        if !schema_url.is_empty() {
            put_bytes(&mut self.out, shell::SCHEMA_URL, schema_url.as_bytes());
        }
    }

    /// Writes the edited message of a level again, if its head is out already. That is rare: a stage meets a resource
    /// with the first item that reaches it, and until then items can only have been taken out. `inner` are the levels
    /// inside of it, which move.
    pub(super) fn revise<const N: usize>(&mut self, level: &mut Level, inner: [&mut Level; N]) {
        let Some(head) = &mut level.head else { return };
        let mut message = Vec::with_capacity(level.now.len() + 8);
        put_bytes(&mut message, shell::ABOUT, &level.now);
        let by = message.len() as isize - head.about.len() as isize;
        let end = head.about.start + message.len();
        self.out.splice(head.about.clone(), message);
        head.about.end = end;
        for inner in inner {
            inner.shift(by);
        }
    }

    /// Leaves a level of the input: completes it, or takes it back if all its items went.
    pub(super) fn close(&mut self, level: &mut Level) {
        if !level.is_touched() {
            return;
        }
        self.open(level);
        let Some(head) = level.head.take() else { return };
        if level.is_emptied() {
            self.out.truncate(head.start);
            self.copied = level.field.end;
            return;
        }
        if self.copied < level.field.end {
            self.copy_to(level.field.end);
        }
        head.length.close(&mut self.out);
    }

    /// Opens a resource and copies the rest of it, so that scopes can be added.
    pub(super) fn open_to_the_end(&mut self, level: &mut Level) {
        self.open(level);
        if self.copied < level.field.end {
            self.copy_to(level.field.end);
        }
    }

    /// Leaves a scope that is not in the input.
    pub(super) fn close_made(&mut self, level: &mut Level) {
        if let Some(head) = level.head.take() {
            head.length.close(&mut self.out);
        }
    }

    /// The output, with the rest of the input behind it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.copy_to(self.input.len());
        self.out
    }
}

/// The fields of a message, each with its place in the batch.
pub(super) struct Placed<'a> {
    fields: Fields<'a>,
    /// Where the message ends.
    end: usize,
}

#[inline]
pub(super) fn placed(body: &[u8], end: usize) -> Placed<'_> {
    Placed {
        fields: Fields::of(body),
        end,
    }
}

impl<'a> Iterator for Placed<'a> {
    type Item = (Range<usize>, Field<'a>);

    /// Inlined everywhere: a walk goes through every item with it.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.end - self.fields.left();
        let field = self.fields.next()?;
        Some((start..self.end - self.fields.left(), field))
    }
}
