//! Cuts a batch into smaller ones, at the boundaries of items.

use super::schema::Message;
use super::view::shell;
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

/// Tag and padded length that a re-headed resource or scope takes.
const HEAD_BYTES: usize = 5;

/// One resource or scope of the batch being cut, and how it stands in the piece being written.
struct Shell<'a> {
    body: &'a [u8],
    /// Its length in the piece; none while the piece has no such shell yet.
    open: Option<OpenLength>,
}

impl<'a> Shell<'a> {
    fn new(body: &'a [u8]) -> Self {
        Self { body, open: None }
    }

    /// Everything but the content: what every piece repeats.
    fn head(&self) -> impl Iterator<Item = Field<'a>> {
        Fields::of(self.body).filter(|field| field.number != shell::CONTENT)
    }

    fn head_bytes(&self) -> usize {
        HEAD_BYTES + self.head().map(|field| field.raw.len()).sum::<usize>()
    }

    fn begin(&mut self, number: u32, out: &mut Vec<u8>) {
        if self.open.is_none() {
            self.open = Some(OpenLength::begin(out, number));
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

struct Cutter {
    max: SplitLimit,
    piece: Vec<u8>,
    items: u32,
    pieces: Vec<(Bytes, u32)>,
}

/// Cuts a checked request. Shells without items are left out: an empty envelope tells nobody anything.
pub(super) fn split(schema: &'static Message, request: &[u8], max: SplitLimit) -> Vec<(Bytes, u32)> {
    let mut cutter = Cutter {
        max,
        piece: Vec::new(),
        items: 0,
        pieces: Vec::new(),
    };
    for field in Fields::of(request) {
        match content(schema, shell::RESOURCES).filter(|_| field.number == shell::RESOURCES) {
            Some(resource) => cutter.resource(resource, field.bytes()),
            None => cutter.piece.extend_from_slice(field.raw),
        }
    }
    cutter.flush();
    cutter.pieces
}

impl Cutter {
    fn resource(&mut self, schema: &'static Message, body: &[u8]) {
        let mut resource = Shell::new(body);
        let Some(scope_schema) = content(schema, shell::CONTENT) else {
            return;
        };
        let Some(item_schema) = content(scope_schema, shell::CONTENT) else {
            return;
        };
        for scope_field in Fields::of(body).filter(|field| field.number == shell::CONTENT) {
            let mut scope = Shell::new(scope_field.bytes());
            for item in Fields::of(scope.body).filter(|field| field.number == shell::CONTENT) {
                self.add(&mut resource, &mut scope, item, items_in(item_schema, item.bytes()));
            }
            scope.end(&mut self.piece);
        }
        resource.end(&mut self.piece);
    }

    fn add(&mut self, resource: &mut Shell<'_>, scope: &mut Shell<'_>, item: Field<'_>, items: u32) {
        let mut grown = self.piece.len() + item.raw.len();
        grown += if resource.open.is_none() {
            resource.head_bytes()
        } else {
            0
        };
        grown += if scope.open.is_none() { scope.head_bytes() } else { 0 };
        if self.items > 0 && !self.max.admits(self.items.saturating_add(items), grown) {
            scope.end(&mut self.piece);
            resource.end(&mut self.piece);
            self.flush();
        }
        resource.begin(shell::RESOURCES, &mut self.piece);
        scope.begin(shell::CONTENT, &mut self.piece);
        self.piece.extend_from_slice(item.raw);
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

/// The messages in field `number`.
fn content(schema: &'static Message, number: u32) -> Option<&'static Message> {
    schema.fields.get(number as usize)?.kind.message()
}

/// Items in a message: one if it is an item, the data points of a metric otherwise.
fn items_in(schema: &'static Message, body: &[u8]) -> u32 {
    if schema.item {
        return 1;
    }
    let mut items = 0u32;
    for field in Fields::of(body) {
        if let Some(message) = content(schema, field.number).filter(|message| message.item || message.holds_items) {
            items = items.saturating_add(items_in(message, field.bytes()));
        }
    }
    items
}
