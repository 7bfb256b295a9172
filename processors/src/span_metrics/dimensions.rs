//! Which attributes of spans and resources become attributes of metrics.

use std::collections::BTreeSet;

use config::Report;
use pipeline::payload::{EncodedAttributes, names};
use regex::bytes::Regex;

use super::Config;
use super::config::Dimension;
use super::glob;
use crate::llm_names::NEVER_LABELS;

pub(super) const SPAN_NAME: &str = "span.name";
pub(super) const SPAN_KIND: &str = "span.kind";
pub(super) const STATUS_CODE: &str = "status.code";
pub(super) const INSTANCE_ID: &str = names::COLLECTOR_INSTANCE_ID;
pub(super) const SCOPE_NAME: &str = "span.instrumentation.scope.name";
pub(super) const SCOPE_VERSION: &str = "span.instrumentation.scope.version";
pub(super) const SAMPLING_METHOD: &str = "sampling.method";

/// The attributes that every metric has unless they are excluded.
pub(super) const DEFAULTS: [&str; 5] = [names::SERVICE_NAME, SPAN_NAME, SPAN_KIND, STATUS_CODE, INSTANCE_ID];

/// Names that a dimension cannot have, because the connector itself writes attributes under them.
pub(super) struct Reserved(Vec<&'static str>);

impl Reserved {
    pub(super) fn of(config: &Config) -> Self {
        let mut reserved = DEFAULTS.to_vec();
        if !config.include_instrumentation_scope.is_empty() {
            reserved.extend([SCOPE_NAME, SCOPE_VERSION]);
        }
        if config.enable_metrics_sampling_method {
            reserved.push(SAMPLING_METHOD);
        }
        Self(reserved)
    }
}

/// What is wrong with ids and users as dimensions. The Collector takes them, so that this is no error.
const ENDLESS: &str =
    "is another for every request or user: series_max is reached soon, and users stand on a page of metrics";

/// Checks one list; `beside` is the list whose attributes stand on the same points.
pub(super) fn validate(
    list: &[Dimension],
    path: &str,
    beside: &[Dimension],
    reserved: &Reserved,
    report: &mut Report<'_>,
) {
    let mut taken: BTreeSet<&str> = reserved.0.iter().copied().collect();
    taken.extend(beside.iter().map(|it| it.name.as_str()).filter(|name| !name.is_empty()));
    let mut globs: Vec<(&str, Regex)> = Vec::new();
    for dimension in beside.iter().filter(|it| !it.glob.is_empty()) {
        // A pattern that cannot be read is reported where it stands.
        globs.extend(
            glob::compile(&dimension.glob)
                .ok()
                .map(|it| (dimension.glob.as_str(), it)),
        );
    }
    for (index, Dimension { name, default, glob }) in list.iter().enumerate() {
        let path = format!("{path}::{index}");
        match (name.is_empty(), glob.is_empty()) {
            (true, true) => report.reject(&path, "needs a `name` or a `glob`"),
            (false, false) => report.reject(&path, "has a `name` and a `glob`; write one of them"),
            (false, true) => {
                if !taken.insert(name) {
                    report.reject(&path, format!("there is an attribute {name:?} already"));
                } else if NEVER_LABELS.contains(&name.as_str()) {
                    report.warn(&path, format!("{name:?} {ENDLESS}"));
                }
            }
            (true, false) => {
                if default.is_some() {
                    report.reject(&path, "a `glob` has no `default`: nobody knows for which name");
                }
                match glob::compile(glob) {
                    Ok(compiled) => {
                        if let Some(name) = NEVER_LABELS.iter().find(|name| compiled.is_match(name.as_bytes())) {
                            report.warn(&path, format!("the pattern {glob:?} matches {name:?}, which {ENDLESS}"));
                        }
                        globs.push((glob, compiled));
                    }
                    Err(problem) => report.reject(&path, format!("{glob:?} is no pattern: {problem}")),
                }
            }
        }
    }
    for (glob, compiled) in &globs {
        if let Some(name) = taken.iter().find(|name| compiled.is_match(name.as_bytes())) {
            let problem = format!("the pattern {glob:?} matches {name:?}, and there is such an attribute already");
            report.reject(path, problem);
        }
    }
}

/// The dimensions of one list, ready for use.
#[derive(Debug, Clone, Default)]
pub(super) struct Dimensions {
    pub(super) named: Vec<Named>,
    pub(super) globs: Vec<Regex>,
}

#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    /// What is written where the attribute is missing; nothing without a default.
    pub(super) default: EncodedAttributes,
}

impl Dimensions {
    /// Patterns that cannot be read never get here: validation refuses them.
    pub(super) fn of(list: &[Dimension]) -> Self {
        let named = list.iter().filter(|it| !it.name.is_empty()).map(|it| {
            let mut default = EncodedAttributes::new();
            if let Some(value) = &it.default {
                default.push(&it.name, value);
            }
            Named {
                name: it.name.clone(),
                default,
            }
        });
        let globs = list.iter().filter(|it| !it.glob.is_empty());
        Self {
            named: named.collect(),
            globs: globs.filter_map(|it| glob::compile(&it.glob).ok()).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.globs.is_empty()
    }
}
