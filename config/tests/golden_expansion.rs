//! What `${…}` and merging give, compared with values observed on the Collector's own resolver (confmap v1.70.0).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod stand;

use serde_json::{Value, json};
use stand::{World, untyped};

fn world() -> World {
    World::default()
        .var("A", "av")
        .var("NUM", "0123")
        .var("LST", "[a, 1]")
        .var("Z", "8080")
        .var("EMPTY", "")
        .var("W", "A")
        .file("inc.yaml", "q: [1, two]\n")
}

/// The value of `k` when the file says `k: <scalar>`.
fn expanded(world: World, scalar: &str) -> Value {
    let world = world.file("config.yaml", &format!("k: {scalar}\n"));
    let document = world.load(&["config.yaml"], &[]).unwrap();
    assert!(
        !document.diagnostics().has_errors(),
        "{scalar}: {}",
        document.diagnostics()
    );
    untyped(&document.root().get("k").unwrap())
}

fn expansion_error(scalar: &str) -> String {
    let world = world().file("config.yaml", &format!("k: {scalar}\n"));
    let document = world.load(&["config.yaml"], &[]).unwrap();
    assert!(document.diagnostics().has_errors(), "{scalar} must fail");
    document.diagnostics().render(false)
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Typed {
    text: String,
    number: i64,
}

impl config::Validate for Typed {}

fn typed(world: World, config: &str) -> Typed {
    let document = world.file("config.yaml", config).load(&["config.yaml"], &[]).unwrap();
    let mut diagnostics = document.diagnostics().clone();
    let typed = config::decode(document.root(), &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{config}: {diagnostics}");
    typed.unwrap()
}

#[test]
fn every_observed_expansion_gives_the_observed_value() {
    let table = [
        ("\"$$A\"", json!("$A")),
        ("\"$$$$A\"", json!("$$A")),
        ("\"$$${A}\"", json!("$av")),
        ("\"x${A}y\"", json!("xavy")),
        ("\"x$${A}y\"", json!("x${A}y")),
        ("\"$$\"", json!("$")),
        ("\"$A\"", json!("$A")),
        ("\"$1\"", json!("$1")),
        ("\"$${1}\"", json!("${1}")),
        ("\"${env:U:-dflt}\"", json!("dflt")),
        ("\"${env:U:-}\"", json!("")),
        ("\"${env:U}\"", json!(null)),
        ("\"${env:A\"", json!("${env:A")),
        ("${env:NUM}", json!(83)),
        ("\"p${env:NUM}\"", json!("p0123")),
        ("${env:LST}", json!(["a", 1])),
        ("\"a${env:LST}b\"", json!("a[a, 1]b")),
        ("${env:Z}", json!(8080)),
        ("\"${env:EMPTY:-d}\"", json!(null)),
        ("\"http://${env:A}:4317/${env:NUM}\"", json!("http://av:4317/0123")),
        ("\"${env:${env:W}}\"", json!("av")),
        ("\"${env:U:-${env:A}}\"", json!("av")),
        ("\"$${env:${A}}\"", json!("${env:av}")),
        ("\"a$${env:U:-x}\"", json!("a${env:U:-x}")),
        ("\"${file:inc.yaml}\"", json!({"q": [1, "two"]})),
        // Not in the observed table, but in the documented rules.
        ("${A}", json!("av")),
        ("\"${yaml:[1, two]}\"", json!([1, "two"])),
        ("\"x${file:inc.yaml}\"", json!("xq: [1, two]\n")),
        ("\"$$1\"", json!("$1")),
        ("\"a}${A}\"", json!("a}av")),
        ("\"${A}${A}\"", json!("avav")),
    ];

    for (scalar, expected) in table {
        assert_eq!(expanded(world(), scalar), expected, "{scalar}");
    }
}

#[test]
fn a_reference_that_cannot_be_followed_is_an_error_with_a_remedy() {
    let name = "has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$";
    let table = [
        ("\"${1}\"", name, "write $${1}"),
        ("\"${}\"", name, "literal"),
        ("\"${env:1BAD}\"", name, "name of a variable"),
        (
            "\"${nosuch:abc}\"",
            "scheme \"nosuch\" is not supported for uri \"nosuch:abc\"",
            "env, file and yaml",
        ),
        (
            "\"${https://x/y}\"",
            "scheme \"https\" is not supported yet",
            "download",
        ),
        (
            "\"${file:missing.yaml}\"",
            "unable to read the file missing.yaml: no such file",
            "check the path",
        ),
        (
            "\"${LONG:-x}\"",
            "scheme \"LONG\" is not supported",
            "write ${env:LONG:-x}",
        ),
        ("\"${X:-x}\"", "invalid uri", "write ${env:X:-x}"),
        ("\"${env:a$b}\"", "contains unsupported characters ('$')", "without $"),
    ];

    for (scalar, message, remedy) in table {
        let error = expansion_error(scalar);
        assert!(error.contains(message) && error.contains(remedy), "{scalar}:\n{error}");
    }
}

#[test]
fn a_map_key_is_not_expanded() {
    let world = world().file("config.yaml", "\"${env:A}key\": 1\n");
    let document = world.load(&["config.yaml"], &[]).unwrap();

    assert_eq!(untyped(document.root()), json!({"${env:A}key": 1}));
}

#[test]
fn a_text_field_takes_the_original_text_of_an_expansion() {
    let table = [
        ("0123", "0123"),
        ("0xdeadbeef", "0xdeadbeef"),
        ("true", "true"),
        ("\"0123\"", "\"0123\""),
        ("!!str 0123", "!!str 0123"),
        ("{\"field\": 123}", "{\"field\": 123}"),
        ("[a, 1]", "[a, 1]"),
        ("1111:1111::", "1111:1111::"),
        ("2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z07:00"),
        ("a: b: c", "a: b: c"),
        ("a$$b", "a$b"),
        ("", ""),
    ];

    for (value, expected) in table {
        let direct = typed(World::default().var("V", value), "text: ${env:V}\n");
        let indirect = typed(
            World::default().var("V", value).var("I", "${env:V}"),
            "text: ${env:I}\n",
        );

        assert_eq!(direct.text, expected, "{value:?}");
        assert_eq!(indirect.text, expected, "{value:?} through another variable");
    }
}

#[test]
fn a_number_field_takes_the_value_of_an_expansion() {
    let both = typed(
        World::default().var("V", "0123"),
        "number: ${env:V}\ntext: \"${env:V}\"\n",
    );

    assert_eq!((both.number, both.text.as_str()), (83, "0123"));
}

#[test]
fn references_inside_a_comment_of_a_value_do_no_harm() {
    let typed = typed(
        World::default().var("V", "7 # not ${env:hello.world}"),
        "number: ${env:V}\n",
    );

    assert_eq!(typed.number, 7);
}

#[test]
fn nested_variables_are_wrapped_as_often_as_they_are_written() {
    let world = World::default()
        .var("ONE", "<${env:TWO}>")
        .var("TWO", "<${env:THREE}>")
        .var("THREE", "123");

    assert_eq!(typed(world, "text: in ${env:ONE} out\n").text, "in <<123>> out");
}

#[test]
fn a_variable_that_names_itself_is_an_error_and_not_a_hang() {
    for (value, scalar) in [
        ("${env:R}", "${env:R}"),
        ("x${env:R}", "x${env:R}"),
        ("[\"${env:R}\", \"${env:R}\"]", "${env:R}"),
    ] {
        let world = World::default()
            .var("R", value)
            .file("config.yaml", &format!("k: \"{scalar}\"\n"));
        let document = world.load(&["config.yaml"], &[]).unwrap();

        let found = document.diagnostics().render(false);
        let bounded = [
            "too many recursive expansions",
            "the expanded text is too long",
            "more than 4 MiB",
        ]
        .iter()
        .any(|text| found.contains(text));
        assert!(bounded, "{found}");
    }
}

#[test]
fn a_variable_that_nests_without_end_is_an_error_and_not_a_stack_overflow() {
    let deep = format!("{}${{env:R}}{}", "{a: ".repeat(60), "}".repeat(60)).replace("${env:R}", "\"${env:R}\"");
    let wide = format!("[{}]", "\"${env:R}\", ".repeat(50));
    for value in [deep, wide] {
        let world = World::default().var("R", &value).file("config.yaml", "k: ${env:R}\n");
        let document = world.load(&["config.yaml"], &[]).unwrap();
        let (_, diagnostics) = stand::check(&document);

        assert!(
            diagnostics.render(false).contains("too many recursive expansions"),
            "{diagnostics}"
        );
        config::print(&document, config::Mode::Redacted, config::Format::Yaml);
    }
}

#[test]
fn the_deepest_tree_allowed_is_read_and_printed() {
    let key = vec!["k"; 60].join(".");
    let value = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    let world = World::default().var("R", &value).file("config.yaml", "a: 1\n");
    let document = world.load(&["config.yaml"], &[&format!("{key}=${{env:R}}")]).unwrap();

    assert!(document.diagnostics().is_empty(), "{}", document.diagnostics());
    assert!(untyped(document.root()).to_string().contains("[[1]]"));
    assert!(config::print(&document, config::Mode::Redacted, config::Format::Yaml).contains("k:"));
}

#[test]
fn thousands_of_problems_are_cut_short_and_still_errors() {
    let world = World::default().file("config.yaml", &format!("k: [{}]\n", "\"${1}\", ".repeat(5_000)));
    let document = world.load(&["config.yaml"], &[]).unwrap();

    assert!(document.diagnostics().has_errors());
    assert_eq!(document.diagnostics().len(), 1_001);
}

#[test]
fn at_most_a_hundred_locations_are_read_and_at_least_one() {
    let world = World::default();
    let none = world.load(&[], &[]).unwrap_err().render(false);
    let many = world.load(&["yaml:a: 1"; 101], &[]).unwrap_err().render(false);

    assert!(none.contains("--config config.yaml"), "{none}");
    assert!(many.contains("at most 100"), "{many}");
    assert!(world.load(&["yaml:a: 1"; 100], &[]).is_ok());
}

#[test]
fn files_from_windows_editors_are_read() {
    let world = World::default().file("c.yaml", "\u{feff}a: 1\r\nb:\r\n  c: x\r\n  d: \"y\"\r\n");
    let document = world.load(&["c.yaml"], &[]).unwrap();

    assert_eq!(untyped(document.root()), json!({"a": 1, "b": {"c": "x", "d": "y"}}));
    assert_eq!(
        document.root().get("b").unwrap().get("c").unwrap().origin().to_string(),
        "c.yaml:3:6"
    );
}

#[test]
fn an_unset_variable_warns_and_an_empty_one_gives_a_notice() {
    let world = world().file(
        "config.yaml",
        "a: ${env:U}\nb: ${env:EMPTY}\nc: ${env:U:-}\nd: ${env:EMPTY:-default}\n",
    );
    let document = world.load(&["config.yaml"], &[]).unwrap();

    let severities: Vec<_> = document
        .diagnostics()
        .sorted()
        .iter()
        .map(|found| found.severity)
        .collect();
    use config::Severity::{Notice, Warning};
    assert_eq!(severities, [Warning, Notice, Notice]);
    let text = document.diagnostics().render(false);
    assert_eq!(
        text.matches("environment variable \"EMPTY\" is set to nothing").count(),
        2,
        "{text}"
    );
}

#[test]
fn files_merge_as_the_collector_merges_them() {
    let world = World::default()
        .file("a.yaml", "lst: [1, 2]\nm: {a: 1, b: {c: 2}}\nn: {x: 1}\nkeep: {y: 1}\n")
        .file("b.yaml", "lst: [3]\nm: {b: {d: 4}}\nn: null\nkeep: {}\n");

    let document = world.load(&["a.yaml", "file:b.yaml", "yaml:m::b::c: 99"], &[]).unwrap();

    let expected = json!({"lst": [3], "m": {"a": 1, "b": {"c": 99, "d": 4}}, "n": null, "keep": {"y": 1}});
    assert_eq!(untyped(document.root()), expected);
}

#[test]
fn set_comes_last_and_keeps_its_type() {
    let world = World::default().file("a.yaml", "p: {batch: {timeout: 1s, keys: [a, b], size: 5}}\n");

    let sets = [
        "p.batch.timeout=2s",
        "p.batch.keys=[c]",
        " p.batch.size = 7 ",
        "q.r={s: true}",
        "t=a=b",
    ];
    let document = world.load(&["a.yaml"], &sets).unwrap();

    let expected = json!({
        "p": {"batch": {"timeout": "2s", "keys": ["c"], "size": 7}},
        "q": {"r": {"s": true}},
        "t": "a=b",
    });
    assert_eq!(untyped(document.root()), expected);
}

#[test]
fn a_reference_may_span_what_only_merging_brought_together() {
    let world = World::default()
        .var("H", "host")
        .file("a.yaml", "e: old\n")
        .file("b.yaml", "e: ${env:H}:1\n");

    let document = world.load(&["a.yaml", "b.yaml", "env:MORE"], &["f=${env:H}"]).unwrap();

    assert_eq!(untyped(document.root()), json!({"e": "host:1", "f": "host"}));
}

#[test]
fn locations_have_the_collectors_schemes() {
    let world = World::default()
        .var("CONFIG", "a: 1")
        .file("/etc/c.yaml", "b: 2\n")
        .file("C:x", "c: 3\n");

    let document = world
        .load(&["env:CONFIG", "file:/etc/c.yaml", "C:x", "yaml:d: 4"], &[])
        .unwrap();
    assert_eq!(untyped(document.root()), json!({"a": 1, "b": 2, "c": 3, "d": 4}));

    let table = [
        ("https://example.com/c.yaml", "scheme \"https\" is not supported yet"),
        ("nosuch:x", "scheme \"nosuch\" is not supported for uri \"nosuch:x\""),
        (
            "missing.yaml",
            "cannot retrieve the configuration: unable to read the file missing.yaml",
        ),
        ("yaml:just text", "a configuration is a map, found the text"),
    ];
    for (location, message) in table {
        let error = world.load(&[location], &[]).unwrap_err().render(false);
        assert!(error.contains(message), "{location}: {error}");
    }
}

#[test]
fn all_unreadable_locations_are_reported_at_once() {
    let world = World::default().file("bad.yaml", "a: [1\n");

    let error = world
        .load(&["missing.yaml", "bad.yaml", "other.yaml"], &["nothing"])
        .unwrap_err();

    assert_eq!(error.errors(), 4, "{error}");
}
