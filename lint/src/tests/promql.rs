//! The parser against what Prometheus reads and refuses.

use proptest::prelude::*;

use crate::promql::{Dialect, parse};

pub(super) const VALID: &str = include_str!("../../tests/promql/valid.txt");
pub(super) const INVALID: &str = include_str!("../../tests/promql/invalid.txt");
const GRAFANA: &str = include_str!("../../tests/promql/grafana.txt");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("## "))
}

#[test]
fn what_prometheus_reads_is_read() {
    for expr in lines(VALID) {
        if let Err(misread) = parse(expr, Dialect::Prometheus) {
            panic!("{expr}: {misread:?}");
        }
    }
}

#[test]
fn what_prometheus_refuses_is_refused() {
    for expr in lines(INVALID) {
        assert!(parse(expr, Dialect::Prometheus).is_err(), "{expr}");
    }
}

#[test]
fn a_chain_without_end_is_refused_and_not_followed() {
    let chain = |length| format!("a{}", " + a".repeat(length));

    assert!(parse(&chain(500), Dialect::Prometheus).is_ok());
    assert!(parse(&chain(200_000), Dialect::Prometheus).is_err());
}

#[test]
fn variables_of_grafana_are_read_in_dashboards_and_refused_in_rules() {
    for expr in lines(GRAFANA) {
        if let Err(misread) = parse(expr, Dialect::Grafana) {
            panic!("{expr}: {misread:?}");
        }
        let in_a_rule = parse(expr, Dialect::Prometheus);
        // Within quotes a variable is text like any other.
        assert_eq!(in_a_rule.is_err(), !expr.contains("\"otel$"), "{expr}");
    }
}

#[test]
fn every_part_knows_its_place() {
    let text = "sum by (le) (rate(a_bucket{b=\"c\"}[5m])) > 0.5";

    let expr = parse(text, Dialect::Prometheus).unwrap();

    let mut parts = Vec::new();
    expr.walk(&mut |part, _| parts.push(&text[part.span.clone()]));
    assert_eq!(
        parts,
        [
            text,
            "sum by (le) (rate(a_bucket{b=\"c\"}[5m]))",
            "rate(a_bucket{b=\"c\"}[5m])",
            "a_bucket{b=\"c\"}[5m]",
            "a_bucket{b=\"c\"}",
            "0.5",
        ]
    );
}

#[test]
fn operators_bind_as_in_prometheus() {
    fn shape(expr: &crate::promql::Expr) -> String {
        use crate::promql::Node;
        match &expr.bare().node {
            Node::Binary(binary) => format!("({} {} {})", shape(&binary.left), binary.op, shape(&binary.right)),
            Node::Negative(inner) => format!("-{}", shape(inner)),
            Node::Number(number) => number.to_string(),
            _ => "x".to_owned(),
        }
    }
    for (text, expected) in [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("2 ^ 3 ^ 2", "(2 ^ (3 ^ 2))"),
        ("-2 ^ 2", "-(2 ^ 2)"),
        ("x or x and x", "(x or (x and x))"),
        ("x and x > 1 + 2", "(x and (x > (1 + 2)))"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
    ] {
        assert_eq!(shape(&parse(text, Dialect::Prometheus).unwrap()), expected, "{text}");
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let text = "(".repeat(100_000);

    assert!(parse(&text, Dialect::Prometheus).is_err());
    assert!(parse(&"-".repeat(100_000), Dialect::Grafana).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        let _ = parse(&text, Dialect::Grafana);
        let _ = super::in_a_rule(&text);
    }

    #[test]
    fn no_mixture_of_promql_makes_it_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "sum", "by", "(", ")", "{", "}", "[5m]", "a_bucket", "vllm:x", "=~", "\"q\"", ",", "rate", "1e3", "0.5",
                "offset", "@", "-", "^", "and", "on", "group_left", "$v", "${w:regex}", "[[u]]", "histogram_quantile", "le",
            ]),
            0..24,
        )
    ) {
        let text = words.join(" ");
        let _ = parse(&text, Dialect::Grafana);
        let _ = super::in_a_rule(&text);
    }
}
