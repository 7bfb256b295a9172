//! Views of resources and scopes: `Copy`, without allocation, without failure.

use super::span_view::SpanView;
use super::value::{Attrs, RawAttrs, Text, Value};
use super::wire::{Fields, LEN};

/// Field numbers that the shells of all three signals share (`ResourceSpans` and `ScopeSpans`, and their siblings for
/// metrics and logs).
pub(crate) mod shell {
    /// The resource of a `ResourceSpans`, the scope of a `ScopeSpans`.
    pub(crate) const ABOUT: u32 = 1;
    /// The scopes of a resource, the items of a scope.
    pub(crate) const CONTENT: u32 = 2;
    pub(crate) const SCHEMA_URL: u32 = 3;
    /// The resources of a request.
    pub(crate) const RESOURCES: u32 = 1;
}

/// Field number of the attributes in a `Resource`.
pub(crate) const RESOURCE_ATTRIBUTES: u32 = 1;
/// Field number of the attributes in an `InstrumentationScope`.
pub(crate) const SCOPE_ATTRIBUTES: u32 = 3;

/// Fields with one number, as their payloads.
#[derive(Debug, Clone)]
pub(crate) struct Repeated<'a> {
    fields: Fields<'a>,
    number: u32,
}

impl<'a> Repeated<'a> {
    #[inline]
    pub(crate) fn of(body: &'a [u8], number: u32) -> Self {
        debug_assert!(number < 16, "the tag of a repeated field is one byte");
        Self {
            fields: Fields::of(body),
            number,
        }
    }
}

impl<'a> Iterator for Repeated<'a> {
    type Item = &'a [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        // They stand side by side as a rule, and every number here is below sixteen: the tag is one byte.
        let tag = (self.number << 3 | LEN) as u8;
        if let Some(payload) = self.fields.step_over(tag) {
            return Some(payload);
        }
        self.next_apart()
    }
}

impl<'a> Repeated<'a> {
    /// The next behind something else, or behind a tag in more bytes than it needs.
    #[cold]
    fn next_apart(&mut self) -> Option<&'a [u8]> {
        self.fields.field(self.number).map(|field| field.bytes())
    }
}

/// The resources of a batch.
#[derive(Debug, Clone)]
pub struct Resources<'a>(Repeated<'a>);

impl<'a> Resources<'a> {
    pub(crate) fn of(request: &'a [u8]) -> Self {
        Self(Repeated::of(request, shell::RESOURCES))
    }
}

impl<'a> Iterator for Resources<'a> {
    type Item = ResourceSpansView<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(ResourceSpansView)
    }
}

/// One resource with everything that it sent.
#[derive(Debug, Clone, Copy)]
pub struct ResourceSpansView<'a>(&'a [u8]);

impl<'a> ResourceSpansView<'a> {
    /// The resource itself; one without attributes if the sender named none.
    pub fn resource(self) -> ResourceView<'a> {
        ResourceView::of(about(self.0), self.0)
    }

    /// The scopes, in order.
    pub fn scopes(self) -> impl Iterator<Item = ScopeSpansView<'a>> {
        Repeated::of(self.0, shell::CONTENT).map(ScopeSpansView)
    }

    /// Schema of the resource's attributes.
    pub fn schema_url(self) -> Text<'a> {
        schema_url(self.0)
    }
}

/// One instrumentation scope with its spans.
#[derive(Debug, Clone, Copy)]
pub struct ScopeSpansView<'a>(&'a [u8]);

impl<'a> ScopeSpansView<'a> {
    /// The scope itself; a nameless one if the sender named none.
    pub fn scope(self) -> ScopeView<'a> {
        ScopeView::of(about(self.0), self.0)
    }

    /// The spans, in order.
    pub fn spans(self) -> impl Iterator<Item = SpanView<'a>> {
        Repeated::of(self.0, shell::CONTENT).map(SpanView::of)
    }

    /// Schema of the spans' attributes.
    pub fn schema_url(self) -> Text<'a> {
        schema_url(self.0)
    }
}

pub(super) fn about(shell: &[u8]) -> &[u8] {
    Fields::of(shell).payload(shell::ABOUT)
}

pub(super) fn schema_url(shell: &[u8]) -> Text<'_> {
    Text::of(Fields::of(shell).payload(shell::SCHEMA_URL))
}

/// What sent the spans: a process, a pod, an engine.
#[derive(Debug, Clone, Copy)]
pub struct ResourceView<'a> {
    body: &'a [u8],
    /// The message that the resource lies in; knows the schema.
    shell: &'a [u8],
}

impl<'a> ResourceView<'a> {
    pub(crate) fn of(body: &'a [u8], shell: &'a [u8]) -> Self {
        Self { body, shell }
    }

    /// The attributes, in order.
    pub fn attrs(self) -> Attrs<'a> {
        Attrs::of(self.body, RESOURCE_ATTRIBUTES)
    }

    /// The attributes with unread values.
    pub fn raw_attrs(self) -> RawAttrs<'a> {
        self.attrs().raw()
    }

    /// The first value under this key.
    pub fn attr(self, key: &str) -> Option<Value<'a>> {
        self.attrs().get(key)
    }

    /// Schema of the attributes.
    pub fn schema_url(self) -> Text<'a> {
        schema_url(self.shell)
    }

    /// The encoded `Resource`, for keeping it or comparing it.
    pub fn bytes(self) -> &'a [u8] {
        self.body
    }
}

/// The library that made the spans.
#[derive(Debug, Clone, Copy)]
pub struct ScopeView<'a> {
    body: &'a [u8],
    /// The message that the scope lies in; knows the schema.
    shell: &'a [u8],
}

impl<'a> ScopeView<'a> {
    pub(crate) fn of(body: &'a [u8], shell: &'a [u8]) -> Self {
        Self { body, shell }
    }

    /// Name of the library; empty if the sender gave none.
    pub fn name(self) -> &'a str {
        Text::of(Fields::of(self.body).payload(1)).as_str()
    }

    /// The same, for comparing.
    pub fn name_bytes(self) -> &'a [u8] {
        Fields::of(self.body).payload(1)
    }

    /// Version of the library.
    pub fn version(self) -> &'a str {
        Text::of(Fields::of(self.body).payload(2)).as_str()
    }

    /// The attributes, in order.
    pub fn attrs(self) -> Attrs<'a> {
        Attrs::of(self.body, SCOPE_ATTRIBUTES)
    }

    /// The first value under this key.
    pub fn attr(self, key: &str) -> Option<Value<'a>> {
        self.attrs().get(key)
    }

    /// Schema of the spans' attributes.
    pub fn schema_url(self) -> Text<'a> {
        schema_url(self.shell)
    }

    /// The encoded `InstrumentationScope`, for keeping it or comparing it.
    pub fn bytes(self) -> &'a [u8] {
        self.body
    }
}
