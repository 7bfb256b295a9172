//! What holds for any input.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod stand;

use config::{Format, Mode, print};
use proptest::prelude::*;
use stand::{World, check, untyped};

/// Values that a configuration can hold. Texts are of all kinds that printing might get wrong.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e300..1e300f64).prop_map(Into::into),
        "[a-z$ {}:#&*!|>'\"%@`,\\[\\]-]{0,12}".prop_map(Into::into),
        "\\PC{0,8}".prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        prop::sample::select(vec![
            "yes",
            "null",
            "~",
            "0123",
            "1e3",
            ".inf",
            "<<",
            "-",
            "? ",
            "2026-01-01",
            "$$",
            "${A}",
            "$${A}",
        ])
        .prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::hash_map(key(), inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_/]{1,8}", "\\PC{0,8}", "[$ {}:#-]{1,4}"]
}

fn root() -> impl Strategy<Value = serde_json::Value> {
    // A `::` in a key at the top means nesting, so such keys are not printed back as they are.
    let key = key().prop_filter("nesting key", |key| !key.contains("::"));
    prop::collection::hash_map(key, value(), 1..5).prop_map(|map| serde_json::Value::Object(map.into_iter().collect()))
}

/// JSON is YAML; only what expansion would touch is escaped.
fn as_config(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::String(text) => text.replace('$', "$$").into(),
        serde_json::Value::Array(items) => items.iter().map(as_config).collect(),
        serde_json::Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), as_config(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Equal, but for floats that a text form may round in the last digit, and whole floats that read as integers.
fn same(left: &serde_json::Value, right: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (left, right) {
        (Number(left), Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Array(left), Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Object(left), Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (left, right) => left == right,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_text_panics_on_the_way_from_file_to_diagnostics(text in any::<String>()) {
        let world = World::default().var("A", &text).file("c.yaml", &text);
        if let Ok(document) = world.load(&["c.yaml"], &["a.b=${A}"]) {
            let (_, diagnostics) = check(&document);
            diagnostics.render(true);
            print(&document, Mode::Redacted, Format::Json);
        }
    }

    #[test]
    fn no_text_made_of_yaml_panics(text in "([a-z]{1,3}: |- |\\[|\\]|\\{|\\}|,|&a |\\*a |<<: |\\$\\{|\\$|\n|  |\t|\"|'|é|: |# |\\| ?|> ?|\\? |---\n|!!int |1|true|~|otlp|receivers: |service: |pipelines: |traces: ){0,40}") {
        let world = World::default().file("c.yaml", &text);
        match world.load(&["c.yaml"], &[&text]) {
            Ok(document) => {
                let (_, diagnostics) = check(&document);
                diagnostics.render(false);
                print(&document, Mode::Unredacted, Format::Yaml);
            }
            Err(diagnostics) => prop_assert!(!diagnostics.render(false).is_empty()),
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        struct Bytes(Vec<u8>);
        impl config::Environment for Bytes {
            fn var(&self, _: &str) -> Option<String> { None }
            fn read_file(&self, _: &str) -> std::io::Result<Vec<u8>> { Ok(self.0.clone()) }
        }
        let request = config::Request {
            locations: vec!["c.yaml".to_owned(), "yaml:a: ${file:x}".to_owned()],
            sets: Vec::new(),
            environment: &Bytes(bytes),
        };
        let rendered = match config::load(&request) {
            Ok(document) => check(&document).1.render(false),
            Err(diagnostics) => diagnostics.render(false),
        };
        prop_assert!(!rendered.is_empty());
    }

    #[test]
    fn what_is_printed_loads_to_the_same_values(value in root()) {
        let text = as_config(&value).to_string();
        let document = World::default().file("c.yaml", &text).load(&["c.yaml"], &[]).unwrap();
        prop_assert!(same(&untyped(document.root()), &value), "{text}\n{}", untyped(document.root()));

        let printed = print(&document, Mode::Unredacted, Format::Yaml);
        let again = World::default().file("p.yaml", &printed).load(&["p.yaml"], &[]);
        let again = again.unwrap_or_else(|error| panic!("{printed}\n{error}"));
        prop_assert!(!again.diagnostics().has_errors(), "{printed}\n{}", again.diagnostics());
        prop_assert!(same(&untyped(again.root()), &value), "{printed}");
    }

    #[test]
    fn durations_print_as_they_are_read(nanoseconds in 0..=i64::MAX as u64) {
        let duration = config::Duration::from(std::time::Duration::from_nanos(nanoseconds));
        prop_assert_eq!(duration.to_string().parse::<config::Duration>().unwrap(), duration);
    }
}
