//! What users write to choose items: `include` and `exclude`.

use config::{Report, Signal};

use crate::actions::{Literal, compile, complaint};

/// Which items are meant. All properties that are given must fit; of several services, names, kinds, libraries, bodies or
/// severity texts one is enough, of several attributes or resource attributes each is needed.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Select {
    /// How texts are compared; must be given.
    pub match_type: Option<MatchType>,
    /// Steers a cache of the Collector's; no effect.
    pub regexp: Option<RegexpCache>,
    /// `service.name` of the resource.
    pub services: Vec<String>,
    /// Name of the span.
    pub span_names: Vec<String>,
    /// Kind of the span, as `SPAN_KIND_SERVER`.
    pub span_kinds: Vec<String>,
    /// Attributes of the span or log record.
    pub attributes: Vec<AttributeMatch>,
    /// Attributes of the resource.
    pub resources: Vec<AttributeMatch>,
    /// Instrumentation scope of the span or log record.
    pub libraries: Vec<LibraryMatch>,
    /// Body of the log record, if it is text or a plain value.
    pub log_bodies: Vec<String>,
    /// Severity of the log record in the sender's words.
    pub log_severity_texts: Vec<String>,
    /// Severity of the log record as a number.
    pub log_severity_number: Option<LogSeverity>,
    /// Name of the metric.
    pub metric_names: Vec<String>,
}

/// How grave a log record is.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSeverity {
    /// The least number that is meant: 9 is INFO, 17 is ERROR.
    pub min: i32,
    /// Whether records are meant whose sender gives no number.
    pub match_undefined: bool,
}

/// The greatest severity (`opentelemetry.proto.logs.v1.SeverityNumber`).
const SEVERITY_MAX: i32 = 24;

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchType {
    /// They are the same.
    Strict,
    /// A regular expression is found in them.
    Regexp,
}

/// Steers a cache of the Collector's; patterns are fast enough without one.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegexpCache {
    /// No effect.
    pub cacheenabled: bool,
    /// No effect.
    pub cachemaxnumentries: u32,
}

/// An attribute that must be there, with this value if one is given.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttributeMatch {
    /// Its key.
    pub key: String,
    /// Its value; for `regexp` a pattern.
    pub value: Option<Literal>,
}

/// An instrumentation scope.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LibraryMatch {
    /// Its name.
    pub name: String,
    /// Its version; any without it, and only scopes without a version if it is empty.
    pub version: Option<String>,
}

