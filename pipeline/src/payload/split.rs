//! Cuts a batch into smaller ones, at the boundaries of items.

use super::schema::Message;
use super::wire::{Field, Fields, OpenLength};
use bytes::Bytes;

/// How large a piece may become. Zero means without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SplitLimit {
    /// Items of a piece.
    pub items: u32,
    /// Bytes of a piece.
    pub bytes: usize,
}

impl SplitLimit {
    pub(crate) fn admits(&self, items: u32, bytes: usize) -> bool {
        (self.items == 0 || items <= self.items) && (self.bytes == 0 || bytes <= self.bytes)
    }
}

/// Tag and padded length that a re-headed message takes.
const HEAD_BYTES: usize = 5;

/// What lies in a resource and a scope: an item, or a metric with points.
const CONTENT_DEPTH: usize = 2;

/// A resource, scope, metric or its data of the batch being cut, and how it stands in the piece being written.
struct Shell<'a> {
    /// Field number in the message around it.
    number: u32,
    schema: &'static Message,
    body: &'a [u8],
    /// Its length in the piece; none while the piece has no such shell yet.
    open: Option<OpenLength>,
}

impl<'a> Shell<'a> {
    /// Everything but the content: what every piece repeats.
    fn head(&self) -> impl Iterator<Item = Field<'a>> {
        Fields::of(self.body).filter(|field| self.schema.holder_or_item(field.number).is_none())
    }

    /// Bytes that it takes to have this shell in a piece.
    fn head_bytes(&self) -> usize {
        HEAD_BYTES + self.head().map(|field| field.raw.len()).sum::<usize>()
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.open.is_none() {
            self.open = Some(OpenLength::begin(out, self.number));
            for field in self.head() {
                out.extend_from_slice(field.raw);
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(length) = self.open.take() {
            length.close(out);
        }
    }
}

struct Cutter<'a> {
    max: SplitLimit,
    /// What is being cut, from the resource inwards.
    shells: Vec<Shell<'a>>,
    piece: Vec<u8>,
    items: u32,
    pieces: Vec<(Bytes, u32)>,
}

/// Cuts a checked request. Shells without items are left out: an empty envelope tells nobody anything.
pub(super) fn split(schema: &'static Message, request: &[u8], max: SplitLimit) -> Vec<(Bytes, u32)> {
    let mut cutter = Cutter {
        max,
        shells: Vec::new(),
        piece: Vec::new(),
        items: 0,
        pieces: Vec::new(),
    };
    for field in Fields::of(request) {
        match schema.holder_or_item(field.number) {
            Some(resource) => cutter.inside(resource, field),
            None => cutter.piece.extend_from_slice(field.raw),
        }
    }
    cutter.flush();
    cutter.pieces
}

impl<'a> Cutter<'a> {
    /// Goes through the content of a shell.
    fn inside(&mut self, schema: &'static Message, shell: Field<'a>) {
        self.shells.push(Shell {
            number: shell.number,
            schema,
            body: shell.bytes(),
            open: None,
        });
        for field in Fields::of(shell.bytes()) {
            let Some(inner) = schema.holder_or_item(field.number) else {
                continue;
            };
            if inner.item {
                self.add(field, 1);
                continue;
            }
            // A metric stays in one piece if one can hold it.
            let whole = (self.shells.len() == CONTENT_DEPTH).then(|| inner.items_in(field.bytes()));
            match whole.filter(|items| *items <= 1 || self.fits_alone(field, *items)) {
                Some(items) => self.add(field, items),
                None => self.inside(inner, field),
            }
        }
        if let Some(mut shell) = self.shells.pop() {
            shell.end(&mut self.piece);
        }
    }

    fn fits_alone(&self, content: Field<'_>, items: u32) -> bool {
        let heads: usize = self.shells.iter().map(Shell::head_bytes).sum();
        self.max.admits(items, heads + content.raw.len())
    }

    /// Adds an item, or a metric with so many points, to the piece; to the next one if this one is full.
    fn add(&mut self, content: Field<'_>, items: u32) {
        let missing = self.shells.iter().filter(|shell| shell.open.is_none());
        let grown = self.piece.len() + content.raw.len() + missing.map(Shell::head_bytes).sum::<usize>();
        if self.items > 0 && !self.max.admits(self.items.saturating_add(items), grown) {
            for shell in self.shells.iter_mut().rev() {
                shell.end(&mut self.piece);
            }
            self.flush();
        }
        for shell in &mut self.shells {
            shell.begin(&mut self.piece);
        }
        self.piece.extend_from_slice(content.raw);
        self.items = self.items.saturating_add(items);
    }

    fn flush(&mut self) {
        if !self.piece.is_empty() {
            self.pieces
                .push((Bytes::from(std::mem::take(&mut self.piece)), self.items));
            self.items = 0;
        }
    }
}
