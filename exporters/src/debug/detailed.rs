//! Every field of every span and log record, in the Collector's layout.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, span};

use super::value::{hex, time, typed};
use crate::printable::printable;

/// Text made of lines.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    pub(super) fn add(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// `    Trace ID       : …`, the colons below each other.
    fn field(&mut self, name: &str, value: &str) {
        self.add(&format!("    {name:<15}: {value}"));
    }

    /// A list of attributes under its title; nothing where there are none.
    pub(super) fn attributes(&mut self, indent: &str, title: &str, attributes: &[KeyValue]) {
        if attributes.is_empty() {
            return;
        }
        self.add(&format!("{indent}{title}:"));
        let indent = indent.trim_end_matches("-> "); // Each level is five further in.
        for one in attributes {
            self.add(&format!(
                "{indent}     -> {}: {}",
                printable(&one.key),
                typed(one.value.as_ref())
            ));
        }
    }

    pub(super) fn resource(&mut self, resource: Option<&Resource>, schema_url: &str) {
        self.add(&format!("Resource SchemaURL: {}", printable(schema_url)));
        self.attributes(
            "",
            "Resource attributes",
            resource.map_or(&[], |resource| &resource.attributes),
        );
    }

    pub(super) fn scope(&mut self, what: &str, index: usize, scope: Option<&InstrumentationScope>, schema_url: &str) {
        self.add(&format!("{what} #{index}"));
        self.add(&format!("{what} SchemaURL: {}", printable(schema_url)));
        let (name, version) = scope.map_or(("", ""), |scope| (&scope.name, &scope.version));
        self.add(&format!(
            "InstrumentationScope {} {}",
            printable(name),
            printable(version)
        ));
        self.attributes(
            "",
            "InstrumentationScope attributes",
            scope.map_or(&[], |scope| &scope.attributes),
        );
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

pub(super) fn traces(request: &ExportTraceServiceRequest) -> String {
    let mut lines = Lines::default();
    for (index, resource) in request.resource_spans.iter().enumerate() {
        lines.add(&format!("ResourceSpans #{index}"));
        lines.resource(resource.resource.as_ref(), &resource.schema_url);
        for (index, scope) in resource.scope_spans.iter().enumerate() {
            lines.scope("ScopeSpans", index, scope.scope.as_ref(), &scope.schema_url);
            for (index, span) in scope.spans.iter().enumerate() {
                lines.add(&format!("Span #{index}"));
                one_span(&mut lines, span);
            }
        }
    }
    lines.into_text()
}

fn one_span(lines: &mut Lines, span: &Span) {
    lines.field("Trace ID", &hex(&span.trace_id));
    lines.field("Parent ID", &hex(&span.parent_span_id));
    lines.field("ID", &hex(&span.span_id));
    lines.field("Name", &printable(&span.name));
    lines.field("Kind", kind(span.kind));
    if !span.trace_state.is_empty() {
        lines.field("TraceState", &printable(&span.trace_state));
    }
    lines.field("Start time", &time(span.start_time_unix_nano));
    lines.field("End time", &time(span.end_time_unix_nano));
    let (code, message) = span
        .status
        .as_ref()
        .map_or((0, ""), |status| (status.code, status.message.as_str()));
    lines.field("Status code", status_code(code));
    lines.field("Status message", &printable(message));
    for (name, dropped) in [
        ("DroppedAttributesCount", span.dropped_attributes_count),
        ("DroppedEventsCount", span.dropped_events_count),
        ("DroppedLinksCount", span.dropped_links_count),
    ] {
        if dropped > 0 {
            lines.field(name, &dropped.to_string());
        }
    }
    lines.attributes("", "Attributes", &span.attributes);
    events(lines, &span.events);
    links(lines, &span.links);
}

fn events(lines: &mut Lines, events: &[span::Event]) {
    if !events.is_empty() {
        lines.add("Events:");
    }
    for (index, event) in events.iter().enumerate() {
        lines.add(&format!("SpanEvent #{index}"));
        lines.add(&format!("     -> Name: {}", printable(&event.name)));
        lines.add(&format!("     -> Timestamp: {}", time(event.time_unix_nano)));
        lines.add(&format!(
            "     -> DroppedAttributesCount: {}",
            event.dropped_attributes_count
        ));
        lines.attributes("     -> ", "Attributes", &event.attributes);
    }
}

fn links(lines: &mut Lines, links: &[span::Link]) {
    if !links.is_empty() {
        lines.add("Links:");
    }
    for (index, link) in links.iter().enumerate() {
        lines.add(&format!("SpanLink #{index}"));
        lines.add(&format!("     -> Trace ID: {}", hex(&link.trace_id)));
        lines.add(&format!("     -> ID: {}", hex(&link.span_id)));
        lines.add(&format!("     -> TraceState: {}", printable(&link.trace_state)));
        lines.add(&format!(
            "     -> DroppedAttributesCount: {}",
            link.dropped_attributes_count
        ));
        lines.attributes("     -> ", "Attributes", &link.attributes);
    }
}

fn kind(kind: i32) -> &'static str {
    match kind {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "Unknown",
    }
}

fn status_code(code: i32) -> &'static str {
    match code {
        0 => "Unset",
        1 => "Ok",
        2 => "Error",
        _ => "Unknown",
    }
}

pub(super) fn logs(request: &ExportLogsServiceRequest) -> String {
    let mut lines = Lines::default();
    for (index, resource) in request.resource_logs.iter().enumerate() {
        lines.add(&format!("ResourceLog #{index}"));
        lines.resource(resource.resource.as_ref(), &resource.schema_url);
        for (index, scope) in resource.scope_logs.iter().enumerate() {
            lines.scope("ScopeLogs", index, scope.scope.as_ref(), &scope.schema_url);
            for (index, record) in scope.log_records.iter().enumerate() {
                lines.add(&format!("LogRecord #{index}"));
                one_record(&mut lines, record);
            }
        }
    }
    lines.into_text()
}

fn one_record(lines: &mut Lines, record: &LogRecord) {
    lines.add(&format!("ObservedTimestamp: {}", time(record.observed_time_unix_nano)));
    lines.add(&format!("Timestamp: {}", time(record.time_unix_nano)));
    lines.add(&format!("SeverityText: {}", printable(&record.severity_text)));
    lines.add(&format!(
        "SeverityNumber: {}({})",
        severity(record.severity_number),
        record.severity_number
    ));
    if !record.event_name.is_empty() {
        lines.add(&format!("EventName: {}", printable(&record.event_name)));
    }
    lines.add(&format!("Body: {}", typed(record.body.as_ref())));
    if record.dropped_attributes_count > 0 {
        lines.add(&format!("DroppedAttributesCount: {}", record.dropped_attributes_count));
    }
    lines.attributes("", "Attributes", &record.attributes);
    lines.add(&format!("Trace ID: {}", hex(&record.trace_id)));
    lines.add(&format!("Span ID: {}", hex(&record.span_id)));
    lines.add(&format!("Flags: {}", record.flags));
}

/// Four steps of each severity: `Info`, `Info2`, `Info3`, `Info4`.
fn severity(number: i32) -> String {
    const NAMES: [&str; 6] = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"];
    let Some(from_one) = number.checked_sub(1).and_then(|number| usize::try_from(number).ok()) else {
        return "Unspecified".to_owned();
    };
    match (NAMES.get(from_one / 4), from_one % 4) {
        (None, _) => "Unknown".to_owned(),
        (Some(name), 0) => (*name).to_owned(),
        (Some(name), step) => format!("{name}{}", step + 1),
    }
}
