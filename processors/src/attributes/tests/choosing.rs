//! Spliced and decoded, the outcome is what the configuration means: on chosen spans the actions, on others nothing.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;

use super::*;
use crate::actions::tests::random;
use crate::actions::tests::reference::{self, sorted};
use crate::actions::{Hash, Literal};

pub(super) fn attribute() -> impl Strategy<Value = AttributeMatch> {
    let value = option::of(select(vec!["x", "12", "vllm", "left-right", "é"]));
    (select(vec!["a", "b", "service.name", "cc"]), value).prop_map(|(key, value)| AttributeMatch {
        key: key.to_owned(),
        value: value.map(|text| Literal::Str(text.to_owned())),
    })
}

pub(super) fn library() -> impl Strategy<Value = LibraryMatch> {
    (select(vec!["vllm", "sglang", ""]), option::of(select(vec!["", "1"]))).prop_map(|(name, version)| LibraryMatch {
        name: name.to_owned(),
        version: version.map(str::to_owned),
    })
}

fn choice() -> impl Strategy<Value = Select> {
    let texts = |texts: &[&'static str]| vec(select(texts.to_vec()).prop_map(str::to_owned), 0..2);
    let lists = (
        texts(&["vllm", "x", "nil"]),
        texts(&["generate", "warmup", "e"]),
        texts(&["SPAN_KIND_SERVER", "SPAN_KIND_INTERNAL"]),
    );
    let how = prop_oneof![Just(MatchType::Strict), Just(MatchType::Regexp)];
    (
        how,
        lists,
        vec(attribute(), 0..2),
        vec(attribute(), 0..2),
        vec(library(), 0..2),
    )
        .prop_map(
            |(how, (services, span_names, span_kinds), attributes, resources, libraries)| Select {
                match_type: Some(how),
                services,
                span_names,
                span_kinds,
                attributes,
                resources,
                libraries,
                ..Select::default()
            },
        )
}

pub(super) fn fits(choice: &Select, expected: &str, text: &str) -> bool {
    match choice.match_type.unwrap() {
        MatchType::Strict => expected == text,
        MatchType::Regexp => Regex::new(expected).unwrap().is_match(text),
    }
}

pub(super) fn has(choice: &Select, attributes: &[KeyValue], expected: &AttributeMatch) -> bool {
    let Some(found) = attributes.iter().find(|known| known.key == expected.key) else {
        return false;
    };
    let Some(Literal::Str(wanted)) = &expected.value else {
        return true;
    };
    match choice.match_type.unwrap() {
        MatchType::Strict => {
            found.value
                == Some(AnyValue {
                    value: Some(Value::StringValue(wanted.clone())),
                })
        }
        MatchType::Regexp => shown(found).is_some_and(|text| fits(choice, wanted, &text)),
    }
}

pub(super) fn is_library(choice: &Select, library: &LibraryMatch, scope: &InstrumentationScope) -> bool {
    let version = library.version.as_ref();
    fits(choice, &library.name, &scope.name) && version.is_none_or(|wanted| fits(choice, wanted, &scope.version))
}

/// What a choice means, on decoded structs.
fn chosen(choice: &Select, resource: &ResourceSpans, scope: Option<&InstrumentationScope>, span: &Span) -> bool {
    let one_of = |all: &[String], text: Option<String>| {
        all.is_empty() || text.is_some_and(|text| all.iter().any(|one| fits(choice, one, &text)))
    };
    let resource_attributes = resource
        .resource
        .as_ref()
        .map_or(&[][..], |resource| &resource.attributes);
    let service = match resource_attributes.iter().find(|known| known.key == "service.name") {
        Some(name) => shown(name),
        None => Some("<nil-service-name>".to_owned()),
    };
    let kinds = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    let kind = kinds
        .get(span.kind as usize)
        .map_or(String::new(), |kind| format!("SPAN_KIND_{kind}"));
    let scope = scope.cloned().unwrap_or_default();
    one_of(&choice.services, service)
        && one_of(&choice.span_names, Some(span.name.clone()))
        && one_of(&choice.span_kinds, Some(kind))
        && choice
            .attributes
            .iter()
            .all(|wanted| has(choice, &span.attributes, wanted))
        && choice
            .resources
            .iter()
            .all(|wanted| has(choice, resource_attributes, wanted))
        && (choice.libraries.is_empty()
            || choice
                .libraries
                .iter()
                .any(|library| is_library(choice, library, &scope)))
}

pub(super) fn shown(attribute: &KeyValue) -> Option<String> {
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::BoolValue(value) => Some(value.to_string()),
        Value::IntValue(value) => Some(value.to_string()),
        Value::DoubleValue(value) => Some(value.to_string()),
        _ => None,
    }
}

fn expected(config: &Config, origin: &Origin, mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    for resource in &mut request.resource_spans {
        let before = resource.clone();
        for scope in &mut resource.scope_spans {
            let about = scope.scope.clone();
            for span in &mut scope.spans {
                let is = |choice: &Option<Select>| choice.as_ref().map(|it| chosen(it, &before, about.as_ref(), span));
                if is(&config.include) != Some(false) && is(&config.exclude) != Some(true) {
                    reference::apply(&config.actions, Hash::Sha1, origin, &mut span.attributes);
                }
            }
        }
    }
    request
}

fn comparable(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    let scopes = request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans);
    for span in scopes.flat_map(|scope| &mut scope.spans) {
        span.attributes = sorted(std::mem::take(&mut span.attributes));
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn spliced_and_decoded_it_is_what_the_configuration_means(
        include in option::of(choice()),
        exclude in option::of(choice()),
        actions in vec(random::action(), 1..6),
        request in random::request(),
        origin in random::origin(),
    ) {
        let config = Config { include, exclude, actions };

        let out = trial::run::<Attributes>(&config, &request, &origin);

        prop_assert_eq!(comparable(out), comparable(expected(&config, &origin, request)));
    }
}
