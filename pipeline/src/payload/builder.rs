//! Batches made of spans that a stage has kept.

use super::child::{Child, EmittedScope};
use super::encoded::EncodedAttributes;
use super::signals::Traces;
use super::span_view::{SpanView, field::ATTRIBUTES};
use super::view::{RESOURCE_ATTRIBUTES, ResourceView, ScopeView, shell};
use super::wire::{LEN, OpenLength, put_bytes, put_tag, put_varint};
use bytes::Bytes;

/// Where a kept span lies: the resource and scope that it came with, encoded.
///
/// Cloning counts references, so that many spans of one batch share one copy.
#[derive(Debug, Clone, Eq, Default)]
pub struct Place {
    resource: Bytes,
    resource_schema: Bytes,
    scope: Bytes,
    scope_schema: Bytes,
}

impl Place {
    /// Copies resource and scope.
    pub fn of(resource: ResourceView<'_>, scope: ScopeView<'_>) -> Self {
        Self::default().with_resource(resource).with_scope(scope)
    }

    /// A place of one's own: a resource and a scope that this program speaks for.
    pub fn made(resource: &EncodedAttributes, scope: &EmittedScope) -> Self {
        let mut encoded = Vec::with_capacity(resource.bytes_len());
        resource.write(&mut encoded, RESOURCE_ATTRIBUTES);
        Self {
            resource: Bytes::from(encoded),
            ..Self::default()
        }
        .with_emitted_scope(scope)
    }

    /// The same place under another resource.
    #[must_use]
    pub fn with_resource(mut self, resource: ResourceView<'_>) -> Self {
        self.resource = Bytes::copy_from_slice(resource.bytes());
        self.resource_schema = Bytes::copy_from_slice(resource.schema_url().as_bytes());
        self
    }

    /// The same resource with another scope.
    #[must_use]
    pub fn with_scope(mut self, scope: ScopeView<'_>) -> Self {
        self.scope = Bytes::copy_from_slice(scope.bytes());
        self.scope_schema = Bytes::copy_from_slice(scope.schema_url().as_bytes());
        self
    }

    /// The same resource with a scope for made spans.
    #[must_use]
    pub fn with_emitted_scope(mut self, scope: &EmittedScope) -> Self {
        let mut encoded = Vec::new();
        scope.write(&mut encoded);
        self.scope = Bytes::from(encoded);
        self.scope_schema = Bytes::from_static(scope.schema_url.as_bytes());
        self
    }

    /// The resource.
    pub fn resource(&self) -> ResourceView<'_> {
        ResourceView::of(&self.resource, &[])
    }

    /// The scope.
    pub fn scope(&self) -> ScopeView<'_> {
        ScopeView::of(&self.scope, &[])
    }

    /// Resource and its schema, scope and its schema: everything that makes it this place.
    pub fn parts(&self) -> [&[u8]; 4] {
        [&self.resource, &self.resource_schema, &self.scope, &self.scope_schema]
    }

    /// Bytes that the place holds, for accounting.
    pub fn bytes_len(&self) -> usize {
        self.parts().into_iter().map(<[u8]>::len).sum()
    }
}

/// Spans of one batch share the bytes of their place; comparing those would cost a large resource again for every span.
impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        let mut pairs = self.parts().into_iter().zip(other.parts());
        pairs.all(|(one, two)| std::ptr::eq(one, two) || one == two)
    }
}

/// Builds a batch of kept spans, in the order in which they are added; neighbours in one place share its head.
#[derive(Debug, Default)]
pub struct TracesBuilder {
    out: Vec<u8>,
    spans: u32,
    open: Option<OpenPlace>,
}

/// A resource and a scope whose ends are not written yet.
#[derive(Debug)]
pub(super) struct OpenPlace {
    place: Place,
    resource: OpenLength,
    scope: OpenLength,
}

impl OpenPlace {
    pub(super) fn begin(out: &mut Vec<u8>, place: &Place) -> Self {
        let resource = OpenLength::begin(out, shell::RESOURCES);
        put_bytes(out, shell::ABOUT, &place.resource);
        if !place.resource_schema.is_empty() {
            put_bytes(out, shell::SCHEMA_URL, &place.resource_schema);
        }
        let scope = OpenLength::begin(out, shell::CONTENT);
        put_bytes(out, shell::ABOUT, &place.scope);
        if !place.scope_schema.is_empty() {
            put_bytes(out, shell::SCHEMA_URL, &place.scope_schema);
        }
        Self {
            place: place.clone(),
            resource,
            scope,
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn close(self, out: &mut Vec<u8>) {
        self.scope.close(out);
        self.resource.close(out);
    }
}

impl TracesBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a span that came from a view.
    pub fn push(&mut self, place: &Place, span: SpanView<'_>) {
        self.push_with(place, span, &EncodedAttributes::default());
    }

    /// Adds a span and gives it attributes whose keys are known to be absent.
    pub fn push_with(&mut self, place: &Place, span: SpanView<'_>, attributes: &EncodedAttributes) {
        self.go_to(place);
        put_tag(&mut self.out, shell::CONTENT, LEN);
        put_varint(&mut self.out, (span.bytes().len() + attributes.bytes_len()) as u64);
        self.out.extend_from_slice(span.bytes());
        attributes.write(&mut self.out, ATTRIBUTES);
        self.spans = self.spans.saturating_add(1);
    }

    /// Adds a span that the stage has made; the place is that of its parent with the stage's own scope
    /// ([`Place::with_emitted_scope`]).
    pub fn push_child(&mut self, place: &Place, child: &Child<'_>) {
        self.go_to(place);
        child.write(&mut self.out);
        self.spans = self.spans.saturating_add(1);
    }

    fn go_to(&mut self, place: &Place) {
        if self.open.as_ref().is_none_or(|open| open.place() != place) {
            self.close();
            self.open = Some(OpenPlace::begin(&mut self.out, place));
        }
    }

    /// Spans so far.
    pub fn spans(&self) -> u32 {
        self.spans
    }

    /// The batch; none without a span.
    pub fn build(mut self) -> Option<Traces> {
        self.close();
        (self.spans > 0).then(|| Traces::trusted(Bytes::from(self.out), self.spans))
    }

    fn close(&mut self) {
        if let Some(place) = self.open.take() {
            place.close(&mut self.out);
        }
    }
}