/// The kinds as the protocol spells them (`opentelemetry.proto.trace.v1.Span.SpanKind`).
pub(super) const KINDS: [&str; 5] = [
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

impl Select {
    pub(super) fn validate(&self, report: &mut Report<'_>) {
        report.without_effect("regexp", "patterns are compiled once and need no cache");
        if self.is_empty() {
            let remedy = "name services, span_names, metric_names, log_bodies, attributes, resources or others";
            report.help("", "selects by nothing", remedy);
        }
        if self
            .log_severity_number
            .as_ref()
            .is_some_and(|severity| !(0..=SEVERITY_MAX).contains(&severity.min))
        {
            let remedy = format!("write a number from 1 to {SEVERITY_MAX}, as 9 for INFO or 17 for ERROR");
            report.help("log_severity_number::min", "is no severity", remedy);
        }
        match self.match_type {
            None => report.help(
                "match_type",
                "is missing",
                "write match_type: strict or match_type: regexp",
            ),
            Some(MatchType::Strict) => self.validate_kinds(report),
            Some(MatchType::Regexp) => self.validate_patterns(report),
        }
        for (path, attributes) in [("attributes", &self.attributes), ("resources", &self.resources)] {
            for (index, attribute) in attributes.iter().enumerate() {
                if attribute.key.is_empty() {
                    report.help(&format!("{path}::{index}::key"), "is missing", "name the attribute");
                }
            }
        }
    }

    /// Reports the keys that choose nothing in pipelines of this signal.
    pub(super) fn validate_for(&self, signal: Signal, report: &mut Report<'_>) {
        for (key, given, signals) in self.keys() {
            if given && !signals.contains(&signal) {
                let remedy = match key {
                    "services" => "choose by resources instead: [{key: service.name, value: …}]".to_owned(),
                    _ => format!("delete the key, or use another `attributes` in pipelines of {signal}"),
                };
                report.help(
                    key,
                    format!("cannot choose in a pipeline of {signal}, where this stands"),
                    remedy,
                );
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.keys().iter().all(|(_, given, _)| !given)
    }

    /// The keys that choose, whether they do, and of which signals: those that the Collector lets them.
    fn keys(&self) -> [(&'static str, bool, &'static [Signal]); 10] {
        const SPANS: &[Signal] = &[Signal::Traces];
        const RECORDS: &[Signal] = &[Signal::Logs];
        const NO_METRICS: &[Signal] = &[Signal::Traces, Signal::Logs];
        [
            ("services", !self.services.is_empty(), SPANS),
            ("span_names", !self.span_names.is_empty(), SPANS),
            ("span_kinds", !self.span_kinds.is_empty(), SPANS),
            ("attributes", !self.attributes.is_empty(), NO_METRICS),
            ("resources", !self.resources.is_empty(), &Signal::ALL),
            ("libraries", !self.libraries.is_empty(), NO_METRICS),
            ("log_bodies", !self.log_bodies.is_empty(), RECORDS),
            ("log_severity_texts", !self.log_severity_texts.is_empty(), RECORDS),
            ("log_severity_number", self.log_severity_number.is_some(), RECORDS),
            ("metric_names", !self.metric_names.is_empty(), &[Signal::Metrics]),
        ]
    }

    fn validate_kinds(&self, report: &mut Report<'_>) {
        for (index, kind) in self.span_kinds.iter().enumerate() {
            if !KINDS.contains(&kind.as_str()) {
                let path = format!("span_kinds::{index}");
                report.help(
                    &path,
                    format!("{kind:?} is no span kind"),
                    format!("write one of {}", KINDS.join(", ")),
                );
            }
        }
    }

    fn validate_patterns(&self, report: &mut Report<'_>) {
        for (key, pattern) in self.patterns() {
            if let Err(error) = compile(pattern) {
                report.reject(&key, complaint(&error));
            }
        }
        for (path, attributes) in [("attributes", &self.attributes), ("resources", &self.resources)] {
            for (index, attribute) in attributes.iter().enumerate() {
                if attribute
                    .value
                    .as_ref()
                    .is_some_and(|value| !matches!(value, Literal::Str(_)))
                {
                    let path = format!("{path}::{index}::value");
                    report.help(&path, "must be text for match_type regexp", "put the pattern in quotes");
                }
            }
        }
    }

    /// All patterns with the paths to them.
    fn patterns(&self) -> Vec<(String, &str)> {
        let mut patterns = Vec::new();
        let lists = [
            ("services", &self.services),
            ("span_names", &self.span_names),
            ("span_kinds", &self.span_kinds),
            ("log_bodies", &self.log_bodies),
            ("log_severity_texts", &self.log_severity_texts),
            ("metric_names", &self.metric_names),
        ];
        for (path, texts) in lists {
            patterns.extend(
                texts
                    .iter()
                    .enumerate()
                    .map(|(index, text)| (format!("{path}::{index}"), text.as_str())),
            );
        }
        for (path, attributes) in [("attributes", &self.attributes), ("resources", &self.resources)] {
            for (index, attribute) in attributes.iter().enumerate() {
                if let Some(Literal::Str(text)) = &attribute.value {
                    patterns.push((format!("{path}::{index}::value"), text.as_str()));
                }
            }
        }
        for (index, library) in self.libraries.iter().enumerate() {
            patterns.push((format!("libraries::{index}::name"), library.name.as_str()));
            patterns.extend(
                library
                    .version
                    .as_ref()
                    .map(|version| (format!("libraries::{index}::version"), version.as_str())),
            );
        }
        patterns
    }
}
