//! Which value a typed field takes, compared with the Collector's decoder (confmap v1.70.0).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod stand;

use config::{Diagnostics, Duration, Section, Severity, Validate};
use serde::Deserialize;
use stand::World;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    duration: Duration,
    int: i64,
    small: u16,
    float: f64,
    string: String,
    bool: bool,
    list: Vec<String>,
    map: std::collections::BTreeMap<String, String>,
    optional: Option<u32>,
    nested: Nested,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Nested {
    d: u32,
}

impl Default for Nested {
    fn default() -> Self {
        Self { d: 7 }
    }
}

impl Validate for Fields {}

fn read(text: &str) -> Result<(Fields, Diagnostics), String> {
    let section = Section::from_yaml("test.yaml", text).unwrap();
    let mut diagnostics = Diagnostics::new();
    match config::decode(&section, &mut diagnostics) {
        Some(fields) => Ok((fields, diagnostics)),
        None => Err(diagnostics.render(false)),
    }
}

fn accepted(text: &str) -> Fields {
    read(text).unwrap_or_else(|error| panic!("{text}: {error}")).0
}

#[test]
fn values_of_the_right_type_are_taken() {
    assert_eq!(accepted("duration: 1m30s").duration, Duration::from_secs(90));
    assert_eq!(accepted("int: -5").int, -5);
    assert_eq!(accepted("int: 0123").int, 83);
    assert_eq!(accepted("int: 1e3").int, 1000);
    assert_eq!(accepted("float: 3").float, 3.0);
    assert_eq!(accepted("float: 0.5").float, 0.5);
    assert_eq!(accepted("string: \"8080\"").string, "8080");
    assert_eq!(accepted("string: 10.0.0.1").string, "10.0.0.1");
    assert!(accepted("bool: True").bool);
    assert_eq!(accepted("list: [a, b]").list, ["a", "b"]);
    assert_eq!(accepted("map: {a: b}").map["a"], "b");
}

#[test]
fn text_becomes_a_list_at_its_commas() {
    assert_eq!(accepted("list: \"a,b\"").list, ["a", "b"]);
    assert_eq!(accepted("list: a").list, ["a"]);
    assert!(accepted("list: \"\"").list.is_empty());
}

#[test]
fn a_value_of_another_type_is_refused_with_its_place_and_a_remedy() {
    let table = [
        ("duration: \"5\"", "write 5s for seconds"),
        ("duration: \"1d\"", "write 24h"),
        ("duration: -1s", "cannot be negative"),
        ("duration: -5", "cannot be negative"),
        (
            "duration: true",
            "expected a duration such as 300ms, 10s or 1h30m, found the boolean true",
        ),
        ("int: \"7\"", "expected an integer, found the text \"7\""),
        ("int: 7.5", "expected an integer, found the number 7.5"),
        ("int: true", "expected an integer, found the boolean true"),
        (
            "int: 9223372036854775808",
            "must lie between -9223372036854775808 and 9223372036854775807",
        ),
        ("small: -1", "must lie between 0 and 65535, found -1"),
        ("small: 65536", "must lie between 0 and 65535, found 65536"),
        ("float: \"0.5\"", "expected a number, found the text \"0.5\""),
        ("string: 8080", "expected text, found the integer 8080"),
        ("string: true", "expected text, found the boolean true"),
        ("string: 1.10", "put it in quotes: \"1.10\""),
        ("string: [a]", "expected text, found a list"),
        ("bool: \"true\"", "expected true or false, found the text \"true\""),
        ("bool: 1", "expected true or false, found the integer 1"),
        ("bool: \"yes\"", "expected true or false, found the text \"yes\""),
        ("list: 5", "expected a list, found the integer 5"),
        ("list: [1]", "list::0: expected text, found the integer 1"),
        ("list: {a: b}", "expected a list, found a map"),
        ("map: [a]", "expected a map, found a list"),
        ("map: {a: 1}", "map::a: expected text, found the integer 1"),
        ("map: {a: }", "map::a: expected text, found null"),
        ("nested: 5", "expected a map, found the integer 5"),
        ("nested: {D: 1}", "nested: unknown key \"D\""),
        ("Int: 1", "did you mean `int`?"),
        ("nosuch: 1", "unknown key \"nosuch\""),
    ];

    for (text, expected) in table {
        let error = read(text).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
        assert!(error.contains("--> test.yaml:1:"), "{text}\n{error}");
    }
}

