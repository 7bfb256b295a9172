//! Edits: what a stage wants changed about one resource, scope or item.

use super::child::Child;
use super::encoded::{AttrValue, EncodedAttributes, put_attribute};
use super::span_view::field::ATTRIBUTES;
use super::value::{RawValue, key_value};
use super::wire::{Field, Fields};
use std::ops::{Deref, DerefMut, Range};

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Verdict {
    #[default]
    Keep,
    Drop(&'static str),
    Hold,
}

/// Bytes of the message that are replaced by bytes of the arena; by none for a deletion.
#[derive(Debug, Clone)]
struct Patch {
    at: Range<usize>,
    by: Range<usize>,
}

/// Edits that were stated about one message and are not written yet. Its buffers serve message after message.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    patches: Vec<Patch>,
    /// Replacements.
    arena: Vec<u8>,
    /// New attributes, framed; they go to the end of the message.
    tail: Vec<u8>,
    pub(crate) verdict: Verdict,
}

impl Pending {
    /// Whether the message stays as it is.
    #[inline]
    pub(crate) fn changes_nothing(&self) -> bool {
        self.patches.is_empty() && self.tail.is_empty()
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.patches.clear();
        self.arena.clear();
        self.tail.clear();
        self.verdict = Verdict::Keep;
    }

    /// What edits can make grow, but for the list of patches.
    pub(crate) fn buffers(&mut self) -> [&mut Vec<u8>; 2] {
        [&mut self.arena, &mut self.tail]
    }

    /// Gives a list of patches back that takes more than so many bytes.
    pub(crate) fn forget_patches_beyond(&mut self, bytes: usize) {
        if self.patches.capacity() * size_of::<Patch>() > bytes {
            self.patches = Vec::new();
        }
    }

    /// Length of the message with the edits applied.
    #[inline]
    pub(crate) fn written_len(&self, body: &[u8]) -> usize {
        let replaced = self.patches.iter();
        let (cut, added) = replaced.fold((0, 0), |(cut, added), patch| {
            (cut + patch.at.len(), added + patch.by.len())
        });
        body.len() - cut + added + self.tail.len()
    }

    /// Writes the message with the edits applied. Unedited stretches are copied in one piece.
    pub(crate) fn write(&mut self, body: &[u8], out: &mut Vec<u8>) {
        out.reserve(body.len() + self.arena.len() + self.tail.len());
        self.patches.sort_unstable_by_key(|patch| patch.at.start);
        let mut copied = 0;
        for patch in &self.patches {
            out.extend_from_slice(body.get(copied..patch.at.start).unwrap_or_default());
            out.extend_from_slice(self.arena.get(patch.by.clone()).unwrap_or_default());
            copied = patch.at.end;
        }
        out.extend_from_slice(body.get(copied..).unwrap_or_default());
        out.extend_from_slice(&self.tail);
    }
}

/// Children that a stage has emitted into the current resource.
#[derive(Debug, Default)]
pub(crate) struct Children {
    /// Framed as items of a `ScopeSpans`.
    pub(crate) spans: Vec<u8>,
    pub(crate) count: u32,
}

impl Children {
    /// Forgets the children and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.count = 0;
    }
}

/// States edits about the attributes of the resource, scope or item at hand. They take effect after the stage has
/// returned; the view beside it goes on showing what came in.
#[derive(Debug)]
pub struct AttributeEdit<'a> {
    body: &'a [u8],
    /// Field number of the attributes in this kind of message.
    number: u32,
    pending: &'a mut Pending,
}

/// What a stage of spans may state: edits of attributes, and what becomes of spans.
#[derive(Debug)]
pub struct Edit<'a> {
    attributes: AttributeEdit<'a>,
    children: &'a mut Children,
}

impl<'a> Edit<'a> {
    #[inline]
    pub(crate) fn of(body: &'a [u8], number: u32, pending: &'a mut Pending, children: &'a mut Children) -> Self {
        Self {
            attributes: AttributeEdit { body, number, pending },
            children,
        }
    }

    /// Takes the span out of the batch because the stage keeps a copy and lets it go later (`SpanStage::release`).
    pub fn hold(&mut self) {
        self.attributes.pending.verdict = Verdict::Hold;
    }

    /// Makes a span in the current resource, under the stage's own scope. Later stages see it after all others.
    #[inline]
    pub fn emit(&mut self, child: &Child<'_>) {
        child.write(&mut self.children.spans);
        self.children.count = self.children.count.saturating_add(1);
    }
}

impl<'a> Deref for Edit<'a> {
    type Target = AttributeEdit<'a>;

