//! Values that say nothing, and names that come more than once.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::rig::{Rig, said, text, texts};

const INT: fn(i64) -> Value = Value::IntValue;
const DOUBLE: fn(f64) -> Value = Value::DoubleValue;

#[test]
fn what_cannot_be_read_stays_as_it_came_and_is_counted() {
    let long = "x".repeat(1_100);
    for (key, value, reason) in [
        ("gen_ai.usage.prompt_tokens", text("seven"), "wrong_type"),
        ("gen_ai.usage.prompt_tokens", DOUBLE(7.5), "wrong_type"),
        ("gen_ai.usage.prompt_tokens", INT(-1), "impossible"),
        ("gen_ai.usage.prompt_tokens", INT(i64::MAX), "impossible"),
        ("llm.model_name", INT(4), "wrong_type"),
        ("llm.model_name", text(&long), "too_long"),
        ("llm.finish_reason", INT(1), "wrong_type"),
        ("llm.is_streaming", text("true"), "wrong_type"),
        ("llm.cost.total", DOUBLE(f64::NAN), "impossible"),
        ("llm.cost.total", DOUBLE(-0.5), "impossible"),
        ("llm.cost.total", text("0.5"), "wrong_type"),
    ] {
        for mode in ["normalize: add", "normalize: replace"] {
            let mut rig = Rig::new(mode);

            let out = rig.run(&[(key, value.clone())]);

            // A NaN equals nothing, so texts are compared.
            assert_eq!(format!("{out:?}"), format!("{:?}", said(&[(key, value.clone())])));
            assert_eq!(rig.unusable(reason), 1, "{key}={value:?}");
        }
    }
}

#[test]
fn of_several_names_the_first_that_can_be_read_counts() {
    let came = [
        ("gen_ai.usage.prompt_tokens", text("seven")),
        ("llm.token_count.prompt", INT(7)),
    ];
    let mut rig = Rig::new("normalize: replace");

    let out = rig.run(&came);

    let left = [came[0].clone(), ("gen_ai.usage.input_tokens", INT(7))];
    assert_eq!(out, said(&left));
    assert_eq!(
        rig.conflicts("gen_ai.usage.input_tokens"),
        0,
        "what says nothing contradicts nothing"
    );
}

#[test]
fn a_standard_name_that_is_there_is_never_written_twice() {
    for value in [text("seven"), INT(-1)] {
        let came = [("gen_ai.usage.input_tokens", value), ("llm.token_count.prompt", INT(7))];
        for mode in ["normalize: add", "normalize: replace"] {
            assert_eq!(Rig::new(mode).run(&came), said(&came), "{mode}");
        }
    }
    let empty = [("gen_ai.request.model", text("")), ("llm.model_name", text("qwen"))];
    assert_eq!(Rig::new("").run(&empty), said(&empty));
}

#[test]
fn of_a_name_that_comes_twice_the_first_value_counts() {
    let came = [("llm.model_name", text("qwen")), ("llm.model_name", text("llama"))];
    let mut rig = Rig::new("");

    let out = rig.run(&came);

    assert_eq!(out[2], ("gen_ai.request.model".to_owned(), text("qwen")));
    assert_eq!(rig.conflicts("gen_ai.request.model"), 0, "it is one name");
}

#[test]
fn reasons_as_sglang_writes_them_are_the_reasons_of_other_names() {
    let mut rig = Rig::new("");

    rig.run(&[
        ("gen_ai.response.finish_reasons", text(r#"["stop", "length"]"#)),
        ("gen_ai.response.finish_reason", texts(&["stop", "length"])),
    ]);

    assert_eq!(rig.conflicts("gen_ai.response.finish_reasons"), 0);
}

#[test]
fn a_price_in_whole_numbers_is_a_price() {
    let out = Rig::new("").run(&[("llm.cost.total", INT(2))]);

    assert_eq!(out[1], ("inferscope.cost.given".to_owned(), DOUBLE(2.0)));
}

#[test]
fn one_number_in_two_units_is_two_times() {
    let mut rig = Rig::new("");

    rig.run(&[
        ("llm_d.pd_proxy.true_ttft_ms", INT(250)),
        ("gen_ai.latency.time_to_first_token", INT(250)),
    ]);

    assert_eq!(rig.conflicts("gen_ai.latency.time_to_first_token"), 1);
}
