//! Choosing items.

use pipeline::component::BuildError;
use pipeline::payload::metrics::MetricView;
use pipeline::payload::{ItemView, RawAttrs, RecordView, ResourceView, ScopeView, SpanKind, SpanView, Value};
use regex::{Regex, RegexSet};

use super::select::{AttributeMatch, LibraryMatch, LogSeverity, MatchType, Select};
use crate::actions::{Literal, compile, complaint};

/// What the Collector takes for the name of a service that has none.
const NO_SERVICE: &str = "<nil-service-name>";

/// A compiled [`Select`]. What depends on the resource, the scope and the metric is decided once for each of them.
#[derive(Debug)]
pub(super) struct Selection {
    services: Option<Texts>,
    resources: Vec<Attribute>,
    libraries: Vec<Library>,
    span_names: Option<Texts>,
    span_kinds: Option<Texts>,
    attributes: Vec<Attribute>,
    log_bodies: Option<Texts>,
    log_severity_texts: Option<Texts>,
    log_severity_number: Option<LogSeverity>,
    metric_names: Option<Texts>,
    resource_fits: bool,
    scope_fits: bool,
    metric_fits: bool,
}

/// Texts of which one must fit.
#[derive(Debug)]
enum Texts {
    Strict(Vec<String>),
    Regexp(RegexSet),
}

#[derive(Debug)]
struct Attribute {
    key: String,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    Anything,
    Exactly(Literal),
    Pattern(Regex),
}

#[derive(Debug)]
struct Library {
    name: Texts,
    version: Option<Texts>,
}

impl Selection {
    /// Compiles what has been validated.
    pub(super) fn compile(select: &Select) -> Result<Self, BuildError> {
        let how = select
            .match_type
            .ok_or_else(|| BuildError::new("match_type is missing; write strict or regexp"))?;
        let texts = |texts: &[String]| (!texts.is_empty()).then(|| Texts::compile(texts, how)).transpose();
        Ok(Self {
            services: texts(&select.services)?,
            resources: compile_all(&select.resources, how)?,
            libraries: select
                .libraries
                .iter()
                .map(|one| Library::compile(one, how))
                .collect::<Result<_, _>>()?,
            span_names: texts(&select.span_names)?,
            span_kinds: texts(&select.span_kinds)?,
            attributes: compile_all(&select.attributes, how)?,
            log_bodies: texts(&select.log_bodies)?,
            log_severity_texts: texts(&select.log_severity_texts)?,
            log_severity_number: select.log_severity_number.clone(),
            metric_names: texts(&select.metric_names)?,
            resource_fits: false,
            scope_fits: false,
            metric_fits: false,
        })
    }

    /// Looks at a resource; the answer holds for all its items.
    pub(super) fn resource(&mut self, resource: ResourceView<'_>) {
        let service_fits = |texts: &Texts| match resource.attr("service.name") {
            Some(name) => as_text(name, |name| texts.fit(name)).unwrap_or(false),
            None => texts.fit(NO_SERVICE),
        };
        self.resource_fits = self.services.as_ref().is_none_or(service_fits)
            && self
                .resources
                .iter()
                .all(|attribute| attribute.fits(resource.raw_attrs()));
    }

    /// Looks at a scope; the answer holds for all its items.
    pub(super) fn scope(&mut self, scope: ScopeView<'_>) {
        self.scope_fits = self.libraries.is_empty() || self.libraries.iter().any(|library| library.fits(scope));
    }

    /// Looks at a metric; the answer holds for all its points.
    pub(super) fn metric(&mut self, metric: MetricView<'_>) {
        let names = self.metric_names.as_ref();
        self.metric_fits = names.is_none_or(|texts| texts.fit(metric.name().as_str()));
    }

    /// Whether this data point or log record is meant.
    pub(super) fn has_item(&self, item: ItemView<'_>) -> bool {
        let fits = match item {
            ItemView::Point(_) => self.metric_fits,
            ItemView::Record(record) => self.record_fits(record),
        };
        fits && self.resource_fits
            && self.scope_fits
            && self
                .attributes
                .iter()
                .all(|attribute| attribute.fits(item.attrs().raw()))
    }