#[test]
fn a_bare_number_for_a_duration_means_nanoseconds_and_warns() {
    let (fields, diagnostics) = read("duration: 5").unwrap();

    assert_eq!(fields.duration.as_nanos(), 5);
    let warning = diagnostics.iter().next().unwrap();
    assert_eq!(warning.severity, Severity::Warning);
    assert!(warning.help.as_ref().unwrap().contains("5s"));
    assert!(read("duration: 0").unwrap().1.is_empty(), "zero needs no unit");
}

#[test]
fn yes_and_no_are_booleans_where_a_boolean_is_wanted_and_warn() {
    for (text, expected) in [
        ("bool: yes", true),
        ("bool: On", true),
        ("bool: no", false),
        ("bool: off", false),
    ] {
        let (fields, diagnostics) = read(text).unwrap();

        assert_eq!(fields.bool, expected, "{text}");
        assert_eq!(diagnostics.len(), 1, "{text}");
    }
    assert_eq!(accepted("string: yes").string, "yes");
}

#[test]
fn a_null_field_is_an_absent_field() {
    let fields = accepted("duration:\nint:\nstring:\nbool:\nlist:\nmap:\noptional:\nnested:\n");

    assert_eq!(fields, Fields::default());
    assert_eq!(accepted("nested: {d: }").nested.d, 7);
}

#[test]
fn a_number_behind_an_expansion_is_text_where_text_is_wanted() {
    let world = World::default().var("PORT", "8080").file(
        "c.yaml",
        "string: ${env:PORT}\nint: ${env:PORT}\nlist: [\"${env:PORT}\"]\n",
    );
    let document = world.load(&["c.yaml"], &[]).unwrap();

    let mut diagnostics = Diagnostics::new();
    let fields: Fields = config::decode(document.root(), &mut diagnostics).unwrap();

    assert_eq!(
        (fields.string.as_str(), fields.int, fields.list),
        ("8080", 8080, vec!["8080".to_owned()])
    );
}

#[test]
fn all_problems_of_a_section_are_found_at_once() {
    let error = read("duration: 5x\nint: a\nnosuch: 1\nlist: [1, b, 2]\nnested: {e: 1, d: x}\nbool: 1\n").unwrap_err();

    assert_eq!(error.matches("error: ").count(), 8, "{error}");
}

#[test]
fn present_blocks_are_told_from_absent_ones() {
    let section = Section::from_yaml("t", "protocols: {grpc: }").unwrap();
    let mut diagnostics = Diagnostics::new();

    let otlp: stand::Otlp = config::decode(&section, &mut diagnostics).unwrap();

    assert_eq!(otlp.protocols.grpc.unwrap().endpoint, "localhost:4317");
    assert!(otlp.protocols.http.is_none());
}

#[test]
fn parts_at_one_level_read_the_keys_they_know() {
    let text = "endpoint: http://a\nheaders: {x: y}\nencoding: json\nretry_on_failure: {enabled: false}\nsending_queue:\n  queue_size: 5\ntimeout: 3s\n";
    let section = Section::from_yaml("t", text).unwrap();
    let mut diagnostics = Diagnostics::new();

    let exporter: stand::OtlpHttp = config::decode(&section, &mut diagnostics).unwrap();

    assert_eq!(exporter.client.endpoint, "http://a");
    assert_eq!(exporter.client.timeout, Duration::from_secs(3));
    assert_eq!(exporter.client.headers["x"].reveal(), "y");
    assert_eq!(exporter.own.encoding, "json");
    assert_eq!(exporter.delivery.queue.sending_queue.queue_size, 5);
    assert_eq!(exporter.delivery.queue.sending_queue.num_consumers, 10);
    assert!(!exporter.delivery.retry.retry_on_failure.enabled);
}
