use super::*;

/// Labels written as `a=b c=d`.
fn labels(text: &str) -> Labels {
    text.split_whitespace()
        .map(|pair| pair.split_once('=').unwrap())
        .collect()
}

fn rule(yaml: &str) -> RelabelConfig {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Wrapped {
        rule: RelabelConfig,
    }
    impl config::Validate for Wrapped {
        fn validate(&self, report: &mut config::Report<'_>) {
            report.within("rule", |report| self.rule.validate(report));
        }
    }
    let section = config::Section::from_yaml("rule.yaml", &format!("rule: {{{yaml}}}")).unwrap();
    let mut diagnostics = config::Diagnostics::new();
    let read = config::decode::<Wrapped>(&section, &mut diagnostics);
    read.unwrap_or_else(|| panic!("{}", diagnostics.render(false))).rule
}

#[track_caller]
fn check(yaml: &str, before: &str, after: Option<&str>) {
    let rules = rules(&[rule(yaml)]).unwrap();
    let mut changed = labels(before);
    let kept = apply(&rules, &mut changed);
    assert_eq!(kept.then_some(changed), after.map(labels), "{yaml} on {before}");
}

#[test]
fn replace_sets_a_label_to_groups_of_a_whole_match() {
    check(
        "source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-$1'",
        "a=foo",
        Some("a=foo d=choo-oo"),
    );
    check(
        "source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'",
        "a=foo b=bar",
        Some("a=boobam b=bar"),
    );
    check(
        "source_labels: [a], regex: 'o', target_label: d",
        "a=foo",
        Some("a=foo"),
    );
    check(
        "source_labels: [a], regex: 'f|foo', target_label: d, replacement: x",
        "a=foo",
        Some("a=foo d=x"),
    );
    check("source_labels: [a], target_label: d", "a=foo", Some("a=foo d=foo"));
    check("target_label: d, replacement: fixed", "a=foo", Some("a=foo d=fixed"));
}

#[test]
fn replace_with_nothing_takes_a_label_away() {
    check(
        "source_labels: [a], regex: 'f(x)?oo', target_label: a, replacement: '$1'",
        "a=foo b=c",
        Some("b=c"),
    );
    check("source_labels: [none], target_label: b", "a=foo b=c", Some("a=foo"));
}

#[test]
fn the_target_may_be_made_of_groups() {
    check(
        "source_labels: [a], regex: '(\\w+)-(\\w+)', target_label: '${1}', replacement: '${2}'",
        "a=x-y",
        Some("a=x-y x=y"),
    );
    check(
        "source_labels: [a], regex: '(.*)', target_label: '$1x', replacement: y",
        "a=foo",
        Some("a=foo"),
    );
}

#[test]
fn keep_and_drop_look_at_the_whole_value() {
    check("source_labels: [a], regex: 'foo', action: keep", "a=foo", Some("a=foo"));
    check("source_labels: [a], regex: 'fo', action: keep", "a=foo", None);
    check("source_labels: [a], regex: 'foo', action: drop", "a=foo", None);
    check("source_labels: [a], regex: 'fo', action: drop", "a=foo", Some("a=foo"));
    check(
        "source_labels: [a, b], separator: '-', regex: 'foo-', action: keep",
        "a=foo",
        Some("a=foo"),
    );
    check(
        "source_labels: [a], regex: '(?i)FOO', action: keep",
        "a=foo",
        Some("a=foo"),
    );
}

#[test]
fn keepequal_and_dropequal_compare_with_a_label() {
    check(
        "source_labels: [a], target_label: b, action: keepequal",
        "a=x b=x",
        Some("a=x b=x"),
    );
    check(
        "source_labels: [a], target_label: b, action: keepequal",
        "a=x b=y",
        None,
    );
    check(
        "source_labels: [a], target_label: b, action: dropequal",
        "a=x b=x",
        None,
    );
    check(
        "source_labels: [a], target_label: b, action: dropequal",
        "a=x b=y",
        Some("a=x b=y"),
    );
}

#[test]
fn hashmod_is_prometheus_hash() {
    // The last eight bytes of md5("foo") = acbd18db4cc2f85cedef654fccc4a4d8 are 0xedef654fccc4a4d8.
    let foo = 0xedef_654f_ccc4_a4d8_u64 % 1000;
    check(
        "source_labels: [c], target_label: d, action: hashmod, modulus: 1000",
        "c=foo",
        Some(&format!("c=foo d={foo}")),
    );
    // Of md5("") = d41d8cd98f00b204e9800998ecf8427e.
    let empty = 0xe980_0998_ecf8_427e_u64 % 7;
    check(
        "source_labels: [none], target_label: d, action: hashmod, modulus: 7",
        "a=b",
        Some(&format!("a=b d={empty}")),
    );
}

#[test]
fn labelmap_copies_and_labeldrop_and_labelkeep_take_away() {
    check(
        "regex: '__meta_(.+)', action: labelmap",
        "__meta_a=x b=y",
        Some("__meta_a=x a=x b=y"),
    );
    check(
        "regex: 'my_(b.*)', replacement: 'bar_${1}', action: labelmap",
        "my_bar=x",
        Some("bar_bar=x my_bar=x"),
    );
    check("regex: '__.*', action: labeldrop", "__a=x b=y", Some("b=y"));
    check("regex: '__.*', action: labelkeep", "__a=x b=y", Some("__a=x"));
}

#[test]
fn lowercase_and_uppercase_set_a_label() {
    check(
        "source_labels: [a], target_label: b, action: lowercase",
        "a=FoO",
        Some("a=FoO b=foo"),
    );
    check(
        "source_labels: [a], target_label: b, action: uppercase",
        "a=fOo",
        Some("a=fOo b=FOO"),
    );
}

#[test]
fn a_later_rule_sees_what_an_earlier_one_left() {
    let rules = rules(&[
        rule("source_labels: [a], target_label: __tmp, regex: '(.)(.*)', replacement: '$2'"),
        rule("source_labels: [__tmp], regex: 'oo', action: keep"),
        rule("regex: '__tmp', action: labeldrop"),
    ]);
    let mut changed = labels("a=foo");

    assert!(apply(&rules.unwrap(), &mut changed));
    assert_eq!(changed, labels("a=foo"));
}
