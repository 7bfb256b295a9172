//! Whole requests before and after, as texts that a reviewer can compare.
//!
//! A case is a folder with `config.yaml`, `input.json` (OTLP/JSON) and `output.txt`. `UPDATE_EXPECT=1` writes what the
//! code does; read the difference before committing it.

use std::fmt::Write;
use std::path::Path;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use pipeline::Origin;
use pipeline::component::Processor;

use super::trial::{decoded, run};

/// Plays all cases of a processor; there must be at least so many.
pub(crate) fn play<P: Processor>(folder: &str, at_least: usize) {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(folder)
        .join("cases");
    let mut seen = 0;
    for case in std::fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let read = |file: &str| std::fs::read_to_string(case.join(file)).unwrap();
        let config: P::Config = decoded(&read("config.yaml")).unwrap_or_else(|problems| panic!("{problems}"));
        let request: ExportTraceServiceRequest = serde_json::from_str(&read("input.json")).unwrap();
        let metadata = vec![("x-tenant".to_owned(), "acme".to_owned())];
        let origin = Origin {
            client: Some([10, 1, 2, 3].into()),
            transport: "grpc",
            metadata,
            ..Origin::default()
        };
        let shown = show(&run::<P>(&config, &request, &origin));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(case.join("output.txt"), &shown).unwrap();
        }
        assert_eq!(shown, read("output.txt"), "{}", case.display());
        seen += 1;
    }
    assert!(seen >= at_least, "only {seen} cases were found");
}

fn show(request: &ExportTraceServiceRequest) -> String {
    let mut out = String::new();
    for resource in &request.resource_spans {
        writeln!(out, "resource").unwrap();
        show_attributes(
            &mut out,
            1,
            resource.resource.as_ref().map_or(&[], |resource| &resource.attributes),
        );
        for scope in &resource.scope_spans {
            let (name, version) = scope
                .scope
                .as_ref()
                .map_or(("", ""), |scope| (&scope.name, &scope.version));
            writeln!(out, "  scope {name} {version}").unwrap();
            for span in &scope.spans {
                writeln!(out, "    span {} {}", span.name, span.kind().as_str_name()).unwrap();
                show_attributes(&mut out, 3, &span.attributes);
            }
        }
    }
    out
}

fn show_attributes(out: &mut String, level: usize, attributes: &[KeyValue]) {
    for attribute in attributes {
        let value = show_value(attribute.value.as_ref());
        writeln!(out, "{:indent$}{} = {value}", "", attribute.key, indent = 2 * level).unwrap();
    }
}

fn show_value(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        None => "nothing".to_owned(),
        Some(Value::StringValue(text)) => format!("{text:?}"),
        Some(Value::BoolValue(value)) => format!("{value}"),
        Some(Value::IntValue(value)) => format!("{value}"),
        Some(Value::DoubleValue(value)) => format!("{value:?}"),
        Some(other) => format!("{other:?}"),
    }
}