    #[inline]
    fn deref(&self) -> &AttributeEdit<'a> {
        &self.attributes
    }
}

impl<'a> DerefMut for Edit<'a> {
    #[inline]
    fn deref_mut(&mut self) -> &mut AttributeEdit<'a> {
        &mut self.attributes
    }
}

impl AttributeEdit<'_> {
    /// Adds attributes whose keys are known to be absent. The cheapest edit: one copy.
    #[inline]
    pub fn append(&mut self, attributes: &EncodedAttributes) {
        attributes.write(&mut self.pending.tail, self.number);
    }

    /// The same of attributes that are filled anew for every item: what is left of them is empty and has room.
    #[inline]
    pub fn append_all(&mut self, attributes: &mut EncodedAttributes) {
        if self.pending.tail.is_empty() && self.number == ATTRIBUTES {
            attributes.swap_framed(&mut self.pending.tail);
        } else {
            self.append(attributes);
        }
        attributes.clear();
    }

    /// Gives the attribute this value: in its place if the key is there (repeated ones go), at the end if not.
    pub fn set<'v>(&mut self, key: &str, value: impl Into<AttrValue<'v>>) {
        self.set_value(key, &value.into());
    }

    /// Like [`set`](Self::set), with a value that was read elsewhere.
    pub fn set_encoded(&mut self, key: &str, value: RawValue<'_>) {
        self.set_value(key, &AttrValue::Raw(value));
    }

    /// Adds the attribute unless the key is there.
    pub fn insert<'v>(&mut self, key: &str, value: impl Into<AttrValue<'v>>) {
        if !self.has(key) {
            put_attribute(&mut self.pending.tail, self.number, key, &value.into());
        }
    }

    /// Takes the attribute away, every repetition of it.
    pub fn delete(&mut self, key: &str) {
        while let Some(at) = self.find_in_tail(key) {
            self.pending.tail.drain(at);
        }
        for at in places(self.body, self.number, key) {
            self.replace(at, 0..0);
        }
    }

    /// Takes the item out of the batch, for a reason that is counted. On a resource or scope: every item in it.
    pub fn drop(&mut self, reason: &'static str) {
        self.pending.verdict = Verdict::Drop(reason);
    }

    fn set_value(&mut self, key: &str, value: &AttrValue<'_>) {
        let start = self.pending.arena.len();
        put_attribute(&mut self.pending.arena, self.number, key, value);
        let mut encoded = start..self.pending.arena.len();
        let mut placed = false;
        for at in places(self.body, self.number, key) {
            placed |= self.replace(at, encoded.clone());
            if placed {
                // What the message repeats of this key goes.
                encoded = 0..0;
            }
        }
        if placed {
            return;
        }
        let fresh = self.pending.arena.get(encoded).unwrap_or_default();
        match find(&self.pending.tail, self.number, key) {
            Some(at) => drop(self.pending.tail.splice(at, fresh.iter().copied())),
            None => self.pending.tail.extend_from_slice(fresh),
        }
    }

    /// Replaces one attribute of the message, unless it has been deleted already.
    fn replace(&mut self, at: Range<usize>, by: Range<usize>) -> bool {
        match self.pending.patches.iter_mut().find(|patch| patch.at.start == at.start) {
            Some(patch) if patch.by.is_empty() => false,
            Some(patch) => {
                patch.by = by;
                true
            }
            None => {
                self.pending.patches.push(Patch { at, by });
                true
            }
        }
    }

    fn has(&self, key: &str) -> bool {
        let is_deleted = |at: &Range<usize>| {
            self.pending
                .patches
                .iter()
                .any(|patch| patch.at == *at && patch.by.is_empty())
        };
        self.find_in_tail(key).is_some() || places(self.body, self.number, key).any(|at| !is_deleted(&at))
    }

    fn find_in_tail(&self, key: &str) -> Option<Range<usize>> {
        find(&self.pending.tail, self.number, key)
    }
}

fn find(body: &[u8], number: u32, key: &str) -> Option<Range<usize>> {
    places(body, number, key).next()
}

/// Where the attributes with this key lie in a message.
fn places<'a>(body: &'a [u8], number: u32, key: &'a str) -> impl Iterator<Item = Range<usize>> + use<'a> {
    let mut fields = Fields::of(body);
    std::iter::from_fn(move || {
        loop {
            let start = body.len() - fields.left();
            let field: Field<'a> = fields.next()?;
            if field.number == number && key_value(field.bytes()).0 == *key {
                return Some(start..body.len() - fields.left());
            }
        }
    })
}
