//! The attributes of one span, event or resource, as far as dimensions ask for them.

use pipeline::payload::{Key, RawAttrs, RawValue};

use super::layout::Layout;

/// What was found; kept and filled again, so that a span allocates nothing.
#[derive(Debug)]
pub(super) struct Values<'a> {
    /// By the position of the name in the layout.
    named: Vec<Option<RawValue<'a>>>,
    /// All of them where there are patterns.
    all: Vec<(Key<'a>, RawValue<'a>)>,
}

impl<'a> Values<'a> {
    pub(super) fn new(layout: &Layout) -> Self {
        Self {
            named: vec![None; layout.names.len()],
            all: Vec::new(),
        }
    }

    /// Reads the attributes of something else.
    pub(super) fn fill(&mut self, layout: &Layout, attributes: RawAttrs<'a>) {
        self.clear();
        if !layout.asks_for_attributes() {
            return;
        }
        for (key, value) in attributes {
            self.offer(layout, key, value);
        }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.named.fill(None);
        self.all.clear();
    }

    /// Takes an attribute if it is asked for; of several with one name the first.
    #[inline]
    pub(super) fn offer(&mut self, layout: &Layout, key: Key<'a>, value: RawValue<'a>) {
        if layout.may_name(key.as_bytes()) {
            for (name, place) in layout.names.iter().zip(&mut self.named) {
                if place.is_none() && name.as_bytes() == key.as_bytes() {
                    *place = Some(value);
                }
            }
        }
        if layout.has_globs {
            self.all.push((key, value));
        }
    }

    pub(super) fn named(&self, position: usize) -> Option<RawValue<'a>> {
        self.named.get(position).copied().flatten()
    }

    pub(super) fn all(&self) -> &[(Key<'a>, RawValue<'a>)] {
        &self.all
    }
}
