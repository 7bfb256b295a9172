//! The resource of a target.

use pipeline::payload::names::{SERVER_ADDRESS, SERVER_PORT, SERVICE_INSTANCE_ID, SERVICE_NAME, URL_SCHEME};
use pipeline::payload::scrape::Group;
use pipeline::payload::{EmittedScope, EncodedAttributes, Place};

use super::super::labels::Labels;
use super::super::rules::SeriesRules;

/// No instrumentation library made what is scraped. A name here would come out as labels, `otel_scope_name` and its
/// like, that the same page has not when Prometheus scrapes it.
const SCOPE: EmittedScope = EmittedScope {
    name: "",
    version: "",
    schema_url: "",
};

/// The resource of a job and instance, with what discovery and `target_info` say about it.
pub(super) fn group(job: &str, instance: &str, info: &Labels, rules: &SeriesRules) -> Group {
    let mut attributes = resource(job, instance, rules.scheme);
    rules
        .resource
        .iter()
        .for_each(|(key, value)| attributes.push(key, value));
    let own: Vec<String> = attributes.attrs().map(|(key, _)| key.as_str().to_owned()).collect();
    for (name, value) in info.iter().filter(|(name, _)| !own.iter().any(|key| key == name)) {
        // What the target's own labels say is said at the points.
        if rules.target.get(name) != value {
            attributes.push(name, value);
        }
    }
    Group {
        place: Place::made(&attributes, &SCOPE),
    }
}

/// The resource of a target (Prometheus and OpenTelemetry compatibility, "Resource attributes").
fn resource(job: &str, instance: &str, scheme: &str) -> EncodedAttributes {
    let mut attributes = EncodedAttributes::new();
    let (host, port) = match instance.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|letter| letter.is_ascii_digit()) => (host, port),
        _ => (instance, ""),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    for (key, value) in [
        (SERVICE_NAME, job),
        (SERVICE_INSTANCE_ID, instance),
        (SERVER_ADDRESS, host),
        (SERVER_PORT, port),
        (URL_SCHEME, scheme),
    ] {
        if !value.is_empty() {
            attributes.push(key, value);
        }
    }
    attributes
}
