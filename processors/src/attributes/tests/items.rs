//! Data points and log records: spliced and decoded, the outcome is what the configuration means.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::choosing::{attribute, fits, has, is_library, library, shown};
use super::*;
use crate::actions::Hash;
use crate::actions::tests::random;
use crate::actions::tests::reference::{self, of_points, sorted};

fn how() -> impl Strategy<Value = MatchType> {
    prop_oneof![Just(MatchType::Strict), Just(MatchType::Regexp)]
}

fn texts(texts: &[&'static str]) -> impl Strategy<Value = Vec<String>> + use<> {
    vec(select(texts.to_vec()).prop_map(str::to_owned), 0..2)
}

fn of_metrics() -> impl Strategy<Value = Select> {
    let names = texts(&["generate", "warmup", "e"]);
    (how(), names, vec(attribute(), 0..2)).prop_map(|(how, metric_names, resources)| Select {
        match_type: Some(how),
        metric_names,
        resources,
        ..Select::default()
    })
}

fn of_logs() -> impl Strategy<Value = Select> {
    let severity = (0..25i32, any::<bool>()).prop_map(|(min, match_undefined)| LogSeverity { min, match_undefined });
    let said = (
        texts(&["x", "12", "true", "é"]),
        texts(&["INFO", "R"]),
        option::of(severity),
    );
    let around = (vec(attribute(), 0..2), vec(attribute(), 0..2), vec(library(), 0..2));
    (how(), said, around).prop_map(|(how, said, (attributes, resources, libraries))| Select {
        match_type: Some(how),
        log_bodies: said.0,
        log_severity_texts: said.1,
        log_severity_number: said.2,
        attributes,
        resources,
        libraries,
        ..Select::default()
    })
}

/// Whether a list of texts, if there is one, has one that fits.
fn one_of(choice: &Select, all: &[String], text: Option<&str>) -> bool {
    all.is_empty() || text.is_some_and(|text| all.iter().any(|one| fits(choice, one, text)))
}

fn all_of(choice: &Select, wanted: &[AttributeMatch], attributes: &[KeyValue]) -> bool {
    wanted.iter().all(|wanted| has(choice, attributes, wanted))
}

fn record_chosen(choice: &Select, resource: &[KeyValue], scope: &InstrumentationScope, record: &LogRecord) -> bool {
    let body = KeyValue {
        value: record.body.clone(),
        ..KeyValue::default()
    };
    let severity = choice.log_severity_number.as_ref();
    let libraries = &choice.libraries;
    one_of(choice, &choice.log_bodies, shown(&body).as_deref())
        && one_of(choice, &choice.log_severity_texts, Some(&record.severity_text))
        && severity.is_none_or(|it| match record.severity_number {
            0 => it.match_undefined,
            number => number >= it.min,
        })
        && all_of(choice, &choice.attributes, &record.attributes)
        && all_of(choice, &choice.resources, resource)
        && (libraries.is_empty() || libraries.iter().any(|it| is_library(choice, it, scope)))
}

fn attributes_of(resource: &Option<Resource>) -> Vec<KeyValue> {
    resource.clone().unwrap_or_default().attributes
}

/// Whether the configuration acts on what a choice `is` or is not.
fn acts(config: &Config, is: impl Fn(&Select) -> bool) -> bool {
    config.include.as_ref().is_none_or(&is) && !config.exclude.as_ref().is_some_and(&is)
}

fn in_order(attributes: &mut Vec<KeyValue>) {
    *attributes = sorted(std::mem::take(attributes));
}

fn each_metric(request: &mut ExportMetricsServiceRequest, mut act: impl FnMut(&[KeyValue], &str, &mut Vec<KeyValue>)) {
    for resource in &mut request.resource_metrics {
        let about = attributes_of(&resource.resource);
        for metric in resource.scope_metrics.iter_mut().flat_map(|scope| &mut scope.metrics) {
            let name = metric.name.clone();
            for attributes in of_points(metric) {
                act(&about, &name, attributes);
            }
        }
    }
}

fn each_record(
    request: &mut ExportLogsServiceRequest,
    mut act: impl FnMut(&[KeyValue], &InstrumentationScope, &mut LogRecord),
) {
    for resource in &mut request.resource_logs {
        let about = attributes_of(&resource.resource);
        for scope in &mut resource.scope_logs {
            let library = scope.scope.clone().unwrap_or_default();
            for record in &mut scope.log_records {
                act(&about, &library, record);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn points_are_changed_as_the_configuration_means(
        include in option::of(of_metrics()),
        exclude in option::of(of_metrics()),
        actions in vec(random::action(), 1..6),
        request in random::metrics(),
        origin in random::origin(),
    ) {
        let config = Config { include, exclude, actions };

        let mut out = trial::run_metrics::<Attributes>(&config, &request, &origin);

        let mut expected = request;
        each_metric(&mut expected, |resource, name, attributes| {
            let is = |choice: &Select| {
                one_of(choice, &choice.metric_names, Some(name)) && all_of(choice, &choice.resources, resource)
            };
            if acts(&config, is) {
                reference::apply(&config.actions, Hash::Sha1, &origin, attributes);
            }
        });
        for request in [&mut out, &mut expected] {
            each_metric(request, |_, _, attributes| in_order(attributes));
        }
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn log_records_are_changed_as_the_configuration_means(
        include in option::of(of_logs()),
        exclude in option::of(of_logs()),
        actions in vec(random::action(), 1..6),
        request in random::logs(),
        origin in random::origin(),
    ) {
        let config = Config { include, exclude, actions };

        let mut out = trial::run_logs::<Attributes>(&config, &request, &origin);

        let mut expected = request;
        each_record(&mut expected, |resource, scope, record| {
            if acts(&config, |choice| record_chosen(choice, resource, scope, record)) {
                reference::apply(&config.actions, Hash::Sha1, &origin, &mut record.attributes);
            }
        });
        for request in [&mut out, &mut expected] {
            each_record(request, |_, _, record| in_order(&mut record.attributes));
        }
        prop_assert_eq!(out, expected);
    }
}

#[test]
fn points_that_are_not_chosen_keep_their_bytes() {
    let yaml =
        "{include: {match_type: regexp, metric_names: [^sglang]}, actions: [{key: k, value: v, action: insert}]}";
    let config = trial::decoded::<Config>(yaml).unwrap();
    let metrics = trial::one_point();

    let out = trial::metrics_bytes::<Attributes>(&config, &metrics, &Origin::default());

    assert_eq!(out.bytes().as_ptr(), metrics.bytes().as_ptr());
}

#[test]
fn a_key_that_chooses_nothing_in_a_pipeline_is_an_error_there_alone() {
    use Signal::{Logs, Metrics, Traces};
    let cases: [(&str, &[Signal]); 10] = [
        ("services: [a]", &[Traces]),
        ("span_names: [a]", &[Traces]),
        ("span_kinds: [SPAN_KIND_SERVER]", &[Traces]),
        ("attributes: [{key: a}]", &[Traces, Logs]),
        ("libraries: [{name: a}]", &[Traces, Logs]),
        ("resources: [{key: a}]", &[Traces, Metrics, Logs]),
        ("log_bodies: [a]", &[Logs]),
        ("log_severity_texts: [a]", &[Logs]),
        ("log_severity_number: {min: 9}", &[Logs]),
        ("metric_names: [a]", &[Metrics]),
    ];
    for (key, signals) in cases {
        let yaml =
            format!("actions: [{{key: k, value: v, action: insert}}]\nexclude:\n  match_type: strict\n  {key}\n");
        let section = ::config::Section::from_yaml("actions.yaml", &yaml).unwrap();
        let config = trial::decoded::<Config>(&yaml).unwrap();
        for signal in Signal::ALL {
            let mut diagnostics = ::config::Diagnostics::new();
            ::config::report_on(&section, &mut diagnostics, |report| {
                Attributes::validate_for(&config, signal, report);
            });

            assert_eq!(
                diagnostics.has_errors(),
                !signals.contains(&signal),
                "{key} in {signal}"
            );
            let problem = diagnostics.render(false);
            if diagnostics.has_errors() {
                assert!(problem.contains(":4:"), "{key} is not shown at its line: {problem}");
                assert!(problem.contains(signal.as_str()), "{problem}");
            }
        }
    }
}

#[test]
fn the_value_of_a_body_that_is_no_text_is_compared_as_text() {
    let yaml = "{include: {match_type: strict, log_bodies: ['7']}, actions: [{key: hit, value: true, action: insert}]}";
    let config = trial::decoded::<Config>(yaml).unwrap();
    let record = |value| LogRecord {
        body: trial::attribute("", value).value,
        ..LogRecord::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![opentelemetry_proto::tonic::logs::v1::ResourceLogs {
            scope_logs: vec![opentelemetry_proto::tonic::logs::v1::ScopeLogs {
                log_records: vec![
                    record(Value::IntValue(7)),
                    record(Value::StringValue("7".into())),
                    record(Value::BytesValue(b"7".to_vec())),
                    LogRecord::default(),
                ],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };

    let out = trial::run_logs::<Attributes>(&config, &request, &Origin::default());

    let hit = |record: &LogRecord| !record.attributes.is_empty();
    let hits: Vec<bool> = out.resource_logs[0].scope_logs[0].log_records.iter().map(hit).collect();
    assert_eq!(hits, [true, true, false, false]);
}