    fn record_fits(&self, record: RecordView<'_>) -> bool {
        let body_fits = |texts: &Texts| as_text(record.body(), |text| texts.fit(text)).unwrap_or(false);
        let severity_fits = |severity: &LogSeverity| match record.severity_number() {
            0 => severity.match_undefined,
            number => number >= severity.min,
        };
        let words = self.log_severity_texts.as_ref();
        self.log_severity_number.as_ref().is_none_or(severity_fits)
            && words.is_none_or(|texts| texts.fit(record.severity_text().as_str()))
            && self.log_bodies.as_ref().is_none_or(body_fits)
    }

    /// Whether this span is meant.
    pub(super) fn has_span(&self, span: SpanView<'_>) -> bool {
        self.resource_fits
            && self.scope_fits
            && self.span_names.as_ref().is_none_or(|texts| texts.fit(span.name()))
            && self
                .span_kinds
                .as_ref()
                .is_none_or(|texts| texts.fit(kind_word(span.kind())))
            && self.attributes.iter().all(|attribute| attribute.fits(span.raw_attrs()))
    }
}

impl Texts {
    fn compile(texts: &[String], how: MatchType) -> Result<Self, BuildError> {
        Ok(match how {
            MatchType::Strict => Self::Strict(texts.to_vec()),
            MatchType::Regexp => Self::Regexp(RegexSet::new(texts).map_err(|error| bad_pattern(&error))?),
        })
    }

    fn fit(&self, text: &str) -> bool {
        match self {
            Self::Strict(texts) => texts.iter().any(|known| known == text),
            Self::Regexp(patterns) => patterns.is_match(text),
        }
    }
}

impl Attribute {
    fn compile(attribute: &AttributeMatch, how: MatchType) -> Result<Self, BuildError> {
        let expected = match (&attribute.value, how) {
            (None, _) => Expected::Anything,
            (Some(Literal::Str(pattern)), MatchType::Regexp) => {
                Expected::Pattern(compile(pattern).map_err(|error| bad_pattern(&error))?)
            }
            (Some(value), _) => Expected::Exactly(value.clone()),
        };
        Ok(Self {
            key: attribute.key.clone(),
            expected,
        })
    }

    fn fits(&self, attrs: RawAttrs<'_>) -> bool {
        let Some(value) = attrs.get(&self.key) else {
            return false;
        };
        match &self.expected {
            Expected::Anything => true,
            Expected::Exactly(literal) => literal.is(value.read()),
            Expected::Pattern(pattern) => as_text(value.read(), |text| pattern.is_match(text)).unwrap_or(false),
        }
    }
}

impl Library {
    fn compile(library: &LibraryMatch, how: MatchType) -> Result<Self, BuildError> {
        let text = |text: &String| Texts::compile(std::slice::from_ref(text), how);
        Ok(Self {
            name: text(&library.name)?,
            version: library.version.as_ref().map(text).transpose()?,
        })
    }

    fn fits(&self, scope: ScopeView<'_>) -> bool {
        self.name.fit(scope.name()) && self.version.as_ref().is_none_or(|version| version.fit(scope.version()))
    }
}

fn compile_all(attributes: &[AttributeMatch], how: MatchType) -> Result<Vec<Attribute>, BuildError> {
    attributes
        .iter()
        .map(|attribute| Attribute::compile(attribute, how))
        .collect()
}

fn bad_pattern(error: &regex::Error) -> BuildError {
    BuildError::new(format!("a pattern {}", complaint(error)))
}

/// Shows a scalar as text; bytes, lists and maps fit no text.
fn as_text<T>(value: Value<'_>, look: impl FnOnce(&str) -> T) -> Option<T> {
    match value {
        Value::Str(text) => Some(look(text.as_str())),
        Value::Bool(value) => Some(look(if value { "true" } else { "false" })),
        Value::Int(value) => Some(look(&value.to_string())),
        Value::Double(value) => Some(look(&value.to_string())),
        Value::Bytes(_) | Value::Array(_) | Value::KvList(_) | Value::Empty => None,
    }
}

fn kind_word(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
        SpanKind::Other(_) => "",
    }
}
